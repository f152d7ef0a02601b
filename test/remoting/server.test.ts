import { describe, expect, it } from 'vitest';
import { BrokerError, DeniedError, ProtocolError } from '../../src/common/errors.js';
import { CONNECTION_HIGH_WATER_BYTES } from '../../src/common/limits.js';
import { noopLogger } from '../../src/common/logger.js';
import { encodeCommand } from '../../src/remoting/frame.js';
import type { Connection } from '../../src/remoting/server.js';
import { connectionsWithin, openFilesLimit } from '../../src/remoting/server-limits.js';
import { FakeTime } from './fake-time.js';
import { newCommand, RawPeer, startClient, startServer, until } from './transport-kit.js';

describe('a server', () => {
  it.each([0, 1] as const)('answers in the serialize type %i of the request', async (serializeType) => {
    const { addr } = await startServer((server) =>
      server.register(10, (conn, request) => conn.respond(request, 0, 'ok', { echo: request.extFields!.text! }, request.body)),
    );
    const response = await startClient({ serializeType }).invoke(addr, { code: 10, extFields: { text: 'ä漢' }, body: Buffer.from('body') });
    expect(response).toMatchObject({ code: 0, remark: 'ok', extFields: { echo: 'ä漢' }, serializeType, version: 479, flag: 1 });
    expect(response.body!.toString()).toBe('body');
  });

  it('answers an unknown code with 3, and a one-way request not at all', async () => {
    const { server, port } = await startServer((s) => s.register(11, () => Promise.reject(new Error('never seen'))));
    const peer = await RawPeer.connect(port);
    peer.send({ code: 9999, opaque: 1, flag: 2 });
    peer.send({ code: 11, opaque: 2, flag: 2 });
    peer.send({ code: 9999, opaque: 3 });
    await until(() => peer.frames.length > 0);
    expect(peer.frames).toHaveLength(1);
    expect(peer.frames[0]).toMatchObject({ code: 3, opaque: 3, remark: ' request type 9999 not supported' });
    expect(server.stats).toMatchObject({ framesIn: 3, framesOut: 1, unknownCodes: 2, processorErrors: 1 });
  });

  it.each([
    ['a protocol error', new ProtocolError('field x is missing'), 1, 'field x is missing'],
    ['a broker error', new BrokerError('no', { responseCode: 29, remark: 'bad topic' }), 29, 'bad topic'],
    ['a denial', new DeniedError('not yours'), 16, 'not yours'],
    ['a bug', new TypeError('boom'), 1, 'boom'],
  ])('answers %s of a processor, thrown or rejected', async (_, error, code, remark) => {
    const { addr } = await startServer((server) => {
      server.register(10, () => {
        throw error;
      });
      server.register(11, () => Promise.reject(error));
    });
    const client = startClient();
    for (const request of [10, 11]) {
      expect(await client.invoke(addr, { code: request })).toMatchObject({ code, remark });
    }
  });

  it('keeps processors that are not for the VIP port off it', async () => {
    const { addr, vipPort } = await startServer(
      (server) => {
        server.register(11, (conn, request) => conn.respond(request, 0), { vip: false });
        server.register(30, (conn, request) => conn.respond(request, 0, String(conn.isVip)));
      },
      { vipPort: 0 },
    );
    const client = startClient();
    const vip = `127.0.0.1:${vipPort}`;
    expect((await client.invoke(addr, { code: 11 })).code).toBe(0);
    expect((await client.invoke(vip, { code: 11 })).code).toBe(3);
    expect((await client.invoke(addr, { code: 30 })).remark).toBe('false');
    expect((await client.invoke(vip, { code: 30 })).remark).toBe('true');
  });

  it('processes all requests of a read before the turn ends, and answers them in one write', async () => {
    const events: string[] = [];
    const waiting: (() => void)[] = [];
    const { port } = await startServer(
      (server) =>
        server.register(10, (conn, request) => {
          events.push(`request ${request.opaque}`);
          waiting.push(() => conn.respond(request, 0));
        }),
      {
        onTurnEnd: () => {
          events.push('turn end');
          for (const answer of waiting.splice(0)) {
            answer();
          }
        },
      },
    );
    const peer = await RawPeer.connect(port);
    let reads = 0;
    peer.socket.on('data', () => reads++);
    peer.socket.cork();
    for (let opaque = 1; opaque <= 5; opaque++) {
      peer.send({ code: 10, opaque });
    }
    peer.socket.uncork();
    await until(() => peer.frames.length === 5);
    expect(events).toEqual(['request 1', 'request 2', 'request 3', 'request 4', 'request 5', 'turn end']);
    expect(reads).toBe(1);
  });

  it('ends a turn early when it has as many requests as it may have', async () => {
    const events: string[] = [];
    const { port } = await startServer(
      (server) =>
        server.register(10, (conn, request) => {
          events.push(`request ${request.opaque}`);
          conn.respond(request, 0);
        }),
      { maxTurnRequests: 2, onTurnEnd: () => events.push('turn end') },
    );
    const peer = await RawPeer.connect(port);
    peer.socket.cork();
    for (let opaque = 1; opaque <= 5; opaque++) {
      peer.send({ code: 10, opaque });
    }
    peer.socket.uncork();
    await until(() => peer.frames.length === 5);
    expect(events).toEqual(['request 1', 'request 2', 'turn end', 'request 3', 'request 4', 'turn end', 'request 5', 'turn end']);
  });

  it('sends bodies given in parts, short and long, behind their header', async () => {
    const parts = [Buffer.alloc(20_000, 'a'), Buffer.from('short'), Buffer.alloc(100_000, 'b'), Buffer.alloc(0)];
    const { addr } = await startServer((server) => server.register(10, (conn, request) => conn.respond(request, 0, null, null, parts)));
    const client = startClient();
    const responses = await Promise.all([1, 2, 3].map(() => client.invoke(addr, { code: 10 })));
    for (const response of responses) {
      expect(response.body!.equals(Buffer.concat(parts))).toBe(true);
    }
  });

  it('closes only the connection that sends garbage', async () => {
    const { server, addr, port } = await startServer((s) => s.register(10, (conn, request) => conn.respond(request, 0)));
    const client = startClient();
    await client.invoke(addr, { code: 10 });
    const frames: Record<string, Buffer> = {
      'length 0': Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]),
      'negative length': Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
      'length beyond the limit': Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]),
      'header longer than the frame': Buffer.from([0, 0, 0, 8, 0, 0, 0, 9, 1, 2, 3, 4]),
      'unknown serialize type': Buffer.from([0, 0, 0, 6, 7, 0, 0, 2, 0x7b, 0x7d]),
      'text that is no JSON': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      'JSON that is no object': Buffer.concat([Buffer.from([0, 0, 0, 6, 0, 0, 0, 2]), Buffer.from('[]')]),
    };
    for (const [what, bytes] of Object.entries(frames)) {
      const peer = await RawPeer.connect(port);
      peer.socket.write(bytes);
      await until(() => peer.closed).catch(() => expect.fail(what));
    }
    expect(server.stats.decodeErrors).toBe(Object.keys(frames).length);
    expect((await client.invoke(addr, { code: 10 })).code).toBe(0);
    expect(server.connectionCount).toBe(1);
  });

  it('takes a frame of exactly 16 MiB', async () => {
    const { addr } = await startServer((s) => s.register(10, (conn, request) => conn.respond(request, 0, String(request.body!.length))));
    const client = startClient();
    const header = (await import('../../src/remoting/frame.js')).encodeCommand(
      newCommand({ code: 10, opaque: 1, language: 'OTHER' }),
    ).length;
    const body = Buffer.alloc(16_777_216 - header);
    expect((await client.invoke(addr, { code: 10, body }, 10_000)).remark).toBe(String(body.length));
    await expect(client.invoke(addr, { code: 10, body: Buffer.alloc(body.length + 1) })).rejects.toThrow(/longer than 16777216/);
    expect((await client.invoke(addr, { code: 10, body: Buffer.alloc(1) })).remark).toBe('1');
  });

  it('refuses connections beyond the limit', async () => {
    const { server, port } = await startServer(() => {}, { maxConnections: 2 });
    await RawPeer.connect(port);
    await RawPeer.connect(port);
    await until(() => server.connectionCount === 2);
    const third = await RawPeer.connect(port);
    await until(() => third.closed);
    expect(server.stats.refused).toBe(1);
  });

  it('leaves the files of the process their descriptors, and says so once', async () => {
    const said: string[] = [];
    const logger = { ...noopLogger, warn: (message: string): void => void said.push(message) };
    const { server, port } = await startServer(() => {}, { openFiles: 642, vipPort: 0, logger });
    expect(said.splice(0)).toEqual(['takes at most 161 connections: the process may open 642 files (ulimit -n), its own among them']);
    const peers = await Promise.all(Array.from({ length: 165 }, () => RawPeer.connect(port)));
    await until(() => peers.filter((peer) => peer.closed).length === 4);
    expect(server.connectionCount).toBe(161);
  });

  it('takes 16,384 connections where the process may open many files, and fewer where not', () => {
    const limits = (soft: string): string =>
      `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}  1048576   files     \n`;
    const most = (soft: string): number => connectionsWithin(openFilesLimit(() => limits(soft)));
    expect(['unlimited', '1048576', '17025', '17024', '1024', '300'].map(most)).toEqual([16_384, 16_384, 16_384, 16_384, 384, 75]);
    expect(most('17023')).toBe(16_383);
    const unknown = openFilesLimit(() => {
      throw new Error('no such file');
    });
    expect(connectionsWithin(unknown)).toBe(16_384);
  });

  it('closes a connection after 120 s without traffic, not before', async () => {
    const time = new FakeTime();
    const { server, port } = await startServer((s) => s.register(10, (conn, request) => conn.respond(request, 0)), {
      clock: time,
      timers: time,
    });
    const quiet = await RawPeer.connect(port);
    const busy = await RawPeer.connect(port);
    await until(() => server.connectionCount === 2);
    time.advance(100_000);
    busy.send({ code: 10 });
    await until(() => busy.frames.length === 1);
    time.advance(19_000);
    expect(server.connectionCount).toBe(2);
    time.advance(6_000);
    await until(() => quiet.closed);
    expect(busy.closed).toBe(false);
    expect(server.stats.idleClosed).toBe(1);
  });

  it('stops reading from a peer that does not read, and goes on when it does', async () => {
    const body = Buffer.alloc(512 * 1024, 'x');
    const { server, port } = await startServer((s) => s.register(10, (conn, request) => conn.respond(request, 0, null, null, body)));
    const slow = await RawPeer.connect(port);
    slow.socket.pause();
    const asked = 400;
    for (let opaque = 1; opaque <= asked; opaque++) {
      slow.send({ code: 10, opaque });
      // One request a turn, so that the server sees its own backlog.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    const processed = server.stats.framesIn;
    expect(processed).toBeLessThan(asked);
    expect([...server.connections()][0]!.writable).toBe(false);
    slow.socket.resume();
    await until(() => slow.frames.length === asked, 10_000);
    expect(server.stats.framesIn).toBe(asked);
    expect(CONNECTION_HIGH_WATER_BYTES).toBeLessThan(asked * body.length);
  });

  it('makes no more answers to the requests of one read than a peer that does not read may have, and the others once it does', async () => {
    const body = Buffer.alloc(256 * 1024, 'x');
    const { server, port } = await startServer((s) => s.register(10, (conn, request) => conn.respond(request, 0, null, null, body)));
    const slow = await RawPeer.connect(port);
    slow.socket.pause();
    const opaques = Array.from({ length: 200 }, (_, index) => index + 1);
    const requests = Buffer.concat(opaques.map((opaque) => encodeCommand(newCommand({ code: 10, opaque }))));
    slow.socket.write(requests);
    // Beside the high-water mark, the two kernels may take some megabytes.
    await until(() => server.stats.framesIn > 0);
    expect(server.stats.framesIn).toBeLessThan(100);
    slow.socket.resume();
    await until(() => slow.frames.length === opaques.length);
    expect(slow.frames.map(({ opaque }) => opaque)).toEqual(opaques);
    expect(server.stats).toMatchObject({ framesIn: opaques.length, bytesIn: requests.length });
  });

  it('closes the connections that have read nothing for the longest time when all together leave too many bytes', async () => {
    const time = new FakeTime();
    const body = Buffer.alloc(15 * 1024 * 1024, 'x');
    const { server, port } = await startServer(
      (s) => {
        s.register(10, (conn, request) => conn.respond(request, 0, null, null, body));
        s.register(11, (conn, request) => conn.respond(request, 0));
      },
      { maxUnsentBytes: 20 * 1024 * 1024, clock: time, timers: time },
    );
    const reading = await RawPeer.connect(port);
    const stalled: RawPeer[] = [];
    for (let asked = 1; asked <= 10; asked++) {
      const peer = await RawPeer.connect(port);
      await until(() => server.stats.accepted === asked + 1);
      peer.socket.pause();
      peer.send({ code: 10 });
      stalled.push(peer);
      await until(() => server.stats.framesOut === asked);
      time.advance(1);
    }
    // Each leaves some of the 15 MiB, whatever the two kernels take.
    await until(() => server.connectionCount <= 10);
    const left = [...server.connections()].map(({ id }) => id);
    expect(left).toEqual([1, ...Array.from({ length: left.length - 1 }, (_, index) => 13 - left.length + index)]);
    expect(left.length).toBeGreaterThanOrEqual(2);
    reading.send({ code: 11, opaque: 77 });
    stalled.at(-1)!.socket.resume();
    await until(() => reading.frames.length === 1 && stalled.at(-1)!.frames.length === 1);
  });

  it('counts the bytes of waiting requests exactly: large ones that are answered do not stop a connection with held ones', async () => {
    const { addr } = await startServer((s) => {
      s.register(11, () => {});
      s.register(10, (conn, request) => {
        const frame = encodeCommand(newCommand({ code: 0, flag: 1, opaque: request.opaque }));
        const { buffer, offset } = conn.reserve(frame.length, request);
        frame.copy(buffer, offset);
      });
    });
    const client = startClient();
    const held = Array.from({ length: 200 }, () => client.invoke(addr, { code: 11 }, 60_000).catch(() => null));
    const body = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 100; i++) {
      expect((await client.invoke(addr, { code: 10, body }, 2_000)).code).toBe(0);
    }
    await client.close();
    await Promise.all(held);
  });

  it('asks its clients, and tells time-outs and closed connections apart', async () => {
    let connection: Connection | null = null;
    const { addr } = await startServer((server) => server.register(10, (conn, request) => conn.respond(request, 0)), {
      onConnect: (conn) => {
        connection = conn;
      },
    });
    const client = startClient();
    const seen: number[] = [];
    client.registerProcessor(40, (_, request) => {
      seen.push(request.code);
      return null;
    });
    client.registerProcessor(307, async () => ({ code: 0, body: Buffer.from('info') }));
    await client.invoke(addr, { code: 10 });
    const conn = connection as unknown as Connection;
    conn.invokeOneway({ code: 40, extFields: { consumerGroup: 'g' } });
    expect((await conn.invoke({ code: 307 }, 1_000)).body!.toString()).toBe('info');
    expect((await conn.invoke({ code: 9999 }, 1_000)).code).toBe(3);
    await expect(conn.invoke({ code: 40 }, 20)).rejects.toMatchObject({ category: 'timeout' });
    const lost = conn.invoke({ code: 40 }, 5_000);
    await until(() => seen.length === 3);
    await client.close();
    await expect(lost).rejects.toMatchObject({ category: 'connect' });
    await expect(conn.invoke({ code: 40 }, 5_000)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    expect(seen).toEqual([40, 40, 40]);
  });

  it('drops a response that nobody waits for', async () => {
    const { server, port } = await startServer((s) => s.register(10, (conn, request) => conn.respond(request, 0)));
    const peer = await RawPeer.connect(port);
    peer.send({ code: 0, opaque: 77, flag: 1 });
    peer.send({ code: 10, opaque: 1 });
    await until(() => peer.frames.length === 1);
    expect(server.stats.unmatchedResponses).toBe(1);
  });

  it('says which port is taken', async () => {
    const { port } = await startServer(() => {});
    await expect(startServer(() => {}, { listenPort: port })).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: the port is taken`);
  });

  it('answers what is open before it closes', async () => {
    const { server, addr } = await startServer((s) =>
      s.register(10, (conn, request) => {
        setTimeout(() => conn.respond(request, 0, 'late'), 30);
      }),
    );
    const answer = startClient().invoke(addr, { code: 10 });
    await until(() => server.stats.framesIn === 1);
    await server.close(2_000);
    expect((await answer).remark).toBe('late');
  });
});
