import { describe, expect, it, vi } from 'vitest';
import { ResponseCode } from '../../../src/remoting/codes.js';
import { until } from '../../sandbox.js';
import { TransactionBroker } from '../transaction/kit.js';
import { notify, popRaw } from './pop-kit.js';

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
