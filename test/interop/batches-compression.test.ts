import { mkdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PullConsumer } from '../../src/client/consumer/pull-consumer.js';
import type { PulledMessage } from '../../src/client/consumer/pulled-message.js';
import { PushConsumer } from '../../src/client/consumer/push-consumer.js';
import { Producer } from '../../src/client/producer/producer.js';
import type { CompressionTypeName } from '../../src/common/compression.js';
import { encodeBatch } from '../../src/common/message/batch.js';
import { decodeProperties } from '../../src/common/message/properties.js';
import {
  APACHE_VERSIONS,
  type ApacheVersion,
  type ClientDriver,
  goClient,
  javaClient,
  peersAvailable,
  rawRequest,
} from '../peers/index.js';
import { startSandbox } from '../sandbox.js';
import { type Side, StoreExchange } from './store-exchange.js';
import { dumpQueue, type QueueDump } from './store-reading.js';
import { bodyOf, createGroup, createTopic, interop, rawPull, route, startTarget, type Target, targetVersion, until } from './support.js';

const TYPES: readonly CompressionTypeName[] = ['ZLIB', 'LZ4', 'ZSTD'];
const SYS_FLAGS: Readonly<Record<CompressionTypeName, number>> = { ZLIB: 0x301, LZ4: 0x101, ZSTD: 0x201 };
/** Compresses well, but not to nothing. */
const LONG_BODY = Array.from({ length: 1200 }, (_, i) => `line ${(i * 7919) % 1000}`).join('\n');

async function createBatchTopic(target: Target, topic: string): Promise<void> {
  const fields = { topic, defaultTopic: 'TBW102', readQueueNums: '1', writeQueueNums: '1', perm: '6', topicFilterType: 'SINGLE_TAG' };
  const response = await rawRequest(target.broker.address, 17, {
    ...fields,
    topicSysFlag: '0',
    order: 'false',
    attributes: '+queue.type=BatchCQ',
  });
  expect(response).toMatchObject({ code: 0 });
  await until(async () => (await route(target, topic)) !== null);
}

/** sysFlag of a queue's first record: it follows total size, magic, CRC, queue id, flag, queue offset and physical offset. */
async function storedSysFlag(target: Target, topic: string): Promise<number> {
  return (await rawPull(target, { topic, queueId: 0, offset: 0, maxNums: 1 })).body.readInt32BE(36);
}

interop('batches and compressed bodies', 'java', () => {
  const closing: (() => Promise<unknown>)[] = [];
  let target: Target;
  let puller: PullConsumer;

  beforeAll(async () => {
    target = await startTarget();
    puller = new PullConsumer({ namesrvAddr: target.namesrvAddr, consumerGroup: 'OursPull' });
    await puller.start();
    closing.push(() => puller.shutdown());
  });
  afterAll(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await target?.stop();
  });

  const ours = async (options: { compressType?: CompressionTypeName; innerBatch?: boolean } = {}): Promise<Producer> => {
    const producer = new Producer({
      namesrvAddr: target.namesrvAddr,
      producerGroup: `Ours${closing.length}`,
      sendMsgTimeoutMs: 30_000,
      ...options,
    });
    await producer.start();
    closing.push(() => producer.shutdown());
    return producer;
  };
  const java = async (version: ApacheVersion, compressType?: CompressionTypeName): Promise<ClientDriver> => {
    const driver = await javaClient(version, compressType === undefined ? {} : { compressType });
    closing.push(() => driver.close());
    const group = `Java${closing.length}`;
    await driver.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group });
    await driver.startPull({ name: 'c', namesrvAddr: target.namesrvAddr, group: `${group}Pull` });
    return driver;
  };
  const pullAll = async (topic: string, offset = 0, expression = '*'): Promise<readonly PulledMessage[]> => {
    const result = await puller.pull({ topic, brokerName: target.brokerName, queueId: 0 }, expression, offset, 32);
    return result.messages;
  };
  const javaPull = async (driver: ClientDriver, topic: string, offset = 0, expression = '*') =>
    (await driver.pull('c', { topic, brokerName: target.brokerName, queueId: 0 }, { offset, expression })).messages;

  describe.each(TYPES)('checklist 7: %s', (type) => {
    it('bodies of a Java producer reach our consumer, and ours reach Java consumers', async () => {
      const topic = `Packed${type}`;
      await createTopic(target, topic, 1);
      const driver = await java('5.3.3', type);
      await driver.send('p', { topic, body: LONG_BODY });
      expect(await storedSysFlag(target, topic)).toBe(SYS_FLAGS[type]);
      const producer = await ours({ compressType: type });
      const sent = await producer.send({ topic, body: Buffer.from(LONG_BODY) });
      expect(sent.queueOffset).toBe(1);
      const both = (await rawPull(target, { topic, queueId: 0, offset: 1, maxNums: 1 })).body;
      expect(both.readInt32BE(36)).toBe(SYS_FLAGS[type]);
      expect(both.length).toBeLessThan(LONG_BODY.length);
      expect((await pullAll(topic)).map((message) => message.body.toString())).toEqual([LONG_BODY, LONG_BODY]);
      expect((await javaPull(driver, topic)).map(bodyOf)).toEqual([LONG_BODY, LONG_BODY]);
      if (type === 'ZLIB') {
        const old = await java('4.9.7');
        expect((await javaPull(old, topic)).map(bodyOf)).toEqual([LONG_BODY, LONG_BODY]);
        await old.send('p', { topic, body: LONG_BODY });
        expect((await pullAll(topic, 2)).map((message) => message.body.toString())).toEqual([LONG_BODY]);
      }
    });
  });

  it.skipIf(!peersAvailable().go)('checklist 7: zlib bodies of client-go reach our consumer, and ours reach client-go', async () => {
    const topic = 'PackedGo';
    await createTopic(target, topic, 1);
    await createGroup(target, 'GoPacked');
    const go = await goClient();
    closing.push(() => go.close());
    await go.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: 'GoPackedP', compressMsgBodyOverHowmuch: 100 });
    await go.send('p', { topic, body: LONG_BODY });
    expect((await storedSysFlag(target, topic)) & 1).toBe(1);
    expect((await pullAll(topic)).map((message) => message.body.toString())).toEqual([LONG_BODY]);
    await (await ours()).send({ topic, body: Buffer.from(LONG_BODY) });
    const consumer = { name: 'c', namesrvAddr: target.namesrvAddr, group: 'GoPacked', subscriptions: { [topic]: '*' } };
    await go.startPush({ ...consumer, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
    expect((await go.receive('c', 2)).map(({ body }) => body)).toEqual([LONG_BODY, LONG_BODY]);
    await go.stopPush('c');
  });

  it('a body of a type that nobody knows stops neither our consumer nor its queue', async () => {
    const topic = 'PackedUnknown';
    await createTopic(target, topic, 1);
    await createGroup(target, 'OursUnknown');
    const header = { a: 'raw', b: topic, c: 'TBW102', d: '4', e: '0', g: '1700000000000', h: '0', i: '', j: '0', k: 'false', m: 'false' };
    expect(await rawRequest(target.broker.address, 310, { ...header, f: String(0x401) }, 'odd')).toMatchObject({ code: 0 });
    expect(await rawRequest(target.broker.address, 310, { ...header, f: '0' }, 'even')).toMatchObject({ code: 0 });
    const seen: string[] = [];
    const consumer = new PushConsumer({
      namesrvAddr: target.namesrvAddr,
      consumerGroup: 'OursUnknown',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    });
    await consumer.subscribe(topic);
    consumer.onMessage((messages) => {
      for (const message of messages) {
        try {
          seen.push(message.body.toString());
        } catch (error) {
          seen.push(String(error));
        }
      }
      return 'CONSUME_SUCCESS';
    });
    await consumer.start();
    closing.push(() => consumer.shutdown());
    await until(() => seen.length === 2, 60_000);
    expect(seen.toSorted()).toEqual([expect.stringContaining('compression type 4'), 'even']);
  });

  it.each(APACHE_VERSIONS)('checklist 8: batches between our clients and Java %s have one id, tag and key a message', async (version) => {
    const topic = `BothWays${version.replaceAll('.', '')}`;
    await createTopic(target, topic, 1);
    const driver = await java(version);
    const bodies = ['a', 'b', 'c'];
    const theirs = await driver.sendBatch(
      'p',
      bodies.map((body) => ({ topic, body, tags: body, keys: `key-${body}` })),
    );
    const sent = await (await ours()).sendBatch(
      bodies.map((body) => ({ topic, body: Buffer.from(body), tags: body, keys: `key-${body}` })),
    );
    expect([theirs.queueOffset, sent.queueOffset]).toEqual([0, 3]);
    expect(new Set(sent.offsetMsgId.split(',')).size).toBe(3);
    const expected = [...bodies, ...bodies].map((body, i) => [body, i, body, `key-${body}`]);
    const pulled = await javaPull(driver, topic);
    expect(pulled.map((message) => [bodyOf(message), message.queueOffset, message.tags, message.keys])).toEqual(expected);
    expect(pulled.slice(3).map((message) => message.msgId)).toEqual(sent.msgId.split(','));
    const own = await pullAll(topic);
    expect(own.map((message) => [message.body.toString(), message.queueOffset, message.tags, message.keys.join(' ')])).toEqual(expected);
    // Apache's 5.x broker hands the id of a batch that has one to each of its messages.
    if (targetVersion() === null) expect(own.slice(0, 3).map((message) => message.msgId)).toEqual(theirs.msgId.split(','));
    expect((await pullAll(topic, 0, 'b')).map((message) => message.queueOffset)).toEqual([1, 4]);
    expect(own.map((message) => message.offsetMsgId)).toEqual([...(theirs.offsetMsgId ?? '').split(','), ...sent.offsetMsgId.split(',')]);
  });

  describe.skipIf(targetVersion() === '4.9.7')('inner batches', () => {
    it('of Java 5.3.3 and of our producer are unwrapped by both', async () => {
      const topic = 'InnerBoth';
      await createBatchTopic(target, topic);
      const driver = await java('5.3.3');
      const theirs = await driver.sendBatch(
        'p',
        ['a', 'b', 'c'].map((body) => ({ topic, body, tags: body })),
      );
      expect(theirs).toMatchObject({
        sendStatus: 'SEND_OK',
        queueOffset: 0,
        msgId: expect.stringMatching(/^[0-9A-F]{32}([0-9A-F]{24})?$/),
      });
      const sent = await (await ours({ innerBatch: true })).sendBatch(
        ['d', 'e'].map((body) => ({ topic, body: Buffer.from(body), tags: body })),
      );
      expect([sent.queueOffset, sent.msgId.includes(','), sent.offsetMsgId.includes(',')]).toEqual([3, false, false]);
      const [first] = (await dumpQueue(target, topic, 0)).records;
      expect(first?.sysFlag).toBe(0xc0);
      expect(decodeProperties(first?.properties ?? '').get('INNER_NUM')).toBe('3');
      const pulled = await javaPull(driver, topic);
      expect(pulled.map((message) => [bodyOf(message), message.queueOffset, message.tags])).toEqual(
        ['a', 'b', 'c', 'd', 'e'].map((body, i) => [body, i, body]),
      );
      const own = await pullAll(topic);
      expect(own.map((message) => [message.body.toString(), message.queueOffset, message.tags, message.msgId])).toEqual(
        pulled.map((message) => [bodyOf(message), message.queueOffset, message.tags, message.msgId]),
      );
      expect((await pullAll(topic, 2)).map((message) => message.body.toString())).toEqual(['c', 'd', 'e']);
      expect(await driver.offset('c', { topic, brokerName: target.brokerName, queueId: 0 }, 'max')).toBe(5);
    });

    // Apache's broker takes these and shows them to nobody.
    it.skipIf(targetVersion() !== null)('share their topic with single messages and with batches of Java 4.9.7', async () => {
      const topic = 'InnerMixed';
      await createBatchTopic(target, topic);
      await createGroup(target, 'JavaMixed');
      await createGroup(target, 'OursMixed');
      const old = await java('4.9.7');
      const driver = await java('5.3.3');
      await old.sendBatch(
        'p',
        ['a', 'b'].map((body) => ({ topic, body, tags: 'T' })),
      );
      await driver.sendBatch(
        'p',
        ['c', 'd'].map((body) => ({ topic, body, tags: body === 'c' ? 'T' : 'U' })),
      );
      await driver.send('p', { topic, body: 'e', tags: 'T' });
      const init = { namesrvAddr: target.namesrvAddr, subscriptions: { [topic]: 'T' }, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' };
      await driver.startPush({ ...init, name: 'push', group: 'JavaMixed' });
      const seen: string[] = [];
      const consumer = new PushConsumer({
        namesrvAddr: target.namesrvAddr,
        consumerGroup: 'OursMixed',
        consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      });
      await consumer.subscribe(topic, 'T');
      consumer.onMessage((messages) => {
        for (const message of messages) seen.push(message.body.toString());
        return 'CONSUME_SUCCESS';
      });
      await consumer.start();
      closing.push(() => consumer.shutdown());
      expect((await driver.receive('push', 4)).map(({ body }) => body).toSorted()).toEqual(['a', 'b', 'c', 'e']);
      await until(() => seen.length === 4, 60_000);
      expect(seen.toSorted()).toEqual(['a', 'b', 'c', 'e']);
      await driver.stopPush('push');
    });

    it('that contradict themselves get 13', async () => {
      const topic = 'InnerRefused';
      await createBatchTopic(target, topic);
      const header = { a: 'raw', b: topic, c: 'TBW102', d: '4', e: '0', g: '1700000000000', h: '0', j: '0', k: 'false', m: 'false' };
      const body = encodeBatch([{ flag: 0, body: Buffer.from('x'), properties: '' }]);
      const num = 'INNER_NUM\u00011\u0002';
      expect(await rawRequest(target.broker.address, 310, { ...header, f: '0', i: num }, body)).toMatchObject({ code: 13 });
      await createTopic(target, 'InnerSimple', 1);
      const simple = { ...header, b: 'InnerSimple' };
      expect(await rawRequest(target.broker.address, 310, { ...simple, f: '192', i: num }, body)).toMatchObject({ code: 13 });
      expect(await rawRequest(target.broker.address, 310, { ...simple, f: '0', i: num }, body)).toMatchObject({ code: 13 });
    });
  });
});

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((info) => info?.address === '::1');

interop('a broker on ::1', 'java', () => {
  it.skipIf(!hasIpv6)('serves Java 5.3.3, and finds its messages by ids of 56 digits', async () => {
    const sandbox = await startSandbox({ brokerConfig: { bindAddress: '::1', brokerIP1: '::1' } });
    const driver = await javaClient('5.3.3', { ipv6: true });
    try {
      await driver.startProducer({ name: 'p', namesrvAddr: sandbox.namesrvAddr, group: 'V6P' });
      const sent = await driver.send('p', { topic: 'V6Java', body: 'over v6' });
      expect(sent).toMatchObject({ sendStatus: 'SEND_OK', offsetMsgId: expect.stringMatching(/^0{31}1[0-9A-F]{24}$/) });
      const seen = await driver.call('producer.view', { name: 'p', topic: 'V6Java', msgId: sent.offsetMsgId });
      expect(seen).toMatchObject({ offsetMsgId: sent.offsetMsgId, sysFlag: 0x30 });
      await driver.startPull({ name: 'c', namesrvAddr: sandbox.namesrvAddr, group: 'V6C' });
      const queue = { topic: 'V6Java', brokerName: sent.brokerName, queueId: sent.queueId };
      expect((await driver.pull('c', queue, { offset: 0 })).messages.map(bodyOf)).toEqual(['over v6']);
    } finally {
      await driver.close();
      await sandbox.stop();
    }
  });
});

interop('a store with batches and record CRCs', 'java', () => {
  const FILES = {
    mappedFileSizeCommitLog: 65_536,
    mappedFileSizeConsumeQueue: 2000,
    mapperFileSizeBatchConsumeQueue: 46 * 8,
    maxHashSlotNum: 50,
    maxIndexNum: 100,
    enabledAppendPropCRC: true,
    forceVerifyPropCRC: true,
  };
  const TOPICS = ['StoredBatch', 'StoredInner'];
  let exchange: StoreExchange;

  beforeAll(async () => {
    exchange = await StoreExchange.start('batch-stores');
  });
  afterAll(async () => {
    await exchange?.end();
  });

  const open = async (side: Side, storeDir: string) => {
    const broker = await exchange.open(side, { storeDir, config: FILES, apacheConfig: { timerWheelEnable: false } });
    return { broker, target: exchange.targetOf(broker) };
  };
  const send = async (target: Target, topic: string, count: number, mark: string): Promise<void> => {
    const parts = Array.from({ length: count }, (_, i) => ({
      flag: 0,
      body: Buffer.alloc(300, `${mark}${i}`),
      properties: `UNIQ_KEY\u0001${mark}${i}\u0002`,
    }));
    const fields = { a: 'raw', b: topic, c: 'TBW102', d: '4', e: '0', f: '0', g: '1', h: '0', j: '0', k: 'false', m: 'true' };
    const i = topic === 'StoredInner' ? `UNIQ_KEY\u0001${mark}\u0002` : 'WAIT\u0001true\u0002';
    expect(await rawRequest(target.broker.address, 320, { ...fields, i }, encodeBatch(parts))).toMatchObject({ code: 0 });
  };
  const fill = async (target: Target, mark: string): Promise<void> => {
    await createTopic(target, 'StoredBatch', 1);
    if ((await route(target, 'StoredInner')) === null) await createBatchTopic(target, 'StoredInner');
    for (let n = 0; n < 25; n++) for (const topic of TOPICS) await send(target, topic, 1 + (n % 5), `${mark}${n}-`);
  };
  const dump = (target: Target) => Promise.all(TOPICS.map((topic) => dumpQueue(target, topic, 0)));

  it.each([
    ['an orderly stop', false],
    ['kill -9', true],
  ])('written by us is the same to Apache 5.3.3 and back after %s, and goes on there', async (_end, isKilled) => {
    const storeDir = join(exchange.dir, `${isKilled}`, 'store');
    mkdirSync(storeDir, { recursive: true });
    let before: QueueDump[] = [];
    for (const [turn, kind] of (['ours', '5.3.3', 'ours'] as const).entries()) {
      const { broker, target } = await open(kind, storeDir);
      const found = await dump(target);
      for (const [i, { bytes }] of before.entries()) expect(found[i]?.bytes.equals(bytes), `${TOPICS[i]} as ${kind} reads it`).toBe(true);
      await fill(target, `turn${turn}`);
      // Apache's broker puts messages into their queues a moment after it said that they are stored.
      await until(async () => (await dump(target)).every(({ maxOffset }) => maxOffset >= (turn + 1) * 75));
      before = await dump(target);
      expect(before.map(({ minOffset, maxOffset }) => [minOffset, maxOffset])).toEqual(TOPICS.map(() => [0, (turn + 1) * 75]));
      await (isKilled ? broker.kill() : broker.stop());
    }
  });
});
