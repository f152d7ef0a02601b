import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MQClient } from '../../src/client/mq-client.js';
import { BrokerDetector } from '../../src/client/producer/broker-detector.js';
import { FaultStrategy } from '../../src/client/producer/fault-strategy.js';
import { Producer, type ProducerOptions } from '../../src/client/producer/producer.js';
import { selectByHash } from '../../src/client/producer/selectors.js';
import type { SendResult } from '../../src/client/types.js';
import { seededRandom, systemClock } from '../../src/common/clock.js';
import { ConnectError, type MQError, TimeoutError, UsageError } from '../../src/common/errors.js';
import { decodeBatch } from '../../src/common/message/batch.js';
import { decodeProperties } from '../../src/common/message/properties.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { until } from '../sandbox.js';
import { FakeCluster, sendAsyncResult } from './fake-cluster.js';

const SENDS: ReadonlySet<number> = new Set([RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE]);

let cluster: FakeCluster;
let producer: Producer | undefined;

async function startProducer(options: Partial<ProducerOptions> = {}): Promise<Producer> {
  producer = new Producer({
    namesrvAddr: cluster.namesrvAddr,
    producerGroup: 'PG_test',
    clientIP: '127.0.0.1',
    random: seededRandom(1),
    ...options,
  });
  await producer.start();
  return producer;
}

function message(text = 'hello', topic = 'T') {
  return { topic, body: Buffer.from(text) };
}

function sends(): RemotingCommand[] {
  return cluster.brokers.flatMap((broker) => broker.requests.filter(({ code }) => SENDS.has(code)));
}

function failure(promise: Promise<unknown>): Promise<MQError> {
  return promise.then(
    () => expect.fail('it succeeded'),
    (error: MQError) => error,
  );
}

afterEach(async () => {
  await producer?.shutdown();
  producer = undefined;
  await cluster.stop();
});

describe('a producer with two brokers, of which one is in trouble', () => {
  beforeEach(async () => {
    cluster = await FakeCluster.start({ brokerNames: ['broker-a', 'broker-b'] });
    cluster.addTopic('T', { queueCount: 2 });
  });

  it('gives a broker that hangs no more than sendMsgMaxTimeoutPerRequestMs while another can be tried', async () => {
    cluster.brokers[0]!.onSend = () => {};
    const p = await startProducer({ sendMsgMaxTimeoutPerRequestMs: 1_500, sendMsgTimeoutMs: 60_000 });
    for (let i = 0; i < 3; i++) {
      expect((await p.send(message())).messageQueue.brokerName).toBe('broker-b');
      expect((await sendAsyncResult((handler) => p.sendAsync(message(), handler, null))).messageQueue.brokerName).toBe('broker-b');
    }
    expect(p.stats()).toMatchObject({ succeeded: 6, failed: 0 });
    expect(p.stats().retries).toBe(p.stats().failedAttemptsByCode.REQUEST_TIMEOUT);
  });

  it('the last attempt gets all that is left of the budget', async () => {
    for (const broker of cluster.brokers) broker.onSend = () => {};
    const p = await startProducer({ sendMsgMaxTimeoutPerRequestMs: 50, sendMsgTimeoutMs: 3_000, retryTimesWhenSendFailed: 1 });
    await p.fetchPublishMessageQueues('T');
    const startMs = performance.now();
    const error = await failure(p.send(message()));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(performance.now() - startMs).toBeGreaterThan(2_900);
    expect(sends()).toHaveLength(2);
  });

  it('without the cap a broker that hangs uses up the budget of a send, and not more', async () => {
    for (const broker of cluster.brokers) broker.onSend = () => {};
    const p = await startProducer({ sendMsgTimeoutMs: 1_500 });
    await p.fetchPublishMessageQueues('T');
    const startMs = performance.now();
    expect(await failure(p.send(message()))).toBeInstanceOf(TimeoutError);
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(sends()).toHaveLength(1);
  });

  it('lists every attempt of a send that failed: broker, cost and reason', async () => {
    cluster.brokers[0]!.onSend = (conn, request) => conn.respond(request, ResponseCode.SYSTEM_BUSY, '[PCBUSY_CLEAN_QUEUE]');
    cluster.brokers[1]!.onSend = (conn, request) => conn.respond(request, ResponseCode.SERVICE_NOT_AVAILABLE, 'shutting down');
    const p = await startProducer();
    const error = await failure(p.send(message()));
    expect(error.message).toMatch(/^send to topic T failed 3 times in \d+ ms on broker-[ab], broker-[ab], broker-[ab]: /);
    const attempts = error.context.attempts as { brokerName: string; costMs: number; message: string }[];
    expect(attempts.map(({ brokerName }) => brokerName)).toEqual(error.context.brokerNames);
    for (const attempt of attempts) {
      expect(attempt.message).toContain(attempt.brokerName === 'broker-a' ? '[PCBUSY_CLEAN_QUEUE]' : 'shutting down');
      expect(attempt.costMs).toBeGreaterThanOrEqual(0);
    }
    const { failedAttemptsByCode } = p.stats();
    expect(failedAttemptsByCode[2]! + failedAttemptsByCode[14]!).toBe(3);
    expect(p.stats()).toMatchObject({ attempts: 3, retries: 2, succeeded: 0, failed: 1 });
  });

  it('prefers a message that is stored badly to the error of a further attempt', async () => {
    let calls = 0;
    for (const broker of cluster.brokers) {
      broker.onSend = (conn, request) =>
        calls++ === 0 ? broker.store(conn, request, ResponseCode.FLUSH_DISK_TIMEOUT) : conn.respond(request, 13, 'illegal');
    }
    const p = await startProducer({ retryAnotherBrokerWhenNotStoreOK: true });
    expect(await p.send(message())).toMatchObject({ sendStatus: 'FLUSH_DISK_TIMEOUT' });
    expect(calls).toBe(2);
  });

  it('tries again after the codes it is told to', async () => {
    cluster.brokers[0]!.onSend = (conn, request) => conn.respond(request, 13, 'illegal');
    const p = await startProducer({ retryResponseCodes: [13] });
    for (let i = 0; i < 4; i++) expect((await p.send(message())).messageQueue.brokerName).toBe('broker-b');
  });

  it('goes on at the other broker when one closes its connection with a send in it', async () => {
    const [a] = cluster.brokers;
    a!.onSend = (conn) => conn.close('killed');
    const p = await startProducer();
    for (let i = 0; i < 4; i++) expect((await p.send(message())).messageQueue.brokerName).toBe('broker-b');
    const results = await Promise.all(Array.from({ length: 8 }, () => sendAsyncResult((handler) => p.sendAsync(message(), handler, null))));
    expect(results.every(({ messageQueue }) => messageQueue.brokerName === 'broker-b')).toBe(true);
    expect(p.stats().failedAttemptsByCode.CONNECTION_CLOSED).toBeGreaterThan(0);
  });

  it('one-way, selector and given queue have one attempt', async () => {
    for (const broker of cluster.brokers) broker.onSend = (conn, request) => conn.respond(request, ResponseCode.SYSTEM_BUSY, 'busy');
    const p = await startProducer();
    await p.sendOneway(message());
    await until(() => sends().length === 1);
    await failure(p.sendBySelector(message(), selectByHash, 'k'));
    await failure(p.send(message(), { queue: { topic: 'T', brokerName: 'broker-a', queueId: 1 } }));
    expect(sends()).toHaveLength(3);
  });

  it('an asynchronous send to a given queue stays on its broker after a transport error', async () => {
    let calls = 0;
    cluster.brokers[0]!.onSend = (conn, request) => (calls++ === 0 ? conn.close('killed') : cluster.brokers[0]!.store(conn, request));
    const p = await startProducer();
    const queue = { topic: 'T', brokerName: 'broker-a', queueId: 1 };
    const result = await sendAsyncResult((handler) => p.sendAsync(message(), handler, null, queue));
    expect(result.messageQueue).toEqual(queue);
    expect(calls).toBe(2);
  });

  it('with latency fault tolerance keeps off a broker that refused or was slow', async () => {
    cluster.brokers[0]!.onSend = (conn, request) => conn.respond(request, ResponseCode.SYSTEM_BUSY, 'busy');
    // Time stands still, so that the other broker is not slow by chance.
    const p = await startProducer({ sendLatencyFaultEnable: true, clock: { ...systemClock, monotonicMs: () => 1_000 } });
    while (p.stats().retries === 0) await p.send(message());
    const before = sends().filter(({ extFields }) => extFields?.n === 'broker-a').length;
    cluster.brokers[0]!.onSend = (conn, request) => cluster.brokers[0]!.store(conn, request);
    for (let i = 0; i < 10; i++) expect((await p.send(message())).messageQueue.brokerName).toBe('broker-b');
    for (let i = 0; i < 10; i++) {
      expect((await sendAsyncResult((handler) => p.sendAsync(message(), handler, null))).messageQueue.brokerName).toBe('broker-b');
    }
    expect(sends().filter(({ extFields }) => extFields?.n === 'broker-a')).toHaveLength(before);
  });

  it('with a detector a broker that could not be reached comes back when it answers', async () => {
    const [a] = cluster.brokers;
    const client = new MQClient({ namesrvAddr: cluster.namesrvAddr, clientIP: '127.0.0.1', random: seededRandom(1) });
    await client.routes.refresh('T');
    const faults = new FaultStrategy(client.clock);
    const detector = new BrokerDetector({ client, faults, topics: () => ['T'], timeoutMs: 20_000, intervalMs: 0 });
    for (const name of ['broker-a', 'broker-b', 'broker-gone']) faults.record(name, 1, { isolation: true, reachable: false });
    a!.on(RequestCode.GET_MAX_OFFSET, (conn, request) => conn.respond(request, ResponseCode.SUCCESS, null, { offset: '0' }));
    cluster.brokers[1]!.on(RequestCode.GET_MAX_OFFSET, (conn) => conn.close('not yet'));
    await detector.detect();
    // A broker without an address is forgotten, and so counts as any other.
    expect([...faults.items()].map(({ brokerName, isReachable }) => [brokerName, isReachable])).toEqual([
      ['broker-a', true],
      ['broker-b', false],
    ]);
    expect(a!.requestsOf(RequestCode.GET_MAX_OFFSET)[0]?.extFields).toMatchObject({ topic: 'T', queueId: '0' });
    await client.remoting.close();
  });

  it('asks for the route again when a broker says it has the topic no more', async () => {
    cluster.brokers[0]!.onSend = (conn, request) => conn.respond(request, ResponseCode.TOPIC_NOT_EXIST, 'gone');
    const p = await startProducer();
    await p.send(message());
    while (p.stats().retries === 0) await p.send(message());
    await until(() => cluster.asked.filter((topic) => topic === 'T').length > 1);
  });
});

describe('a producer with one broker', () => {
  beforeEach(async () => {
    cluster = await FakeCluster.start();
    cluster.addTopic('T');
  });

  it('takes the queues in turn', async () => {
    const p = await startProducer();
    const queueIds: number[] = [];
    for (let i = 0; i < 8; i++) queueIds.push((await p.send(message())).messageQueue.queueId);
    const first = queueIds[0]!;
    expect(queueIds).toEqual(Array.from({ length: 8 }, (_, i) => (first + i) % 4));
  });

  it('keeps the messages of a group in one queue, in order, with their sharding key', async () => {
    const p = await startProducer();
    const groups = ['a', 'b', 'c', 'd', 'e'];
    for (let i = 0; i < 3; i++) for (const group of groups) await p.sendOrderly(message(`${group}${i}`), group);
    for (const group of groups) {
      const own = sends().filter(({ body }) => body!.toString().startsWith(group));
      expect(new Set(own.map(({ extFields }) => extFields?.e)).size).toBe(1);
      expect(own.map(({ body }) => body!.toString())).toEqual([0, 1, 2].map((i) => `${group}${i}`));
      expect(decodeProperties(own[0]!.extFields?.i ?? '').get('__SHARDINGKEY')).toBe(group);
    }
  });

  it('selects a queue for one-way and asynchronous sends too', async () => {
    const p = await startProducer();
    const third = (queues: readonly { queueId: number }[]) => queues[2] as never;
    await p.sendOnewayBySelector(message('o'), third, null);
    const result = await sendAsyncResult((handler) => p.sendAsyncBySelector(message('a'), third, null, handler, null));
    expect(result.messageQueue.queueId).toBe(2);
    await until(() => sends().length === 2);
    expect(sends().map(({ extFields }) => extFields?.e)).toEqual(['2', '2']);
    await expect(sendAsyncResult((handler) => p.sendAsyncBySelector(message(), () => null, null, handler, null))).rejects.toThrow(
      UsageError,
    );
    await until(() => p.inFlight === 0);
  });

  it('sends a batch with a handler, and refuses a wrong one through it', async () => {
    const p = await startProducer();
    const result = await sendAsyncResult((handler) => p.sendBatchAsync([message('1'), message('2')], handler, null));
    expect(result.msgId.split(',')).toHaveLength(2);
    await expect(sendAsyncResult((handler) => p.sendBatchAsync([message(), message('x', 'U')], handler, null))).rejects.toThrow(UsageError);
  });

  it('a batch beyond maxMessageSize says into how many parts to split it, and asks nobody', async () => {
    const p = await startProducer({ maxMessageSize: 1_000 });
    const error = await failure(p.sendBatch(Array.from({ length: 20 }, () => message('x'.repeat(100)))));
    expect(error).toMatchObject({ code: 'MESSAGE_ILLEGAL', hint: expect.stringContaining('splitBatch') });
    expect(sends()).toEqual([]);
  });

  it('bounds what asynchronous sends have on their way, and says when a send waits', async () => {
    const held: (() => void)[] = [];
    cluster.brokers[0]!.onSend = (conn, request) => held.push(() => cluster.brokers[0]!.store(conn, request));
    const p = await startProducer({ enableBackpressureForAsyncMode: true, backPressureForAsyncSendNum: 10 });
    const results: Promise<SendResult>[] = [];
    const direct: boolean[] = [];
    for (let i = 0; i < 25; i++) {
      results.push(sendAsyncResult((handler) => direct.push(p.sendAsync(message(String(i)), handler, null))));
    }
    expect(direct).toEqual([...Array(10).fill(true), ...Array(15).fill(false)]);
    await until(() => held.length === 10);
    expect(p.stats().waiting).toBe(15);
    let isReady = false;
    const ready = p.ready().then(() => {
      isReady = true;
    });
    while (results.length > 0 && !isReady) {
      for (const answer of held.splice(0)) answer();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await ready;
    for (const answer of held.splice(0)) answer();
    await until(() => {
      for (const answer of held.splice(0)) answer();
      return p.inFlight === 0;
    });
    await Promise.all(results);
    expect(sends().map(({ body }) => Number(body!.toString()))).toEqual(Array.from({ length: 25 }, (_, i) => i));
  });

  it('an asynchronous send without a permit fails when its time is over', async () => {
    cluster.brokers[0]!.onSend = () => {};
    const p = await startProducer({
      enableBackpressureForAsyncMode: true,
      backPressureForAsyncSendNum: 10,
      sendMsgTimeoutMs: 150,
      retryTimesWhenSendAsyncFailed: 0,
    });
    const errors = await Promise.all(
      Array.from({ length: 12 }, () => failure(sendAsyncResult((handler) => p.sendAsync(message(), handler, null)))),
    );
    // The permits of the first ten come back when they time out, at the same moment or a little earlier.
    expect(errors.every((error) => error instanceof TimeoutError)).toBe(true);
    expect(p.inFlight).toBe(0);
  });

  it('collects single sends into batches when told to, and a delayed message goes alone', async () => {
    const p = await startProducer({ autoBatch: true, batchMaxDelayMs: 20 });
    const results = await Promise.all([
      ...[1, 2, 3].map((i) => p.send({ ...message(`m${i}`), tags: 'a' })),
      sendAsyncResult((handler) => p.sendAsync({ ...message('m4'), tags: 'a' }, handler, null)),
      p.send({ ...message('late'), delayTimeLevel: 1 }),
    ]);
    const batches = sends().filter(({ code }) => code === RequestCode.SEND_BATCH_MESSAGE);
    expect(batches).toHaveLength(1);
    expect(decodeBatch(batches[0]!.body!).map(({ body }) => body.toString())).toEqual(['m1', 'm2', 'm3', 'm4']);
    expect(new Set(results.map(({ msgId }) => msgId)).size).toBe(5);
    expect(sends()).toHaveLength(2);
  });

  it.each([
    ['INNER_NUM', '3'],
    ['INNER_MULTI_DISPATCH', 'a,b'],
    ['TRAN_MSG', 'true'],
    ['long', 'y'.repeat(32_000)],
    ['too long with what brokers add', 'é'.repeat(16_000)],
  ])('what a batch cannot hold is sent alone, and its neighbours in a batch: property %s', async (name, value) => {
    const p = await startProducer({ autoBatch: true, batchMaxDelayMs: 20, batchMaxBytes: 1024 * 1024 });
    const results = await Promise.all([
      p.send(message('m1')),
      p.send({ ...message('alone'), properties: new Map([[name, value]]) }),
      p.send(message('m2')),
    ]);
    expect(results.map(({ sendStatus }) => sendStatus)).toEqual(['SEND_OK', 'SEND_OK', 'SEND_OK']);
    const bodies = sends().map(({ code, body }) =>
      code === RequestCode.SEND_BATCH_MESSAGE ? decodeBatch(body!).map((each) => each.body.toString()) : body!.toString(),
    );
    expect(bodies).toEqual(['alone', ['m1', 'm2']]);
  });

  it('properties that no record holds are refused at once, and do not cost others their connection', async () => {
    const p = await startProducer({ retryTimesWhenSendFailed: 0 });
    const outcomes = await Promise.allSettled([
      p.send(message('m1')),
      p.send({ ...message('bad'), properties: new Map([['a', 'y'.repeat(20 << 20)]]) }),
      p.send({ ...message('bad'), keys: ['y'.repeat(20 << 20)] }),
      p.send(message('m2')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(sends()).toHaveLength(2);
  });

  it('one message that its broker refuses fails alone of its batch', async () => {
    const broker = cluster.brokers[0]!;
    broker.onSend = (conn, request) => {
      if (request.body!.includes('bad')) {
        conn.respond(request, ResponseCode.MESSAGE_ILLEGAL, 'not this one');
      } else {
        broker.store(conn, request);
      }
    };
    const p = await startProducer({ autoBatch: true, batchMaxDelayMs: 20 });
    const outcomes = await Promise.allSettled(['m1', 'bad', 'm2'].map((text) => p.send(message(text))));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(sends().map(({ code }) => code === RequestCode.SEND_BATCH_MESSAGE)).toEqual([true, false, false, false]);
  });

  it('shutdown sends what waits in batches', async () => {
    const p = await startProducer({ autoBatch: true, batchMaxDelayMs: 30_000 });
    const sent = p.send(message());
    await new Promise(setImmediate);
    await p.shutdown();
    expect(await sent).toMatchObject({ sendStatus: 'SEND_OK' });
  });

  it.each([
    [{ batchMaxDelayMs: 0 }, /batchMaxDelayMs is 0, it must be from 1 to 30000/],
    [{ batchMaxBytes: 3 << 20 }, /batchMaxBytes is 3145728, it must be from 1 to 2097152/],
  ])('refuses %o', (options, text) => {
    expect(() => new Producer({ namesrvAddr: '127.0.0.1:1', producerGroup: 'P', ...options })).toThrow(text);
  });

  it('a namespace of the first kind is in every name on the wire and in none that the application sees', async () => {
    cluster.addTopic('ns%T');
    const p = await startProducer({ namespace: 'ns' });
    expect(p.producerGroup).toBe('PG_test');
    expect((await p.send(message())).messageQueue.topic).toBe('T');
    const queues = await p.fetchPublishMessageQueues('T');
    expect(queues.map(({ topic }) => topic)).toEqual(['T', 'T', 'T', 'T']);
    expect((await p.send(message(), { queue: queues[3]! })).messageQueue).toEqual(queues[3]);
    await p.sendBySelector(message(), (all) => all[0], null);
    expect((await sendAsyncResult((handler) => p.sendAsync(message(), handler, null))).messageQueue.topic).toBe('T');
    for (const { extFields } of sends()) {
      expect(extFields).toMatchObject({ a: 'ns%PG_test', b: 'ns%T' });
      expect(decodeProperties(extFields?.i ?? '').get('INSTANCE_ID')).toBe('ns');
    }
  });

  it('a namespace of the second kind is a field of every request', async () => {
    const p = await startProducer({ namespaceV2: 'ns2' });
    await p.send(message());
    await sendAsyncResult((handler) => p.sendAsync(message(), handler, null));
    await p.sendOneway({ ...message(), properties: new Map([['a', 'b']]) });
    await until(() => sends().length === 3 && cluster.brokers[0]!.requestsOf(RequestCode.HEART_BEAT).length > 0);
    for (const request of cluster.brokers[0]!.requests) expect(request.extFields).toMatchObject({ nsd: 'true', ns: 'ns2' });
    expect(sends().map(({ extFields }) => extFields?.b)).toEqual(['T', 'T', 'T']);
  });

  it('a half message says so in its sysFlag', async () => {
    const p = await startProducer();
    await p.send({ ...message(), properties: new Map([['TRAN_MSG', 'true']]) });
    expect(sends()[0]?.extFields?.f).toBe('4');
  });

  it('counts sends to nobody as failed', async () => {
    await cluster.brokers[0]!.server.close();
    const p = await startProducer({ retryTimesWhenSendFailed: 1 });
    expect(await failure(p.send(message()))).toBeInstanceOf(ConnectError);
    expect(p.stats()).toMatchObject({ attempts: 2, retries: 1, failed: 1, succeeded: 0 });
  });
});
