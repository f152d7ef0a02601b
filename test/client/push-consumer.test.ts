import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ConsumeConcurrentlyContext, MessageListener } from '../../src/client/consumer/parts.js';
import { PullConsumer } from '../../src/client/consumer/pull-consumer.js';
import type { PulledMessage } from '../../src/client/consumer/pulled-message.js';
import { PushConsumer, type PushConsumerOptions } from '../../src/client/consumer/push-consumer.js';
import { Producer } from '../../src/client/producer/producer.js';
import { noopLogger } from '../../src/common/logger.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';
import { quickest } from '../timing.js';

/** Set to try the same against a running cluster of another make. */
const FOREIGN_NAMESRV = process.env.MQKIT_TEST_NAMESRV;

let sandbox: Sandbox | undefined;
let namesrvAddr: string;
let producer: Producer;
const consumers: PushConsumer[] = [];
let serial = 0;

beforeAll(async () => {
  if (FOREIGN_NAMESRV === undefined) {
    sandbox = await startSandbox();
  }
  namesrvAddr = FOREIGN_NAMESRV ?? sandbox?.namesrvAddr ?? '';
  producer = new Producer({ namesrvAddr, producerGroup: 'PG_push_test' });
  await producer.start();
});

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.shutdown()));
});

afterAll(async () => {
  await producer.shutdown();
  await sandbox?.stop();
});

/** A topic that exists, by a first message. */
async function freshTopic(): Promise<string> {
  const topic = `Push_${process.pid}_${Date.now()}_${serial++}`;
  await producer.send({ topic, body: Buffer.from('first') });
  return topic;
}

async function sendAll(topic: string, bodies: readonly string[], fields: { tags?: string } = {}): Promise<string[]> {
  const results = await Promise.all(bodies.map((body) => producer.send({ topic, body: Buffer.from(body), ...fields })));
  return results.map((result) => result.msgId);
}

function numbered(count: number, prefix = 'm'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

async function consume(topic: string, options: Partial<PushConsumerOptions> & { tags?: string; listener?: MessageListener } = {}) {
  const received: PulledMessage[] = [];
  const { tags, listener, ...rest } = options;
  const consumer = new PushConsumer({ namesrvAddr, consumerGroup: `CG_${topic}`, ...rest, logger: noopLogger });
  await consumer.subscribe(topic, tags ?? '*');
  consumer.onMessage((messages, context) => {
    received.push(...messages);
    return listener === undefined ? 'CONSUME_SUCCESS' : listener(messages, context);
  });
  consumers.push(consumer);
  await consumer.start();
  return { consumer, received, bodies: () => received.map((message) => message.body.toString()).sort() };
}

describe('a push consumer', () => {
  it('gets what was sent before it came and what is sent while it is there', async () => {
    const topic = await freshTopic();
    await sendAll(topic, numbered(20, 'before'));
    const { bodies, received } = await consume(topic);
    await until(() => received.length === 21);
    await sendAll(topic, numbered(20, 'while'));
    await until(() => received.length === 41);
    expect(bodies()).toEqual(['first', ...numbered(20, 'before'), ...numbered(20, 'while')].sort());
    const message = received[0]!;
    expect(message).toMatchObject({ topic, reconsumeTimes: 0 });
    expect(message.msgId).toMatch(/^[0-9A-F]{32,56}$/);
    expect(message.properties.get('CONSUME_START_TIME')).toMatch(/^\d{13}$/);
    expect(Number(message.properties.get('MAX_OFFSET'))).toBeGreaterThan(0);
  });

  it('gets the messages of a batch with the ids and tags they were sent with', async () => {
    const topic = await freshTopic();
    const batch = ['a', 'b', 'c'].map((body) => ({ topic, body: Buffer.from(body), tags: `tag-${body}` }));
    const sent = await producer.sendBatch(batch);
    const { received } = await consume(topic, { tags: 'tag-a || tag-b || tag-c' });
    await until(() => received.length === 3);
    const inOrder = received.sort((a, b) => a.queueOffset - b.queueOffset);
    expect(inOrder.map((message) => message.msgId).join()).toBe(sent.msgId);
    expect(inOrder.map((message) => message.offsetMsgId).join()).toBe(sent.offsetMsgId);
    expect(inOrder.map((message) => message.tags)).toEqual(['tag-a', 'tag-b', 'tag-c']);
  });

  it('gets only the tags it asked for, and not tags that share their hash', async () => {
    const topic = await freshTopic();
    await sendAll(topic, ['a'], { tags: 'Aa' });
    await sendAll(topic, ['b'], { tags: 'BB' });
    await sendAll(topic, ['c'], { tags: 'C' });
    const { bodies, received } = await consume(topic, { tags: 'Aa || C' });
    await until(() => received.length === 2);
    await sendAll(topic, ['d'], { tags: 'C' });
    await until(() => received.length === 3);
    expect(bodies()).toEqual(['a', 'c', 'd']);
  });

  it('gets a failed message again, under its own topic, with the retry counted', async () => {
    const topic = await freshTopic();
    const start = performance.now();
    const { received } = await consume(topic, {
      listener: (messages, context: ConsumeConcurrentlyContext) => {
        context.delayLevelWhenNextConsume = 1;
        return messages[0]!.reconsumeTimes === 0 ? 'RECONSUME_LATER' : 'CONSUME_SUCCESS';
      },
    });
    await until(() => received.length === 2, 40_000);
    const [first, second] = received as [PulledMessage, PulledMessage];
    expect(second).toMatchObject({ topic, reconsumeTimes: 1, msgId: first.msgId });
    expect(second.body.toString()).toBe('first');
    expect(second.property('ORIGIN_MESSAGE_ID')).toBe(first.offsetMsgId);
    // The delay of level 1 is one second, and routes are looked at every 30 s: a retry topic that is new is found before.
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it.each<[string, MessageListener]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['answers nothing', () => undefined],
  ])('sends a message to the dead letter queue when the listener %s too often', async (_what, fail) => {
    const topic = await freshTopic();
    const group = `CG_${topic}`;
    await consume(topic, {
      consumerGroup: group,
      maxReconsumeTimes: 0,
      listener: (messages, context) => fail(messages, context),
    });
    const dead = await pullAll(`%DLQ%${group}`);
    expect(dead.map((message) => message.body.toString())).toEqual(['first']);
    expect(dead[0]?.property('RETRY_TOPIC')).toBe(topic);
  });

  it('waits for an answer that something like a promise gives', async () => {
    const topic = await freshTopic();
    let answers = 0;
    const answerLater = {
      // biome-ignore lint/suspicious/noThenProperty: a promise of another library.
      then(resolve: (answer: string) => void) {
        answers++;
        setImmediate(() => resolve('CONSUME_SUCCESS'));
      },
    };
    const { consumer, received } = await consume(topic, { maxReconsumeTimes: 0, listener: () => answerLater as never });
    await until(() => answers === 1);
    await consumer.shutdown();
    expect(received).toHaveLength(1);
  });

  it('gives back only the messages behind ackIndex', async () => {
    const topic = await freshTopic();
    const group = `CG_${topic}`;
    const [queue] = await producer.fetchPublishMessageQueues(topic);
    const other = (await pullAll(topic))[0]!.queueId;
    const target = { ...queue!, queueId: (other + 1) % 4 };
    for (const body of ['m0', 'm1', 'm2', 'm3']) {
      await producer.send({ topic, body: Buffer.from(body) }, { queue: target });
    }
    const seen: string[][] = [];
    await consume(topic, {
      consumeMessageBatchMaxSize: 4,
      listener: (messages, context) => {
        seen.push(messages.map((message) => message.body.toString()));
        if (messages.length === 4) {
          context.ackIndex = 1;
          context.delayLevelWhenNextConsume = -1;
        }
        return 'CONSUME_SUCCESS';
      },
    });
    await until(() => seen.length === 2);
    const dead = await pullAll(`%DLQ%${group}`, 2);
    expect(dead.map((message) => message.body.toString()).sort()).toEqual(['m2', 'm3']);
  });

  it('runs an asynchronous listener at most consumeThreadMax times at once', async () => {
    const topic = await freshTopic();
    await sendAll(topic, numbered(30));
    let running = 0;
    let most = 0;
    const listener: MessageListener = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 10));
      running--;
      return 'CONSUME_SUCCESS';
    };
    const { received } = await consume(topic, { consumeThreadMax: 3, listener });
    await until(() => received.length === 31);
    expect(most).toBe(3);
  });

  it('goes on where its group was after a restart', async () => {
    const topic = await freshTopic();
    await sendAll(topic, numbered(10));
    const first = await consume(topic);
    await until(() => first.received.length === 11);
    await first.consumer.shutdown();
    await sendAll(topic, numbered(10, 'later'));
    const second = await consume(topic);
    await until(() => second.received.length === 10);
    expect(second.bodies()).toEqual(numbered(10, 'later').sort());
  });

  it('loses nothing when it is shut down in the middle of work', async () => {
    const topic = await freshTopic();
    const sent = ['first', ...numbered(200)];
    await sendAll(topic, sent.slice(1));
    const done: string[] = [];
    const listener: MessageListener = async (messages) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      done.push(messages[0]!.body.toString());
      return 'CONSUME_SUCCESS';
    };
    const first = await consume(topic, { listener });
    await until(() => done.length > 20);
    await first.consumer.shutdown();
    const before = done.length;
    expect(before).toBeLessThan(sent.length);
    await consume(topic, { listener });
    await until(() => new Set(done).size === sent.length);
    expect(new Set(done)).toEqual(new Set(sent));
    // Only messages behind one that was still waiting at the shutdown come twice.
    expect(done.length - sent.length).toBeLessThan(100);
  });

  it('holds back pulls while too much waits, and takes everything in the end', async () => {
    const topic = await freshTopic();
    await sendAll(topic, numbered(300));
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const listener: MessageListener = async () => {
      await gate;
      return 'CONSUME_SUCCESS';
    };
    const { received } = await consume(topic, { pullThresholdForQueue: 10, pullBatchSize: 8, consumeThreadMax: 2, listener });
    await until(() => received.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(received.length).toBe(2);
    release();
    await until(() => received.length === 301);
  });

  it('takes a subscription that comes and goes while it runs', async () => {
    const topic = await freshTopic();
    const late = await freshTopic();
    const { consumer, received } = await consume(topic);
    await until(() => received.length === 1);
    await consumer.subscribe(late);
    await until(() => received.length === 2);
    expect(received[1]?.topic).toBe(late);
    await consumer.unsubscribe(late);
    expect(new Set(consumer.assignedQueues.map((queue) => queue.topic))).not.toContain(late);
  });
});

describe('members of a group', () => {
  it('share the queues, and each message goes to one of them', async () => {
    const topic = await freshTopic();
    const first = await consume(topic);
    const second = await consume(topic);
    const queuesOf = (member: { consumer: PushConsumer }): number[] =>
      member.consumer.assignedQueues
        .filter((queue) => queue.topic === topic)
        .map((queue) => queue.queueId)
        .sort();
    await until(() => queuesOf(first).length === 2 && queuesOf(second).length === 2);
    expect([...queuesOf(first), ...queuesOf(second)].sort()).toEqual([0, 1, 2, 3]);
    await sendAll(topic, numbered(40));
    await until(() => new Set([...first.bodies(), ...second.bodies()]).size === 41);
    expect(first.received.length).toBeGreaterThan(0);
    expect(second.received.length).toBeGreaterThan(0);
  });

  it('make room for a third when it comes, and take over when it leaves', async () => {
    const topic = await freshTopic();
    const members = [await consume(topic), await consume(topic)];
    const counts = (): number[] =>
      members.map((member) => member.consumer.assignedQueues.filter((queue) => queue.topic === topic).length).sort();
    await until(() => counts().join() === '2,2');
    const joinMs: number[] = [];
    const leaveMs: number[] = [];
    for (let round = 0; round < 2; round++) {
      const joined = quickest(1, async () => {
        members.push(await consume(topic));
        await until(() => counts().join() === '1,1,2');
      });
      joinMs.push(await joined);
      const left = quickest(1, async () => {
        await members.pop()!.consumer.shutdown();
        await until(() => counts().join() === '2,2');
      });
      leaveMs.push(await left);
    }
    // Long before they look by themselves, every 20 s.
    expect(Math.min(...joinMs)).toBeLessThan(8_000);
    expect(Math.min(...leaveMs)).toBeLessThan(8_000);
  });

  it('all get everything when they broadcast', async () => {
    const topic = await freshTopic();
    const dir = sandbox?.dir ?? `/tmp/mqkit-${process.pid}`;
    const options = { messageModel: 'BROADCASTING', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', localOffsetStoreDir: dir } as const;
    const first = await consume(topic, { ...options, instanceName: 'one' });
    const second = await consume(topic, { ...options, instanceName: 'two' });
    await sendAll(topic, numbered(10));
    await until(() => first.received.length === 11 && second.received.length === 11);
    await first.consumer.shutdown();
    await sendAll(topic, ['later']);
    const again = await consume(topic, { ...options, instanceName: 'one' });
    await until(() => again.received.length === 1);
    expect(again.bodies()).toEqual(['later']);
  });
});

async function pullAll(topic: string, atLeast = 1): Promise<PulledMessage[]> {
  const consumer = new PullConsumer({ namesrvAddr, consumerGroup: 'CG_pull_all' });
  await consumer.start();
  try {
    let found: PulledMessage[] = [];
    await until(async () => {
      const queues = await consumer.fetchMessageQueues(topic).catch(() => []);
      found = [];
      for (const queue of queues) {
        found.push(...(await consumer.pull(queue, '*', 0, 32)).messages);
      }
      return found.length >= atLeast;
    }, 8000);
    return found;
  } finally {
    await consumer.shutdown();
  }
}
