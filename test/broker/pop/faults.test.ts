import { describe, expect, it, vi } from 'vitest';
import { topicWithQueues } from '../../../broker/topics/index.js';
import { ResponseCode } from '../../../src/remoting/codes.js';
import { until } from '../../sandbox.js';
import { TransactionBroker } from '../transaction/kit.js';
import { ack, notify, poppedOf, popRaw } from './pop-kit.js';

const WAIT = { topic: 'T', queueId: 0, pollMs: 5_000, fields: { bornTime: '0' } };

/** Lets the reads of the store fail that a test calls bad. */
function failReads(broker: TransactionBroker, isBad: (topic: string, queueId: number, offset: number) => boolean): void {
  const { store } = broker.node;
  const read = store.getMessage.bind(store);
  vi.spyOn(store, 'getMessage').mockImplementation((topic, queueId, offset, ...rest) => {
    if (isBad(topic, queueId, offset)) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
    return read(topic, queueId, offset, ...rest);
  });
}

describe('a pop that waits and cannot be read for', () => {
  it.each(['an arrival', 'its deadline'])('is told so at %s, and those beside it get theirs', async (what) => {
    const broker = await TransactionBroker.start();
    const { client } = broker.producer;
    const { popHolds } = broker.node.parts;
    await client.send({ topic: 'T', body: 'first', queueId: 3 });
    const bad = popRaw(client, { ...WAIT, group: 'Bad' });
    await until(() => popHolds.size === 1);
    const good = popRaw(client, { ...WAIT, queueId: 1 });
    await until(() => popHolds.size === 2);
    failReads(broker, (topic, queueId) => topic === 'T' && queueId === 0);
    if (what === 'an arrival') for (const queueId of [0, 1]) await client.send({ topic: 'T', body: 'm', queueId });
    else broker.time.advance(6_000);
    expect(await bad).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, remark: 'EIO: i/o error, read' });
    expect((await good).code).toBe(what === 'an arrival' ? ResponseCode.SUCCESS : ResponseCode.POLLING_TIMEOUT);
    expect(popHolds.size).toBe(0);
  });

  it('as a notification is told so too', async () => {
    const broker = await TransactionBroker.start();
    const { client } = broker.producer;
    const { pop, popNotices } = broker.node.parts;
    await client.send({ topic: 'T', body: 'first', queueId: 3 });
    const told = notify(client, WAIT);
    await until(() => popNotices.size === 1);
    vi.spyOn(pop, 'hasMessages').mockImplementation(() => {
      throw new Error('EIO: i/o error, read');
    });
    broker.time.advance(6_000);
    expect(await told).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, remark: 'EIO: i/o error, read' });
  });
});

describe('a pop', () => {
  const options = { topic: 'T', fields: { bornTime: '0' } };

  /** A broker with one message in each of four queues. */
  async function withFour(): Promise<TransactionBroker> {
    const broker = await TransactionBroker.start({ popFromRetryProbability: 0 });
    for (let queueId = 0; queueId < 4; queueId++) await broker.producer.client.send({ topic: 'T', body: `m${queueId}`, queueId });
    return broker;
  }

  async function popOnce(broker: TransactionBroker): Promise<string[]> {
    const messages = poppedOf(await popRaw(broker.producer.client, options), 'PG');
    await ack(broker.producer.client, messages);
    return messages.map(({ body }) => body);
  }

  function committed(broker: TransactionBroker): number[] {
    return [0, 1, 2, 3].map((queueId) => broker.node.parts.offsets.query('PG', 'T', queueId));
  }

  it('gives what it took of the other queues when one cannot be read, and that one is popped later', async () => {
    const broker = await withFour();
    let reads = 0;
    failReads(broker, (topic) => topic === 'T' && ++reads === 4);
    const first = await popOnce(broker);
    expect(first).toHaveLength(3);
    expect([...first, ...(await popOnce(broker))].sort()).toEqual(['m0', 'm1', 'm2', 'm3']);
    expect(committed(broker)).toEqual([1, 1, 1, 1]);
  });

  it('gives what it took of the topic when the retries of the group cannot be read', async () => {
    const broker = await withFour();
    broker.node.parts.topics.ensure('%RETRY%PG_T', () => topicWithQueues('%RETRY%PG_T', 1));
    failReads(broker, (topic) => topic === '%RETRY%PG_T');
    expect(await popOnce(broker)).toHaveLength(4);
    expect(committed(broker)).toEqual([1, 1, 1, 1]);
  });

  it('of which nothing can be read is told why', async () => {
    const broker = await withFour();
    failReads(broker, (topic) => topic === 'T');
    expect(await popRaw(broker.producer.client, options)).toMatchObject({ code: ResponseCode.SYSTEM_ERROR });
    vi.restoreAllMocks();
    expect(await popOnce(broker)).toHaveLength(4);
  });

  it('leaves messages whose check point the store fails at to the next pop', async () => {
    const broker = await withFour();
    const { store } = broker.node;
    const put = store.put.bind(store);
    let puts = 0;
    vi.spyOn(store, 'put').mockImplementation((message, sink) => {
      if (++puts === 3) throw new Error('EIO: i/o error, write');
      put(message, sink);
    });
    const first = await popOnce(broker);
    expect(first).toHaveLength(3);
    expect([...first, ...(await popOnce(broker))].sort()).toEqual(['m0', 'm1', 'm2', 'm3']);
    expect(committed(broker)).toEqual([1, 1, 1, 1]);
    expect(broker.node.parts.sends.inFlight).toBe(0);
  });

  it('in order gives what it took of the other queues when one cannot be read', async () => {
    const broker = await withFour();
    let reads = 0;
    failReads(broker, (topic) => topic === 'T' && ++reads === 4);
    const inOrder = { ...options, fields: { bornTime: '0', order: 'true', attemptId: 'a' } };
    const first = poppedOf(await popRaw(broker.producer.client, inOrder), 'PG');
    expect(first).toHaveLength(3);
    const second = poppedOf(await popRaw(broker.producer.client, { ...inOrder, fields: { ...inOrder.fields, attemptId: 'b' } }), 'PG');
    expect([...first, ...second].map(({ body }) => body).sort()).toEqual(['m0', 'm1', 'm2', 'm3']);
  });
});
