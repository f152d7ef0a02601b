/* Records of a page that cannot be read: they alone are left out, and said to be. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AdminClient } from '../../src/client/admin/admin-client.js';
import { pullOnce } from '../../src/client/admin/admin-pull.js';
import { QueueReader, type ReadNotice } from '../../src/client/admin/queue-reader.js';
import { LitePullConsumer } from '../../src/client/consumer/lite-pull-consumer.js';
import { readPoppedMessages } from '../../src/client/consumer/pop-result.js';
import { PullConsumer } from '../../src/client/consumer/pull-consumer.js';
import { PushConsumer } from '../../src/client/consumer/push-consumer.js';
import { buildSubscription } from '../../src/client/subscription.js';
import type { Logger } from '../../src/common/logger.js';
import { encodeProperties } from '../../src/common/message/properties.js';
import { encodeRecordBuffer, MAGIC_CODE_POS } from '../../src/common/message/record.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { until } from '../sandbox.js';
import { FakeCluster } from './fake-cluster.js';

const HOST = { ip: Buffer.from([127, 0, 0, 1]), port: 10911 };

function record(queueOffset: number, properties: Record<string, string> = {}): Buffer {
  return encodeRecordBuffer({
    magicVersion: 1,
    queueId: 0,
    flag: 0,
    queueOffset,
    commitLogOffset: queueOffset * 200,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    bornHost: HOST,
    storeTimestamp: 1_700_000_000_001,
    storeHost: HOST,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.from(`m${queueOffset}`),
    topic: 'T',
    properties: encodeProperties({ UNIQ_KEY: `u${queueOffset}`, TAGS: 'A', ...properties }),
  });
}

type Damage = (record: Buffer) => void;
const propertiesLength: Damage = (bytes) =>
  bytes.writeInt16BE(-4000, bytes.length - 2 - Buffer.byteLength('UNIQ_KEY\u0001u1\u0002TAGS\u0001A\u0002'));
const magic: Damage = (bytes) => bytes.writeInt32BE(1, MAGIC_CODE_POS);
const size: Damage = (bytes) => bytes.writeInt32BE(2_000_000_000, 0);

/** The messages 0 to 3, of which the second is damaged. */
function page(damage: Damage = propertiesLength): Buffer {
  const records = [0, 1, 2, 3].map((offset) => record(offset));
  damage(records[1]!);
  return Buffer.concat(records);
}

const END = { nextBeginOffset: '4', minOffset: '0', maxOffset: '5', suggestWhichBrokerId: '0' };
const LAST = { nextBeginOffset: '5', minOffset: '0', maxOffset: '5', suggestWhichBrokerId: '0' };

let cluster: FakeCluster;
let bytes: Buffer;
let warnings: string[];
let logger: Logger;
let stop: (() => Promise<void>) | undefined;

beforeEach(async () => {
  warnings = [];
  logger = { debug: () => {}, info: () => {}, warn: (text) => void warnings.push(text), error: () => {} };
  bytes = page();
  cluster = await FakeCluster.start();
  cluster.addTopic('T', { queueCount: 1 });
  const broker = cluster.brokers[0]!;
  broker.answerConsumerList(() => [clientId]);
  broker.on(RequestCode.QUERY_CONSUMER_OFFSET, (conn, request) => conn.respond(request, ResponseCode.SUCCESS, null, { offset: '0' }));
  for (const code of [RequestCode.PULL_MESSAGE, RequestCode.LITE_PULL_MESSAGE]) {
    broker.on(code, (conn, request) => {
      const offset = request.extFields?.queueOffset;
      if (offset === '0') {
        conn.respond(request, ResponseCode.SUCCESS, null, END, bytes);
      } else if (offset === '4') {
        conn.respond(request, ResponseCode.SUCCESS, null, LAST, record(4));
      }
      // Others are held: there is no more.
    });
  }
});

afterEach(async () => {
  await stop?.();
  stop = undefined;
  await cluster.stop();
});

let clientId = '';

async function push(expression: string): Promise<{ seen: string[]; consumer: PushConsumer }> {
  const { namesrvAddr } = cluster;
  const consumer = new PushConsumer({ namesrvAddr, consumerGroup: 'G', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', logger });
  clientId = consumer.clientId;
  const seen: string[] = [];
  await consumer.subscribe('T', expression);
  consumer.onMessage((messages) => {
    seen.push(...messages.map(({ msgId }) => msgId));
    return 'CONSUME_SUCCESS';
  });
  stop = () => consumer.shutdown();
  await consumer.start();
  return { seen, consumer };
}

it.each(['A', '*'])('a push consumer that subscribed %s gets the other messages of the page', async (expression) => {
  const { seen } = await push(expression);
  await until(() => seen.includes('u4'));
  expect(seen.sort()).toEqual(['u0', 'u2', 'u3', 'u4']);
  expect(warnings.filter((text) => text.includes('left out'))).toEqual([
    expect.stringMatching(/^messages of T\/broker-a\/0 from offset 0 to 3 that cannot be read are left out: .*properties length is -4000$/),
  ]);
});

it('behind a record whose size is broken a push consumer goes on at the next page', async () => {
  bytes = page(size);
  const { seen } = await push('A');
  await until(() => seen.includes('u4'));
  expect(seen).toEqual(['u0', 'u4']);
});

it('an offset behind its page does not hide the messages up to it', async () => {
  bytes = Buffer.concat([record(0), record(2 ** 40), record(2), record(3)]);
  const { seen } = await push('*');
  await until(() => seen.includes('u4'));
  expect(seen.sort()).toEqual(['u0', 'u2', 'u3', 'u4']);
  expect(warnings.join()).toContain(`queueOffset is ${2 ** 40} in a page that ends before 4`);
});

it('a lite pull consumer polls the other messages and goes on behind the page', async () => {
  const consumer = new LitePullConsumer({
    namesrvAddr: cluster.namesrvAddr,
    consumerGroup: 'G',
    logger,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  });
  clientId = consumer.clientId;
  stop = () => consumer.shutdown();
  await consumer.subscribe('T', 'A');
  await consumer.start();
  const seen: string[] = [];
  await until(async () => {
    seen.push(...(await consumer.poll(100)).map(({ msgId }) => msgId));
    return seen.includes('u4');
  });
  expect(seen).toEqual(['u0', 'u2', 'u3', 'u4']);
  expect(warnings.join()).toContain('left out');
});

it.each<[string, Damage, number, string[]]>([
  ['properties', propertiesLength, 1, ['u0', 'u2', 'u3']],
  ['magic code', magic, 1, ['u0', 'u2', 'u3']],
  ['size', size, 1, ['u0']],
])('a pull of a page with a record of broken %s says so and has what can be read', async (_what, damage, count, msgIds) => {
  bytes = page(damage);
  const consumer = new PullConsumer({ namesrvAddr: cluster.namesrvAddr, consumerGroup: 'G', logger });
  stop = () => consumer.shutdown();
  await consumer.start();
  const [queue] = await consumer.fetchMessageQueues('T');
  const result = await consumer.pull(queue!, 'A', 0, 32);
  expect(result.messages.map(({ msgId }) => msgId)).toEqual(msgIds);
  expect(result.unreadable).toHaveLength(count);
  expect(result.nextBeginOffset).toBe(4);
  expect(warnings.filter((text) => text.includes('left out'))).toHaveLength(1);
});

/** Administration whose broker gives the page. */
function adminOf(): AdminClient {
  const response = { code: ResponseCode.SUCCESS, extFields: END, body: bytes, remark: null };
  return { timeoutMs: 1_000, remoting: { invoke: async () => response }, ask: async () => response } as unknown as AdminClient;
}

it('a reader of a queue gives the other messages and tells of those left out', async () => {
  const queue = { topic: 'T', brokerName: 'broker-a', queueId: 0 };
  const notices: ReadNotice[] = [];
  const subscription = buildSubscription('T', 'A', 0);
  const onNotice = (notice: ReadNotice) => void notices.push(notice);
  const reader = new QueueReader(adminOf(), { queue, from: 0, to: 4, subscription, isWanted: () => true, addr: () => 'a:1', onNotice });
  const answer = await reader.pull();
  expect(answer.messages.map(({ msgId }) => msgId)).toEqual(['u0', 'u2', 'u3']);
  expect(notices).toMatchObject([{ kind: 'unreadable', queue, fromOffset: 0, toOffset: 4, errors: [{ code: 'RECORD_MALFORMED' }] }]);
});

it('a pull of the administration has what can be read, and what is wrong with the rest', async () => {
  const pulled = await pullOnce(adminOf(), 'a:1', { topic: 'T', brokerName: 'broker-a', queueId: 0, offset: 0, maxNums: 32 });
  expect(pulled.messages.map(({ msgId }) => msgId)).toEqual(['u0', 'u2', 'u3']);
  expect(pulled.unreadable).toMatchObject([{ code: 'RECORD_MALFORMED' }]);
});

it('a pop gives the other messages, also those that carry the receipt of another pop or none that can be read', () => {
  const records = [record(0), record(1), record(2, { POP_CK: 'made up' }), record(3, { POP_CK: '0 99 60000 0 0 broker-b 7 1' })];
  propertiesLength(records[1]!);
  const extFields = { popTime: '1000', invisibleTime: '60000', reviveQid: '0', restNum: '0', startOffsetInfo: '0 0 0' };
  const errors: unknown[] = [];
  const response = { code: ResponseCode.SUCCESS, extFields, body: Buffer.concat(records) } as unknown as RemotingCommand;
  const popped = readPoppedMessages(response, 'broker-a', errors as never);
  expect(popped.map(({ message, receipt }) => [message.msgId, receipt.brokerName, receipt.queueOffset])).toEqual([
    ['u0', 'broker-a', 0],
    ['u2', 'broker-a', 2],
    ['u3', 'broker-a', 3],
  ]);
  expect(errors).toHaveLength(1);
});
