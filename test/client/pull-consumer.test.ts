import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PullConsumer } from '../../src/client/consumer/pull-consumer.js';
import type { PullResult } from '../../src/client/consumer/pull-result.js';
import type { PulledMessage } from '../../src/client/consumer/pulled-message.js';
import { Producer } from '../../src/client/producer/producer.js';
import { ConnectError, NotFoundError, UsageError } from '../../src/common/errors.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';

let sandbox: Sandbox | undefined;
let namesrvAddr: string;
let producer: Producer;
let consumer: PullConsumer;

beforeAll(async () => {
  const foreign = process.env.MQKIT_TEST_NAMESRV;
  if (foreign === undefined) {
    sandbox = await startSandbox();
  }
  namesrvAddr = foreign ?? sandbox?.namesrvAddr ?? '';
  producer = new Producer({ namesrvAddr, producerGroup: 'PG_pull_test' });
  await producer.start();
  consumer = new PullConsumer({ namesrvAddr, consumerGroup: `CG_pull_test_${Date.now()}` });
  await consumer.start();
});

afterAll(async () => {
  await consumer.shutdown();
  await producer.shutdown();
  await sandbox?.stop();
});

async function topicWith(count: number, tagOf: (i: number) => string = () => 'A') {
  const topic = `Pull_${process.pid}_${Date.now()}_${Math.floor(performance.now() * 1000)}`;
  const first = await producer.send({ topic, body: Buffer.from('m0'), tags: tagOf(0) });
  for (let i = 1; i < count; i++) {
    await producer.send({ topic, body: Buffer.from(`m${i}`), tags: tagOf(i) }, { queue: first.messageQueue });
  }
  const queues = await consumer.fetchMessageQueues(topic);
  await until(async () => (await consumer.maxOffset(first.messageQueue)) === count);
  return { topic, queue: first.messageQueue, queues };
}

describe('a pull consumer', () => {
  it('reads a queue at offsets of its own', async () => {
    const { queue, queues } = await topicWith(5);
    expect(queues).toHaveLength(4);
    expect(queues).toContainEqual(queue);
    const first = await consumer.pull(queue, '*', 0, 3);
    expect(first).toMatchObject({ pullStatus: 'FOUND', nextBeginOffset: 3, minOffset: 0, maxOffset: 5, messageCount: 3 });
    const second = await consumer.pull(queue, '*', first.nextBeginOffset, 32);
    expect([...first.messages, ...second.messages].map((message) => message.body.toString())).toEqual(['m0', 'm1', 'm2', 'm3', 'm4']);
    expect(await consumer.pull(queue, '*', 5, 32)).toMatchObject({ pullStatus: 'NO_NEW_MSG', nextBeginOffset: 5, messages: [] });
    expect(await consumer.pull(queue, '*', 99, 32)).toMatchObject({ pullStatus: 'OFFSET_ILLEGAL', nextBeginOffset: 5 });
  });

  it('filters tags exactly', async () => {
    const { queue } = await topicWith(4, (i) => ['Aa', 'BB', 'C', 'Aa'][i] ?? '');
    const result = await consumer.pull(queue, 'Aa', 0, 32);
    expect(result.messages.map((message) => message.body.toString())).toEqual(['m0', 'm3']);
    expect(await consumer.pull(queue, 'D', 0, 32)).toMatchObject({ pullStatus: 'NO_MATCHED_MSG', nextBeginOffset: 4 });
  });

  it('waits at the broker for a message when asked to', async () => {
    const { topic, queue } = await topicWith(1);
    const waiting = consumer.pull(queue, '*', 1, 32, { blockIfNotFound: true });
    const start = performance.now();
    await producer.send({ topic, body: Buffer.from('late') }, { queue });
    const result = await waiting;
    expect(result.messages.map((message) => message.body.toString())).toEqual(['late']);
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it('keeps pulls going without promises', async () => {
    const { queue } = await topicWith(10);
    const offsets: number[] = [];
    await new Promise<void>((resolve, reject) => {
      const handler = {
        onPull: (result: PullResult, context: unknown) => {
          expect(context).toBe('context');
          offsets.push(result.nextBeginOffset);
          if (result.pullStatus === 'FOUND') {
            consumer.pullAsync(queue, '*', result.nextBeginOffset, 4, handler, 'context');
          } else {
            resolve();
          }
        },
        onException: reject,
      };
      consumer.pullAsync(queue, '*', 0, 4, handler, 'context');
    });
    expect(offsets).toEqual([4, 8, 10, 10]);
  });

  it('tells offsets and times of a queue', async () => {
    const { queue, queues } = await topicWith(3);
    const empty = queues.find((other) => other.queueId !== queue.queueId)!;
    expect(await consumer.minOffset(queue)).toBe(0);
    expect(await consumer.maxOffset(queue)).toBe(3);
    expect(await consumer.maxOffset(empty)).toBe(0);
    const { messages } = await consumer.pull(queue, '*', 0, 32);
    expect(await consumer.earliestMessageStoreTime(queue)).toBe(messages[0]!.storeTimestamp);
    expect(await consumer.searchOffset(queue, 0)).toBe(0);
    expect(await consumer.searchOffset(queue, messages[2]!.storeTimestamp + 60_000)).toBe(3);
  });

  it('commits and reads the offset of its group', async () => {
    const { queue, queues } = await topicWith(3);
    const empty = queues.find((other) => other.queueId !== queue.queueId)!;
    await consumer.pull(queue, '*', 0, 1);
    expect(await consumer.fetchConsumeOffset(empty)).toBeNull();
    await consumer.updateConsumeOffset(queue, 2);
    await until(async () => (await consumer.fetchConsumeOffset(queue)) === 2);
    await consumer.updateConsumeOffset(queue, 1);
    expect(await consumer.fetchConsumeOffset(queue)).toBe(1);
  });

  it('waits for a message by the call made for it, and finds the queues by both names', async () => {
    const { topic, queue, queues } = await topicWith(1);
    expect(await consumer.fetchSubscribeMessageQueues(topic)).toEqual(queues);
    const waiting = consumer.pullBlockIfNotFound(queue, '*', 1, 32);
    await producer.send({ topic, body: Buffer.from('late') }, { queue });
    expect((await waiting).messages.map((message) => message.body.toString())).toEqual(['late']);
  });

  it('gives messages back for later, or to the dead letter queue', async () => {
    const { queue } = await topicWith(2);
    const group = `CG_back_${process.pid}_${Date.now()}`;
    const own = new PullConsumer({ namesrvAddr, consumerGroup: group });
    await own.start();
    const [later, never] = (await own.pull(queue, '*', 0, 2)).messages;
    await own.sendMessageBack(later!, 1);
    await own.sendMessageBack(never!, -1);
    for (const [topic, message] of [
      [`%RETRY%${group}`, later],
      [`%DLQ%${group}`, never],
    ] as const) {
      let found: PulledMessage[] = [];
      await until(async () => {
        const [retry] = await own.fetchMessageQueues(topic).catch(() => []);
        if (retry !== undefined) found = (await own.pull(retry, '*', 0, 8)).messages;
        return found.length > 0;
      });
      expect(found).toMatchObject([{ msgId: message!.msgId, reconsumeTimes: 1 }]);
    }
    await own.shutdown();
    await expect(own.sendMessageBack(later!, 0)).rejects.toThrow(/not running/);
  });

  it('divides the queues of a topic with the other members', async () => {
    const { topic, queues } = await topicWith(1);
    const members = ['one', 'two'].map(
      (instanceName) => new PullConsumer({ namesrvAddr, consumerGroup: `CG_share_${topic}`, instanceName }),
    );
    for (const member of members) {
      await member.start();
      await member.fetchMessageQueuesInBalance(topic);
    }
    const shares = await Promise.all(members.map((member) => member.fetchMessageQueuesInBalance(topic)));
    expect(shares.map((share) => share.length)).toEqual([2, 2]);
    expect(shares.flat()).toEqual(queues);
    await Promise.all(members.map((member) => member.shutdown()));
  });

  it('keeps the offsets of a broadcasting group in a local file', async () => {
    const { queue } = await topicWith(3);
    const localOffsetStoreDir = await mkdtemp(join(tmpdir(), 'mqkit-offsets-'));
    const options = { namesrvAddr, consumerGroup: 'CG_cast', messageModel: 'BROADCASTING', localOffsetStoreDir } as const;
    const first = new PullConsumer(options);
    await first.start();
    expect(await first.fetchConsumeOffset(queue)).toBeNull();
    await first.updateConsumeOffset(queue, 2);
    await first.shutdown();
    const file = join(localOffsetStoreDir, first.clientId, 'CG_cast', 'offsets.json');
    expect((await readFile(file, 'utf8')).replace(/\s/g, '')).toContain('"offsetTable":{{"brokerName":"broker-a"');
    const second = new PullConsumer(options);
    await second.start();
    expect(second.clientId).toBe(first.clientId);
    expect(await second.fetchConsumeOffset(queue)).toBe(2);
    await second.shutdown();
    await rm(localOffsetStoreDir, { recursive: true });
  });

  it('says what is wrong', async () => {
    await expect(consumer.fetchMessageQueues('NoSuchTopic')).rejects.toThrow(NotFoundError);
    const { queue } = await topicWith(1);
    await expect(consumer.pull({ ...queue, queueId: 99 }, '*', 0, 32)).rejects.toMatchObject({ responseCode: 29 });
    await expect(consumer.pull({ ...queue, brokerName: 'nobody' }, '*', 0, 32)).rejects.toThrow(ConnectError);
    expect(() => new PullConsumer({ namesrvAddr, consumerGroup: 'a b' })).toThrow(UsageError);
    expect(() => new PullConsumer({ namesrvAddr, consumerGroup: 'CG', consumerTimeoutMsWhenSuspend: 1 })).toThrow(UsageError);
    await expect(new PullConsumer({ namesrvAddr, consumerGroup: 'CG' }).pull(queue, '*', 0, 1)).rejects.toThrow(/not running/);
  });
});
