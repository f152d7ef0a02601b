import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { allocateAveragely } from '../../src/client/consumer/allocate.js';
import { resolvePushSettings, shareTopicThresholds } from '../../src/client/consumer/push-settings.js';
import { systemClock } from '../../src/common/clock.js';
import { noopLogger } from '../../src/common/logger.js';
import { type MessageListener, Producer, type PulledMessage, PushConsumer, type PushConsumerOptions, UsageError } from '../../src/index.js';
import { rawRequest } from '../peers/wire.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';

let sandbox: Sandbox;
let producer: Producer;
const consumers: PushConsumer[] = [];
let serial = 0;

beforeAll(async () => {
  sandbox = await startSandbox();
  producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PG_settings', instanceName: 'p' });
  await producer.start();
});
afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.shutdown()));
});
afterAll(async () => {
  await producer.shutdown();
  await sandbox.stop();
});

const send = (topic: string, body: string) =>
  producer.send({ topic, body: Buffer.from(body) }, { queue: { topic, brokerName: 'broker-a', queueId: 0 } });

/** A topic of one queue with these bodies. */
async function topicWith(...bodies: string[]): Promise<string> {
  const topic = `Settings${++serial}`;
  const fields = { topic, defaultTopic: 'TBW102', readQueueNums: '1', writeQueueNums: '1', perm: '6', topicFilterType: 'SINGLE_TAG' };
  expect(await rawRequest(sandbox.brokerAddr, 17, { ...fields, topicSysFlag: '0', order: 'false' })).toMatchObject({ code: 0 });
  for (const body of bodies) await send(topic, body);
  return topic;
}

async function consume(topic: string, options: Partial<PushConsumerOptions> = {}, listener: MessageListener = () => 'CONSUME_SUCCESS') {
  const received: PulledMessage[] = [];
  const consumer = new PushConsumer({
    ...{ namesrvAddr: sandbox.namesrvAddr, consumerGroup: `CG_${topic}`, instanceName: `s${++serial}`, logger: noopLogger },
    ...{ consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', ...options },
  });
  consumers.push(consumer);
  await consumer.subscribe(topic);
  consumer.onMessage((messages, context) => {
    received.push(...messages);
    return listener(messages, context);
  });
  await consumer.start();
  return { consumer, received, bodies: () => received.map(({ body }) => body.toString()) };
}

const committedOf = (consumer: PushConsumer, topic: string) => sandbox.brokers[0]!.parts.offsets.query(consumer.consumerGroup, topic, 0);

describe('a push consumer', () => {
  it('gives a message back that its listener holds for longer than the consume time-out, and goes on behind it', async () => {
    const topic = await topicWith('held', 'next');
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const listener: MessageListener = async ([message]) => {
      if (message!.body.toString() === 'held') await gate;
      return 'CONSUME_SUCCESS';
    };
    const { consumer, bodies } = await consume(topic, { consumeTimeoutMinutes: 0.005, persistConsumerOffsetIntervalMs: 50 }, listener);
    await until(() => bodies().length === 2);
    // The offset stays before the message until somebody else has it.
    await until(() => committedOf(consumer, topic) === 2);
    // Level 3 is queue 2.
    expect(sandbox.brokers[0]!.store.maxOffset('SCHEDULE_TOPIC_XXXX', 2)).toBe(1);
    release();
  });

  it('pulls nothing while it is suspended, and goes on when it is resumed', async () => {
    const topic = await topicWith('a');
    const { consumer, bodies } = await consume(topic);
    const other = await consume(topic, { consumerGroup: 'CG_other' });
    await until(() => bodies().length === 1);
    consumer.suspend();
    // The pull that is held at the broker still brings its answer.
    await send(topic, 'b');
    await until(() => bodies().length === 2);
    await send(topic, 'c');
    await until(() => other.bodies().includes('c'));
    expect(bodies()).toEqual(['a', 'b']);
    consumer.resume();
    await until(() => bodies().length === 3);
  });

  it('waits at the shutdown for calls that run, but not for longer than it is told', async () => {
    const topic = await topicWith('quick');
    let ended = 0;
    const quick = await consume(topic, {}, async () => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      ended++;
      return 'CONSUME_SUCCESS';
    });
    await until(() => quick.received.length === 1);
    await quick.consumer.shutdown();
    expect(ended).toBe(1);
    expect(committedOf(quick.consumer, topic)).toBe(1);

    const other = await topicWith('stuck');
    const stuck = await consume(other, { awaitTerminationMs: 50 }, () => new Promise(() => {}));
    await until(() => stuck.received.length === 1);
    await stuck.consumer.shutdown();
    const next = await consume(other);
    await until(() => next.received.length === 1);
    expect(next.bodies()).toEqual(['stuck']);
  });

  it('shares the thresholds of a topic among the queues it owns', async () => {
    const settings = resolvePushSettings(
      { namesrvAddr: 'a:1', consumerGroup: 'CG', pullThresholdForTopic: 10, pullThresholdSizeForTopic: 100 },
      systemClock,
      allocateAveragely,
    );
    shareTopicThresholds(settings, 4);
    expect(settings).toMatchObject({ pullThresholdForQueue: 2, pullThresholdSizeForQueueMiB: 25 });
    shareTopicThresholds(settings, 16);
    expect(settings).toMatchObject({ pullThresholdForQueue: 1, pullThresholdSizeForQueueMiB: 6 });
    shareTopicThresholds(settings, 0);
    expect(settings.pullThresholdForQueue).toBe(1);
  });

  it('is heard at once with postSubscriptionWhenPull, with the tags that it says', async () => {
    const topic = await topicWith();
    for (const tags of ['A', 'B']) await producer.send({ topic, body: Buffer.from(tags), tags });
    const consumer = new PushConsumer({
      ...{ namesrvAddr: sandbox.namesrvAddr, consumerGroup: `CG_${topic}`, postSubscriptionWhenPull: true },
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    });
    consumers.push(consumer);
    const got: string[] = [];
    await consumer.subscribe(topic, 'B');
    consumer.onMessage((messages) => {
      got.push(...messages.map(({ body }) => body.toString()));
      return 'CONSUME_SUCCESS';
    });
    await consumer.start();
    await until(() => got.length > 0);
    expect(got).toEqual(['B']);
  });

  it.each<[Partial<PushConsumerOptions>, string]>([
    [{ consumeThreadMax: 0 }, 'consumeThreadMax 0 is out of range [1, 1000]'],
    [{ consumeConcurrentlyMaxSpan: 65_536 }, 'consumeConcurrentlyMaxSpan 65536 is out of range [1, 65535]'],
    [{ pullThresholdForQueue: 0 }, 'pullThresholdForQueue 0 is out of range [1, 65535]'],
    [{ pullThresholdForTopic: 0 }, 'pullThresholdForTopic 0 is out of range [1, 6553500]'],
    [{ pullThresholdSizeForQueue: 1025 }, 'pullThresholdSizeForQueue 1025 is out of range [1, 1024]'],
    [{ pullThresholdSizeForTopic: 102_401 }, 'pullThresholdSizeForTopic 102401 is out of range [1, 102400]'],
    [{ pullIntervalMs: 65_536 }, 'pullIntervalMs 65536 is out of range [0, 65535]'],
    [{ pullBatchSize: 1025 }, 'pullBatchSize 1025 is out of range [1, 1024]'],
    [{ consumeMessageBatchMaxSize: 0 }, 'consumeMessageBatchMaxSize 0 is out of range [1, 1024]'],
    [{ consumeTimestamp: '2024' }, 'consumeTimestamp "2024" is not yyyyMMddHHmmss'],
  ])('refuses %o', (options, text) => {
    const create = () => new PushConsumer({ namesrvAddr: 'a:1', consumerGroup: 'CG', ...options });
    expect(create).toThrow(UsageError);
    expect(create).toThrow(text);
  });
});

describe('a broadcasting consumer', () => {
  it('keeps its offsets in a file by client and group, drops what fails, and falls back to the copy of a broken file', async () => {
    const topic = await topicWith('a', 'b');
    const options = { messageModel: 'BROADCASTING', localOffsetStoreDir: join(sandbox.dir, 'offsets'), instanceName: 'fixed' } as const;
    const first = await consume(topic, { ...options, persistConsumerOffsetIntervalMs: 20 }, () => 'RECONSUME_LATER');
    await until(() => first.received.length === 2);
    const file = join(sandbox.dir, 'offsets', first.consumer.clientId, first.consumer.consumerGroup, 'offsets.json');
    const text = (path: string) => readFile(path, 'utf8').catch(() => '');
    await until(async () => (await text(file)).includes(':2'));
    await until(async () => (await text(`${file}.bak`)).includes(':2'));
    await first.consumer.shutdown();
    expect((await text(file)).replace(/\s/g, '')).toBe(`{"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"${topic}"}:2}}`);
    await writeFile(file, 'not a table');
    await send(topic, 'c');
    const second = await consume(topic, options);
    await until(() => second.received.length === 1);
    expect(second.bodies()).toEqual(['c']);
    // Nothing of it is at the broker, and nothing comes again.
    expect(committedOf(second.consumer, topic)).toBe(-1);
    expect(second.consumer.assignedQueues.map((queue) => queue.topic)).toEqual([topic]);
  });
});
