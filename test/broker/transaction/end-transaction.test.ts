import { describe, expect, it, onTestFinished } from 'vitest';
import { type Disk, nodeDisk } from '../../../broker/store/index.js';
import { parseOpBody } from '../../../broker/transaction/op-messages.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { until } from '../../sandbox.js';
import { bodiesOf, propertiesOf } from '../kit.js';
import { HALF_TOPIC, OP_TOPIC, TransactionBroker } from './kit.js';

describe('a half message', () => {
  it('is in the half queue, in no other, and its sender is told the queue it is meant for', async () => {
    const broker = await TransactionBroker.start();
    const answer = await broker.producer.client.send({
      topic: 'T',
      queueId: 2,
      body: 'hidden',
      properties: { UNIQ_KEY: 'U1', TRAN_MSG: 'true', PGROUP: 'PG_tx', TAGS: 'A' },
      fields: { f: '4' },
    });
    expect(answer).toMatchObject({ code: 0, extFields: { queueId: '2', queueOffset: '0', transactionId: 'U1' } });
    expect(bodiesOf(await broker.producer.client.pull({ topic: 'T', queueId: 2 }))).toEqual([]);
    const [half] = await broker.halves();
    expect(half).toMatchObject({ topic: HALF_TOPIC, queueId: 0, queueOffset: 0, sysFlag: 0, preparedTransactionOffset: 0 });
    expect(propertiesOf(half!)).toMatchObject({
      REAL_TOPIC: 'T',
      REAL_QID: '2',
      __transactionId__: 'U1',
      UNIQ_KEY: 'U1',
      TRAN_MSG: 'true',
      PGROUP: 'PG_tx',
      CLUSTER: 'DefaultCluster',
    });
  });

  it('is refused with 16 when rejectTransactionMessage says so', async () => {
    const broker = await TransactionBroker.start({ rejectTransactionMessage: true });
    const send = { topic: 'T', body: 'x', properties: { TRAN_MSG: 'true', PGROUP: 'PG_tx' } };
    expect(await broker.producer.client.send(send)).toMatchObject({
      code: ResponseCode.NO_PERMISSION,
      remark: expect.stringContaining('sending transaction message is forbidden'),
    });
    expect(await broker.producer.client.send({ topic: 'T', body: 'plain' })).toMatchObject({ code: 0 });
  });

  it('keeps its delay level for the commit', async () => {
    const broker = await TransactionBroker.start();
    const half = await broker.half('later', { DELAY: '3' });
    expect(await broker.halves()).toHaveLength(1);
    await broker.commit(half);
    expect(await broker.bodies()).toEqual([]);
    const [parked] = await broker.messages('SCHEDULE_TOPIC_XXXX', 18);
    expect(parked).toMatchObject({ queueId: 2, sysFlag: 8 });
    broker.time.advance(10_000);
    await until(async () => (await broker.bodies()).length === 1);
    const [delivered] = await broker.messages();
    expect(delivered).toMatchObject({ topic: 'T', sysFlag: 8, preparedTransactionOffset: half.commitLogOffset });
  });
});

describe('END_TRANSACTION', () => {
  it('commits: one message with everything the half message had, the commit bits and the place of the half message', async () => {
    const broker = await TransactionBroker.start();
    const half = await broker.half('paid', { KEYS: 'k1' }, { e: '3', h: '7' });
    expect(await broker.commit(half)).toMatchObject({ code: 0, remark: null });
    const [message] = await broker.messages();
    const [stored] = await broker.halves();
    expect(message).toMatchObject({
      topic: 'T',
      queueId: 3,
      queueOffset: 0,
      flag: 7,
      sysFlag: 8,
      bornTimestamp: stored!.bornTimestamp,
      bornHost: stored!.bornHost,
      storeHost: stored!.storeHost,
      preparedTransactionOffset: half.commitLogOffset,
      properties: stored!.properties,
    });
    expect(message!.body.toString()).toBe('paid');
    const byKey = broker.node.store.queryByKey('T', half.msgId, 10, 0, Number.MAX_SAFE_INTEGER);
    expect(byKey.commitLogOffsets).toEqual([message!.commitLogOffset]);
    const filtered = await broker.producer.client.pull({ topic: 'T', queueId: 3, subscription: 'A' });
    expect(bodiesOf(filtered)).toEqual(['paid']);
  });

  it('delivers a message once, however often it is committed, and never after a rollback', async () => {
    const broker = await TransactionBroker.start();
    const committed = await broker.half('once');
    const rolledBack = await broker.half('never');
    await Promise.all([broker.commit(committed), broker.commit(committed)]);
    expect(await broker.commit(committed)).toMatchObject({ code: 0 });
    expect(await broker.rollback(rolledBack)).toMatchObject({ code: 0 });
    expect(await broker.commit(rolledBack)).toMatchObject({ code: 0 });
    expect(await broker.bodies()).toEqual(['once']);
    expect(broker.node.parts.transactions.counters).toMatchObject({ committed: 1, rolledBack: 1 });
  });

  it('is not answered when the producer does not know, and changes nothing', async () => {
    const broker = await TransactionBroker.start();
    const half = await broker.half('open');
    let isAnswered = false;
    void broker.end(half, 0).then(
      () => {
        isAnswered = true;
      },
      () => undefined,
    );
    await broker.producer.client.pull({ topic: 'T', suspendMs: 0 });
    expect(isAnswered).toBe(false);
    expect(await broker.commit(half)).toMatchObject({ code: 0 });
    expect(await broker.bodies()).toEqual(['open']);
  });

  it('says what does not fit, and leaves the half message open', async () => {
    const broker = await TransactionBroker.start();
    const half = await broker.half('x');
    const plain = await broker.producer.client.send({ topic: 'T', body: 'plain' });
    const plainOffset = Number.parseInt(plain.extFields!.msgId!.slice(-16), 16);
    const cases: [string, Promise<unknown>, number, string][] = [
      ['type', broker.end(half, 4), 1, 'commitOrRollback field wrong'],
      ['offset', broker.commit({ ...half, commitLogOffset: 10_000_000 }), 1, 'Find prepared transaction message failed'],
      ['no half message', broker.commit({ ...half, commitLogOffset: plainOffset }), 1, 'Find prepared transaction message failed'],
      ['group', broker.commit(half, { group: 'other' }), 1, 'The producer group wrong'],
      ['queue offset', broker.rollback({ ...half, queueOffset: 1 }), 1, 'The transaction state table offset wrong'],
      ['missing field', broker.commit(half, { fields: { msgId: '' } }), 1, 'msgId'],
      ['bad number', broker.commit(half, { fields: { commitLogOffset: 'x' } }), 1, 'commitLogOffset'],
    ];
    for (const [what, answer, code, remark] of cases) {
      expect([what, await answer]).toEqual([what, expect.objectContaining({ code, remark: expect.stringContaining(remark) })]);
    }
    await broker.commit(half);
    expect(await broker.bodies()).toEqual(['plain', 'x']);
  });

  it('comes too late without a check once the immunity time that the message asked for is over', async () => {
    const broker = await TransactionBroker.start({ transactionTimeOut: 6000 });
    const half = await broker.half('late', { CHECK_IMMUNITY_TIME_IN_SECONDS: '10' });
    const short = await broker.half('short', { CHECK_IMMUNITY_TIME_IN_SECONDS: '1' });
    broker.time.advance(5999);
    // Never less than transactionTimeOut.
    expect(await broker.commit(short)).toMatchObject({ code: 0 });
    broker.time.advance(4100);
    expect(await broker.commit(half)).toMatchObject({ code: ResponseCode.ILLEGAL_OPERATION });
    expect(await broker.commit(half, { fromCheck: true })).toMatchObject({ code: 0 });
  });

  it('works one-way, as clients send it', async () => {
    const broker = await TransactionBroker.start({ flushDiskType: 'SYNC_FLUSH' });
    const half = await broker.half('oneway');
    await broker.producer.client.remoting.invokeOneway(broker.node.address, {
      code: RequestCode.END_TRANSACTION,
      extFields: {
        producerGroup: 'PG_tx',
        tranStateTableOffset: String(half.queueOffset),
        commitLogOffset: String(half.commitLogOffset),
        commitOrRollback: '8',
        msgId: half.msgId,
      },
    });
    await until(async () => (await broker.bodies()).length === 1);
  });
});

describe('under SYNC_FLUSH', () => {
  it('a half message that did not wait for the device can be ended before it is there', async () => {
    const held: (() => void)[] = [];
    let isHolding = false;
    const fdatasync: Disk['fdatasync'] = (fd, done) =>
      nodeDisk.fdatasync(fd, (error) => (isHolding ? held.push(() => done(error)) : done(error)));
    const broker = await TransactionBroker.start({ flushDiskType: 'SYNC_FLUSH' }, { disk: { ...nodeDisk, fdatasync } });
    const release = () => {
      isHolding = false;
      for (const go of held.splice(0)) go();
    };
    onTestFinished(release);
    isHolding = true;
    const half = await broker.half('early', { WAIT: 'false' });
    expect(await broker.halves()).toEqual([]);
    const committed = broker.commit(half);
    expect(await broker.rollback(await broker.half('taken back', { WAIT: 'false' }))).toMatchObject({ code: 0 });
    release();
    expect(await committed).toMatchObject({ code: 0 });
    expect(await broker.bodies()).toEqual(['early']);
    expect(broker.node.parts.transactions.counters).toMatchObject({ committed: 1, rolledBack: 1 });
  });
});

describe('messages that only look like half messages', () => {
  it.each([
    ['prepared bits without TRAN_MSG', {}, { f: '4' }, {}],
    ['rollback bits', {}, { f: '12' }, {}],
    ['a batch', { TRAN_MSG: 'true' }, { m: 'true' }, { code: RequestCode.SEND_BATCH_MESSAGE }],
  ])('%s are refused with 13', async (_what, properties, fields, more) => {
    const broker = await TransactionBroker.start();
    const answer = await broker.producer.client.send({ topic: 'T', properties, fields, ...more });
    expect(answer.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
  });
});

describe('op messages', () => {
  it('are written three seconds after the first end, many in one', async () => {
    const broker = await TransactionBroker.start();
    const halves = [await broker.half('a'), await broker.half('b'), await broker.half('c')];
    await broker.commit(halves[0]!);
    await broker.rollback(halves[2]!);
    broker.time.advance(2_990);
    expect(await broker.opBodies()).toEqual([]);
    broker.time.advance(20);
    expect(await broker.opBodies()).toEqual(['0,2,']);
    await broker.commit(halves[1]!);
    broker.time.advance(3_010);
    const ops = await broker.messages(OP_TOPIC, 1);
    expect(ops.map(({ body }) => body.toString())).toEqual(['0,2,', '1,']);
    expect(propertiesOf(ops[0]!)).toEqual({ TAGS: 'd', WAIT: 'true' });
  });

  it('are written sooner when they are full', async () => {
    const broker = await TransactionBroker.start({ transactionOpMsgMaxSize: 30 });
    for (let i = 0; i < 25; i++) await broker.commit(await broker.half(`m${i}`));
    await until(async () => (await broker.opBodies()).length === 2);
    const bodies = await broker.opBodies();
    expect(bodies.every((body) => body.length <= 30)).toBe(true);
    expect(bodies.join('')).toBe('0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,');
  });

  it('are written when the broker stops', async () => {
    const broker = await TransactionBroker.start();
    await broker.commit(await broker.half('a'));
    await broker.stop();
    const again = await TransactionBroker.start({}, { dir: broker.dir, time: broker.time });
    expect(await again.opBodies()).toEqual(['0,']);
  });

  it('are understood in the form of 4.x and of 5.x', () => {
    expect(parseOpBody(Buffer.from('17'))).toEqual([17]);
    expect(parseOpBody(Buffer.from('0,1,12345678901,'))).toEqual([0, 1, 12_345_678_901]);
    expect(parseOpBody(Buffer.from(',x,-1,1.5,3,'))).toEqual([3]);
    expect(parseOpBody(Buffer.alloc(0))).toEqual([]);
  });
});

describe('a broker that stops while transactions end', () => {
  it('has no timer left afterwards', async () => {
    const broker = await TransactionBroker.start();
    const halves = [await broker.half('a'), await broker.half('b')];
    await broker.commit(halves[0]!);
    broker.node.parts.transactions.stop();
    await broker.rollback(halves[1]!);
    await broker.stop();
    expect(broker.time.pendingCount).toBe(0);
  });
});
