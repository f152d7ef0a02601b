/* How the trace leaves: together, bounded, and without anybody waiting for it. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MQClient } from '../../../src/client/mq-client.js';
import { TraceDispatcher } from '../../../src/client/trace/trace-dispatcher.js';
import { decodeTraceRecords, type TraceRecord } from '../../../src/client/trace/trace-record.js';
import { systemTimers, type TimerHandle, type Timers } from '../../../src/common/clock.js';
import { MAX_TRACE_BODY_BYTES, MAX_WAITING_TRACES } from '../../../src/common/limits.js';
import { type Logger, noopLogger } from '../../../src/common/logger.js';
import { decodeProperties } from '../../../src/common/message/properties.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { until } from '../../sandbox.js';
import { FakeCluster } from '../fake-cluster.js';

const TOPIC = 'RMQ_SYS_TRACE_TOPIC';
const FLUSH_INTERVAL_MS = 5_000;

let cluster: FakeCluster;
let client: MQClient;
let dispatcher: TraceDispatcher;
let warnings: string[];
/** What waits for the flush interval: fired by a test. */
let waiting: Map<TimerHandle, () => void>;

beforeEach(async () => {
  cluster = await FakeCluster.start();
  cluster.addTopic(TOPIC, { queueCount: 1 });
  warnings = [];
  waiting = new Map();
  const timers: Timers = {
    ...systemTimers,
    setTimeout: (callback, delayMs) => {
      const handle = systemTimers.setTimeout(callback, delayMs);
      if (delayMs === FLUSH_INTERVAL_MS) {
        waiting.set(handle, callback);
      }
      return handle;
    },
    clearTimeout: (handle) => {
      waiting.delete(handle);
      systemTimers.clearTimeout(handle);
    },
  };
  const logger: Logger = { ...noopLogger, warn: (message) => void warnings.push(message) };
  client = new MQClient({ namesrvAddr: cluster.namesrvAddr, timers, logger });
  dispatcher = new TraceDispatcher(client, { group: 'PG', kind: 'PRODUCE', traceTopic: undefined });
  dispatcher.start();
});
afterEach(async () => {
  await dispatcher.close();
  await cluster.stop();
});

const record = (msgId: string, keys: string | null = null): TraceRecord => ({
  traceType: 'Pub',
  timestamp: 1,
  regionId: 'R',
  groupName: 'PG',
  topic: 'T',
  msgId,
  tags: null,
  keys,
  storeHost: '127.0.0.1:1',
  bodyLength: 0,
  costTime: 0,
  msgType: 0,
  offsetMsgId: 'O',
  success: true,
});
const numbered = (count: number): TraceRecord[] => Array.from({ length: count }, (_, i) => record(`id${i}`));
const messages = () => cluster.brokers[0]!.requestsOf(RequestCode.SEND_MESSAGE_V2);
const idsOf = (body: Uint8Array | null): string[] => decodeTraceRecords(String(body)).map(({ msgId }) => msgId);
const sentIds = (): string[] => messages().flatMap(({ body }) => idsOf(body));

it('a few records wait for others, five seconds at most', async () => {
  for (const one of numbered(9)) {
    dispatcher.append([one]);
  }
  expect(waiting.size).toBe(1);
  expect(messages()).toEqual([]);
  for (const flush of waiting.values()) {
    flush();
  }
  await until(() => sentIds().length === 9);
  expect(messages()).toHaveLength(1);
  expect(messages()[0]!.extFields).toMatchObject({ b: TOPIC, a: expect.stringMatching(/^_INNER_TRACE_PRODUCER-PG-PRODUCE-\d+$/) });
  expect(
    decodeProperties(messages()[0]!.extFields!.i ?? '')
      .get('KEYS')
      ?.split(' '),
  ).toEqual(numbered(9).map(({ msgId }) => msgId));
});

it('ten leave in one message at the end of the turn', async () => {
  for (const one of numbered(12)) {
    dispatcher.append([one]);
  }
  await until(() => sentIds().length === 12);
  expect(messages()).toHaveLength(1);
});

it('many are divided: no message holds more than its body and its properties may', async () => {
  const all = Array.from({ length: 3000 }, (_, i) => record(`${'0'.repeat(40)}${i}`, `key${i} ${'long'.repeat(20)}${i}`));
  dispatcher.append(all.slice(0, 1500));
  dispatcher.append(all.slice(1500));
  await dispatcher.close();
  expect(sentIds()).toEqual(all.map(({ msgId }) => msgId));
  expect(messages().length).toBeGreaterThan(3);
  for (const { body, extFields } of messages()) {
    expect(body!.length).toBeLessThan(MAX_TRACE_BODY_BYTES + 1000);
    expect((extFields?.i ?? '').length).toBeLessThan(32_767);
    const keys = new Set(
      decodeProperties(extFields?.i ?? '')
        .get('KEYS')
        ?.split(' '),
    );
    expect(idsOf(body).filter((msgId) => !keys.has(msgId))).toEqual([]);
  }
  expect(dispatcher.stats()).toEqual({ sent: 3000, dropped: 0, failed: 0 });
});

it('a record whose keys are too many keeps its id among the keys', async () => {
  dispatcher.append([record('the-id', Array.from({ length: 5000 }, (_, i) => `key${i}`).join(' '))]);
  await dispatcher.close();
  const keys = decodeProperties(messages()[0]!.extFields!.i ?? '').get('KEYS') ?? '';
  expect(keys.startsWith('the-id key0 ')).toBe(true);
  expect(keys.length).toBeLessThan(32_000);
});

it('what is more than may wait is dropped and counted, and said once', async () => {
  for (const one of numbered(MAX_WAITING_TRACES + 7)) {
    dispatcher.append([one]);
  }
  await dispatcher.close();
  expect(dispatcher.stats()).toEqual({ sent: MAX_WAITING_TRACES, dropped: 7, failed: 0 });
  expect(warnings.filter((warning) => warning.includes('some are dropped'))).toHaveLength(1);
  expect(warnings).toContainEqual(
    expect.stringMatching(/^7 trace records of _INNER_TRACE_PRODUCER-PG-PRODUCE-\d+ were not stored, 2048 were$/),
  );
});

it('a broker that refuses the trace is named once, and nobody else learns of it', async () => {
  cluster.brokers[0]!.onSend = (conn, request) => conn.respond(request, ResponseCode.NO_PERMISSION, 'not here');
  for (const one of numbered(10)) {
    dispatcher.append([one]);
  }
  await until(() => dispatcher.stats().failed === 10);
  for (const one of numbered(10)) {
    dispatcher.append([one]);
  }
  await until(() => dispatcher.stats().failed === 20);
  expect(warnings.filter((warning) => warning.includes('not here'))).toHaveLength(1);
});

it('a close waits no longer than five seconds for a broker that does not answer', async () => {
  cluster.brokers[0]!.onSend = () => {};
  for (const one of numbered(10)) {
    dispatcher.append([one]);
  }
  await until(() => messages().length === 1);
  const closed = dispatcher.close();
  expect(waiting.size).toBeGreaterThan(0);
  for (const timeIsOver of waiting.values()) {
    timeIsOver();
  }
  await closed;
  // A heartbeat on its way may be given up after that.
  expect(warnings).toContainEqual(expect.stringMatching(/^10 trace records of .* were not stored, 0 were$/));
});

it('after its close nothing is taken, and a second close is none', async () => {
  await dispatcher.close();
  dispatcher.append(numbered(1));
  await dispatcher.close();
  expect(dispatcher.stats()).toEqual({ sent: 0, dropped: 1, failed: 0 });
  expect(messages()).toEqual([]);
});
