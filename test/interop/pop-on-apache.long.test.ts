/* Our push consumer in POP mode on Apache's 5.3.3 broker, which shows that both ends mean the same. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PushConsumer } from '../../src/client/consumer/push-consumer.js';
import { Producer } from '../../src/client/producer/producer.js';
import { encodeSetMessageRequestModeRequestBody } from '../../src/remoting/bodies/index.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { apache, rawRequest } from '../peers/index.js';
import { createGroup, createTopic, interop, type Target, until } from './support.js';

const COUNT = 100;

interop("Our push consumer in POP mode on Apache's broker", 'java', () => {
  let target: Target;
  beforeAll(async () => {
    target = await apache.startCluster({ version: '5.3.3', brokerConfig: {} });
  });
  afterAll(() => target?.stop());

  it('gets every message once, and one that failed after 10 s again', { timeout: 90_000 }, async () => {
    const topic = 'OursPops';
    const consumerGroup = 'GOursPops';
    await createTopic(target, topic, 4);
    await createGroup(target, consumerGroup);
    const body = encodeSetMessageRequestModeRequestBody({ topic, consumerGroup, mode: 'POP', popShareQueueNum: 0 });
    expect((await rawRequest(target.broker.address, RequestCode.SET_MESSAGE_REQUEST_MODE, {}, body.toString())).code).toBe(0);
    const seen: { body: string; reconsumeTimes: number; topic: string; at: number }[] = [];
    const { namesrvAddr } = target;
    const options = { namesrvAddr, consumerGroup, clientRebalance: false, popInvisibleTimeMs: 5_000 };
    const consumer = new PushConsumer({ ...options, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', rebalanceIntervalMs: 500 });
    await consumer.subscribe(topic, 'A || B');
    consumer.onMessage((messages) => {
      for (const message of messages) {
        const { reconsumeTimes } = message;
        seen.push({ body: message.body.toString(), reconsumeTimes, topic: message.topic, at: Date.now() });
        if (message.body.toString() === '7' && reconsumeTimes === 0) return 'RECONSUME_LATER';
      }
      return 'CONSUME_SUCCESS';
    });
    const producer = new Producer({ namesrvAddr, producerGroup: 'PGOursPops' });
    await producer.start();
    await consumer.start();
    try {
      await until(() => consumer.assignedQueues.some(({ queueId }) => queueId === -1), 20_000);
      for (let i = 0; i < COUNT; i++) await producer.send({ topic, tags: i % 2 === 0 ? 'A' : 'B', body: Buffer.from(String(i)) });
      await producer.send({ topic, tags: 'C', body: Buffer.from('not wanted') });
      await until(() => seen.some(({ reconsumeTimes }) => reconsumeTimes > 0), 60_000);
      // By then the others would have come back, too: their invisible time is half of the first delay.
      expect(seen.map((message) => message.body).toSorted()).toEqual(
        [...Array.from({ length: COUNT }, (_, i) => String(i)), '7'].toSorted(),
      );
      const [first, second] = seen.filter((message) => message.body === '7');
      expect(second).toMatchObject({ topic, reconsumeTimes: 1 });
      expect(second!.at - first!.at).toBeGreaterThanOrEqual(10_000);
    } finally {
      await consumer.shutdown();
      await producer.shutdown();
    }
  });
});
