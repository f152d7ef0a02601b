import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mqkitVersion } from '../../../src/bench/version.js';
import { ChildWorker, startedWorkers } from '../../../src/bench/workers/child-worker.js';
import { WORKER_PROTOCOL, type WorkerJob } from '../../../src/bench/workers/protocol.js';
import { RemoteWorker } from '../../../src/bench/workers/remote-worker.js';
import { WorkerServer } from '../../../src/bench/workers/worker-server.js';
import { until } from '../../sandbox.js';

/** Nobody listens there: the job fails at once. */
const options = { namesrvAddr: '127.0.0.1:1', topic: 'T', producerGroup: 'PG', bodyBytes: 100, inFlight: 1, warmupMs: 0, quantity: 1 };
const job: WorkerJob = { kind: 'producer', options };
const onProgress = (): void => undefined;
const token = 'a-token-for-tests';

describe('the end of a worker', () => {
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mqkit-worker-'));
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(dir, { recursive: true });
  });

  it('one that crashes is reported with its error, not with what Node says behind it', async () => {
    const crash = join(dir, 'crash.mjs');
    writeFileSync(crash, "throw new TypeError('the worker is broken');\n");
    vi.stubEnv('NODE_OPTIONS', `--import=${crash}`);
    const worker = new ChildWorker({ name: 'x', job, onProgress });
    await expect(worker.result).rejects.toMatchObject({
      code: 'WORKER_DIED',
      message: 'worker x ended with exit code 1: TypeError: the worker is broken',
    });
    await worker.close();
    expect(startedWorkers()).toEqual([]);
  });

  it('a server says that a run is over when it is free for the next one', async () => {
    const ends: { readonly text: string; readonly left: number }[] = [];
    const onEvent = (text: string): void => void ends.push({ text, left: startedWorkers().length });
    const server = await WorkerServer.start({ host: '127.0.0.1', port: 0, token, onEvent });
    try {
      for (let i = 0; i < 2; i++) {
        const worker = await RemoteWorker.open({ address: server.address, token, job, onProgress });
        await expect(worker.result).rejects.toMatchObject({ exitCode: 3 });
        await worker.close();
        await until(() => startedWorkers().length === 0, 60_000);
      }
      await until(() => ends.length === 4);
      expect(ends.map(({ left }) => left)).toEqual([1, 0, 1, 0]);
      expect(ends[1]?.text).toMatch(/ failed: /);
    } finally {
      await server.close();
    }
  });

  it('a server whose process cannot be started is free for the next run', async () => {
    const server = await WorkerServer.start({ host: '127.0.0.1', port: 0, token });
    try {
      vi.stubEnv('TOO_LONG_FOR_A_PROCESS', 'x'.repeat(4 * 1024 * 1024));
      await expect(RemoteWorker.open({ address: server.address, token, job, onProgress })).rejects.toThrow('E2BIG');
      vi.unstubAllEnvs();
      const worker = await RemoteWorker.open({ address: server.address, token, job, onProgress });
      await expect(worker.result).rejects.toMatchObject({ exitCode: 3 });
      await worker.close();
    } finally {
      await server.close();
    }
  });

  it('a coordinator that has the result does not hang up before the worker is free', async () => {
    let isFree = false;
    const server = http.createServer((request, response) => {
      const hello = { protocol: WORKER_PROTOCOL, mqkit: mqkitVersion(), host: 'h', cores: 1, busy: false };
      if (request.url !== '/v1/runs') {
        response.end(JSON.stringify(request.url === '/v1/clock' ? { nowMs: 0 } : hello));
        return;
      }
      for (const line of [{ type: 'opened', run: 'r' }, { type: 'ready' }, { type: 'result', result: {}, pointHistograms: {} }]) {
        response.write(`${JSON.stringify(line)}\n`);
      }
      setTimeout(() => {
        isFree = true;
        response.end();
      }, 50);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const worker = await RemoteWorker.open({ address, token, job, onProgress });
      await worker.result;
      await worker.close();
      expect(isFree).toBe(true);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
