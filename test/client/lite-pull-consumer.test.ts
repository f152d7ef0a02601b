import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { MQClient } from '../../src/client/mq-client.js';
import { ConnectError } from '../../src/common/errors.js';
import { LitePullConsumer, type LitePullConsumerOptions, type MessageQueue, Producer, UsageError } from '../../src/index.js';
import { rawRequest } from '../peers/wire.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';

let sandbox: Sandbox;
let producer: Producer;
const consumers: LitePullConsumer[] = [];
let serial = 0;

beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { enablePropertyFilter: true } });
  producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PG_lite', instanceName: 'p' });
  await producer.start();
});
afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.shutdown()));
});
afterAll(async () => {
  await producer.shutdown();
  await sandbox.stop();
});

const queueOf = (topic: string, queueId: number): MessageQueue => ({ topic, brokerName: 'broker-a', queueId });
const send = (topic: string, body: string, queueId = 0, tags?: string) =>
  producer.send({ topic, body: Buffer.from(body), ...(tags === undefined ? {} : { tags }) }, { queue: queueOf(topic, queueId) });
const committedOf = (consumer: LitePullConsumer, queue: MessageQueue) =>
  sandbox.brokers[0]!.parts.offsets.query(consumer.consumerGroup, queue.topic, queue.queueId);

/** A topic of 4 queues with these bodies in its queue 0. */
async function topicWith(...bodies: string[]): Promise<string> {
  const topic = `Lite${++serial}`;
  await setQueues(topic, 4);
  for (const body of bodies) await send(topic, body);
  return topic;
}

async function setQueues(topic: string, count: number): Promise<void> {
  const queues = { readQueueNums: String(count), writeQueueNums: String(count) };
  const fields = { topic, defaultTopic: 'TBW102', ...queues, perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' };
  expect(await rawRequest(sandbox.brokerAddr, 17, fields)).toMatchObject({ code: 0 });
}

function create(topic: string, options: Partial<LitePullConsumerOptions> = {}): LitePullConsumer {
  const consumer = new LitePullConsumer({
    namesrvAddr: sandbox.namesrvAddr,
    consumerGroup: `CG_${topic}`,
    instanceName: `l${++serial}`,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    ...options,
  });
  consumers.push(consumer);
  return consumer;
}

async function assigned(topic: string, options: Partial<LitePullConsumerOptions> = {}): Promise<LitePullConsumer> {
  const consumer = create(topic, options);
  await consumer.assign([queueOf(topic, 0)]);
  await consumer.start();
  return consumer;
}

/** Polls until so many messages came. */
async function poll(consumer: LitePullConsumer, count: number): Promise<string[]> {
  const bodies: string[] = [];
  await until(async () => {
    for (const message of await consumer.poll(100)) bodies.push(message.body.toString());
    return bodies.length >= count;
  });
  return bodies;
}

describe('a lite-pull consumer with assigned queues', () => {
  it('polls their messages in order, and its group goes on behind what is committed', async () => {
    const topic = await topicWith('a', 'b', 'c', 'd', 'e');
    await send(topic, 'not assigned', 1);
    const first = await assigned(topic, { pullBatchSize: 2 });
    expect((await first.poll()).map(({ body }) => body.toString())).toEqual(['a', 'b']);
    expect(await poll(first, 2)).toEqual(['c', 'd']);
    await first.commitSync();
    expect(committedOf(first, queueOf(topic, 0))).toBe(4);
    expect(await first.committed(queueOf(topic, 0))).toBe(4);
    await first.shutdown();
    const second = await assigned(topic);
    expect(await poll(second, 1)).toEqual(['e']);
    await send(topic, 'late');
    expect(await poll(second, 1)).toEqual(['late']);
    expect(await second.poll(20)).toEqual([]);
  });

  it('commits given offsets, and those of chosen queues', async () => {
    const topic = await topicWith('a', 'b', 'c');
    await send(topic, 'x', 1);
    const [zero, one, two] = [queueOf(topic, 0), queueOf(topic, 1), queueOf(topic, 2)];
    const consumer = create(topic, { autoCommit: false });
    await consumer.assign([zero, one]);
    await consumer.start();
    await poll(consumer, 4);
    await consumer.commitSync([one]);
    expect([zero, one].map((queue) => committedOf(consumer, queue))).toEqual([-1, 1]);
    await consumer.commitSync(
      new Map([
        [zero, 2],
        [two, 9],
      ]),
    );
    expect([zero, one, two].map((queue) => committedOf(consumer, queue))).toEqual([2, 1, -1]);
    await consumer.shutdown();
    expect(committedOf(consumer, zero)).toBe(2);
  });

  it('goes where it is told to: an offset, the beginning, the end, a time', async () => {
    const topic = await topicWith('a', 'b', 'c', 'd');
    const queue = queueOf(topic, 0);
    const consumer = await assigned(topic);
    expect(await poll(consumer, 4)).toHaveLength(4);
    await consumer.seek(queue, 2);
    expect(await poll(consumer, 2)).toEqual(['c', 'd']);
    await consumer.seekToBegin(queue);
    expect(await poll(consumer, 4)).toEqual(['a', 'b', 'c', 'd']);
    await consumer.seekToEnd(queue);
    expect(await consumer.poll(50)).toEqual([]);
    await send(topic, 'e');
    expect(await poll(consumer, 1)).toEqual(['e']);
    expect(await consumer.offsetForTimestamp(queue, 0)).toBe(0);
    expect(await consumer.offsetForTimestamp(queue, Date.now() + 60_000)).toBe(5);
    await expect(consumer.seek(queue, 6)).rejects.toThrow('Seek offset illegal, seek offset = 6, min offset = 0, max offset = 5');
    await expect(consumer.seek(queueOf(topic, 3), 0)).rejects.toThrow(
      `The message queue is not in assigned list, message queue: MessageQueue [topic=${topic}, brokerName=broker-a, queueId=3]`,
    );
  });

  it('commits where a seek went, with autoCommit at the shutdown', async () => {
    const topic = await topicWith('a', 'b', 'c', 'd');
    const consumer = await assigned(topic, { pullBatchSize: 1 });
    await poll(consumer, 4);
    await consumer.seek(queueOf(topic, 0), 1);
    expect(await poll(consumer, 2)).toEqual(['b', 'c']);
    await consumer.shutdown();
    // The last poll may still be worked on.
    expect(committedOf(consumer, queueOf(topic, 0))).toBe(2);
  });

  it('does not pull a paused queue', async () => {
    const topic = await topicWith('a');
    await send(topic, 'other', 1);
    const consumer = create(topic);
    await consumer.assign([queueOf(topic, 0), queueOf(topic, 1)]);
    await consumer.start();
    expect((await poll(consumer, 2)).sort()).toEqual(['a', 'other']);
    consumer.pause([queueOf(topic, 0)]);
    // The pull that is held at the broker still brings one answer.
    await send(topic, 'held');
    expect(await poll(consumer, 1)).toEqual(['held']);
    await send(topic, 'paused');
    await send(topic, 'more', 1);
    expect(await poll(consumer, 1)).toEqual(['more']);
    expect(await consumer.poll(50)).toEqual([]);
    consumer.resume([queueOf(topic, 0)]);
    expect(await poll(consumer, 1)).toEqual(['paused']);
  });

  it('takes other queues while it runs, and keeps to its tags', async () => {
    const topic = await topicWith();
    for (const [body, tag] of [
      ['1', 'A'],
      ['2', 'B'],
      ['3', 'A'],
    ] as const)
      await send(topic, body, 0, tag);
    await send(topic, '4', 2, 'A');
    const consumer = create(topic, { pullBatchSize: 1 });
    consumer.setSubExpressionForAssign(topic, 'A');
    await consumer.assign([queueOf(topic, 0)]);
    await consumer.start();
    expect(await poll(consumer, 2)).toEqual(['1', '3']);
    await consumer.assign([queueOf(topic, 2)]);
    expect(await poll(consumer, 1)).toEqual(['4']);
    expect(consumer.assignment()).toEqual([queueOf(topic, 2)]);
    // What was polled before the last poll is done, and committed with the queue.
    await until(() => committedOf(consumer, queueOf(topic, 0)) === 1);
    await send(topic, '5', 0, 'A');
    expect(await consumer.poll(50)).toEqual([]);
  });

  it('reads all queues that were assigned while the name server did not answer for one', async () => {
    const [first, second, third] = [await topicWith('1'), await topicWith('2'), await topicWith('3')];
    const client = new MQClient({ namesrvAddr: sandbox.namesrvAddr, instanceName: `l${++serial}` });
    const options = {
      namesrvAddr: sandbox.namesrvAddr,
      consumerGroup: `CG_${first}`,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    } as const;
    const consumer = new LitePullConsumer({ ...options, client });
    consumers.push(consumer);
    await consumer.assign([queueOf(first, 0)]);
    await consumer.start();
    expect(await poll(consumer, 1)).toEqual(['1']);
    vi.spyOn(client.routes, 'resolve').mockRejectedValueOnce(new ConnectError('no name server answers'));
    const queues = [first, second, third].map((topic) => queueOf(topic, 0));
    await expect(consumer.assign(queues)).rejects.toThrow('no name server answers');
    expect(consumer.assignment()).toEqual(queues);
    expect((await poll(consumer, 2)).sort()).toEqual(['2', '3']);
  });

  it('reads a retry topic as any other', async () => {
    const topic = await topicWith('a');
    const retry = `%RETRY%CG_${topic}`;
    await setQueues(retry, 1);
    await send(retry, 'again');
    const consumer = create(topic);
    await consumer.assign([queueOf(retry, 0)]);
    await consumer.start();
    const messages: string[] = [];
    await until(async () => {
      for (const message of await consumer.poll(100)) messages.push(`${message.topic}:${message.body}`);
      return messages.length > 0;
    });
    expect(messages).toEqual([`${retry}:again`]);
  });
});

describe('lite-pull consumers that subscribe', () => {
  it('share the queues of a topic, and take over what is committed when one leaves', async () => {
    const topic = await topicWith();
    const divided: string[] = [];
    const join = async (): Promise<LitePullConsumer> => {
      const consumer = create(topic);
      await consumer.subscribe(topic, '*', (changed, all, own) => divided.push(`${changed} ${all.length} ${own.length}`));
      await consumer.start();
      return consumer;
    };
    const first = await join();
    expect(first.assignment()).toHaveLength(4);
    const second = await join();
    await until(() => first.assignment().length === 2 && second.assignment().length === 2);
    expect(new Set([...first.assignment(), ...second.assignment()].map(({ queueId }) => queueId)).size).toBe(4);
    expect(divided).toContain(`${topic} 4 2`);
    for (let i = 0; i < 40; i++) await send(topic, `${i}`, i % 4);
    const bodies = (await Promise.all([poll(first, 20), poll(second, 20)])).flat();
    expect(new Set(bodies).size).toBe(40);
    await second.commitSync();
    await second.shutdown();
    await until(() => first.assignment().length === 4);
    for (let i = 40; i < 48; i++) await send(topic, `${i}`, i % 4);
    expect((await poll(first, 8)).map(Number).sort((a, b) => a - b)).toEqual([40, 41, 42, 43, 44, 45, 46, 47]);
  });

  it('commit by themselves what earlier polls gave', async () => {
    const topic = await topicWith('a', 'b', 'c');
    const consumer = create(topic, { autoCommitIntervalMs: 1000, persistConsumerOffsetIntervalMs: 50, pullBatchSize: 1 });
    await consumer.subscribe(topic);
    await consumer.start();
    expect(await poll(consumer, 3)).toEqual(['a', 'b', 'c']);
    await until(async () => {
      await consumer.poll(20);
      return committedOf(consumer, queueOf(topic, 0)) === 3;
    });
  });

  it('filter by SQL, and end a subscription', async () => {
    const topic = await topicWith();
    const late = await topicWith('late');
    const properties = (level: string) => new Map([['level', level]]);
    for (const level of ['1', '7', '9']) {
      await producer.send({ topic, body: Buffer.from(level), properties: properties(level) }, { queue: queueOf(topic, 0) });
    }
    const consumer = create(topic);
    await consumer.subscribe(topic, { sql: 'level > 5' });
    await consumer.start();
    expect(await poll(consumer, 2)).toEqual(['7', '9']);
    await consumer.subscribe(late);
    expect(await poll(consumer, 1)).toEqual(['late']);
    await consumer.unsubscribe(late);
    expect(consumer.assignment().map((queue) => queue.topic)).not.toContain(late);
  });

  it('are told when a watched topic gets queues', async () => {
    const topic = await topicWith('a');
    const consumer = create(topic, { topicMetadataCheckIntervalMs: 20 });
    await consumer.subscribe(topic);
    const seen: number[] = [];
    await consumer.registerTopicMessageQueueChangeListener(topic, (_topic, queues) => seen.push(queues.length));
    await consumer.start();
    expect(await consumer.fetchMessageQueues(topic)).toHaveLength(4);
    await setQueues(topic, 6);
    await until(() => seen.length > 0);
    expect(seen).toEqual([6]);
  });
});

describe('the rules of a lite-pull consumer', () => {
  it('subscribes or is assigned queues, never both', async () => {
    const topic = await topicWith('a');
    const subscribed = create(topic);
    await subscribed.subscribe(topic);
    await expect(subscribed.assign([queueOf(topic, 0)])).rejects.toThrow('Subscribe and assign are mutually exclusive.');
    expect(() => subscribed.setSubExpressionForAssign(topic, 'A')).toThrow('Subscribe and assign are mutually exclusive.');
    const consumer = await assigned(topic);
    await expect(consumer.subscribe(topic)).rejects.toThrow('Subscribe and assign are mutually exclusive.');
    expect(() => consumer.setSubExpressionForAssign(topic, 'A')).toThrow('setAssignTag only can be called before start.');
  });

  it('says what is wrong', async () => {
    const topic = await topicWith('a');
    const created = create(topic);
    await expect(created.poll()).rejects.toThrow('The consumer not running, please start it first.');
    await expect(created.subscribe('')).rejects.toThrow('Topic can not be null or empty.');
    await expect(created.assign([])).rejects.toThrow('Message queues can not be null or empty.');
    expect(() => created.setSubExpressionForAssign(topic, ' ')).toThrow('subExpression can not be null or empty.');
    const consumer = await assigned(topic);
    await expect(consumer.poll(-1)).rejects.toThrow('Timeout must not be negative');
    await expect(consumer.fetchMessageQueues('NoSuchTopic')).rejects.toThrow(/NoSuchTopic/);
    await consumer.shutdown();
    expect(() => consumer.commit()).toThrow('The consumer not running, please start it first.');
    expect(() => create(topic, { autoCommitIntervalMs: 999 })).toThrow(UsageError);
    expect(() => create(topic, { consumerTimeoutMsWhenSuspend: 1 })).toThrow(/must greater than brokerSuspendMaxTimeMillis/);
  });

  it('ends a poll that waits when it is shut down', async () => {
    const consumer = await assigned(await topicWith());
    const waiting = consumer.poll(60_000);
    await consumer.shutdown();
    expect(await waiting).toEqual([]);
  });
});
