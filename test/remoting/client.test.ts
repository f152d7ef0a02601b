import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { MQError } from '../../src/common/errors.js';
import { MAX_CLIENT_IN_FLIGHT } from '../../src/common/limits.js';
import { signature } from '../../src/remoting/acl.js';
import { type ResponseHandler, responseError } from '../../src/remoting/client.js';
import { RemotingServer } from '../../src/remoting/server.js';
import { FakeTime } from './fake-time.js';
import { newCommand, startClient, startServer, until } from './transport-kit.js';

/** A server that accepts and says nothing. */
async function silentServer(): Promise<{ addr: string; server: Server; sockets: () => number }> {
  let open = 0;
  const server = createServer((socket) => {
    open++;
    socket.on('error', () => {});
    socket.on('close', () => open--);
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  return { addr: `127.0.0.1:${typeof address === 'object' ? address!.port : 0}`, server, sockets: () => open };
}

/** A server that answers every request at once, whatever this thread does. */
async function serverInThread(): Promise<string> {
  const worker = new Worker(
    `const { createServer } = require('node:net');
    const server = createServer((socket) => socket.on('data', (request) => {
      const { opaque } = JSON.parse(request.subarray(8, 8 + (request.readUInt32BE(4) & 0xffffff)));
      const header = JSON.stringify({ code: 0, flag: 1, language: 'JAVA', opaque, serializeTypeCurrentRPC: 'JSON', version: 479 });
      const prefix = Buffer.alloc(8);
      prefix.writeUInt32BE(4 + header.length, 0);
      prefix.writeUInt32BE(header.length, 4);
      socket.write(Buffer.concat([prefix, Buffer.from(header)]));
    }));
    server.listen(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(server.address().port));`,
    { eval: true },
  );
  onTestFinished(async () => {
    await worker.terminate();
  });
  const [port] = await once(worker, 'message');
  return `127.0.0.1:${port}`;
}

describe('a client', () => {
  it('matches responses to requests in whatever order they come', async () => {
    const held: (() => void)[] = [];
    const { addr } = await startServer((server) =>
      server.register(10, (conn, request) => {
        held.push(() => conn.respond(request, 0, request.extFields!.n!));
        if (held.length === 20) {
          for (const answer of held.reverse()) {
            answer();
          }
        }
      }),
    );
    const client = startClient();
    const remarks = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => (await client.invoke(addr, { code: 10, extFields: { n: String(n) } })).remark),
    );
    expect(remarks).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
    expect(client.openAddresses()).toEqual([addr]);
  });

  it('queues the frames of a turn and sends them in one write', async () => {
    const { server, addr } = await startServer((s) => s.register(10, (conn, request) => conn.respond(request, 0)));
    const client = startClient();
    await client.invoke(addr, { code: 10 });
    await Promise.all(Array.from({ length: 100 }, () => client.invoke(addr, { code: 10 })));
    expect(server.stats.framesIn).toBe(101);
    expect(client.pendingRequests(addr)).toBe(0);
    expect(client.pendingBytes(addr)).toBe(0);
  });

  it('fails a request without answer at its deadline, each with its own', async () => {
    const time = new FakeTime();
    const { addr, sockets } = await silentServer();
    const client = startClient({ clock: time, timers: time });
    const outcome: string[] = [];
    const handler: ResponseHandler = {
      onResponse: () => outcome.push('response'),
      onError: (error, context) => outcome.push(`${context} ${error.category}`),
    };
    await client.invokeOneway(addr, { code: 1 });
    await until(() => sockets() === 1);
    client.send(addr, { code: 10 }, 3_000, handler, 'short');
    client.send(addr, { code: 11 }, 30_000, handler, 'long');
    time.advance(2_999);
    expect(outcome).toEqual([]);
    time.advance(60);
    // Nothing at all came in the meantime: the connection is given up, and with it the other request.
    expect(outcome).toEqual(['short timeout', 'long connect']);
    await until(() => sockets() === 0);
  });

  it('takes an answer that came in time although this process stood still until after the deadline', async () => {
    const addr = await serverInThread();
    const client = startClient();
    await client.invoke(addr, { code: 10 });
    const answer = client.invoke(addr, { code: 10 }, 100);
    // The request leaves in this turn; the answer comes while this thread is busy.
    await new Promise((resolve) => setImmediate(resolve));
    for (const endMs = performance.now() + 400; performance.now() < endMs; );
    expect((await answer).code).toBe(0);
    expect(client.openAddresses()).toEqual([addr]);
  });

  it('keeps a connection on which other answers come when one request times out', async () => {
    const { addr } = await startServer((server) => {
      server.register(10, (conn, request) => conn.respond(request, 0));
      server.register(11, () => {});
    });
    const client = startClient();
    await client.invoke(addr, { code: 10 });
    const closed: string[] = [];
    client.onConnectionClosed = (closedAddr) => closed.push(closedAddr);
    const lost = client.invoke(addr, { code: 11 }, 500);
    const others = (async () => {
      for (let i = 0; i < 150; i++) {
        await client.invoke(addr, { code: 10 });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await expect(lost).rejects.toThrow(`PULL_MESSAGE to ${addr} had no answer after 500 ms`);
    await others;
    expect(closed).toEqual([]);
  });

  it('says at once that nobody listens, and does not dial again for a moment', async () => {
    const time = new FakeTime();
    const { addr, server } = await silentServer();
    await new Promise((resolve) => server.close(resolve));
    const client = startClient({ clock: time, timers: time });
    const expected = {
      category: 'connect',
      code: 'CONNECT_FAILED',
      retriable: true,
      message: `cannot connect to ${addr}: connection refused`,
    };
    await expect(client.invoke(addr, { code: 10 })).rejects.toMatchObject(expected);
    const errors: MQError[] = [];
    client.send(addr, { code: 10 }, 1_000, { onResponse: () => {}, onError: (error) => errors.push(error) }, null);
    expect(errors).toMatchObject([expected]);
  });

  it('connects again after the server came back', async () => {
    const first = await startServer((server) => server.register(10, (conn, request) => conn.respond(request, 0, 'first')));
    const client = startClient();
    const closed: string[] = [];
    client.onConnectionClosed = (addr) => closed.push(addr);
    expect((await client.invoke(first.addr, { code: 10 })).remark).toBe('first');
    await first.server.close();
    await until(() => closed.length === 1);
    await expect(client.invoke(first.addr, { code: 10 })).rejects.toMatchObject({ category: 'connect' });
    const second = new RemotingServer({ bindAddress: '127.0.0.1', listenPort: first.port });
    second.register(10, (conn, request) => conn.respond(request, 0, 'second'));
    await second.listen();
    onTestFinished(() => second.close());
    let remark: string | null = null;
    await until(() => {
      client.invoke(first.addr, { code: 10 }, 500).then(
        (response) => {
          remark = response.remark;
        },
        () => {},
      );
      return remark === 'second';
    });
  });

  it('fails all requests of a connection that breaks, and their handlers may send again', async () => {
    let connections = 0;
    const { addr } = await startServer((server) => server.register(10, (conn) => conn.close('test')), { onConnect: () => connections++ });
    const client = startClient();
    const errors: string[] = [];
    let retried = false;
    const handler: ResponseHandler = {
      onResponse: () => {},
      onError: (error) => {
        errors.push(error.code);
        if (!retried) {
          retried = true;
          client.send(addr, { code: 10 }, 1_000, handler, null);
        }
      },
    };
    for (let i = 0; i < 3; i++) {
      client.send(addr, { code: 10 }, 1_000, handler, null);
    }
    await until(() => errors.length === 4);
    expect(new Set(errors)).toEqual(new Set(['CONNECTION_CLOSED']));
    expect(connections).toBe(2);
  });

  it('refuses more requests than its bound, by name', async () => {
    const { addr } = await silentServer();
    const client = startClient();
    const errors: MQError[] = [];
    const handler: ResponseHandler = { onResponse: () => {}, onError: (error) => errors.push(error) };
    for (let i = 0; i <= MAX_CLIENT_IN_FLIGHT; i++) {
      client.send(addr, { code: 10 }, 60_000, handler, null);
    }
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: 'CONNECTION_OVERLOADED', category: 'connect' });
    await client.close();
    expect(errors).toHaveLength(MAX_CLIENT_IN_FLIGHT + 1);
  });

  it('refuses more bytes than its bound', async () => {
    const { addr, server } = await silentServer();
    server.on('connection', (socket) => socket.pause());
    const client = startClient();
    const body = Buffer.alloc(15 * 1024 * 1024);
    const refused = await Promise.all(
      Array.from({ length: 6 }, () => client.invoke(addr, { code: 10, body }, 200).catch((error: MQError) => error.code)),
    );
    expect(refused.filter((code) => code === 'CONNECTION_OVERLOADED')).toHaveLength(1);
  });

  it('closes a connection after its idle time', async () => {
    const time = new FakeTime();
    const { server, addr } = await startServer((s) => s.register(10, (conn, request) => conn.respond(request, 0)));
    const client = startClient({ clock: time, timers: time });
    await client.invoke(addr, { code: 10 });
    time.advance(119_000);
    expect(client.openAddresses()).toEqual([addr]);
    time.advance(6_000);
    expect(client.openAddresses()).toEqual([]);
    await until(() => server.connectionCount === 0);
  });

  it('signs requests when it has keys', async () => {
    const { addr } = await startServer((server) =>
      server.register(10, (conn, request) => conn.respond(request, 0, JSON.stringify(request.extFields))),
    );
    const client = startClient({ credentials: { accessKey: 'rocketmq2', secretKey: '12345678' } });
    const body = Buffer.from('body');
    const fields = JSON.parse((await client.invoke(addr, { code: 10, extFields: { topic: 'T' }, body })).remark!) as Record<string, string>;
    expect(fields.AccessKey).toBe('rocketmq2');
    expect(fields.Signature).toBe(signature(fields, body, '12345678'));
    expect(Object.keys(fields)).toHaveLength(3);
  });

  it('gives a one-way request to an open connection, and fails without one', async () => {
    const { server, addr } = await startServer(() => {});
    const client = startClient();
    await client.invokeOneway(addr, { code: 15 });
    await until(() => server.stats.framesIn === 1);
    expect(server.stats.framesOut).toBe(0);
    await expect(client.invokeOneway('127.0.0.1:1', { code: 15 })).rejects.toMatchObject({ category: 'connect' });
  });

  it('refuses an address that is none', async () => {
    await expect(startClient().invoke('nowhere', { code: 10 })).rejects.toMatchObject({ category: 'usage' });
  });
});

describe('responseError', () => {
  it.each([
    [16, 'denied', 5],
    [17, 'notFound', 4],
    [22, 'notFound', 4],
    [206, 'notFound', 4],
    [1, 'broker', 1],
    [2, 'broker', 1],
    [4711, 'broker', 1],
  ])('turns code %i into %s', (code, category, exitCode) => {
    const error = responseError(newCommand({ code, flag: 1, remark: 'why' }), '10.0.0.1:10911', 'topic T');
    expect(error).toMatchObject({ category, exitCode, retriable: code === 2 });
    expect(error.message).toContain('topic T at 10.0.0.1:10911: why');
    expect(error.context).toMatchObject({ responseCode: code, remark: 'why', brokerAddr: '10.0.0.1:10911' });
  });
});
