import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LitePullConsumer, type MessageQueue, Producer } from '../../src/index.js';
import { APACHE_VERSIONS, apache, type ClientDriver, javaClient, rawRequest } from '../peers/index.js';
import { DrivenLiteConsumer } from '../peers/lite-driver.js';
import { createTopic, interop, startTarget, type Target, until } from './support.js';

const queueOf = ({ brokerName }: Target, topic: string, queueId: number): MessageQueue => ({ topic, brokerName, queueId });

async function committed(target: Target, consumerGroup: string, { topic, queueId }: MessageQueue): Promise<number | null> {
  const response = await rawRequest(target.broker.address, 14, { consumerGroup, topic, queueId: String(queueId) });
  return response.code === 0 ? Number(response.extFields?.offset) : null;
}

async function sendAll(target: Target, queue: MessageQueue, bodies: readonly string[]): Promise<void> {
  const producer = new Producer({ namesrvAddr: target.namesrvAddr, producerGroup: 'LiteP', sendMsgTimeoutMs: 30_000 });
  await producer.start();
  for (const body of bodies) await producer.send({ topic: queue.topic, body: Buffer.from(body) }, { queue });
  await producer.shutdown();
}

/** Polls until so many messages came. */
async function poll(consumer: LitePullConsumer, count: number): Promise<string[]> {
  const bodies: string[] = [];
  await until(async () => {
    for (const { body } of await consumer.poll(200)) bodies.push(body.toString());
    return bodies.length >= count;
  });
  return bodies;
}

interop('lite-pull consumers of Java on the bundled nodes', 'java', () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target?.stop());

  it.each(APACHE_VERSIONS)('Java %s polls assigned and subscribed queues, seeks, commits, and shares with ours', async (version) => {
    const id = version.replaceAll('.', '');
    const [topic, group] = [`Lite${id}`, `LiteG${id}`];
    await createTopic(target, topic, 4);
    const zero = queueOf(target, topic, 0);
    await sendAll(target, zero, ['a', 'b', 'c']);
    const java: ClientDriver = await javaClient(version);
    const { namesrvAddr } = target;
    try {
      const first = await DrivenLiteConsumer.start(java, { name: 'assigned', namesrvAddr, group, queues: [zero] });
      expect(await first.poll(3)).toEqual(['a', 'b', 'c']);
      await first.seek(zero, 1);
      expect(await first.poll(2)).toEqual(['b', 'c']);
      await first.commit([zero]);
      await until(async () => (await committed(target, group, zero)) === 3);
      await first.seek(zero, 'begin');
      expect(await first.poll(3)).toEqual(['a', 'b', 'c']);
      await expect(first.seek(zero, 9)).rejects.toThrow('Seek offset illegal, seek offset = 9, min offset = 0, max offset = 3');
      await expect(first.subscribe(topic)).rejects.toThrow();
      await first.stop();

      const subscribed = await DrivenLiteConsumer.start(java, { name: 'a-java', namesrvAddr, group, subscriptions: { [topic]: '*' } });
      const ours = new LitePullConsumer({ namesrvAddr, consumerGroup: group, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
      await ours.subscribe(topic);
      await ours.start();
      const counts = async () => [(await subscribed.assignment()).length, ours.assignment().length];
      await until(async () => (await counts()).join() === '2,2');
      const all = [...(await subscribed.assignment()), ...ours.assignment()];
      expect(all.map(({ queueId }) => queueId).sort()).toEqual([0, 1, 2, 3]);
      for (let queueId = 0; queueId < 4; queueId++) await sendAll(target, queueOf(target, topic, queueId), [`${queueId}`]);
      const got = await Promise.all([subscribed.poll(2), poll(ours, 2)]);
      expect(
        got
          .flat()
          .filter((body) => /\d/.test(body))
          .sort(),
      ).toEqual(['0', '1', '2', '3']);
      await subscribed.stop();
      await until(() => ours.assignment().length === 4);
      await ours.shutdown();
    } finally {
      await java.close();
    }
  });
});

interop("our lite-pull consumer on Apache's nodes", 'java', () => {
  describe.each(APACHE_VERSIONS)('Apache %s', (version) => {
    it('polls assigned and subscribed queues, seeks and commits', async () => {
      const cluster = await apache.startCluster({ version });
      const { namesrvAddr } = cluster;
      const consumers: LitePullConsumer[] = [];
      const create = (consumerGroup: string) => {
        const consumer = new LitePullConsumer({
          ...{ namesrvAddr, consumerGroup, mqClientApiTimeoutMs: 30_000, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' },
        });
        consumers.push(consumer);
        return consumer;
      };
      try {
        await createTopic(cluster, 'Lite', 2);
        const zero = queueOf(cluster, 'Lite', 0);
        await sendAll(cluster, zero, ['a', 'b', 'c']);
        const assigned = create('LiteAssigned');
        await assigned.assign([zero]);
        await assigned.start();
        expect(await poll(assigned, 3)).toEqual(['a', 'b', 'c']);
        await assigned.seek(zero, 2);
        expect(await poll(assigned, 1)).toEqual(['c']);
        await assigned.seekToBegin(zero);
        expect(await poll(assigned, 3)).toEqual(['a', 'b', 'c']);
        await assigned.commitSync(new Map([[zero, 2]]));
        expect(await committed(cluster, 'LiteAssigned', zero)).toBe(2);
        expect(await assigned.offsetForTimestamp(zero, 0)).toBe(0);
        const waiting = assigned.poll(20_000);
        await sendAll(cluster, zero, ['d']);
        expect((await waiting).map(({ body }) => body.toString())).toEqual(['d']);

        const subscribed = [create('LiteShared'), create('LiteShared')];
        for (const consumer of subscribed) {
          await consumer.subscribe('Lite');
          await consumer.start();
        }
        await until(() => subscribed.every((consumer) => consumer.assignment().length === 1));
        await sendAll(cluster, queueOf(cluster, 'Lite', 1), ['e']);
        const [owner] = subscribed.filter((consumer) => consumer.assignment()[0]?.queueId === 1);
        expect(await poll(owner!, 1)).toEqual(['e']);
      } finally {
        await Promise.all(consumers.map((consumer) => consumer.shutdown()));
        await cluster.stop();
      }
    });
  });
});
