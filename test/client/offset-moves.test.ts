import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { PushConsumer } from '../../src/client/consumer/push-consumer.js';
import { Producer } from '../../src/client/producer/producer.js';
import {
  decodeBrokerStatsData,
  decodeConsumerStatusBody,
  decodeConsumeStats,
  decodeResetOffsetBody,
} from '../../src/remoting/bodies/consume-stats.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { RawClient } from '../broker/kit.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';

let sandbox: Sandbox;
let producer: Producer;
let admin: RawClient;
let consumer: PushConsumer | null = null;
const received: string[] = [];

beforeAll(async () => {
  sandbox = await startSandbox();
  producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PMoves' });
  await producer.start();
  admin = new RawClient(sandbox.brokerAddr);
});
afterEach(async () => {
  await consumer?.shutdown();
  consumer = null;
  sandbox.brokers[0]!.parts.config.broker.useServerSideResetOffset = true;
});
afterAll(async () => {
  await admin.close();
  await producer.shutdown();
  await sandbox.stop();
});

/** Sends `count` messages and starts a consumer that takes them. */
async function consumed(topic: string, count: number): Promise<void> {
  received.length = 0;
  for (let i = 0; i < count; i++) await producer.send({ topic, body: Buffer.from(`m${i}`) });
  consumer = new PushConsumer({ namesrvAddr: sandbox.namesrvAddr, consumerGroup: `G${topic}`, persistConsumerOffsetIntervalMs: 50 });
  await consumer.subscribe(topic, '*');
  consumer.onMessage((messages) => {
    received.push(...messages.map(({ body }) => body.toString()));
    return 'CONSUME_SUCCESS';
  });
  await consumer.start();
  await until(() => received.length === count);
}

const progress = async (topic: string) => {
  const stats = await admin.invoke(RequestCode.GET_CONSUME_STATS, { consumerGroup: `G${topic}`, topic });
  return decodeConsumeStats(stats.body).offsetTable.map(([, row]) => row);
};
const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

it('a consumer of n messages has n in the statistics, and neither lag nor messages in flight', async () => {
  await consumed('Counts', 24);
  await consumer!.shutdown();
  for (const [statsName, statsKey] of [
    ['TOPIC_PUT_NUMS', 'Counts'],
    ['GROUP_GET_NUMS', 'Counts@GCounts'],
  ] as const) {
    const answer = await admin.invoke(RequestCode.VIEW_BROKER_STATS_DATA, { statsName, statsKey });
    expect([statsName, decodeBrokerStatsData(answer.body).statsMinute.sum]).toEqual([statsName, 24]);
  }
  const rows = await progress('Counts');
  expect(sum(rows.map(({ brokerOffset, consumerOffset }) => brokerOffset - consumerOffset))).toBe(0);
  expect(sum(rows.map(({ pullOffset, consumerOffset }) => pullOffset! - consumerOffset))).toBe(0);
  for (const { lastTimestamp } of rows) expect(lastTimestamp).toBeGreaterThan(0);
});

it.each([
  ['the broker keeps the reset', true],
  ['the broker tells it to move', false],
])('a consumer that is online begins again when %s', async (what, isHere) => {
  const topic = what.replaceAll(' ', '_');
  await consumed(topic, 8);
  const request = { topic, group: `G${topic}` };
  const status = await admin.invoke(RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, request);
  const [table] = decodeConsumerStatusBody(status.body).consumerTable.values();
  expect(sum(table!.map(([, offset]) => offset))).toBe(8);
  // Clients can be told to move only where they have committed.
  await until(async () => sum((await progress(topic)).map(({ consumerOffset }) => consumerOffset)) === 8, 10_000);
  sandbox.brokers[0]!.parts.config.broker.useServerSideResetOffset = isHere;
  const answer = await admin.invoke(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, { ...request, timestamp: '0', isForce: 'true' });
  expect(decodeResetOffsetBody(answer.body).map(([, offset]) => offset)).toEqual([0, 0, 0, 0]);
  await until(() => received.length >= 16, 15_000);
  expect([...received].sort()).toEqual([...received.slice(0, 8), ...received.slice(0, 8)].sort());
  await producer.send({ topic, body: Buffer.from('next') });
  await until(() => received.at(-1) === 'next');
});

it('a topic that was deleted and made again while its consumer stayed loses nothing', async () => {
  await consumed('Again', 12);
  await until(async () => sum((await progress('Again')).map(({ consumerOffset }) => consumerOffset)) === 12, 10_000);
  await admin.invoke(RequestCode.DELETE_TOPIC_IN_BROKER, { topic: 'Again' });
  received.length = 0;
  for (let i = 0; i < 20; i++) await admin.send({ topic: 'Again', queueId: i % 4, body: `n${i}` });
  await until(() => new Set(received).size === 20, 20_000);
});
