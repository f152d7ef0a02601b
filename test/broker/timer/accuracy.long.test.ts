import { afterAll, beforeAll, expect, it } from 'vitest';
import { getProperty } from '../../../src/common/message/properties.js';
import { decodeRecords } from '../../../src/common/message/record.js';
import type { Message } from '../../../src/index.js';
import { Producer } from '../../../src/index.js';
import { type BundledCluster, rawRequest, startBundledCluster } from '../../peers/index.js';
import { until } from '../../sandbox.js';

const COUNT = Number(process.env.MQKIT_DELAYED_MESSAGES ?? 100_000);
const LEVELS = 18;
/** Delay of level 1, s; each further level waits a second more. All messages are sent before the first is due. */
const FIRST_LEVEL_SEC = 20;
const IN_FLIGHT = 256;

let cluster: BundledCluster;
let producer: Producer;

beforeAll(async () => {
  const messageDelayLevel = Array.from({ length: LEVELS }, (_, i) => `${FIRST_LEVEL_SEC + i}s`).join(' ');
  cluster = await startBundledCluster({
    brokerConfig: { messageDelayLevel, mappedFileSizeCommitLog: 256 * 1024 * 1024, brokerFastFailureEnable: false },
  });
  producer = new Producer({ namesrvAddr: cluster.namesrvAddr, producerGroup: 'PG_accuracy' });
  await producer.start();
});
afterAll(async () => {
  await producer?.shutdown();
  await cluster?.stop();
});

/** Sends messages with so many on their way at once; every one must be acknowledged. */
async function sendAll(count: number, messageOf: (i: number) => Message): Promise<void> {
  await producer.send({ topic: messageOf(0).topic, body: Buffer.from('makes the topic') });
  let next = 0;
  let left = count;
  await new Promise<void>((resolve, reject) => {
    const sendNext = (): void => {
      if (next < count) producer.sendAsync(messageOf(next++), handler, null);
    };
    const handler = {
      onSuccess: () => {
        sendNext();
        if (--left === 0) resolve();
      },
      onException: (error: Error) => reject(error),
    };
    for (let i = 0; i < IN_FLIGHT; i++) sendNext();
  });
}

async function offsetOf(code: number, topic: string, queueId: number): Promise<number> {
  return Number((await rawRequest(cluster.broker.address, code, { topic, queueId: String(queueId) })).extFields?.offset ?? 0);
}

/** UNIQ_KEY and times of the messages of a queue. */
async function readQueue(topic: string, queueId: number, use: (key: string, storeMs: number, properties: string) => void): Promise<void> {
  const end = await offsetOf(30, topic, queueId);
  for (let offset = 0; offset < end; ) {
    const response = await rawRequest(cluster.broker.address, 11, {
      consumerGroup: 'reader',
      topic,
      queueId: String(queueId),
      queueOffset: String(offset),
      maxMsgNums: '32',
      sysFlag: '4',
      commitOffset: '0',
      suspendTimeoutMillis: '0',
      subscription: '*',
      subVersion: '0',
      expressionType: 'TAG',
    });
    expect(response.code).toBe(0);
    for (const { properties, storeTimestamp } of decodeRecords(response.body)) {
      use(getProperty(properties, 'UNIQ_KEY') ?? '', storeTimestamp, properties);
    }
    offset = Number(response.extFields?.nextBeginOffset);
  }
}

/** Waits for all copies on the real topic, and tells how late each was: every one once, none early. */
async function latenessOf(topic: string, dueMs: ReadonlyMap<string, number>, timeoutMs: number): Promise<number[]> {
  const queues = 4;
  const delivered = async (): Promise<number> => {
    let sum = 0;
    for (let id = 0; id < queues; id++) sum += await offsetOf(30, topic, id);
    return sum;
  };
  await until(async () => (await delivered()) >= dueMs.size + 1, timeoutMs);
  const late: number[] = [];
  for (let id = 0; id < queues; id++) {
    await readQueue(topic, id, (key, storeMs) => {
      const due = dueMs.get(key);
      if (due !== undefined) late.push(storeMs - due);
    });
  }
  expect(late).toHaveLength(dueMs.size);
  return late.sort((a, b) => a - b);
}

function report(what: string, late: readonly number[]): { p50: number; p99: number } {
  const at = (share: number): number => late[Math.min(late.length - 1, Math.floor(late.length * share))]!;
  const result = { p50: at(0.5), p99: at(0.99) };
  process.stdout.write(`${what}: ${late.length} messages, delivered − due ms: p50 ${result.p50}, p99 ${result.p99}, max ${late.at(-1)}\n`);
  return result;
}

it(`delivers ${COUNT} messages of ${LEVELS} delay levels within a second of their time (p99)`, async () => {
  const body = Buffer.alloc(128, 'd');
  await sendAll(COUNT, (i) => ({ topic: 'LevelAccuracy', body, delayTimeLevel: 1 + (i % LEVELS) }));
  const dueMs = new Map<string, number>();
  for (let level = 0; level < LEVELS; level++) {
    await readQueue('SCHEDULE_TOPIC_XXXX', level, (key, storeMs) => dueMs.set(key, storeMs + (FIRST_LEVEL_SEC + level) * 1000));
  }
  expect(dueMs.size).toBe(COUNT);
  const late = await latenessOf('LevelAccuracy', dueMs, 180_000);
  expect(late[0]).toBeGreaterThanOrEqual(0);
  expect(report('delay levels', late).p99).toBeLessThanOrEqual(1000);
}, 300_000);

it.each([
  ['over a minute', 60_000, 1000],
  // More than one process can deliver at once: how long that takes is printed.
  ['of one second', 1000, 60_000],
])(
  `delivers ${COUNT} timer messages %s (due within %i ms): each once, none early, p99 at most %i ms late`,
  async (what, spreadMs, boundMs) => {
    const topic = `TimerAccuracy${spreadMs}`;
    const firstMs = Date.now() + 45_000;
    const body = Buffer.alloc(128, 't');
    await sendAll(COUNT, (i) => ({ topic, body, deliverTimeMs: firstMs + ((i * 7919) % spreadMs) }));
    expect(Date.now()).toBeLessThan(firstMs);
    const dueMs = new Map<string, number>();
    const parked = await offsetOf(30, 'rmq_sys_wheel_timer', 0);
    expect(parked).toBeGreaterThanOrEqual(COUNT);
    await readQueue('rmq_sys_wheel_timer', 0, (key, _storeMs, properties) => {
      if (getProperty(properties, 'REAL_TOPIC') === topic) dueMs.set(key, Number(getProperty(properties, 'TIMER_DELIVER_MS')));
    });
    const late = await latenessOf(topic, dueMs, 240_000);
    expect(late[0]).toBeGreaterThanOrEqual(0);
    expect(report(`timers ${what}`, late).p99).toBeLessThanOrEqual(boundMs);
  },
  400_000,
);
