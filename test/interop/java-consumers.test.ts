import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { APACHE_VERSIONS, type ClientDriver, type DrivenQueue, javaClient } from '../peers/index.js';
import { committedOffset } from './store-reading.js';
import {
  bodyOf,
  createGroup,
  createTopic,
  deadLetters,
  interop,
  messageCount,
  rawPull,
  startTarget,
  type Target,
  TOLD_MS,
  until,
} from './support.js';

/** Level 3 of the delay levels, where the first redelivery waits. */
const FIRST_RETRY_MS = 10_000;

interop('Java push consumers on the bundled nodes', 'java', () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target?.stop());

  describe.each(APACHE_VERSIONS)('client %s', (version) => {
    const id = version.replaceAll('.', '');
    let java: ClientDriver;
    let serial = 0;

    /** A topic and a group of their own, and what a consumer of them needs. */
    const fresh = async (queues = 4) => {
      const topic = `T${id}x${++serial}`;
      const group = `G${id}x${serial}`;
      const name = `c${serial}`;
      await createTopic(target, topic, queues);
      await createGroup(target, group);
      const init = { name, namesrvAddr: target.namesrvAddr, group, subscriptions: { [topic]: '*' } };
      return { topic, group, name, init: { ...init, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' } };
    };

    beforeAll(async () => {
      java = await javaClient(version);
      await java.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: `P${id}` });
    });
    afterAll(() => java?.close());

    it('checklist 25: tag A||B gets only those; the colliding tags Aa and BB are told apart', async () => {
      const { topic, name, init } = await fresh(1);
      for (const tags of ['A', 'B', 'C', 'Aa', 'BB']) await java.send('p', { topic, tags, body: tags });
      await java.startPush({ ...init, subscriptions: { [topic]: 'A||B' } });
      expect((await java.receive(name, 2)).map(({ body }) => body).toSorted()).toEqual(['A', 'B']);
      await java.stopPush(name);
      const colliding = await fresh(1);
      for (const tags of ['Aa', 'BB', 'BB', 'Aa']) await java.send('p', { topic: colliding.topic, tags, body: tags });
      const pulled = await rawPull(target, { topic: colliding.topic, queueId: 0, offset: 0, expression: 'Aa' });
      expect(pulled.body.toString('latin1').match(/TAGS.(Aa|BB)/g)).toHaveLength(4);
      await java.startPush({ ...colliding.init, subscriptions: { [colliding.topic]: 'Aa' } });
      expect((await java.receive(colliding.name, 2)).map(({ body }) => body)).toEqual(['Aa', 'Aa']);
      await java.stopPush(colliding.name);
      await java.startPull({ name: 'at', namesrvAddr: target.namesrvAddr, group: colliding.group });
      const queue = { topic: colliding.topic, brokerName: target.brokerName, queueId: 0 };
      await until(async () => (await java.offset('at', queue, 'fetch')) === 4);
      await java.stopPull('at');
    });

    it('checklist 28: RECONSUME_LATER comes back after 10 s with reconsumeTimes 1 under its own topic', async () => {
      const { topic, name, init } = await fresh(1);
      const { msgId } = await java.send('p', { topic, tags: 'A', keys: 'k', body: 'later' });
      await java.startPush({ ...init, subscriptions: { [topic]: 'A' }, behaviour: { failTimes: 1 } });
      const [first, second] = await java.receive(name, 2);
      expect(first?.message).toMatchObject({ topic, msgId, reconsumeTimes: 0 });
      expect(second?.message).toMatchObject({ topic, msgId, reconsumeTimes: 1, tags: 'A', keys: 'k' });
      expect(second!.message.properties).toMatchObject({ RETRY_TOPIC: topic, ORIGIN_MESSAGE_ID: first!.message.offsetMsgId });
      expect(second!.at - first!.at).toBeGreaterThanOrEqual(FIRST_RETRY_MS);
      // Level 3 of the delay levels: 10 s.
      expect(second!.message.properties).toMatchObject({ DELAY: '3' });
      await java.stopPush(name);
    });

    it('a listener that throws at first gets each message again', async () => {
      const { topic, name, init } = await fresh();
      await java.sendMany('p', { topic, body: '%d' }, { count: 12 });
      await java.startPush({ ...init, behaviour: { failTimes: 1, throwing: true, delayLevel: 1 } });
      const deliveries = await java.receive(name, 24);
      const again = deliveries.filter(({ message }) => message.reconsumeTimes === 1).map(({ body }) => Number(body));
      expect(again.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
      await java.stopPush(name);
    });

    it('checklist 29: with maxReconsumeTimes=1 the second failure lands in the DLQ', async () => {
      const { topic, group, name, init } = await fresh(1);
      await java.send('p', { topic, body: 'doomed' });
      await java.startPush({ ...init, maxReconsumeTimes: 1, behaviour: { failTimes: 9, delayLevel: 1 } });
      const [first] = await java.receive(name, 2);
      const dead = await deadLetters(target, java, group, 1);
      expect(dead).toMatchObject([{ reconsumeTimes: 2, queueId: 0, msgId: first?.message.msgId }]);
      expect(dead[0]!.properties).toMatchObject({ ORIGIN_MESSAGE_ID: first!.message.offsetMsgId, RETRY_TOPIC: topic });
      expect(dead.map(bodyOf)).toEqual(['doomed']);
      await java.stopPush(name);
    });

    it('checklist 30: delay level -1 goes straight to the DLQ; ackIndex 1 of 4 retries the last two only', async () => {
      const { topic, group, name, init } = await fresh(1);
      const queue = { topic, brokerName: target.brokerName, queueId: 0 };
      await java.sendBatch(
        'p',
        ['0', '1', '2', '3'].map((body) => ({ topic, body })),
      );
      await java.startPush({ ...init, consumeMessageBatchMaxSize: 4, behaviour: { delayLevel: -1, ackIndex: 1 } });
      expect((await java.receive(name, 4)).map(({ batch }) => batch)).toEqual([4, 4, 4, 4]);
      expect((await deadLetters(target, java, group, 2)).map(bodyOf).toSorted()).toEqual(['2', '3']);
      await java.stopPush(name);
      await java.startPull({ name: 'end', namesrvAddr: target.namesrvAddr, group });
      await until(async () => (await java.offset('end', queue, 'fetch')) === 4);
      await java.stopPull('end');
    });

    it('checklist 19: 8 queues are shared 4/4, 3/3/2 when a third joins, and back when it leaves', async () => {
      const { topic, group } = await fresh(8);
      const init = { namesrvAddr: target.namesrvAddr, group, subscriptions: { [topic]: '*' } };
      const members = ['m1', 'm2', 'm3'].map((name) => `${name}-${id}`);
      const counts = async (names: string[]) => {
        const owned = await Promise.all(names.map((name) => java.ownedQueues(name)));
        const distinct = new Set(owned.flat().map((queue: DrivenQueue) => queue.queueId));
        return distinct.size === 8 ? owned.map((queues) => queues.length).join('/') : 'unsettled';
      };
      await java.startPush({ ...init, name: members[0]! });
      await java.startPush({ ...init, name: members[1]! });
      await until(async () => (await counts(members.slice(0, 2))) === '4/4');
      await java.startPush({ ...init, name: members[2]! });
      await until(async () => (await counts(members)) === '3/3/2', TOLD_MS);
      await java.sendMany('p', { topic, body: '%d' }, { count: 32 });
      await until(() => members.reduce((sum, name) => sum + java.received(name).length, 0) >= 32, 60_000);
      expect(members.map((name) => java.received(name).length)).toEqual([12, 12, 8]);
      await java.stopPush(members[2]!);
      await until(async () => (await counts(members.slice(0, 2))) === '4/4', TOLD_MS);
      await Promise.all(members.slice(0, 2).map((name) => java.stopPush(name)));
    });

    it('checklist 20: the queues of a client whose process is killed go to the other at once', async () => {
      const { topic, group } = await fresh(4);
      const init = { namesrvAddr: target.namesrvAddr, group, subscriptions: { [topic]: '*' } };
      const doomed = await javaClient(version);
      await doomed.startPush({ ...init, name: 'doomed' });
      await java.startPush({ ...init, name: `heir-${id}` });
      await until(async () => (await java.ownedQueues(`heir-${id}`)).length === 2);
      await doomed.kill();
      await until(async () => (await java.ownedQueues(`heir-${id}`)).length === 4, TOLD_MS);
      await java.stopPush(`heir-${id}`);
    });

    it('offsets survive the restart of a consumer', async () => {
      const { topic, group, name, init } = await fresh();
      await java.sendMany('p', { topic, body: 'old %d' }, { count: 8 });
      await java.startPush(init);
      await java.receive(name, 8);
      await allCommitted(java, name, { topic, group, queues: 4 });
      await java.stopPush(name);
      await java.sendMany('p', { topic, body: 'new %d' }, { count: 8 });
      await java.startPush({ ...init, name: `${name}-again` });
      const bodies = (await java.receive(`${name}-again`, 8)).map(({ body }) => body);
      expect(bodies.every((body) => body.startsWith('new'))).toBe(true);
      await java.stopPush(`${name}-again`);
    });
  });

  it('checklist 36: offsets and messages survive the restart of the broker, and a lower offset is accepted after it', async () => {
    const topic = 'Restarted';
    const group = 'RestartedGroup';
    await createTopic(target, topic);
    await createGroup(target, group);
    const java = await javaClient('5.3.3');
    try {
      const init = {
        namesrvAddr: target.namesrvAddr,
        group,
        subscriptions: { [topic]: '*' },
        consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      };
      await java.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: 'PRestarted' });
      await java.sendMany('p', { topic, body: 'old %d' }, { count: 8 });
      await java.startPush({ ...init, name: 'before' });
      await java.receive('before', 8);
      await allCommitted(java, 'before', { topic, group, queues: 4 });
      await java.stopPush('before');
      await target.restartBroker();
      await until(() => java.sendMany('p', { topic, body: 'new %d' }, { count: 4 }).then(Boolean, () => false));
      await java.startPush({ ...init, name: 'after' });
      const deliveries = await java.receive('after', 4);
      expect(deliveries.every(({ body }) => body.startsWith('new'))).toBe(true);
      await java.stopPush('after');
      await java.startPull({ name: 'pull', namesrvAddr: target.namesrvAddr, group });
      const queue = { topic, brokerName: target.brokerName, queueId: 0 };
      expect(await java.offset('pull', queue, 'fetch')).toBeGreaterThanOrEqual(2);
      await java.offset('pull', queue, { update: 1 });
      await until(async () => (await java.offset('pull', queue, 'fetch')) === 1);
    } finally {
      await java.close();
    }
  });

  /** A listener that has just been called has not answered yet, and a client that stops does not wait for it. */
  async function allCommitted(java: ClientDriver, name: string, consumed: { topic: string; group: string; queues: number }) {
    const { topic, group, queues } = consumed;
    const sent = await messageCount(target, topic, queues);
    await until(async () => {
      await java.call('push.persist', { name });
      let committed = 0;
      for (let queueId = 0; queueId < queues; queueId++) committed += (await committedOffset(target, group, topic, queueId)) ?? 0;
      return committed === sent;
    });
  }
});
