import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient } from '../../../src/client/admin/admin-client.js';
import { type QueueAnswer, QueueMerge, type QueueSource } from '../../../src/client/admin/merge-queues.js';
import type { MessageView } from '../../../src/client/admin/message-view.js';
import { QueueReader, type ReadNotice } from '../../../src/client/admin/queue-reader.js';
import { type ReadMessagesRequest, readMessages } from '../../../src/client/admin/read-messages.js';
import { updateTopic } from '../../../src/client/admin/update-topic.js';
import { Producer } from '../../../src/client/producer/producer.js';
import { buildSubscription } from '../../../src/client/subscription.js';
import { ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';

const TOPIC = 'Readings';

let sandbox: Sandbox;
let admin: AdminClient;
let producer: Producer;
/** Store times of the messages, in the order of sending. */
const times: number[] = [];

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 2, brokerConfig: { enablePropertyFilter: true } });
  admin = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
  const shape = {
    readQueueNums: 2,
    writeQueueNums: 2,
    perm: 6,
    topicFilterType: 'SINGLE_TAG' as const,
    topicSysFlag: 0,
    order: false,
    attributes: {},
  };
  await updateTopic(admin, { topic: { topicName: TOPIC, ...shape }, clusterName: 'DefaultCluster' });
  producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PG_readings' });
  await producer.start([TOPIC]);
  for (let i = 0; i < 80; i++) {
    const brokerName = i % 3 === 0 ? 'broker-b' : 'broker-a';
    await producer.send(
      {
        topic: TOPIC,
        body: Buffer.from(String(i)),
        tags: i % 2 === 0 ? 'even' : 'odd',
        keys: [`k${i}`, 'all'],
        properties: new Map([['n', String(i)]]),
      },
      { queue: { topic: TOPIC, brokerName, queueId: i % 2 } },
    );
    // So that the order of store times is that of sending.
    const sent = Date.now();
    while (Date.now() === sent) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  for await (const message of readMessages(admin, { topic: TOPIC })) {
    times.push(message.storeTimestamp);
  }
});

afterAll(async () => {
  await producer?.shutdown();
  await admin?.close();
  await sandbox?.stop();
});

async function read(request: Omit<ReadMessagesRequest, 'topic'>): Promise<number[]> {
  const numbers: number[] = [];
  for await (const message of readMessages(admin, { topic: TOPIC, ...request })) {
    numbers.push(Number(message.body));
  }
  return numbers;
}

function range(from: number, to: number, isWanted: (i: number) => boolean = () => true): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i).filter(isWanted);
}

describe('the messages of a topic', () => {
  it('come in the order of their store times over all queues and brokers', async () => {
    expect(await read({})).toEqual(range(0, 80));
  });

  it('are those of a span of store times, its end not included', async () => {
    expect(await read({ begin: times[20], end: times[30] })).toEqual(range(20, 30));
    expect(await read({ begin: times[79]! + 1000 })).toEqual([]);
  });

  it('are those of a range of offsets in chosen queues', async () => {
    const all = range(0, 80, (i) => i % 3 === 0 && i % 2 === 1);
    expect(await read({ queues: [{ brokerName: 'broker-b', queueId: 1 }], beginOffset: 2, endOffset: 5 })).toEqual(all.slice(2, 5));
    expect(await read({ queues: [{ queueId: 0 }] })).toEqual(range(0, 80, (i) => i % 2 === 0));
  });

  it('are the last of all queues together, and of those that are wanted', async () => {
    expect(await read({ last: 7 })).toEqual(range(73, 80));
    expect(await read({ last: 500 })).toEqual(range(0, 80));
    expect(await read({ last: 3, filter: 'odd' })).toEqual([75, 77, 79]);
    expect(await read({ last: 2, keys: ['k5', 'k41', 'k42'] })).toEqual([41, 42]);
    expect(await read({ last: 4, end: times[40] })).toEqual(range(36, 40));
  });

  it('are those with a tag, a key or properties, and at most so many', async () => {
    expect(await read({ filter: 'even || none', max: 3 })).toEqual([0, 2, 4]);
    expect(await read({ keys: ['k7', 'k70'] })).toEqual([7, 70]);
    expect(await read({ filter: { sql: 'n > 20 AND n < 24' } })).toEqual([21, 22, 23]);
  });

  it('are not read with an expression that the broker cannot read', async () => {
    await expect(read({ filter: { sql: 'n >' } })).rejects.toMatchObject({ category: 'broker' });
  });

  it('keep coming while they are waited for, until the signal', async () => {
    const controller = new AbortController();
    const numbers: number[] = [];
    const queue = { topic: TOPIC, brokerName: 'broker-a', queueId: 0 };
    for await (const message of readMessages(admin, { topic: TOPIC, last: 2, follow: true, signal: controller.signal })) {
      numbers.push(Number(message.body));
      if (numbers.length < 5) {
        void producer.send({ topic: TOPIC, body: Buffer.from(String(1000 + numbers.length)), tags: 'later' }, { queue });
      } else {
        controller.abort();
      }
    }
    expect(numbers).toEqual([78, 79, 1001, 1002, 1003]);
  });
});

describe('a broker that is not there', () => {
  it('is told after what the others have', async () => {
    const lost = sandbox.brokers[1]!.address;
    const other = new AdminClient({ namesrvAddr: sandbox.namesrvAddr, addresses: { [lost]: '127.0.0.1:1' } });
    const numbers: number[] = [];
    const reading = async (request: ReadMessagesRequest): Promise<void> => {
      for await (const message of readMessages(other, request)) {
        numbers.push(Number(message.body));
      }
    };
    await expect(reading({ topic: TOPIC, endOffset: 10 })).rejects.toMatchObject({
      category: 'partial',
      context: {
        failed: [
          { brokerName: 'broker-b', queueId: 0 },
          { brokerName: 'broker-b', queueId: 1 },
        ],
      },
    });
    expect(numbers.length).toBe(20);
    await expect(reading({ topic: TOPIC, queues: [{ brokerName: 'broker-b' }] })).rejects.toMatchObject({ category: 'connect' });
    await other.close();
  });
});

it('asks for a queue that is there', async () => {
  await expect(read({ queues: [{ brokerName: 'broker-c' }] })).rejects.toMatchObject({ category: 'notFound' });
});

it('tells which messages were deleted before they could be read', async () => {
  const answers = [{ code: ResponseCode.PULL_OFFSET_MOVED, extFields: { nextBeginOffset: '7', minOffset: '7', maxOffset: '7' } }];
  const stub = { timeoutMs: 1000, remoting: { invoke: async () => answers[0] } } as unknown as AdminClient;
  const notices: ReadNotice[] = [];
  const queue = { topic: 'T', brokerName: 'b', queueId: 0 };
  const reader = new QueueReader(stub, {
    queue,
    from: 3,
    to: 7,
    subscription: buildSubscription('T', '*', 0),
    isWanted: () => true,
    addr: () => 'a:1',
    onNotice: (notice) => notices.push(notice),
  });
  expect(await reader.pull()).toEqual({ messages: [], state: 'done' });
  expect(notices).toEqual([{ kind: 'gap', queue, fromOffset: 3, toOffset: 7 }]);
});

/** A queue whose answers come in any order and with nothing in some of them. */
class ScriptedQueue implements QueueSource {
  readonly queue;
  readonly #answers: QueueAnswer[];
  pulling = 0;

  constructor(queueId: number, batches: readonly (readonly number[])[]) {
    this.queue = { topic: 'T', brokerName: 'b', queueId };
    let queueOffset = 0;
    this.#answers = batches.map((batch, i) => ({
      messages: batch.map((storeTimestamp) => ({ storeTimestamp, queueId, queueOffset: queueOffset++ }) as MessageView),
      state: i === batches.length - 1 ? 'done' : 'more',
    }));
  }

  async pull(): Promise<QueueAnswer> {
    expect(++this.pulling).toBe(1);
    for (let turns = (this.queue.queueId * 7) % 5; turns > 0; turns--) {
      await Promise.resolve();
    }
    this.pulling--;
    return this.#answers.shift()!;
  }
}

it('merges any queues completely and in order', async () => {
  const batches = fc.array(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 4 }), { minLength: 1, maxLength: 5 });
  const sorted = (queue: readonly (readonly number[])[]): number[][] => {
    const flat = queue.flat().sort((a, b) => a - b);
    return queue.map((batch) => flat.splice(0, batch.length));
  };
  await fc.assert(
    fc.asyncProperty(fc.array(batches, { minLength: 1, maxLength: 6 }), async (queues) => {
      const merge = new QueueMerge();
      const inOrder = queues.map(sorted);
      for (const [queueId, queue] of inOrder.entries()) {
        merge.add(new ScriptedQueue(queueId, queue));
      }
      const seen: MessageView[] = [];
      for await (const message of merge.messages()) {
        seen.push(message);
      }
      expect(seen.map((message) => message.storeTimestamp)).toEqual(queues.flat(2).sort((a, b) => a - b));
      for (const queueId of inOrder.keys()) {
        const offsets = seen.filter((message) => message.queueId === queueId).map((message) => message.queueOffset);
        expect(offsets).toEqual(offsets.map((_, i) => i));
      }
    }),
    { numRuns: 60 },
  );
});
