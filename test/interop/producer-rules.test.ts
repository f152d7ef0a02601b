import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Message, Producer, PullConsumer, selectByHash, splitBatch } from '../../src/index.js';
import { APACHE_VERSIONS, type ClientDriver, type DrivenSendResult, goClient, javaClient, rawRequest } from '../peers/index.js';
import { bodyOf, createTopic, interop, messageCount, rawPull, startTarget, type Target, targetVersion, until } from './support.js';

/** Apache's 4.9 stores no WAIT, and has one code for all illegal topics. */
const is49 = targetVersion() === '4.9.7';
const HEADER = { a: 'P', c: 'TBW102', d: '4', e: '0', f: '0', g: '1700000000000', h: '0', i: '', j: '0', k: 'false', m: 'false' };

interop('the rules of producers on the bundled nodes', 'java', () => {
  let target: Target;
  let ours: Producer;
  beforeAll(async () => {
    target = await startTarget();
    ours = new Producer({ namesrvAddr: target.namesrvAddr, producerGroup: 'OurRules', sendMsgTimeoutMs: 30_000 });
    await ours.start();
  });
  afterAll(async () => {
    await ours?.shutdown();
    await target?.stop();
  });
  const message = (topic: string, body: string, more: Partial<Message> = {}): Message => ({ topic, body: Buffer.from(body), ...more });

  describe.each(APACHE_VERSIONS)('with Java %s', (version) => {
    const id = version.replaceAll('.', '');
    let java: ClientDriver;
    beforeAll(async () => {
      java = await javaClient(version);
      await java.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: `Rules${id}` });
      await java.startPull({ name: 'c', namesrvAddr: target.namesrvAddr, group: `RulesPull${id}` });
    });
    afterAll(() => java?.close());

    it('ordered sends: our selector by hash picks the queues that Java picks, for texts and longs', async () => {
      const topic = `Ordered${id}`;
      await createTopic(target, topic, 7);
      const keys = ['order-42', 'a', '', 'é中', 'polygenelubricants', 7, 5_000_000_001, -5_000_000_001, 0];
      const theirs = await java.call<DrivenSendResult[]>('ordered.send', {
        name: `ordered${id}`,
        namesrvAddr: target.namesrvAddr,
        group: `OrderedP${id}`,
        message: { topic, body: 'x' },
        keys,
      });
      const queueIds: number[] = [];
      for (const key of keys) queueIds.push((await ours.sendBySelector(message(topic, 'x'), selectByHash, key)).messageQueue.queueId);
      expect(queueIds).toEqual(theirs.map(({ queueId }) => queueId));
    });

    it('ordered sends: Java reads the messages of each of our groups in order from one queue', async () => {
      const topic = `Groups${id}`;
      await createTopic(target, topic, 4);
      const groups = ['g1', 'g2', 'g3'];
      for (let i = 0; i < 5; i++) for (const group of groups) await ours.sendOrderly(message(topic, `${group} ${i}`), group);
      const read: string[][] = [];
      for (let queueId = 0; queueId < 4; queueId++) {
        const queue = { topic, brokerName: target.brokerName, queueId };
        const { messages } = await java.pull('c', queue, { offset: 0 });
        read.push(messages.map(bodyOf));
        for (const one of messages) expect(one.properties.__SHARDINGKEY).toBe(bodyOf(one).slice(0, 2));
      }
      for (const group of groups) {
        const queue = read.filter((bodies) => bodies.some((body) => body.startsWith(group)));
        expect(queue).toHaveLength(1);
        expect(queue[0]!.filter((body) => body.startsWith(group))).toEqual([0, 1, 2, 3, 4].map((i) => `${group} ${i}`));
      }
    });

    it('Java reads what we send one-way, asynchronously, as a batch, without WAIT, flagged and with properties', async () => {
      const topic = `Ways${id}`;
      await createTopic(target, topic, 1);
      const more = { tags: 'A', keys: ['k1', 'k2'], flag: 5, properties: new Map([['own', 'é中']]) };
      await ours.send(message(topic, 'sync', { ...more, waitStoreMsgOK: false }));
      await new Promise((resolve, reject) => {
        ours.sendAsync(message(topic, 'async', more), { onSuccess: resolve, onException: reject }, null);
      });
      await ours.sendBatch(['b1', 'b2', 'b3'].map((body) => message(topic, body, more)));
      await ours.sendOneway(message(topic, 'oneway', more));
      await until(async () => (await messageCount(target, topic, 1)) === 6);
      const { messages } = await java.pull('c', { topic, brokerName: target.brokerName, queueId: 0 }, { offset: 0 });
      expect(messages.map(bodyOf)).toEqual(['sync', 'async', 'b1', 'b2', 'b3', 'oneway']);
      for (const one of messages) {
        expect(one).toMatchObject({ topic, tags: 'A', keys: 'k1 k2', flag: 5 });
        expect(one.properties.own).toBe('é中');
      }
      if (!is49) expect(messages[0]!.properties.WAIT).toBe('false');
      expect(new Set(messages.map(({ msgId }) => msgId)).size).toBe(6);
    });

    it.skipIf(is49)('WAIT=false of Java is stored as it was sent', async () => {
      const topic = `NoWait${id}`;
      await createTopic(target, topic, 1);
      expect(await java.send('p', { topic, body: 'x', waitStoreMsgOK: false })).toMatchObject({ sendStatus: 'SEND_OK' });
      const stored = (await rawPull(target, { topic, queueId: 0, offset: 0 })).body.toString('latin1');
      expect(stored).toContain('WAIT\u0001false\u0002');
    });

    it('checklist 11: an asynchronous send that the broker refuses fails once, and is not tried again', async () => {
      const topic = `Refused${id}`;
      // A topic with more queues in its route than on the broker cannot be made by hand; a queue that is gone can.
      await createTopic(target, topic, 4);
      await java.publishQueues('p', topic);
      await rawRequest(target.broker.address, 215, { topic });
      await rawRequest(target.broker.address, 25, {}, 'autoCreateTopicEnable=false\n');
      try {
        await expect(java.send('p', { topic, body: 'x' }, { mode: 'async' })).rejects.toMatchObject({ code: 17 });
        const handler = new Promise((resolve, reject) => {
          ours.sendAsync(message(`Refused${id}`, 'x'), { onSuccess: resolve, onException: reject }, null);
        });
        await expect(handler).rejects.toMatchObject({ name: 'NotFoundError' });
      } finally {
        await rawRequest(target.broker.address, 25, {}, 'autoCreateTopicEnable=true\n');
      }
    });

    it('a split batch of ours arrives whole and in order, in parts that the broker takes', async () => {
      const topic = `Split${id}`;
      await createTopic(target, topic, 1);
      const messages = Array.from({ length: 60 }, (_, i) => message(topic, `${i} ${'x'.repeat(200_000)}`));
      await expect(ours.sendBatch(messages)).rejects.toThrow(/more than maxMessageSize/);
      const parts = splitBatch(messages);
      expect(parts.length).toBeGreaterThan(2);
      for (const part of parts) expect(await ours.sendBatch(part)).toMatchObject({ sendStatus: 'SEND_OK' });
      const reader = new PullConsumer({ namesrvAddr: target.namesrvAddr, consumerGroup: `SplitPull${id}` });
      await reader.start();
      try {
        const queue = { topic, brokerName: target.brokerName, queueId: 0 };
        const read: number[] = [];
        for (let offset = 0; read.length < 60; ) {
          const result = await reader.pull(queue, '*', offset, 32);
          read.push(...result.messages.map(({ body }) => Number.parseInt(body.toString(), 10)));
          offset = result.nextBeginOffset;
        }
        expect(read).toEqual(messages.map((_, i) => i));
      } finally {
        await reader.shutdown();
      }
    });
  });

  it.each([
    ['of 128 characters', 'a'.repeat(128), is49 ? 1 : 29],
    ['with a space', 'a b', is49 ? 1 : 29],
    ['of the system', 'SCHEDULE_TOPIC_XXXX', 16],
  ])('checklist 5: a topic %s is refused by the broker and by our client', async (_what, topic, code) => {
    expect(await rawRequest(target.broker.address, 310, { ...HEADER, b: topic }, 'x')).toMatchObject({ code });
    await expect(ours.send(message(topic, 'x'))).rejects.toMatchObject({ name: 'UsageError' });
  });

  it('checklist 6: a body beyond 4 MiB is refused by our client, as are properties beyond 32767 bytes; what the client adds to them counts for the broker', async () => {
    await createTopic(target, 'TooLarge', 1);
    await expect(ours.send({ topic: 'TooLarge', body: Buffer.alloc(4 * 1024 * 1024 + 1) })).rejects.toMatchObject({
      code: 'MESSAGE_ILLEGAL',
    });
    const withProperties = (bytes: number) => message('TooLarge', 'x', { properties: new Map([['p', 'x'.repeat(bytes)]]) });
    await expect(ours.send(withProperties(32_800))).rejects.toMatchObject({ code: 'MESSAGE_ILLEGAL' });
    await expect(ours.send(withProperties(32_760))).rejects.toMatchObject({ responseCode: 13 });
  });
});

interop('the rules of the Go producer on the bundled nodes', 'java and go', () => {
  let target: Target;
  let go: ClientDriver;
  beforeAll(async () => {
    target = await startTarget();
    go = await goClient();
    await go.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: 'GoRules' });
  });
  afterAll(async () => {
    await go?.close();
    await target?.stop();
  });

  it('checklist 1: a send to an unknown topic creates it', async () => {
    expect(await go.send('p', { topic: 'GoAuto', body: 'x' })).toMatchObject({ sendStatus: 'SEND_OK' });
  });

  it('checklist 3: sends take the queues of a topic in turn', async () => {
    await createTopic(target, 'GoTurn', 4);
    const results = await go.sendMany('p', { topic: 'GoTurn', body: 'n %d' }, { count: 8 });
    for (let queueId = 0; queueId < 4; queueId++) expect(results.filter((result) => result.queueId === queueId)).toHaveLength(2);
  });

  it('checklist 2: with autoCreateTopicEnable=false a send to an unknown topic fails', async () => {
    await rawRequest(target.broker.address, 25, {}, 'autoCreateTopicEnable=false\n');
    try {
      await expect(go.send('p', { topic: 'GoRefused', body: 'x' })).rejects.toThrow(/not exist|topic/);
    } finally {
      await rawRequest(target.broker.address, 25, {}, 'autoCreateTopicEnable=true\n');
    }
  });
});
