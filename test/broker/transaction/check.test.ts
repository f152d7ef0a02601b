import { describe, expect, it } from 'vitest';
import { type Disk, nodeDisk } from '../../../broker/store/index.js';
import { until } from '../../sandbox.js';
import { propertiesOf } from '../kit.js';
import { GIVEN_UP_TOPIC, HALF_TOPIC, halfOf, TransactionBroker } from './kit.js';

const INTERVAL = 30_000;

async function withProducer(settings: Record<string, string | number | boolean> = {}): Promise<TransactionBroker> {
  const broker = await TransactionBroker.start(settings);
  await broker.join();
  return broker;
}

describe('a check', () => {
  it('asks about a half message that nobody ended, with a copy of it that stands for it from then on', async () => {
    const broker = await withProducer();
    const half = await broker.half('open', { KEYS: 'k' }, { e: '2', f: '4' });
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 1);
    const { fields, message } = broker.producer.last;
    const [original, copy] = await broker.halves();
    expect(fields).toEqual({
      topic: HALF_TOPIC,
      tranStateTableOffset: '1',
      commitLogOffset: String(copy!.commitLogOffset),
      msgId: half.msgId,
      transactionId: half.msgId,
      offsetMsgId: expect.stringMatching(/^7F000001[0-9A-F]{24}$/),
      bname: 'broker-a',
    });
    expect(message).toMatchObject({
      topic: 'T',
      queueId: 2,
      queueOffset: 1,
      commitLogOffset: copy!.commitLogOffset,
      bornTimestamp: original!.bornTimestamp,
      sysFlag: 0,
      preparedTransactionOffset: 0,
    });
    expect(message.body.toString()).toBe('open');
    expect(propertiesOf(message)).toEqual({ ...propertiesOf(original!), TRANSACTION_CHECK_TIMES: '1', WAIT: 'false' });
    expect(propertiesOf(copy!)).toEqual({ ...propertiesOf(original!), TRANSACTION_CHECK_TIMES: '1' });
    expect(await broker.answer(broker.producer)).toMatchObject({ code: 0 });
    const [delivered] = await broker.messages();
    expect(delivered).toMatchObject({ queueId: 2, sysFlag: 8, preparedTransactionOffset: copy!.commitLogOffset });
    await broker.pass(INTERVAL);
    await broker.pass(INTERVAL);
    expect(broker.producer.checks).toHaveLength(1);
  });

  it('waits until a half message is transactionTimeOut old', async () => {
    const broker = await withProducer({ transactionTimeOut: 6000 });
    await broker.half('young');
    broker.time.advance(5_999);
    await broker.check();
    expect(await broker.halves()).toHaveLength(1);
    broker.time.advance(1);
    await broker.check();
    await until(() => broker.producer.checks.length === 1);
  });

  it('takes the time of arrival for a sender whose clock is ahead', async () => {
    const broker = await withProducer();
    await broker.half('ahead', {}, { g: String(broker.time.nowMs() + 3_600_000) });
    await broker.check();
    expect(await broker.halves()).toHaveLength(1);
    broker.time.advance(6_000);
    await broker.check();
    await until(() => broker.producer.checks.length === 1);
  });

  it('is not made about what ended, and its progress is kept', async () => {
    const broker = await withProducer();
    await broker.commit(await broker.half('a'));
    await broker.rollback(await broker.half('b'));
    const open = await broker.half('c');
    await broker.commit(await broker.half('d'));
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 1);
    expect(broker.producer.last.fields.msgId).toBe(open.msgId);
    // The op message with 0, 1 and 3 is behind the progress; the one that names the checked half message is not stored yet.
    await broker.progressIs(4, 1);
  });

  it('lets nobody see its progress before the log is on the device', async () => {
    const held: (() => void)[] = [];
    let isHolding = false;
    const fdatasync: Disk['fdatasync'] = (fd, done) =>
      nodeDisk.fdatasync(fd, (error) => (isHolding ? held.push(() => done(error)) : done(error)));
    const broker = await TransactionBroker.start({}, { disk: { ...nodeDisk, fdatasync } });
    isHolding = true;
    await broker.rollback(await broker.half('a'));
    await broker.pass(INTERVAL);
    await broker.pass(INTERVAL);
    expect(broker.node.parts.offsets.query('CID_RMQ_SYS_TRANS', HALF_TOPIC, 0)).toBeLessThan(1);
    isHolding = false;
    for (const release of held.splice(0)) release();
    await broker.progressIs(1, 1);
  });

  it('goes to the producers of the group in turn, and to no other', async () => {
    const broker = await withProducer();
    const second = broker.connect();
    const stranger = broker.connect();
    await broker.join(second);
    await broker.join(stranger, 'other');
    for (let i = 0; i < 6; i++) await broker.half(`m${i}`);
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length + second.checks.length === 6);
    expect(broker.producer.checks).toHaveLength(3);
    expect(stranger.checks).toHaveLength(0);
  });

  it('counts also when no producer is there', async () => {
    const broker = await TransactionBroker.start();
    await broker.half('alone');
    await broker.pass(INTERVAL);
    expect(broker.node.parts.transactions.counters).toMatchObject({ checks: 0, checksWithoutProducer: 1 });
    await broker.join();
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 1);
    expect(propertiesOf(broker.producer.last.message).TRANSACTION_CHECK_TIMES).toBe('2');
  });

  it('comes again as long as the producer does not know, and then the message is given up', async () => {
    const broker = await withProducer({ transactionCheckMax: 3 });
    const half = await broker.half('hopeless');
    for (let round = 1; round <= 3; round++) {
      await broker.pass(INTERVAL);
      await until(() => broker.producer.checks.length === round);
      void broker.answer(broker.producer, 0).catch(() => undefined);
    }
    expect(await broker.messages(GIVEN_UP_TOPIC)).toEqual([]);
    await broker.pass(INTERVAL);
    const [givenUp] = await broker.messages(GIVEN_UP_TOPIC);
    expect(givenUp).toMatchObject({ queueId: 0, sysFlag: 0 });
    expect(propertiesOf(givenUp!)).toMatchObject({ UNIQ_KEY: half.msgId, TRANSACTION_CHECK_TIMES: '3', REAL_TOPIC: 'T' });
    expect(broker.node.parts.topics.config(GIVEN_UP_TOPIC)).toMatchObject({ readQueueNums: 1, writeQueueNums: 1, perm: 6 });
    await broker.pass(INTERVAL);
    expect(broker.producer.checks).toHaveLength(3);
    expect(await broker.messages(GIVEN_UP_TOPIC)).toHaveLength(1);
    // A producer that knows after all is believed, once.
    await broker.commit(half);
    await broker.commit(half);
    expect(await broker.bodies()).toEqual(['hopeless']);
  });

  it('is not made about a half message older than fileReservedTime', async () => {
    const broker = await withProducer({ fileReservedTime: 1 });
    await broker.half('old', {}, { g: String(broker.time.nowMs() - 3_600_001) });
    await broker.pass(INTERVAL);
    expect(await broker.bodies(GIVEN_UP_TOPIC)).toEqual(['old']);
    expect(broker.producer.checks).toEqual([]);
  });

  it('goes over many half messages in steps, and every one is asked about once a round', async () => {
    const broker = await withProducer();
    for (let i = 0; i < 300; i++) await broker.half(`m${i}`);
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 300);
    expect(new Set(broker.producer.checks.map(({ fields }) => fields.msgId)).size).toBe(300);
    await broker.progressIs(300, 0);
  }, 120_000);

  it('waits for the disk before the copy stands for the message (SYNC_FLUSH)', async () => {
    const broker = await withProducer({ flushDiskType: 'SYNC_FLUSH' });
    for (let i = 0; i < 30; i++) await broker.half(`m${i}`);
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 30);
    expect(broker.node.store.flushedWhere).toBeGreaterThan(Number(broker.producer.last.fields.commitLogOffset));
    for (const { fields } of broker.producer.checks) await broker.commit(halfOf(fields), { fromCheck: true });
    expect(await broker.messages()).toHaveLength(30);
  });
});

describe('an end that comes after a check', () => {
  it('counts for the copy: the message is delivered once, and nobody is asked again', async () => {
    const broker = await withProducer();
    const half = await broker.half('slow');
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 1);
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 2);
    expect(await broker.commit(half)).toMatchObject({ code: 0 });
    // The answers to both checks come late.
    for (const { fields } of broker.producer.checks) await broker.commit(halfOf(fields), { fromCheck: true });
    expect(await broker.bodies()).toEqual(['slow']);
    await broker.pass(INTERVAL);
    await broker.pass(INTERVAL);
    expect(broker.producer.checks).toHaveLength(2);
  });

  it('is found by time of birth, too: a message that is sent twice keeps two transactions apart', async () => {
    const broker = await withProducer();
    const first = await broker.half('first', { UNIQ_KEY: 'SAME' });
    broker.time.advance(10);
    const second = await broker.half('second', { UNIQ_KEY: 'SAME' });
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 2);
    await broker.commit(first);
    await broker.commit(second);
    expect(await broker.bodies()).toEqual(['first', 'second']);
  });
});

describe('a half message with an immunity time of its own', () => {
  const IMMUNE = { CHECK_IMMUNITY_TIME_IN_SECONDS: '100' };

  it('is carried along without a question, and holds up nobody', async () => {
    const broker = await withProducer();
    await broker.half('immune', IMMUNE);
    const other = await broker.half('other');
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 1);
    expect(broker.producer.last.fields.msgId).toBe(other.msgId);
    const copies = await broker.halves();
    const carried = copies.filter(({ body }) => body.toString() === 'immune');
    expect(carried).toHaveLength(2);
    expect(propertiesOf(carried[1]!)).toMatchObject({ TRAN_PREPARED_QUEUE_OFFSET: '0', CHECK_IMMUNITY_TIME_IN_SECONDS: '100' });
    expect(propertiesOf(carried[1]!)).not.toHaveProperty('TRANSACTION_CHECK_TIMES');
    await broker.answer(broker.producer);
    await broker.pass(INTERVAL);
    await broker.pass(INTERVAL);
    expect(broker.producer.checks).toHaveLength(1);
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 2);
    expect(propertiesOf(broker.producer.last.message)).toMatchObject({ TRANSACTION_CHECK_TIMES: '1', TRAN_PREPARED_QUEUE_OFFSET: '0' });
  });

  it('is ended by its sender with the offsets of the first copy', async () => {
    const broker = await withProducer();
    const half = await broker.half('immune', IMMUNE);
    await broker.pass(INTERVAL);
    await broker.pass(INTERVAL);
    expect(await broker.halves()).toHaveLength(3);
    expect(await broker.commit(half)).toMatchObject({ code: 0 });
    expect(await broker.commit(half)).toMatchObject({ code: 0 });
    expect(await broker.bodies()).toEqual(['immune']);
    for (let round = 0; round < 4; round++) await broker.pass(INTERVAL);
    expect(await broker.halves()).toHaveLength(3);
    expect(broker.producer.checks).toEqual([]);
  });
});

describe('changed settings', () => {
  it('count from the next round on', async () => {
    const broker = await withProducer();
    await broker.half('x');
    const update = 'transactionTimeOut=100\ntransactionCheckInterval=200\n';
    expect(await broker.producer.client.invoke(25, {}, update)).toMatchObject({ code: 0 });
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length >= 1);
    const before = broker.producer.checks.length;
    await broker.pass(200);
    await until(() => broker.producer.checks.length === before + 1);
  });
});
