import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Producer, type ProducerOptions } from '../../src/client/producer/producer.js';
import { selectByHash } from '../../src/client/producer/selectors.js';
import { seededRandom } from '../../src/common/clock.js';
import { decompressBody } from '../../src/common/compression.js';
import { BrokerError, ConnectError, DeniedError, NotFoundError, TimeoutError, UsageError } from '../../src/common/errors.js';
import { decodeBatch } from '../../src/common/message/batch.js';
import { decodeProperties } from '../../src/common/message/properties.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import { until } from '../sandbox.js';
import { FakeCluster, sendAsyncResult } from './fake-cluster.js';

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

function body(text = 'hello'): Buffer {
  return Buffer.from(text);
}

function sends(broker = 0) {
  return cluster.brokers[broker]!.requests.filter(
    (r) => r.code === RequestCode.SEND_MESSAGE_V2 || r.code === RequestCode.SEND_BATCH_MESSAGE,
  );
}

afterEach(async () => {
  await producer?.shutdown();
  producer = undefined;
  await cluster.stop();
});

describe('a producer with one broker', () => {
  beforeEach(async () => {
    cluster = await FakeCluster.start();
    cluster.addTopic('T');
  });

  it('sends with the V2 header and reads the result', async () => {
    const p = await startProducer();
    const result = await p.send({ topic: 'T', body: body(), tags: 'TagA', keys: ['k1', 'k2'], properties: new Map([['color', 'réd']]) });
    expect(result).toMatchObject({
      sendStatus: 'SEND_OK',
      queueOffset: 0,
      offsetMsgId: '7F00000100002A9F0000000000000000',
      regionId: 'DefaultRegion',
    });
    expect(result.msgId).toMatch(/^7F000001[0-9A-F]{24}$/);
    const request = sends()[0]!;
    expect(request.extFields).toMatchObject({
      a: 'PG_test',
      b: 'T',
      c: 'TBW102',
      d: '4',
      f: '0',
      h: '0',
      j: '0',
      k: 'false',
      m: 'false',
      n: 'broker-a',
    });
    expect(request.extFields?.e).toBe(String(result.messageQueue.queueId));
    expect(Object.fromEntries(decodeProperties(request.extFields?.i ?? ''))).toEqual({
      KEYS: 'k1 k2',
      TAGS: 'TagA',
      UNIQ_KEY: result.msgId,
      WAIT: 'true',
      color: 'réd',
    });
    expect(request.body?.toString()).toBe('hello');
  });

  it('uses each queue in turn, whichever way it sends', async () => {
    const p = await startProducer();
    const ids: number[] = [];
    for (let i = 0; i < 4; i++) {
      ids.push((await p.send({ topic: 'T', body: body() })).messageQueue.queueId);
      ids.push((await sendAsyncResult((handler) => p.sendAsync({ topic: 'T', body: body() }, handler, null))).messageQueue.queueId);
    }
    expect(ids).toEqual(ids.map((_, i) => (ids[0]! + i) % 4));
  });

  it('borrows the route of the auto-create topic for an unknown topic', async () => {
    cluster.addTopic('TBW102', { queueCount: 8, perm: 7 });
    const p = await startProducer();
    await p.send({ topic: 'New', body: body() });
    expect(cluster.asked.filter((topic) => topic !== 'T')).toEqual(['New', 'TBW102']);
    expect(await p.fetchPublishMessageQueues('New')).toHaveLength(4);
  });

  it('names the missing route and what to do', async () => {
    const p = await startProducer();
    await expect(p.send({ topic: 'Nope', body: body() })).rejects.toThrow(NotFoundError);
    await expect(p.send({ topic: 'Nope', body: body() })).rejects.toMatchObject({
      code: 'NO_ROUTE',
      hint: expect.stringContaining('updateTopic'),
    });
    await expect(sendAsyncResult((handler) => p.sendAsync({ topic: 'Nope', body: body() }, handler, null))).rejects.toThrow(NotFoundError);
  });

  it.each([
    [10, 'FLUSH_DISK_TIMEOUT'],
    [11, 'SLAVE_NOT_AVAILABLE'],
    [12, 'FLUSH_SLAVE_TIMEOUT'],
  ])('reads response code %i as %s', async (code, status) => {
    cluster.brokers[0]!.onSend = (conn, request) => cluster.brokers[0]!.store(conn, request, code);
    const p = await startProducer();
    expect((await p.send({ topic: 'T', body: body() })).sendStatus).toBe(status);
    expect((await sendAsyncResult((handler) => p.sendAsync({ topic: 'T', body: body() }, handler, null))).sendStatus).toBe(status);
    expect(sends()).toHaveLength(2);
  });

  it('compresses from the threshold on and says so in the sysFlag', async () => {
    const p = await startProducer();
    const big = Buffer.alloc(4096, 'a');
    await p.send({ topic: 'T', body: big });
    await sendAsyncResult((handler) => p.sendAsync({ topic: 'T', body: big }, handler, null));
    await p.send({ topic: 'T', body: big.subarray(1) });
    for (const request of sends().slice(0, 2)) {
      expect(request.extFields?.f).toBe(String(0x301));
      expect(request.body?.subarray(0, 2).toString('hex')).toBe('785e');
      expect(decompressBody(request.body!, 0x301)).toEqual(big);
    }
    expect(sends()[2]?.extFields?.f).toBe('0');
    expect(sends()[2]?.body).toHaveLength(4095);
  });

  it('sends a batch as one request', async () => {
    const p = await startProducer();
    const result = await p.sendBatch([
      { topic: 'T', body: body('1'), tags: 'a' },
      { topic: 'T', body: body('2'), keys: 'k' },
      { topic: 'T', body: body('3') },
    ]);
    const request = sends()[0]!;
    expect(request.code).toBe(RequestCode.SEND_BATCH_MESSAGE);
    expect(request.extFields?.m).toBe('true');
    const messages = decodeBatch(request.body!);
    expect(messages.map((message) => message.body.toString())).toEqual(['1', '2', '3']);
    expect(result.msgId.split(',')).toEqual(messages.map((message) => decodeProperties(message.properties).get('UNIQ_KEY')));
    // Brokers append the outer properties to those of every message, so a unique id here would replace theirs.
    expect(request.extFields?.i).toBe('WAIT\u0001true\u0002');
  });

  it.each([
    ['no message', []],
    [
      'two topics',
      [
        { topic: 'T', body: body() },
        { topic: 'U', body: body() },
      ],
    ],
    [
      'different waitStoreMsgOK',
      [
        { topic: 'T', body: body() },
        { topic: 'T', body: body(), waitStoreMsgOK: false },
      ],
    ],
    ['a delayed message', [{ topic: 'T', body: body(), delayTimeLevel: 1 }]],
    ['a retry topic', [{ topic: '%RETRY%G', body: body() }]],
  ])('refuses a batch with %s', async (_what, messages) => {
    const p = await startProducer();
    await expect(p.sendBatch(messages)).rejects.toThrow(UsageError);
  });

  it.each([
    ['a blank topic', { topic: ' ', body: body() }],
    ['an illegal topic', { topic: 'a b', body: body() }],
    ['a long topic', { topic: 'a'.repeat(128), body: body() }],
    ['a system topic', { topic: 'SCHEDULE_TOPIC_XXXX', body: body() }],
    ['an empty body', { topic: 'T', body: Buffer.alloc(0) }],
    ['a body over the limit', { topic: 'T', body: Buffer.alloc(11) }],
    ['a separator in the tag', { topic: 'T', body: body(), tags: 'a\u0002DELAY\u000118' }],
    ['a separator in the key', { topic: 'T', body: body(), keys: 'a\u0001b' }],
    ['a separator in one of the keys', { topic: 'T', body: body(), keys: ['a', 'b\u0002c'] }],
    ['a tag that is no text', { topic: 'T', body: body(), tags: 7 as never }],
    ['keys that are no text', { topic: 'T', body: body(), keys: 7 as never }],
    ['a separator in a property', { topic: 'T', body: body(), properties: new Map([['a', 'b\u0001c']]) }],
  ])('refuses %s without asking anybody', async (_what, message) => {
    const p = await startProducer({ maxMessageSize: 10 });
    await expect(p.send(message)).rejects.toThrow(UsageError);
    await expect(sendAsyncResult((handler) => p.sendAsync(message, handler, null))).rejects.toThrow(UsageError);
    expect(cluster.asked).toEqual([]);
  });

  it('sends to a given queue, and refuses one of another topic', async () => {
    const p = await startProducer();
    const result = await p.send({ topic: 'T', body: body() }, { queue: { topic: 'T', brokerName: 'broker-a', queueId: 2 } });
    expect(result.messageQueue.queueId).toBe(2);
    await expect(p.send({ topic: 'T', body: body() }, { queue: { topic: 'U', brokerName: 'broker-a', queueId: 2 } })).rejects.toThrow(
      UsageError,
    );
  });

  it('lets a selector choose among the writeable queues', async () => {
    const p = await startProducer();
    const queueIds = new Set<number>();
    for (let i = 0; i < 5; i++) {
      queueIds.add((await p.sendBySelector({ topic: 'T', body: body() }, selectByHash, 'order-42')).messageQueue.queueId);
    }
    expect(queueIds.size).toBe(1);
    await expect(p.sendBySelector({ topic: 'T', body: body() }, () => null, null)).rejects.toThrow(/selector returned no queue/);
  });

  it('sends one-way without waiting for an answer', async () => {
    cluster.brokers[0]!.onSend = () => {};
    const p = await startProducer();
    await p.sendOneway({ topic: 'T', body: body() });
    await until(() => sends().length === 1);
    expect(sends()[0]!.flag & 2).toBe(2);
  });

  it('times out within the budget of the whole send', async () => {
    cluster.brokers[0]!.onSend = () => {};
    const p = await startProducer({ sendMsgTimeoutMs: 2_000 });
    const start = performance.now();
    await expect(p.send({ topic: 'T', body: body() })).rejects.toThrow(TimeoutError);
    // Three attempts of 2 s each would take 6.
    expect(performance.now() - start).toBeLessThan(5_500);
    await expect(sendAsyncResult((handler) => p.sendAsync({ topic: 'T', body: body() }, handler, null))).rejects.toThrow(TimeoutError);
  });

  it('signs every request when it has keys', async () => {
    const p = await startProducer({ credentials: { accessKey: 'rocketmq2', secretKey: '12345678' } });
    await p.send({ topic: 'T', body: body() });
    await sendAsyncResult((handler) => p.sendAsync({ topic: 'T', body: body() }, handler, null));
    for (const request of sends()) {
      expect(request.extFields).toMatchObject({ AccessKey: 'rocketmq2', Signature: expect.stringMatching(/^[A-Za-z0-9+/]{27}=$/) });
    }
  });

  it('sends binary headers when told to', async () => {
    const p = await startProducer({ serializeType: 1 });
    const result = await p.send({ topic: 'T', body: body(), tags: 'é' });
    expect(sends()[0]).toMatchObject({ serializeType: 1, extFields: { b: 'T', n: 'broker-a' } });
    expect(decodeProperties(sends()[0]?.extFields?.i ?? '')).toEqual(
      new Map([
        ['UNIQ_KEY', result.msgId],
        ['WAIT', 'true'],
        ['TAGS', 'é'],
      ]),
    );
  });

  it('uses the port two below for sends when the VIP channel is on', async () => {
    const p = await startProducer({ vipChannelEnabled: true, retryTimesWhenSendFailed: 0 });
    const port = Number(cluster.brokers[0]!.addr.split(':')[1]) - 2;
    await expect(p.send({ topic: 'T', body: body() })).rejects.toThrow(`127.0.0.1:${port}`);
  });

  it('calls the handler of an asynchronous send never before it returns, and survives what the handler throws', async () => {
    const p = await startProducer({ retryTimesWhenSendAsyncFailed: 0 });
    let returned = false;
    for (const message of [
      { topic: 'T', body: Buffer.alloc(0) },
      { topic: 'T', body: body() },
    ]) {
      returned = false;
      const called = sendAsyncResult((handler) => p.sendAsync(message, handler, null)).then(
        () => returned,
        () => returned,
      );
      returned = true;
      expect(await called).toBe(true);
    }
    const thrown = new Promise((resolve) => {
      const before = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', (error) => {
        for (const listener of before) {
          process.on('uncaughtException', listener);
        }
        resolve(error);
      });
    });
    const mine = new UsageError('mine');
    p.sendAsync(
      { topic: 'T', body: body() },
      {
        onSuccess: () => {
          throw mine;
        },
        onException: () => {},
      },
      null,
    );
    expect(await thrown).toBe(mine);
    expect(await p.send({ topic: 'T', body: body() })).toMatchObject({ sendStatus: 'SEND_OK' });
  });

  it('waits for sends on their way at shutdown, and refuses later ones', async () => {
    cluster.brokers[0]!.onSend = (conn, request) => setTimeout(() => cluster.brokers[0]!.store(conn, request), 100);
    const p = await startProducer();
    const results = Promise.all([
      p.send({ topic: 'T', body: body() }),
      sendAsyncResult((handler) => p.sendAsync({ topic: 'T', body: body() }, handler, null)),
    ]);
    await until(() => sends().length === 2);
    await p.shutdown();
    expect((await results).map((result) => result.sendStatus)).toEqual(['SEND_OK', 'SEND_OK']);
    await expect(p.send({ topic: 'T', body: body() })).rejects.toThrow(/not running/);
  });

  it('introduces itself to brokers with a heartbeat and takes leave', async () => {
    const p = await startProducer();
    await p.send({ topic: 'T', body: body() });
    await until(() => cluster.brokers[0]!.requestsOf(RequestCode.HEART_BEAT).length >= 1);
    const beat = JSON.parse(cluster.brokers[0]!.requestsOf(RequestCode.HEART_BEAT)[0]!.body!.toString());
    expect(beat).toMatchObject({
      clientID: p.clientId,
      producerDataSet: [{ groupName: 'PG_test' }, { groupName: 'CLIENT_INNER_PRODUCER' }],
      consumerDataSet: [],
    });
    await until(() => p.inFlight === 0);
    await p.shutdown();
    expect(cluster.brokers[0]!.requestsOf(RequestCode.UNREGISTER_CLIENT)[0]?.extFields).toEqual({
      clientID: p.clientId,
      producerGroup: 'PG_test',
    });
  });
});

describe('a producer with two brokers', () => {
  beforeEach(async () => {
    cluster = await FakeCluster.start({ brokerNames: ['broker-a', 'broker-b'] });
    cluster.addTopic('T', { queueCount: 2 });
  });

  it.each([1, 2, 14, 16, 17, 204, 205, 1500])('tries the other broker after response code %i', async (code) => {
    cluster.brokers[0]!.onSend = (conn, request) => conn.respond(request, code, 'no');
    const p = await startProducer();
    for (let i = 0; i < 4; i++) {
      expect((await p.send({ topic: 'T', body: body() })).messageQueue.brokerName).toBe('broker-b');
    }
    expect(sends(0).length).toBeGreaterThan(0);
  });

  it.each([13, 15, 29])('does not try again after response code %i', async (code) => {
    for (const broker of cluster.brokers) {
      broker.onSend = (conn, request) => conn.respond(request, code, 'no');
    }
    const p = await startProducer();
    await expect(p.send({ topic: 'T', body: body() })).rejects.toMatchObject({ responseCode: code });
    expect(sends(0).length + sends(1).length).toBe(1);
  });

  it('gives up after three attempts and keeps the broker code', async () => {
    for (const broker of cluster.brokers) {
      broker.onSend = (conn, request) => conn.respond(request, ResponseCode.SYSTEM_BUSY, '[PCBUSY]');
    }
    const p = await startProducer();
    await expect(p.send({ topic: 'T', body: body() })).rejects.toThrow(BrokerError);
    expect(sends(0).length + sends(1).length).toBe(3);
    await expect(p.send({ topic: 'T', body: body() })).rejects.toMatchObject({
      responseCode: 2,
      message: expect.stringMatching(/failed 3 times .* on broker-[ab], broker-[ab], broker-[ab]/),
    });
  });

  it('repeats an attempt with the same unique id', async () => {
    let calls = 0;
    for (const broker of cluster.brokers) {
      broker.onSend = (conn, request) => (calls++ === 0 ? conn.respond(request, 1, 'no') : broker.store(conn, request));
    }
    const p = await startProducer();
    const result = await p.send({ topic: 'T', body: body() });
    const ids = [...sends(0), ...sends(1)].map((request) => decodeProperties(request.extFields?.i ?? '').get('UNIQ_KEY'));
    expect(ids).toEqual([result.msgId, result.msgId]);
  });

  it('does not try elsewhere when a queue was given', async () => {
    cluster.brokers[0]!.onSend = (conn, request) => conn.respond(request, 1, 'no');
    const p = await startProducer();
    await expect(p.send({ topic: 'T', body: body() }, { queue: { topic: 'T', brokerName: 'broker-a', queueId: 0 } })).rejects.toThrow(
      BrokerError,
    );
    expect(sends(0).length + sends(1).length).toBe(1);
  });

  it('does not repeat an asynchronous send after a broker code', async () => {
    for (const broker of cluster.brokers) {
      broker.onSend = (conn, request) => conn.respond(request, ResponseCode.NO_PERMISSION, 'no');
    }
    const p = await startProducer();
    await expect(sendAsyncResult((handler) => p.sendAsync({ topic: 'T', body: body() }, handler, null))).rejects.toThrow(DeniedError);
    expect(sends(0).length + sends(1).length).toBe(1);
  });

  it('repeats an asynchronous send on the other broker after a transport error, with the same queue id', async () => {
    const p = await startProducer();
    await p.send({ topic: 'T', body: body() });
    await cluster.brokers[0]!.server.close();
    const before = sends(1).length;
    const results = await Promise.all(
      Array.from({ length: 4 }, () => sendAsyncResult((handler) => p.sendAsync({ topic: 'T', body: body() }, handler, null))),
    );
    expect(results.every((result) => result.messageQueue.brokerName === 'broker-b')).toBe(true);
    expect(
      sends(1)
        .slice(before)
        .map((request) => request.extFields?.e)
        .sort(),
    ).toEqual(['0', '0', '1', '1']);
    expect(sends(1).every((request) => request.extFields?.n === 'broker-b')).toBe(true);
  });

  it('goes to the other broker when one is down, and says where it failed when both are', async () => {
    const p = await startProducer();
    await cluster.brokers[0]!.server.close();
    for (let i = 0; i < 4; i++) {
      expect((await p.send({ topic: 'T', body: body() })).messageQueue.brokerName).toBe('broker-b');
    }
    await cluster.brokers[1]!.server.close();
    await expect(p.send({ topic: 'T', body: body() })).rejects.toThrow(ConnectError);
  });

  it('tries again on another status only when told to', async () => {
    cluster.brokers[0]!.onSend = (conn, request) => cluster.brokers[0]!.store(conn, request, ResponseCode.FLUSH_DISK_TIMEOUT);
    const p = await startProducer({ retryAnotherBrokerWhenNotStoreOK: true });
    for (let i = 0; i < 4; i++) {
      expect(await p.send({ topic: 'T', body: body() })).toMatchObject({ sendStatus: 'SEND_OK', messageQueue: { brokerName: 'broker-b' } });
    }
  });
});
