import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseFastjson } from '../../../src/common/fastjson.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { decodeFrame, FrameDecoder } from '../../../src/remoting/frame.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { type RecordedFrame, readRecording } from '../../wire/vectors.js';

const NAMESRV_CODES = new Set([
  100, 101, 102, 103, 104, 105, 106, 205, 206, 216, 217, 219, 224, 304, 311, 312, 313, 318, 319, 322, 327, 901, 904,
]);

interface Exchange {
  readonly request: RemotingCommand;
  readonly recorded: RemotingCommand;
  readonly answer: RemotingCommand;
}

/** Frames between a name server and anybody; requests of codes that a name server does not have are left out. */
function read(name: string): RecordedFrame[] {
  return readRecording(name).filter((frame) => /namesrv/.test(frame.peer) && (frame.kind === 'response' || NAMESRV_CODES.has(frame.code)));
}

function frameOf(recorded: RecordedFrame): RemotingCommand {
  const bytes = Buffer.from(recorded.hex, 'hex');
  return decodeFrame(bytes, 0, bytes.length);
}

/** Sends recorded bytes and collects answers by opaque. */
class Replay {
  readonly answers = new Map<number, RemotingCommand>();
  readonly #socket: Socket;

  constructor(address: string) {
    const [host, port] = address.split(':') as [string, string];
    this.#socket = connect(Number(port), host);
    const decoder = new FrameDecoder();
    this.#socket.on('data', (chunk) => decoder.push(chunk, { onFrame: (answer) => this.answers.set(answer.opaque, answer) }));
  }

  async send(recorded: RecordedFrame): Promise<RemotingCommand | null> {
    this.answers.delete(recorded.opaque);
    this.#socket.write(Buffer.from(recorded.hex, 'hex'));
    if (recorded.kind === 'oneway') return null;
    await until(() => this.answers.has(recorded.opaque));
    return this.answers.get(recorded.opaque) ?? null;
  }

  close(): void {
    this.#socket.destroy();
  }
}

let sandbox: Sandbox;
let open: Replay[];

beforeEach(async () => {
  open = [];
  sandbox = await startSandbox({ brokers: 0, namesrvConfig: { orderMessageEnable: true } });
});
afterEach(async () => {
  for (const replay of open) replay.close();
  await sandbox.stop();
});

/** Replays the requests of a file in order, each on its own connection, and pairs our answers with the recorded ones. */
async function replay(name: string): Promise<Exchange[]> {
  const frames = read(name);
  const connections = new Map<number, Replay>();
  const exchanges: Exchange[] = [];
  for (const [index, frame] of frames.entries()) {
    if (frame.dir !== 'c2s') continue;
    let connection = connections.get(frame.conn);
    if (connection === undefined) {
      connection = new Replay(sandbox.namesrvAddr);
      connections.set(frame.conn, connection);
      open.push(connection);
    }
    const answer = await connection.send(frame);
    const recorded = frames.slice(index).find((other) => other.dir === 's2c' && other.conn === frame.conn && other.opaque === frame.opaque);
    if (answer !== null && recorded !== undefined) exchanges.push({ request: frameOf(frame), recorded: frameOf(recorded), answer });
  }
  return exchanges;
}

/** Names and types of a JSON value, values left out. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return 'array';
  if (value === null || typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]));
}

function bodyShape(command: RemotingCommand): unknown {
  if (command.body === null || command.body.length === 0) return null;
  const text = command.body.toString('utf8');
  return text.startsWith('{') ? shape(parseFastjson(text)) : text.split('\n').map((line) => line.slice(0, line.indexOf('=')));
}

function fieldNames(command: RemotingCommand): string[] {
  return Object.keys(command.extFields ?? {}).sort();
}

function expectSame({ request, recorded, answer }: Exchange): void {
  const where = `request ${request.code} ${JSON.stringify(request.extFields)}`;
  expect(answer.code, where).toBe(recorded.code);
  expect(fieldNames(answer), where).toEqual(fieldNames(recorded));
  if (recorded.code !== 0) expect(answer.remark, where).toBe(recorded.remark);
}

describe('recorded requests of Apache peers', () => {
  it.each(['broker-namesrv-json', 'broker-namesrv-rmq'])(
    '%s: registration, cluster info and unregistration are answered alike',
    async (name) => {
      const exchanges = await replay(name);
      expect(exchanges.length).toBeGreaterThan(3);
      for (const exchange of exchanges.filter((one) => !isStateOfTheRecording(one))) {
        expectSame(exchange);
        if (exchange.request.code === 106) expect(exchange.answer.body?.toString()).toBe(exchange.recorded.body?.toString());
      }
    },
  );

  it('a compressed registration with the wrong flag is understood', async () => {
    const exchanges = await replay('broker-namesrv-variants-json');
    const registrations = exchanges.filter(({ request }) => request.code === 103);
    expect(registrations.map(({ answer }) => answer.code)).toEqual([0, 0, 0]);
    const versions = exchanges.filter(({ request }) => request.code === 322);
    expect(versions.map(({ answer }) => answer.extFields?.changed)).toEqual(['true', 'false', 'false']);
    expect(versions[1]?.answer.body?.toString()).toBe(versions[1]?.request.body?.toString());
  });

  it('a slave learns its master', async () => {
    await registerMaster();
    for (const exchange of await replay('slave-sync-json')) {
      expectSame(exchange);
      if (exchange.request.code === 103) expect(exchange.answer.extFields).toEqual(exchange.recorded.extFields);
    }
  });

  it.each(['errors-json', 'handmade-json', 'mqadmin-json', 'admin-api-json'])('%s: code, field names and body shape', async (name) => {
    await registerMaster();
    const known = sandbox.namesrv.routes;
    known.putTopic('TopicBasic', [{ brokerName: 'broker-a', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 }]);
    for (const exchange of await replay(name)) {
      if (isStateOfTheRecording(exchange)) continue;
      expectSame(exchange);
      if ([105, 901, 219, 304, 206, 319].includes(exchange.request.code))
        expect(bodyShape(exchange.answer)).toEqual(bodyShape(exchange.recorded));
    }
  });

  it('routes are written byte for byte as the recorded ones, by the version of who asks', async () => {
    await registerMaster();
    sandbox.namesrv.routes.putTopic('TopicBasic', [
      { brokerName: 'broker-a', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 },
    ]);
    const routes = (await replay('errors-json')).filter(({ request, recorded }) => request.code === 105 && recorded.code === 0);
    expect(routes.length).toBeGreaterThan(4);
    for (const { answer, recorded } of routes) expect(answer.body?.toString()).toBe(recorded.body?.toString());
  });
});

/** The recording's name server knew topics and pairs that ours was not told of. */
function isStateOfTheRecording({ request, recorded, answer }: Exchange): boolean {
  if (request.code === 105 && recorded.code !== answer.code) return true;
  return request.code === 219 && recorded.code === 0 && answer.code === 22;
}

async function registerMaster(): Promise<void> {
  const registration = read('broker-namesrv-rmq').find((frame) => frame.dir === 'c2s' && frameOf(frame).code === 103);
  const connection = new Replay(sandbox.namesrvAddr);
  open.push(connection);
  expect((await connection.send(registration as RecordedFrame))?.code).toBe(0);
}
