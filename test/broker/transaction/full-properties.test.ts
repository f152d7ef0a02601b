import { describe, expect, it } from 'vitest';
import { MAX_PROPERTIES_BYTES } from '../../../src/common/limits.js';
import { until } from '../../sandbox.js';
import { propertiesOf } from '../kit.js';
import { message } from '../store/store-kit.js';
import { GIVEN_UP_TOPIC, HALF_TOPIC, halfOf, TransactionBroker } from './kit.js';

const INTERVAL = 30_000;
const COMMIT = 8;

/** Sends a half message whose record has room for `spareBytes` more of properties. */
async function fullHalf(broker: TransactionBroker, body: string, spareBytes: number, properties: Record<string, string> = {}) {
  const id = `UNIQUE${body.padStart(26, '0')}`;
  const probe = await broker.half(body, { ...properties, UNIQ_KEY: id, X: '' });
  const { length } = (await broker.halves()).at(-1)!.properties;
  await broker.rollback(probe);
  const x = 'x'.repeat(MAX_PROPERTIES_BYTES - length - spareBytes);
  const half = await broker.half(body, { ...properties, UNIQ_KEY: id, X: x });
  expect((await broker.halves()).at(-1)!.properties).toHaveLength(MAX_PROPERTIES_BYTES - spareBytes);
  return half;
}

describe('a half message whose record can hold hardly more properties', () => {
  it.each([{}, { WAIT: 'true' }])('is checked and committed, with %o', async (wait) => {
    const broker = await TransactionBroker.start();
    await broker.join();
    const spare = [0, 1, 26, 27, 28, 37, 38, 39];
    for (const spareBytes of spare) await fullHalf(broker, String(spareBytes), spareBytes, wait);
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === spare.length);
    for (const check of broker.producer.checks) {
      expect(propertiesOf(check.message).TRANSACTION_CHECK_TIMES).toBe('1');
      expect(await broker.end(halfOf(check.fields), COMMIT, { fromCheck: true })).toMatchObject({ code: 0 });
    }
    expect(await broker.bodies()).toEqual(spare.map(String).sort());
    expect(broker.node.parts.transactions.counters).toMatchObject({ checks: spare.length, givenUp: 0 });
  });

  it('is checked after the time without checks that it asks for', async () => {
    const broker = await TransactionBroker.start();
    await broker.join();
    await fullHalf(broker, 'later', 0, { CHECK_IMMUNITY_TIME_IN_SECONDS: '40' });
    await broker.pass(INTERVAL);
    expect(propertiesOf((await broker.halves()).at(-1)!).TRAN_PREPARED_QUEUE_OFFSET).toBe('1');
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 1);
    expect(await broker.answer(broker.producer)).toMatchObject({ code: 0 });
    expect(await broker.bodies()).toEqual(['later']);
  });

  it('waits on the timer wheel when it is committed', async () => {
    const broker = await TransactionBroker.start();
    const half = await fullHalf(broker, 'timer', 0, { TIMER_DELAY_SEC: '3' });
    expect(await broker.commit(half)).toMatchObject({ code: 0 });
    expect(await broker.bodies('rmq_sys_wheel_timer')).toEqual(['timer']);
    for (let ms = 0; ms < 4000; ms += 100) broker.time.advance(100);
    expect(await broker.bodies()).toEqual(['timer']);
  });

  it('is given up where somebody finds it when nothing of it can make room', async () => {
    const broker = await TransactionBroker.start();
    await broker.join();
    await broker.half('makes the topics');
    const { store, topics, transactions } = broker.node.parts;
    const known = 'UNIQ_KEY\u0001id\u0002PGROUP\u0001PG_tx\u0002REAL_TOPIC\u0001T\u0002REAL_QID\u00010\u0002X\u0001';
    const properties = `${known}${'x'.repeat(MAX_PROPERTIES_BYTES - known.length - 1)}\u0002`;
    store.put(message(HALF_TOPIC, 0, 'of another broker', { properties, bornTimestamp: broker.time.nowMs() }), { onPut: () => {} });
    store.flushTurn();
    await broker.pass(INTERVAL);
    expect(transactions.counters).toMatchObject({ checks: 1, givenUp: 1 });
    expect(topics.entry(GIVEN_UP_TOPIC)).toBeDefined();
    expect(await broker.bodies(GIVEN_UP_TOPIC)).toEqual(['of another broker']);
  });

  it('costs nobody else a check when no client could read what it would be asked', async () => {
    const broker = await TransactionBroker.start();
    await broker.join();
    await broker.half('readable');
    const properties = `UNIQ_KEY\u0001id\u0002PGROUP\u0001PG_tx\u0002REAL_TOPIC\u0001${'\u00e4'.repeat(127)}\u0002REAL_QID\u00010\u0002`;
    broker.node.store.put(message(HALF_TOPIC, 0, 'unreadable', { properties, bornTimestamp: broker.time.nowMs() }), { onPut: () => {} });
    broker.node.store.flushTurn();
    await broker.half('readable too');
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 2);
    expect(broker.node.parts.transactions.counters.checks).toBe(2);
  });
});
