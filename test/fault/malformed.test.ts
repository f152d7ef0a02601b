import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/common/clock.js';
import { decodeBatch } from '../../src/common/message/batch.js';
import * as bodies from '../../src/remoting/bodies/index.js';
import { RequestCode } from '../../src/remoting/codes.js';
import * as headers from '../../src/remoting/headers/index.js';
import { startServer, until } from '../remoting/transport-kit.js';
import { runMalformedFrames } from './malformed-driver.js';
import { generateFrame, MALFORMED_KINDS } from './malformed-frames.js';

const SEED = Number(process.env.MQKIT_SEED ?? 1);
const COUNT = Number(process.env.MQKIT_FAULT_FRAMES ?? 2_000);

describe('malformed frames', () => {
  it('are repeatable and cover every kind', () => {
    const [first, second] = [seededRandom(SEED), seededRandom(SEED)];
    const kinds = new Set<string>();
    for (let i = 0; i < 1_000; i++) {
      const frame = generateFrame(first);
      expect(generateFrame(second)).toEqual(frame);
      kinds.add(frame.kind);
    }
    expect([...kinds].sort()).toEqual([...MALFORMED_KINDS].sort());
  });

  it(`do no harm to a server that reads headers and bodies, seed ${SEED}`, async () => {
    const { server, port } = await startServer((s) => {
      s.register(RequestCode.SEND_MESSAGE, (conn, request) => {
        headers.readSendHeader(request.code, request.extFields);
        conn.respond(request, request.body === null ? 13 : 0);
      });
      s.register(RequestCode.SEND_BATCH_MESSAGE, (conn, request) => {
        headers.readSendHeader(request.code, request.extFields);
        conn.respond(request, 0, String(decodeBatch(request.body ?? Buffer.alloc(0)).length));
      });
      s.register(RequestCode.PULL_MESSAGE, (conn, request) => {
        headers.readPullHeader(request.extFields);
        conn.respond(request, 19);
      });
      s.register(RequestCode.HEART_BEAT, (conn, request) => {
        bodies.decodeHeartbeatData(request.body);
        conn.respond(request, 0);
      });
      s.register(RequestCode.REGISTER_BROKER, async (conn, request) => {
        headers.readHeader(headers.RegisterBrokerRequestHeader, request.extFields);
        bodies.decodeRegisterBrokerBody(request.body, request.version);
        conn.respond(request, 0);
      });
      s.register(RequestCode.GET_BROKER_CLUSTER_INFO, (conn, request) => conn.respond(request, 0));
    });
    const run = await runMalformedFrames({
      port,
      count: COUNT,
      random: seededRandom(SEED),
      bystander: async (client, addr) => (await client.invoke(addr, { code: RequestCode.GET_BROKER_CLUSTER_INFO })).code === 0,
    });
    expect(run.failures).toEqual([]);
    expect(run.frames).toBe(COUNT);
    expect(run.bystanderFailures).toBe(0);
    expect(run.bystanderRequests).toBeGreaterThan(10);
    await until(() => server.connectionCount === 0);
  }, 600_000);
});
