import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProducerBenchOptions } from '../../../src/bench/producer-bench.js';
import type { IntervalSnapshot } from '../../../src/bench/recorder.js';
import { mqkitVersion } from '../../../src/bench/version.js';
import { benchConsumer, benchProducer } from '../../../src/bench/workers/bench-on-workers.js';
import { startedWorkers } from '../../../src/bench/workers/child-worker.js';
import { WORKER_PROTOCOL } from '../../../src/bench/workers/protocol.js';
import { WorkerServer } from '../../../src/bench/workers/worker-server.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';

const TOPIC = 'RemoteWorkersTest';
const TOKEN = 'correct horse battery staple'.replaceAll(' ', '-');

interface Answer {
  readonly status: number;
  readonly body: { readonly code?: string; readonly message?: string; readonly nowMs?: number };
}

describe('a worker at an address', () => {
  let cluster: Sandbox;
  let server: WorkerServer;
  let load: ProducerBenchOptions;
  const events: string[] = [];

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4 } });
    server = await WorkerServer.start({ host: '127.0.0.1', port: 0, token: TOKEN, silenceMs: 6000, onEvent: (text) => events.push(text) });
    load = { namesrvAddr: cluster.namesrvAddr, topic: TOPIC, producerGroup: 'PG_remote', bodyBytes: 100, inFlight: 6, warmupMs: 0 };
  });

  afterAll(async () => {
    await server.close();
    await cluster.stop();
  });

  /** A request as another program would send it. */
  function ask(method: string, path: string, options: { body?: string; token?: string | null } = {}): Promise<Answer> {
    const { token = TOKEN, body } = options;
    const [host, port] = server.address.split(':');
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    return new Promise((resolve, reject) => {
      const request = http.request({ host, port, method, path, headers, agent: false }, async (answer) => {
        let text = '';
        for await (const chunk of answer) {
          text += String(chunk);
        }
        resolve({ status: answer.statusCode ?? 0, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) });
      });
      request.once('error', reject);
      request.end(body);
    });
  }

  function openBody(change: object = {}): string {
    return JSON.stringify({ protocol: WORKER_PROTOCOL, mqkit: mqkitVersion(), job: { kind: 'producer', options: load }, ...change });
  }

  it('does its part beside a local one, and the result says how far its clock is off', async () => {
    const team = { local: 1, remote: [server.address], token: TOKEN };
    const { send, environment, config } = await benchProducer({ ...load, quantity: 901 }, team, {});
    expect(send).toMatchObject({ count: 901, errors: 0 });
    expect(config).toMatchObject({ quantity: 901, workers: 2 });
    const [local, remote] = environment.workers ?? [];
    expect(local).toMatchObject({ name: 'local 1', count: 451 });
    expect(remote).toMatchObject({ name: server.address, count: 450, machine: { node: process.version } });
    expect(Math.abs(remote?.clock?.offsetMs ?? Number.NaN)).toBeLessThan(1000);
    expect(remote?.clock?.uncertaintyMs).toBeGreaterThan(0);
    await until(() => events.some((event) => event.endsWith('is over')) && startedWorkers().length === 0);
  });

  it('warns of end-to-end latencies that count on its clock', async () => {
    const consumption = { ...load, consumerGroup: 'CG_remote', concurrency: 2, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' } as const;
    const team = { local: 0, remote: [server.address], token: TOKEN };
    const { receive, warnings } = await benchConsumer({ ...consumption, quantity: 901 }, team, {});
    expect(receive.count).toBe(901);
    expect(warnings).toEqual([
      expect.stringMatching(new RegExp(`^latencies of worker ${server.address} count on the clock of its machine`)),
    ]);
    await until(() => startedWorkers().length === 0);
  });

  it('refuses a wrong token and none, and says so on both sides', async () => {
    const run = benchProducer({ ...load, quantity: 10 }, { local: 1, remote: [server.address], token: 'wrong' }, {});
    await expect(run).rejects.toMatchObject({
      exitCode: 5,
      message: `worker ${server.address}: the token is wrong or missing`,
      hint: expect.stringContaining('MQBENCH_WORKER_TOKEN'),
    });
    expect(startedWorkers()).toEqual([]);
    for (const token of [null, '', `${TOKEN}x`, TOKEN.slice(1)]) {
      expect(await ask('POST', '/v1/runs', { token, body: openBody() })).toMatchObject({ status: 401, body: { code: 'WRONG_TOKEN' } });
    }
    expect(events.at(-1)).toMatch(/^refused .*127\.0\.0\.1: wrong or missing token$/);
  });

  it('does one run at a time', async () => {
    const interrupt = new AbortController();
    let sent = 0;
    const hooks = {
      signal: interrupt.signal,
      intervalMs: 50,
      onInterval: ({ totalCount }: IntervalSnapshot) => {
        sent = totalCount;
      },
    };
    const first = benchProducer({ ...load, durationMs: 60_000 }, { local: 0, remote: [server.address], token: TOKEN }, hooks);
    await until(() => sent > 0, 60_000);
    const second = benchProducer({ ...load, quantity: 10 }, { local: 0, remote: [server.address], token: TOKEN }, {});
    await expect(second).rejects.toMatchObject({ exitCode: 3, code: 'WORKER_BUSY' });
    expect(await ask('POST', '/v1/runs', { body: openBody() })).toMatchObject({ status: 409, body: { code: 'WORKER_BUSY' } });
    interrupt.abort();
    expect(await first).toMatchObject({ interrupted: true, send: { errors: 0 } });
    await until(() => startedWorkers().length === 0);
  });

  it('refuses another version, garbage, and what is too large or no job, and goes on', async () => {
    const cases: [string, number, string][] = [
      [openBody({ mqkit: '0.0.1' }), 409, 'VERSION_MISMATCH'],
      [openBody({ protocol: 'mqbench-worker/9' }), 409, 'VERSION_MISMATCH'],
      ['{"job":', 400, 'BAD_REQUEST'],
      ['[]x', 400, 'BAD_REQUEST'],
      ['null', 400, 'BAD_REQUEST'],
      [openBody({ job: null }), 400, 'BAD_JOB'],
      [openBody({ job: { kind: 'toString', options: {} } }), 400, 'BAD_JOB'],
      [openBody({ job: { kind: 'producer', options: { ...load, inFlight: 1e9 } } }), 400, 'BAD_JOB'],
      [openBody({ job: { kind: 'producer', options: { ...load, topic: 7 } } }), 400, 'BAD_JOB'],
      [openBody({ job: { kind: 'producer', options: { ...load, rate: -1 } } }), 400, 'USAGE'],
      [openBody({ job: { kind: 'producer', options: { ...load, bodyFile: '/etc/hostname' } } }), 400, 'BAD_JOB'],
      [openBody({ padding: 'x'.repeat(1024 * 1024) }), 413, 'REQUEST_TOO_LARGE'],
    ];
    for (const [body, status, code] of cases) {
      expect(await ask('POST', '/v1/runs', { body })).toMatchObject({ status, body: { code } });
    }
    expect(await ask('POST', '/v1/runs/none/start')).toMatchObject({ status: 404, body: { code: 'UNKNOWN_RUN' } });
    expect(await ask('DELETE', '/v1/runs')).toMatchObject({ status: 404, body: { code: 'UNKNOWN_REQUEST' } });
    expect(await rawAnswer(server.address, 'EHLO worker\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
    expect(await rawAnswer(server.address, Buffer.alloc(20_000, 0x41))).toMatch(/^HTTP\/1\.1 4/);
    expect(startedWorkers()).toEqual([]);
    expect((await ask('GET', '/v1/clock')).body.nowMs).toBeGreaterThan(1.7e12);
  });

  it('ends its load when the coordinator hangs up, and when it only falls silent', async () => {
    for (const way of ['hangs up', 'falls silent']) {
      const [host, port] = server.address.split(':');
      const request = http.request({
        ...{ host, port, method: 'POST', path: '/v1/runs', agent: false },
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      request.on('error', () => undefined);
      const opened = new Promise<string>((resolve) => {
        request.once('response', (answer) => {
          answer.on('error', () => undefined);
          answer.once('data', (line) => resolve((JSON.parse(String(line).split('\n')[0] ?? '') as { run: string }).run));
        });
      });
      request.end(openBody({ job: { kind: 'producer', options: { ...load, durationMs: 60_000 } } }));
      const id = await opened;
      expect((await ask('POST', `/v1/runs/${id}/start`)).status).toBe(204);
      await until(() => startedWorkers().length === 1);
      if (way === 'hangs up') {
        request.destroy();
      }
      await until(() => startedWorkers().length === 0, 20_000);
      request.destroy();
    }
    expect(events.filter((event) => event.includes('was left by its coordinator'))).toHaveLength(2);
    const { send } = await benchProducer({ ...load, quantity: 20 }, { local: 0, remote: [server.address], token: TOKEN }, {});
    expect(send.count).toBe(20);
  });

  it('says how to start one where there is none', async () => {
    const closed = await WorkerServer.start({ host: '127.0.0.1', port: 0, token: TOKEN });
    const { address } = closed;
    await closed.close();
    await expect(benchProducer({ ...load, quantity: 10 }, { local: 0, remote: [address], token: TOKEN }, {})).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining(`worker ${address}: connect ECONNREFUSED`),
      hint: `start it on that machine: mqbench worker --listen ${address}`,
    });
    await expect(WorkerServer.start({ host: '127.0.0.1', port: Number(server.address.split(':')[1]), token: TOKEN })).rejects.toMatchObject(
      {
        exitCode: 3,
        message: expect.stringContaining('cannot listen at 127.0.0.1:'),
      },
    );
  });
});

/** What a server answers to bytes that are no request. */
async function rawAnswer(address: string, bytes: string | Buffer): Promise<string> {
  const [host, port] = address.split(':');
  const socket = net.connect({ host: host ?? '', port: Number(port) });
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  await Promise.race([new Promise((resolve) => socket.once('close', resolve)), sleep(10_000)]);
  return text;
}
