import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PushConsumer } from '../../src/client/consumer/push-consumer.js';
import { Producer } from '../../src/client/producer/producer.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { APACHE_VERSIONS, apache, type ClientDriver, type Delivery, javaClient, rawRequest } from '../peers/index.js';
import { createGroup, createTopic, deadLetters, interop, startTarget, type Target, until } from './support.js';

const queueOf = ({ brokerName }: Target, topic: string, queueId: number) => ({ topic, brokerName, queueId });

/** Deliveries by queue, in the order of their calls. */
function byQueue(deliveries: readonly Delivery[]): Map<number, Delivery[]> {
  const queues = new Map<number, Delivery[]>();
  for (const delivery of deliveries) queues.set(delivery.message.queueId, [...(queues.get(delivery.message.queueId) ?? []), delivery]);
  for (const queue of queues.values()) queue.sort((a, b) => a.at - b.at || a.message.queueOffset - b.message.queueOffset);
  return queues;
}

interop('ordered consumers of Java on the bundled nodes', 'java', () => {
  let target: Target;
  let producer: Producer;
  beforeAll(async () => {
    target = await startTarget();
    producer = new Producer({ namesrvAddr: target.namesrvAddr, producerGroup: 'OrderlyOwn', sendMsgTimeoutMs: 30_000 });
    await producer.start();
  });
  afterAll(async () => {
    await producer?.shutdown();
    await target?.stop();
  });

  describe.each(APACHE_VERSIONS)('Java %s', (version) => {
    let java: ClientDriver;
    const id = version.replaceAll('.', '');
    beforeAll(async () => {
      java = await javaClient(version);
      await java.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: `OrderlyP${id}` });
    });
    afterAll(() => java?.close());

    const init = (name: string, topic: string, group: string) => ({
      ...{ name: `${name}-${id}`, namesrvAddr: target.namesrvAddr, group, subscriptions: { [topic]: '*' }, orderly: true },
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    });

    it('checklist 31: a queue keeps its order; a message that fails stops its queue only, ends in the DLQ, and the next one follows', async () => {
      const [topic, group] = [`Orderly${id}`, `OrderlyG${id}`];
      await createTopic(target, topic, 2);
      await createGroup(target, group);
      for (const [queueId, bodies] of [
        ['a0', 'bad', 'a2'],
        ['b0', 'b1', 'b2'],
      ].entries()) {
        for (const body of bodies) await producer.send({ topic, body: Buffer.from(body) }, { queue: queueOf(target, topic, queueId) });
      }
      await java.startPush({ ...init('c', topic, group), maxReconsumeTimes: 1, behaviour: { failing: 'bad', failTimes: 9 } });
      const queues = byQueue(await java.receive(`c-${id}`, 7));
      expect(queues.get(0)!.map(({ body }) => body)).toEqual(['a0', 'bad', 'bad', 'a2']);
      expect(queues.get(1)!.map(({ body }) => body)).toEqual(['b0', 'b1', 'b2']);
      const [, first, second] = queues.get(0)!;
      expect(second!.at - first!.at).toBeGreaterThanOrEqual(990);
      const dead = await deadLetters(target, java, group, 1);
      // The clients count differently: 4.9 sends the attempts before the last one.
      const attempts = version === '4.9.7' ? 1 : 2;
      const properties = { ORIGIN_MESSAGE_ID: first!.message.msgId, RECONSUME_TIME: String(attempts) };
      expect(dead).toMatchObject([{ reconsumeTimes: attempts, properties }]);
      await java.stopPush(`c-${id}`);
    });

    it('checklist 32: a queue that a member holds cannot be locked by another; once it has gone, it can', async () => {
      const [topic, group] = [`Locked${id}`, `LockedG${id}`];
      await createTopic(target, topic, 1);
      await createGroup(target, group);
      await java.send('p', { topic, body: 'x' });
      await java.startPush(init('holder', topic, group));
      await java.receive(`holder-${id}`, 1);
      const mqSet = [queueOf(target, topic, 0)];
      const lock = async (): Promise<unknown[]> => {
        const body = JSON.stringify({ consumerGroup: group, clientId: 'another', mqSet });
        const answer = await rawRequest(target.broker.address, RequestCode.LOCK_BATCH_MQ, {}, body);
        expect(answer.code).toBe(0);
        return JSON.parse(answer.body.toString()).lockOKMQSet;
      };
      expect(await lock()).toEqual([]);
      await java.stopPush(`holder-${id}`);
      await until(async () => (await lock()).length === 1, 100_000);
      expect(await lock()).toEqual(mqSet);
    });

    it('checklist 33: while a member joins, no two members consume a queue at the same time', async () => {
      const [topic, group] = [`Joined${id}`, `JoinedG${id}`];
      await createTopic(target, topic, 4);
      await createGroup(target, group);
      await java.startPush({ ...init('first', topic, group), behaviour: { holdMs: 20 } });
      await java.sendMany('p', { topic, body: '%d' }, { count: 200 });
      await java.receive(`first-${id}`, 10);
      await java.startPush({ ...init('second', topic, group), behaviour: { holdMs: 20 } });
      const all = (): Delivery[] => [...java.received(`first-${id}`), ...java.received(`second-${id}`)];
      const isConsumed = (): boolean => new Set(all().map(({ body }) => body)).size === sent;
      let sent = 200;
      await until(async () => {
        // A machine may start the second more slowly than the first consumes. A queue with nothing left is given up at once, others after 20 s.
        if (isConsumed()) {
          await java.sendMany('p', { topic, body: '%d' }, { count: 8, first: sent });
          sent += 8;
        }
        return java.received(`second-${id}`).length > 0;
      }, 100_000);
      await until(isConsumed);
      for (const calls of byQueue(all()).values()) {
        for (let i = 1; i < calls.length; i++) expect(calls[i]!.at).toBeGreaterThanOrEqual(calls[i - 1]!.until!);
      }
      for (const name of ['first', 'second']) await java.stopPush(`${name}-${id}`);
    });
  });
});

interop("our ordered consumer on Apache's nodes", 'java', () => {
  it.each(APACHE_VERSIONS)('keeps the order of each queue and shares them with a Java member on %s', async (version) => {
    const cluster = await apache.startCluster({ version });
    const { namesrvAddr } = cluster;
    const producer = new Producer({ namesrvAddr, producerGroup: 'P', sendMsgTimeoutMs: 30_000 });
    const java = await javaClient(version);
    const got: { queueId: number; body: number }[] = [];
    const consumer = new PushConsumer({ namesrvAddr, consumerGroup: 'G', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
    try {
      await createTopic(cluster, 'Shared', 4);
      await producer.start();
      await consumer.subscribe('Shared');
      consumer.onMessageOrderly(async (messages, { messageQueue: { queueId } }) => {
        await new Promise((resolve) => setTimeout(resolve, 2));
        got.push(...messages.map(({ body }) => ({ queueId, body: Number(body.toString()) })));
        return 'SUCCESS';
      });
      await consumer.start();
      const theirs = () => java.received('j').map(({ body, message: { queueId } }) => ({ queueId, body: Number(body) }));
      let rounds = 0;
      const sendRound = async (): Promise<void> => {
        for (let queueId = 0; queueId < 4; queueId++) {
          await producer.send({ topic: 'Shared', body: Buffer.from(`${rounds}`) }, { queue: queueOf(cluster, 'Shared', queueId) });
        }
        rounds++;
      };
      while (rounds < 6) await sendRound();
      const init = { name: 'j', namesrvAddr, group: 'G', subscriptions: { Shared: '*' }, orderly: true };
      await java.startPush({ ...init, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
      await until(async () => {
        await sendRound();
        return rounds >= 25 && theirs().length > 0;
      }, 100_000);
      const different = () => new Set([...got, ...theirs()].map(({ queueId, body }) => `${queueId}/${body}`));
      await until(() => different().size === 4 * rounds);
      for (const calls of [got, theirs()]) {
        for (let queueId = 0; queueId < 4; queueId++) {
          const bodies = calls.filter((call) => call.queueId === queueId).map(({ body }) => body);
          expect(bodies).toEqual(bodies.toSorted((a, b) => a - b));
        }
      }
    } finally {
      await consumer.shutdown();
      await producer.shutdown();
      await java.close();
      await cluster.stop();
    }
  });
});
