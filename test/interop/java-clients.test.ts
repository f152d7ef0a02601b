import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { APACHE_VERSIONS, type ClientDriver, type DriverError, javaClient, rawRequest } from '../peers/index.js';
import {
  bodyOf,
  createGroup,
  createTopic,
  interop,
  messageCount,
  rawPull,
  route,
  startTarget,
  type Target,
  TOLD_MS,
  until,
} from './support.js';

/** The client library's error that the promise must end with. */
function failure(promise: Promise<unknown>): Promise<DriverError> {
  return promise.then(
    (value) => expect.fail(`expected an error, got ${JSON.stringify(value)}`),
    (error) => error as DriverError,
  );
}

interop('Java clients on the bundled nodes', 'java', () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target?.stop());

  describe.each(APACHE_VERSIONS)('client %s', (version) => {
    const id = version.replaceAll('.', '');
    let java: ClientDriver;

    beforeAll(async () => {
      java = await javaClient(version);
      await java.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: `P${id}` });
    });
    afterAll(() => java?.close());

    it('checklist 1: a send to an unknown topic creates it with 4+4 queues and registers it at once', async () => {
      const topic = `Auto${id}`;
      const result = await java.send('p', { topic, body: 'first' });
      expect(result).toMatchObject({ sendStatus: 'SEND_OK', queueOffset: 0 });
      // It is registered with the answer; only a name server that is late shows it a moment later. The next round of registrations is after 30 s.
      await until(async () => (await route(target, topic)) !== null, TOLD_MS);
      expect((await route(target, topic))?.queueDatas).toMatchObject([{ readQueueNums: 4, writeQueueNums: 4, perm: 6 }]);
    });

    it('checklist 3: 8 sends on a topic of 4 queues hit each queue twice, in turn', async () => {
      const topic = `Turn${id}`;
      await createTopic(target, topic);
      const queueIds = (await java.sendMany('p', { topic, body: 'n %d' }, { count: 8 })).map((result) => result.queueId);
      const first = queueIds[0] ?? 0;
      expect(queueIds).toEqual(Array.from({ length: 8 }, (_, i) => (first + i) % 4));
    });

    it('sends sync, async and one-way, with tags, keys, properties and flag intact', async () => {
      const topic = `Modes${id}`;
      await createTopic(target, topic, 1);
      const message = { topic, tags: 'T', keys: 'k1 k2', flag: 7, properties: { own: 'é中' } };
      expect(await java.send('p', { ...message, body: 'sync' })).toMatchObject({ sendStatus: 'SEND_OK', queueOffset: 0 });
      expect(await java.send('p', { ...message, body: 'async' }, { mode: 'async' })).toMatchObject({
        sendStatus: 'SEND_OK',
        queueOffset: 1,
        callbacks: 1,
      });
      await java.send('p', { ...message, body: 'oneway' }, { mode: 'oneway' });
      await until(async () => (await messageCount(target, topic, 1)) === 3);
      await java.startPull({ name: 'modes', namesrvAddr: target.namesrvAddr, group: `ModesPull${id}` });
      const queue = { topic, brokerName: target.brokerName, queueId: 0 };
      const { messages } = await java.pull('modes', queue, { offset: 0 });
      expect(messages.map(bodyOf)).toEqual(['sync', 'async', 'oneway']);
      for (const pulled of messages) {
        expect(pulled).toMatchObject({ topic, tags: 'T', keys: 'k1 k2', flag: 7, reconsumeTimes: 0 });
        expect(pulled.properties.own).toBe('é中');
      }
      await java.stopPull('modes');
    });

    it('finds messages by offset id and by unique key', async () => {
      const topic = `View${id}`;
      await createTopic(target, topic, 1);
      const { msgId, offsetMsgId } = await java.send('p', { topic, body: 'look me up' });
      const view = (wanted: string | null) => java.call('producer.view', { name: 'p', topic, msgId: wanted });
      await expect(view(offsetMsgId)).resolves.toMatchObject({ topic, offsetMsgId });
      await until(() => view(msgId).then(Boolean, () => false));
    });

    it('checklist 5: illegal and closed topics are refused with 29 and 16', async () => {
      const send = (topic: string) =>
        rawRequest(
          target.broker.address,
          310,
          {
            a: 'raw',
            b: topic,
            c: 'TBW102',
            d: '4',
            e: '0',
            f: '0',
            g: '1700000000000',
            h: '0',
            i: '',
            j: '0',
            k: 'false',
            m: 'false',
          },
          'x',
        );
      expect(await send('t'.repeat(128))).toMatchObject({ code: 29 });
      expect(await send('two words')).toMatchObject({ code: 29 });
      expect(await send('')).toMatchObject({ code: 29 });
      expect(await send('SCHEDULE_TOPIC_XXXX')).toMatchObject({ code: 16 });
    });

    it('checklist 6: the client refuses 4 MiB + 1, the broker properties over 32767 bytes', async () => {
      const topic = `Limits${id}`;
      await createTopic(target, topic, 1);
      expect((await failure(java.send('p', { topic, bodyBytes: 4 * 1024 * 1024 + 1 }))).code).toBe(13);
      const long = { topic, body: 'x', properties: { long: 'p'.repeat(32_768) } };
      expect((await failure(java.send('p', long))).code).toBe(13);
      expect(await java.send('p', { topic, body: 'x', properties: { long: 'p'.repeat(30_000) } })).toMatchObject({ sendStatus: 'SEND_OK' });
    });

    it('checklist 7: a body of 4096 bytes is stored compressed and read back equal', async () => {
      const topic = `Zip${id}`;
      await createTopic(target, topic, 1);
      await java.send('p', { topic, bodyBytes: 4096 });
      await java.send('p', { topic, bodyBytes: 4095 });
      const stored = (await rawPull(target, { topic, queueId: 0, offset: 0, maxNums: 1 })).body;
      // sysFlag follows total size, magic, CRC, queue id, flag, queue offset and physical offset.
      expect(stored.readInt32BE(36)).toBe(version === '4.9.7' ? 1 | (stored.readInt32BE(36) & 0x700) : 0x301);
      expect(stored.readInt32BE(0)).toBeLessThan(1000);
      await java.startPull({ name: 'zip', namesrvAddr: target.namesrvAddr, group: `ZipPull${id}` });
      const { messages } = await java.pull('zip', { topic, brokerName: target.brokerName, queueId: 0 }, { offset: 0 });
      expect(messages.map((message) => bodyOf(message).length)).toEqual([4096, 4095]);
      expect(bodyOf(messages[0]!).slice(0, 4095)).toBe(bodyOf(messages[1]!));
      await java.stopPull('zip');
    });

    it('checklist 8: a batch of 3 has consecutive offsets and three ids; a batch with a delay level is refused', async () => {
      const topic = `Batch${id}`;
      await createTopic(target, topic, 1);
      await java.send('p', { topic, body: 'before' });
      const batch = ['a', 'b', 'c'].map((body) => ({ topic, body, tags: body, keys: `key-${body}` }));
      const result = await java.sendBatch('p', batch);
      expect(result).toMatchObject({ sendStatus: 'SEND_OK', queueOffset: 1 });
      expect(new Set(result.msgId.split(',')).size).toBe(3);
      expect(new Set(result.offsetMsgId?.split(',')).size).toBe(3);
      await java.startPull({ name: 'batch', namesrvAddr: target.namesrvAddr, group: `BatchPull${id}` });
      const { messages } = await java.pull('batch', { topic, brokerName: target.brokerName, queueId: 0 }, { offset: 1 });
      expect(messages.map((message) => [bodyOf(message), message.queueOffset, message.tags, message.keys])).toEqual([
        ['a', 1, 'a', 'key-a'],
        ['b', 2, 'b', 'key-b'],
        ['c', 3, 'c', 'key-c'],
      ]);
      expect(messages.map((message) => message.offsetMsgId)).toEqual(result.offsetMsgId?.split(','));
      await java.stopPull('batch');
      const error = await failure(java.sendBatch('p', [{ topic, body: 'late', delayTimeLevel: 1 }]));
      expect(error.type).toBe('MQClientException');
    });

    it('pulls by offset and answers the offset requests', async () => {
      const topic = `Pull${id}`;
      await createTopic(target, topic, 1);
      await java.sendMany('p', { topic, body: '%d', tags: 'A' }, { count: 5 });
      await java.startPull({ name: 'pull', namesrvAddr: target.namesrvAddr, group: `Pull${id}` });
      const queue = { topic, brokerName: target.brokerName, queueId: 0 };
      expect(await java.offset('pull', queue, 'min')).toBe(0);
      expect(await java.offset('pull', queue, 'max')).toBe(5);
      const { messages } = await java.pull('pull', queue, { offset: 2, maxNums: 2 });
      expect(messages.map(bodyOf)).toEqual(['2', '3']);
      expect(await java.offset('pull', queue, 'earliest')).toBeGreaterThan(1_600_000_000_000);
      expect(await java.offset('pull', queue, { search: messages[0]!.storeTimestamp })).toBeLessThanOrEqual(2);
      expect(await java.offset('pull', queue, { search: Date.now() + 3_600_000 })).toBeGreaterThanOrEqual(4);
      expect(await java.pull('pull', queue, { offset: 0, expression: 'B' })).toMatchObject({ pullStatus: 'NO_MATCHED_MSG' });
      expect(await java.pull('pull', queue, { offset: 9 })).toMatchObject({ pullStatus: 'OFFSET_ILLEGAL', nextBeginOffset: 5 });
      await java.offset('pull', queue, { update: 4 });
      await until(async () => (await java.offset('pull', queue, 'fetch')) === 4);
      await java.offset('pull', queue, { update: 1 });
      await until(async () => (await java.offset('pull', queue, 'fetch')) === 1);
      await java.stopPull('pull');
    });

    it('sends through the VIP channel', async () => {
      const topic = `Vip${id}`;
      await createTopic(target, topic, 1);
      await java.startProducer({ name: 'vip', namesrvAddr: target.namesrvAddr, group: `Vip${id}`, vipChannelEnabled: true });
      expect(await java.send('vip', { topic, body: 'vip' })).toMatchObject({ sendStatus: 'SEND_OK' });
      await java.stopProducer('vip');
    });

    it('works with binary headers', async () => {
      const topic = `Binary${id}`;
      const group = `BinaryGroup${id}`;
      await createTopic(target, topic, 1);
      await createGroup(target, group);
      const binary = await javaClient(version, { binaryHeaders: true });
      try {
        await binary.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: `PB${id}` });
        await binary.send('p', { topic, body: 'binary', tags: 'A', keys: 'k' });
        const consumer = { name: 'c', namesrvAddr: target.namesrvAddr, group, subscriptions: { [topic]: 'A' } };
        await binary.startPush({ ...consumer, behaviour: { failTimes: 1, delayLevel: 1 } });
        const deliveries = await binary.receive('c', 2);
        expect(deliveries.map(({ message }) => message.reconsumeTimes)).toEqual([0, 1]);
      } finally {
        await binary.close();
      }
    });
  });

  it('checklist 7: LZ4 and ZSTD bodies reach Java consumers', async () => {
    for (const compressType of ['LZ4', 'ZSTD'] as const) {
      const topic = `Zip${compressType}`;
      await createTopic(target, topic, 1);
      const java = await javaClient('5.3.3', { compressType });
      try {
        await java.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: `P${compressType}` });
        await java.send('p', { topic, bodyBytes: 4096 });
        const stored = (await rawPull(target, { topic, queueId: 0, offset: 0 })).body;
        expect(stored.readInt32BE(36)).toBe(compressType === 'LZ4' ? 0x101 : 0x201);
        await java.startPull({ name: 'zip', namesrvAddr: target.namesrvAddr, group: `C${compressType}` });
        const { messages } = await java.pull('zip', { topic, brokerName: target.brokerName, queueId: 0 }, { offset: 0 });
        expect(bodyOf(messages[0]!)).toHaveLength(4096);
      } finally {
        await java.close();
      }
    }
  });

  // Last, because Apache's broker takes the right to inherit from TBW102 for good when the switch goes off.
  it.each(APACHE_VERSIONS)('checklist 2: with autoCreateTopicEnable=false a send of %s fails with 17 after 3 attempts', async (version) => {
    const configure = (on: boolean) => rawRequest(target.broker.address, 25, {}, `autoCreateTopicEnable=${on}\n`);
    const java = await javaClient(version);
    try {
      await java.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: 'PClosed' });
      expect(await configure(false)).toMatchObject({ code: 0 });
      const error = await failure(java.send('p', { topic: 'NotCreated', body: 'first' }));
      expect(error.code).toBe(17);
      expect(error.message).toMatch(/Send \[3\] times/);
    } finally {
      await configure(true);
      await java.close();
    }
  });
});
