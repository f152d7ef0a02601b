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
import { DeniedError } from '../../../src/common/errors.js';
import type { TopicRouteData } from '../../../src/remoting/bodies/route.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';

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

describe('with follow', () => {
  /** Reads in the background what is there and what comes. */
  const following = (client: AdminClient, request: Omit<ReadMessagesRequest, 'topic'>) => {
    const controller = new AbortController();
    const numbers: number[] = [];
    const notices: ReadNotice[] = [];
    const ended = (async () => {
      const onNotice = (notice: ReadNotice) => void notices.push(notice);
      const all = { topic: TOPIC, follow: true, lookIntervalMs: 10, signal: controller.signal, onNotice, ...request };
      for await (const message of readMessages(client, all)) {
        numbers.push(Number(message.body));
      }
    })();
    // Looked at when the test gets there.
    ended.catch(() => undefined);
    return { numbers, notices, ended, end: () => controller.abort() };
  };

  /** Does not know broker-b when a reading begins. */
  class LateClient extends AdminClient {
    override async route(topic: string): Promise<TopicRouteData> {
      const route = await super.route(topic);
      return {
        ...route,
        queueDatas: route.queueDatas.filter((queue) => queue.brokerName !== 'broker-b'),
        brokerDatas: route.brokerDatas.filter((broker) => broker.brokerName !== 'broker-b'),
      };
    }
  }

  it('a broker that comes later is read from where it was left, or from the begin that was asked for', async () => {
    const late = new LateClient({ namesrvAddr: sandbox.namesrvAddr });
    const onB = await read({ queues: [{ brokerName: 'broker-b', queueId: 1 }] });
    const left = following(late, { queues: [{ queueId: 1 }], startAt: ({ brokerName }) => (brokerName === 'broker-b' ? 4 : 20) });
    await until(() => onB.slice(4).every((number) => left.numbers.includes(number)));
    const asked = following(late, { queues: [{ queueId: 1 }], beginOffset: 6 });
    await until(() => onB.slice(6).every((number) => asked.numbers.includes(number)));
    left.end();
    asked.end();
    await Promise.all([left.ended, asked.ended]);
    expect(left.numbers.filter((number) => onB.includes(number))).toEqual(onB.slice(4));
    expect(asked.numbers.filter((number) => onB.includes(number))).toEqual(onB.slice(6));
    await late.close();
  });

  it('of a broker that comes later only what is new is read where only that is asked for', async () => {
    const late = new LateClient({ namesrvAddr: sandbox.namesrvAddr });
    const begun: string[] = [];
    const run = following(late, { fromEnd: true, onQueue: ({ brokerName }) => void begun.push(brokerName) });
    await until(() => begun.filter((name) => name === 'broker-b').length === 2);
    await producer.send(
      { topic: TOPIC, body: Buffer.from('2000'), tags: 'later' },
      { queue: { topic: TOPIC, brokerName: 'broker-b', queueId: 0 } },
    );
    await until(() => run.numbers.includes(2000));
    run.end();
    await run.ended;
    expect(run.numbers).toEqual([2000]);
    await late.close();
  });

  it('a queue that cannot be opened is told and tried again', async () => {
    let isLost = true;
    const lost = sandbox.brokers[1]!.address;
    const addresses = {
      get [lost]() {
        return isLost ? '127.0.0.1:1' : lost;
      },
    };
    const client = new AdminClient({ namesrvAddr: sandbox.namesrvAddr, addresses });
    const run = following(client, { queues: [{ queueId: 0 }], filter: 'even' });
    await until(() => run.notices.length > 0 && run.numbers.length > 20);
    expect(run.notices).toMatchObject([{ kind: 'broken', queue: { brokerName: 'broker-b', queueId: 0 } }]);
    isLost = false;
    await until(() => run.numbers.length === 40);
    expect(run.notices).toMatchObject([{ kind: 'broken' }, { kind: 'mended', queue: { brokerName: 'broker-b', queueId: 0 } }]);
    run.end();
    await run.ended;
    await client.close();
  });

  it('a queue that is refused is told, and told again at the end where it was still refused', async () => {
    const client = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
    const invoke = client.remoting.invoke.bind(client.remoting);
    client.remoting.invoke = (addr, request, ...rest) => {
      if (request.code === RequestCode.PULL_MESSAGE && addr === sandbox.brokers[1]!.address) {
        return Promise.reject(new DeniedError('not with this key'));
      }
      return invoke(addr, request, ...rest);
    };
    const run = following(client, { queues: [{ queueId: 0 }], filter: 'even', lookIntervalMs: 1_000_000 });
    await until(() => run.numbers.length > 20 && run.notices.length > 0);
    run.end();
    await expect(run.ended).rejects.toMatchObject({ category: 'partial', context: { failed: [{ brokerName: 'broker-b', queueId: 0 }] } });
    expect(run.notices).toMatchObject([{ kind: 'broken', error: { category: 'denied' } }]);
    await client.close();
  });
});

describe('an offset where reading is to go on', () => {
  it('that is behind the end of its queue is refused', async () => {
    await expect(read({ startAt: ({ brokerName }) => (brokerName === 'broker-a' ? 1000 : 0) })).rejects.toMatchObject({
      code: 'OFFSET_BEYOND_END',
      message: expect.stringContaining('before the offset 1000'),
    });
  });

  it('that is before what is left of its queue is told with the gap', async () => {
    const notices: ReadNotice[] = [];
    const ask = admin.ask.bind(admin);
    admin.ask = (addr, request, ...rest) =>
      request.code === RequestCode.GET_MIN_OFFSET
        ? Promise.resolve({ extFields: { offset: '5' } } as unknown as RemotingCommand)
        : ask(addr, request, ...rest);
    const queues = [{ brokerName: 'broker-b', queueId: 1 }];
    const numbers = await read({ queues, startAt: () => 2, onNotice: (notice) => notices.push(notice) });
    admin.ask = ask;
    expect(numbers).toEqual((await read({ queues })).slice(5));
    expect(notices).toMatchObject([{ kind: 'gap', fromOffset: 2, toOffset: 5 }]);
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

it.each([ResponseCode.PULL_NOT_FOUND, ResponseCode.PULL_RETRY_IMMEDIATELY, ResponseCode.PULL_OFFSET_MOVED])(
  'a broker that does not go on before the end (response code %i) is a failure',
  async (code) => {
    const answer = { code, extFields: { nextBeginOffset: '3', minOffset: '0', maxOffset: '7' } };
    const stub = { timeoutMs: 1000, remoting: { invoke: async () => answer } } as unknown as AdminClient;
    const reader = new QueueReader(stub, {
      queue: { topic: 'T', brokerName: 'b', queueId: 0 },
      from: 3,
      to: 7,
      subscription: buildSubscription('T', '*', 0),
      isWanted: () => true,
      addr: () => 'a:1',
    });
    await expect(reader.pull()).rejects.toMatchObject({ code: 'QUEUE_ENDS_EARLY', message: expect.stringContaining('at offset 3') });
  },
);

it('a queue that is broken is not waited for by the others', async () => {
  const controller = new AbortController();
  const merge = new QueueMerge<QueueSource>({ signal: controller.signal });
  const at = (queueId: number) => ({ topic: 'T', brokerName: 'b', queueId });
  merge.add({
    queue: at(0),
    pull: (onStuck) =>
      new Promise(() => {
        setImmediate(onStuck);
      }),
  });
  merge.add({ queue: at(1), pull: async () => ({ messages: [{ storeTimestamp: 1, queueId: 1 } as MessageView], state: 'done' }) });
  for await (const message of merge.messages()) {
    expect(message.queueId).toBe(1);
    controller.abort();
  }
  expect(controller.signal.aborted).toBe(true);
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
