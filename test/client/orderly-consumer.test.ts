import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ConsumeOrderlyContext, OrderlyMessageListener } from '../../src/client/consumer/parts.js';
import { PullConsumer } from '../../src/client/consumer/pull-consumer.js';
import { PushConsumer, type PushConsumerOptions } from '../../src/client/consumer/push-consumer.js';
import { type MessageQueue, sameQueue } from '../../src/client/message-queue.js';
import { Producer } from '../../src/client/producer/producer.js';
import { compressionSysFlag } from '../../src/common/compression.js';
import { noopLogger } from '../../src/common/logger.js';
import { decodeConsumerRunningInfo } from '../../src/remoting/bodies/running-info.js';
import { RemotingClient } from '../../src/remoting/client.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { RawClient } from '../broker/kit.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';

let sandbox: Sandbox;
let producer: Producer;
const consumers: PushConsumer[] = [];
let serial = 0;

beforeAll(async () => {
  sandbox = await startSandbox();
  producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PG_ordered', instanceName: 'p' });
  await producer.start();
});
afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.shutdown()));
});
afterAll(async () => {
  await producer.shutdown();
  await sandbox.stop();
});

const send = (topic: string, body: string, queueId = 0) =>
  producer.send({ topic, body: Buffer.from(body) }, { queue: { topic, brokerName: 'broker-a', queueId } });

/** A topic of 4 queues with a message in each: a new group starts at 0 on all of them. */
async function freshTopic(): Promise<string> {
  const topic = `Ordered${++serial}`;
  await producer.send({ topic, body: Buffer.from('made') });
  return topic;
}

async function consume(topic: string, listener: OrderlyMessageListener, options: Partial<PushConsumerOptions> = {}): Promise<PushConsumer> {
  const consumer = new PushConsumer({
    namesrvAddr: sandbox.namesrvAddr,
    consumerGroup: `CG_${topic}`,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    instanceName: `c${++serial}`,
    logger: noopLogger,
    ...options,
  });
  consumers.push(consumer);
  await consumer.subscribe(topic);
  consumer.onMessageOrderly(listener);
  await consumer.start();
  return consumer;
}

describe('an ordered consumer', () => {
  it('gets the messages of each queue one call after the other, and different queues side by side', async () => {
    const topic = await freshTopic();
    const running = new Map<number, number>();
    const got = new Map<number, string[]>();
    let most = 0;
    await consume(topic, async (messages, { messageQueue: { queueId } }) => {
      expect(running.get(queueId) ?? 0).toBe(0);
      running.set(queueId, 1);
      most = Math.max(
        most,
        [...running.values()].reduce((sum, one) => sum + one, 0),
      );
      await new Promise((resolve) => setTimeout(resolve, 2));
      got.set(queueId, [...(got.get(queueId) ?? []), ...messages.map(({ body }) => body.toString())]);
      running.set(queueId, 0);
      return 'SUCCESS';
    });
    for (let i = 0; i < 30; i++) for (let queueId = 0; queueId < 4; queueId++) await send(topic, `${i}`, queueId);
    const expected = Array.from({ length: 30 }, (_, i) => `${i}`);
    await until(() => [...got.values()].flat().length === 121);
    for (let queueId = 0; queueId < 4; queueId++) expect(got.get(queueId)!.filter((body) => body !== 'made')).toEqual(expected);
    expect(most).toBeGreaterThan(1);
  });

  it('repeats a failed message before the next one, and only its queue waits', async () => {
    const topic = await freshTopic();
    const calls: string[] = [];
    let failures = 2;
    await consume(
      topic,
      (messages) => {
        const body = messages[0]!.body.toString();
        calls.push(`${body}:${messages[0]!.reconsumeTimes}`);
        return body === 'a1' && failures-- > 0 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
      },
      { suspendCurrentQueueTimeMs: 1_500 },
    );
    await until(() => calls.length === 1);
    for (const [body, queueId] of [
      ['a1', 1],
      ['a2', 1],
      ['b1', 2],
      ['b2', 2],
    ] as const)
      await send(topic, body, queueId);
    await until(() => calls.includes('a2:0'));
    expect(calls.filter((call) => call.startsWith('a'))).toEqual(['a1:0', 'a1:1', 'a1:2', 'a2:0']);
    expect(calls.indexOf('b2:0')).toBeLessThan(calls.indexOf('a1:2'));
  });

  it('goes on behind a message whose attempts are used up, which goes to the dead-letter queue', async () => {
    const topic = await freshTopic();
    const calls: string[] = [];
    const consumer = await consume(
      topic,
      (messages) => {
        const body = messages[0]!.body.toString();
        calls.push(body);
        if (body === 'bad') throw new Error('cannot be consumed');
        return 'SUCCESS';
      },
      { maxReconsumeTimes: 1, suspendCurrentQueueTimeMs: 10 },
    );
    await send(topic, 'bad', 3);
    await send(topic, 'good', 3);
    await until(() => calls.includes('good'));
    expect(calls.filter((body) => body !== 'made')).toEqual(['bad', 'bad', 'good']);
    const dead = new PullConsumer({ namesrvAddr: sandbox.namesrvAddr, consumerGroup: 'CG_dead', instanceName: 'dead' });
    await dead.start();
    const queue = { topic: `%DLQ%${consumer.consumerGroup}`, brokerName: 'broker-a', queueId: 0 };
    const { messages } = await dead.pull(queue, '*', 0, 8);
    expect(messages.map(({ body, reconsumeTimes }) => [body.toString(), reconsumeTimes])).toEqual([['bad', 2]]);
    await dead.shutdown();
  });

  it('goes on behind a message that cannot be inflated, which goes to the dead-letter queue as it is stored', async () => {
    const topic = await freshTopic();
    const raw = new RawClient(sandbox.brokerAddr);
    const sysFlag = compressionSysFlag('ZLIB');
    await raw.send({ topic, queueId: 3, body: 'no stream', fields: { f: String(sysFlag) } });
    await raw.close();
    await send(topic, 'good', 3);
    const bodies: string[] = [];
    const listener: OrderlyMessageListener = (messages) => {
      bodies.push(...messages.map(({ body }) => body.toString()));
      return 'SUCCESS';
    };
    const { consumerGroup } = await consume(topic, listener, { maxReconsumeTimes: 1, suspendCurrentQueueTimeMs: 10 });
    await until(() => bodies.includes('good'));
    const dead = new PullConsumer({ namesrvAddr: sandbox.namesrvAddr, consumerGroup: 'CG_dead', instanceName: 'dead' });
    await dead.start();
    const queue = { topic: `%DLQ%${consumerGroup}`, brokerName: 'broker-a', queueId: 0 };
    const { messages } = await dead.pull(queue, '*', 0, 8);
    expect(messages.map(({ storedBody, storedSysFlag }) => [storedBody.toString(), storedSysFlag])).toEqual([['no stream', sysFlag]]);
    await dead.shutdown();
  });

  it('goes on behind a message whose properties leave no room for those of a retry', async () => {
    const topic = await freshTopic();
    await producer.send(
      { topic, body: Buffer.from('bad'), properties: new Map([['x', 'y'.repeat(32_560)]]) },
      { queue: { topic, brokerName: 'broker-a', queueId: 3 } },
    );
    await send(topic, 'good', 3);
    const bodies: string[] = [];
    const listener: OrderlyMessageListener = (messages) => {
      const body = messages[0]!.body.toString();
      bodies.push(body);
      return body === 'bad' ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
    };
    const { consumerGroup } = await consume(topic, listener, { maxReconsumeTimes: 1, suspendCurrentQueueTimeMs: 10 });
    await until(() => bodies.includes('good'));
    expect(bodies.filter((body) => body === 'bad')).toHaveLength(2);
    expect(sandbox.brokers[0]!.store.maxOffset(`%DLQ%${consumerGroup}`, 0)).toBe(1);
  });

  it('without autoCommit commits at COMMIT, and ROLLBACK brings everything since then again', async () => {
    const topic = await freshTopic();
    const calls: string[] = [];
    let isRolledBack = false;
    const consumer = await consume(
      topic,
      (messages, context: ConsumeOrderlyContext) => {
        context.autoCommit = false;
        const body = messages[0]!.body.toString();
        calls.push(body);
        if (body === 'made') return 'COMMIT';
        if (body === '3' && !isRolledBack) {
          isRolledBack = true;
          context.suspendCurrentQueueTimeMillis = 10;
          return 'ROLLBACK';
        }
        return body === '4' ? 'COMMIT' : 'SUCCESS';
      },
      {},
    );
    await until(() => calls.length === 1);
    for (const body of ['1', '2', '3', '4']) await send(topic, body, 2);
    await until(() => calls.includes('4'));
    expect(calls.slice(1)).toEqual(['1', '2', '3', '1', '2', '3', '4']);
    await consumer.shutdown();
    const offset = sandbox.brokers[0]!.parts.offsets.query(consumer.consumerGroup, topic, 2);
    expect(offset).toBe(sandbox.brokers[0]!.store.maxOffset(topic, 2));
  });

  it('hands a queue over only when its running call has ended, and commits what that did', async () => {
    const topic = await freshTopic();
    const running = new Map<number, string>();
    const order = new Map<number, number[]>();
    const listenerOf =
      (name: string): OrderlyMessageListener =>
      async (messages, { messageQueue: { queueId } }) => {
        expect(running.get(queueId)).toBeUndefined();
        running.set(queueId, name);
        await new Promise((resolve) => setTimeout(resolve, 5));
        const body = messages[0]!.body.toString();
        if (body !== 'made') order.set(queueId, [...(order.get(queueId) ?? []), Number(body)]);
        running.delete(queueId);
        return 'SUCCESS';
      };
    const first = await consume(topic, listenerOf('first'));
    let sent = 0;
    let isSending = true;
    const sending = (async () => {
      for (; isSending; sent++) for (let queueId = 0; queueId < 4; queueId++) await send(topic, `${sent}`, queueId);
    })();
    const queues = (consumer: PushConsumer) => consumer.assignedQueues.filter((queue) => queue.topic === topic).length;
    const second = await consume(topic, listenerOf('second'));
    await until(() => queues(first) === 2 && queues(second) === 2);
    await first.shutdown();
    await until(() => queues(second) === 4);
    isSending = false;
    await sending;
    await until(() => [...order.values()].flat().length === 4 * sent);
    for (let queueId = 0; queueId < 4; queueId++) {
      expect(order.get(queueId)).toEqual(Array.from({ length: sent }, (_, index) => index));
    }
  });

  it('stops consuming a queue whose lock another client has, and starts again when it is free', async () => {
    const topic = await freshTopic();
    const calls: string[] = [];
    const listener: OrderlyMessageListener = (messages) => {
      calls.push(messages[0]!.body.toString());
      return 'SUCCESS';
    };
    const consumer = await consume(topic, listener, { lockIntervalMs: 500 });
    await until(() => calls.length === 1);
    const { locks } = sandbox.brokers[0]!.parts;
    const queue = { topic, brokerName: 'broker-a', queueId: 0 };
    locks.unlock(consumer.consumerGroup, consumer.clientId, [queue]);
    expect(locks.lock(consumer.consumerGroup, 'thief', [queue])).toHaveLength(1);
    await until(() => !consumer.assignedQueues.some((owned) => owned.topic === topic && owned.queueId === 0));
    await send(topic, 'later', 0);
    locks.unlock(consumer.consumerGroup, 'thief', [queue]);
    await until(() => calls.includes('later'));
  });

  it('waits for a call that outlasts its lock, when it gets the queue again', async () => {
    const topic = await freshTopic();
    const calls: string[] = [];
    let running = 0;
    let most = 0;
    const release = new Map<string, () => void>();
    const listener: OrderlyMessageListener = async (messages) => {
      const body = messages[0]!.body.toString();
      if (body === 'made') return 'SUCCESS';
      calls.push(body);
      most = Math.max(most, ++running);
      if (calls.length === 1) await new Promise<void>((resolve) => release.set(body, resolve));
      running--;
      return 'SUCCESS';
    };
    const consumer = await consume(topic, listener, { lockIntervalMs: 500 });
    await send(topic, 'held', 0);
    await until(() => calls.length === 1);
    const { locks } = sandbox.brokers[0]!.parts;
    const queue = { topic, brokerName: 'broker-a', queueId: 0 };
    const owns = () => consumer.assignedQueues.some((owned) => owned.topic === topic && owned.queueId === 0);
    locks.unlock(consumer.consumerGroup, consumer.clientId, [queue]);
    expect(locks.lock(consumer.consumerGroup, 'thief', [queue])).toHaveLength(1);
    await until(() => !owns());
    locks.unlock(consumer.consumerGroup, 'thief', [queue]);
    await until(async () => (await cachedMessages(consumer, queue)) >= 1);
    // Whatever may run of the queue that came back has had its turn when a message of another queue ran.
    await send(topic, 'other', 1);
    await until(() => calls.includes('other'));
    expect(calls).toEqual(['held', 'other']);
    // A member that joins gets a queue only when the held call is over.
    const others: number[] = [];
    const second = await consume(
      topic,
      (messages, { messageQueue: { queueId } }) => {
        if (queueId === 0) others.push(running);
        calls.push(`second ${messages[0]!.body.toString()}`);
        return 'SUCCESS';
      },
      { instanceName: '0first' },
    );
    await until(() => second.assignedQueues.some((owned) => owned.topic === topic));
    release.get('held')!();
    await until(() => calls.filter((call) => call.endsWith('held')).length === 2);
    expect(others.every((count) => count === 0)).toBe(true);
    expect(most).toBe(2);
  });
});

/** Messages of a queue that the consumer has and is not done with, as it tells the broker. */
async function cachedMessages(consumer: PushConsumer, queue: MessageQueue): Promise<number> {
  const extFields = { consumerGroup: consumer.consumerGroup, clientId: consumer.clientId, jstackEnable: 'false' };
  const remoting = new RemotingClient({});
  try {
    const response = await remoting.invoke(sandbox.brokerAddr, { code: RequestCode.GET_CONSUMER_RUNNING_INFO, extFields }, 3000);
    const { mqTable } = decodeConsumerRunningInfo(response.body);
    return mqTable.find(([owned]) => sameQueue(owned, queue))?.[1].cachedMsgCount ?? 0;
  } finally {
    await remoting.close();
  }
}
