import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PushConsumer } from '../../src/client/consumer/push-consumer.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';
import { RawClient } from './kit.js';

const FILE_BYTES = 16_384;
const MESSAGES = 60;

let sandbox: Sandbox;
let client: RawClient;
beforeEach(async () => {
  sandbox = await startSandbox({
    brokerConfig: { mappedFileSizeCommitLog: FILE_BYTES, deleteCommitLogFilesInterval: 0, cleanResourceInterval: 200 },
  });
  client = new RawClient(sandbox.brokerAddr);
});
afterEach(async () => {
  await client.close();
  await sandbox.stop();
});

/** Puts the last change of every commit log file four days back and asks for the deletion of expired ones. */
async function deleteExpired(): Promise<void> {
  const folder = join(sandbox.dir, 'broker-a', 'commitlog');
  const old = new Date(Date.now() - 4 * 86_400_000);
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), old, old);
  expect((await client.invoke(RequestCode.DELETE_EXPIRED_COMMITLOG)).code).toBe(ResponseCode.SUCCESS);
  const { store } = sandbox.brokers[0]!;
  await until(() => store.commitLogMaxOffset() - store.commitLogMinOffset() < FILE_BYTES, 15_000);
}

it('a consumer behind the first message is sent there with code 21, and gets every message that is left', async () => {
  for (let i = 0; i < MESSAGES; i++) {
    await client.send({ topic: 'Aged', body: `${i}`.padEnd(1000) });
  }
  await client.heartbeat({ clientId: 'c', group: 'Behind', subscriptions: { Aged: '*' } });
  await client.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, { consumerGroup: 'Behind', topic: 'Aged', queueId: '0', commitOffset: '3' });
  await deleteExpired();
  const first = Number((await client.invoke(RequestCode.GET_MIN_OFFSET, { topic: 'Aged', queueId: '0' })).extFields?.offset);
  expect(first).toBeGreaterThan(10);
  const { code, remark, extFields } = await client.pull({ topic: 'Aged', offset: 3, sysFlag: 4, subscription: '*' });
  expect([code, remark]).toEqual([ResponseCode.PULL_OFFSET_MOVED, 'OFFSET_TOO_SMALL']);
  expect(extFields).toMatchObject({ nextBeginOffset: String(first), minOffset: String(first), maxOffset: String(MESSAGES) });

  const bodies: string[] = [];
  const consumer = new PushConsumer({ namesrvAddr: sandbox.namesrvAddr, consumerGroup: 'Behind' });
  consumer.onMessage((messages) => {
    bodies.push(...messages.map(({ body }) => body.toString().trimEnd()));
    return 'CONSUME_SUCCESS';
  });
  await consumer.subscribe('Aged');
  await consumer.start();
  try {
    await until(() => bodies.length >= MESSAGES - first, 15_000);
    expect(bodies.sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: MESSAGES - first }, (_, i) => String(first + i)));
  } finally {
    await consumer.shutdown();
  }
}, 180_000);

it('the place of a delay level behind the first message is where the next start begins, at that message', async () => {
  const { store, delay } = sandbox.brokers[0]!.parts;
  delay.stop();
  for (let i = 0; i < MESSAGES; i++) {
    await client.send({ topic: 'Aged', body: `${i}`.padEnd(1000), properties: { DELAY: '18' } });
  }
  await deleteExpired();
  const queueId = 17;
  const min = store.minOffset('SCHEDULE_TOPIC_XXXX', queueId);
  expect([min > 10, store.maxOffset('SCHEDULE_TOPIC_XXXX', queueId)]).toEqual([true, MESSAGES]);
  delay.load();
  expect(delay.progress().find(({ level }) => level === 18)).toMatchObject({ offset: min, maxOffset: MESSAGES });
}, 180_000);
