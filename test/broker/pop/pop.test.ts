import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getProperty } from '../../../src/common/message/properties.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { RawClient } from '../kit.js';
import { ack, ackRaw, changeInvisible, numbered, type Popped, pop, poppedOf, popRaw, sendAll } from './pop-kit.js';

let sandbox: Sandbox;
let client: RawClient;
const bodies = (messages: readonly Popped[]) => messages.map((message) => message.body).sort();
const offsetOf = (group: string, topic: string, queueId: number) => sandbox.brokers[0]!.parts.offsets.query(group, topic, queueId);

beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { timerPrecisionMs: 100, reviveInterval: 100, mappedFileSizeTimerLog: 520_000 } });
  client = new RawClient(sandbox.brokerAddr);
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

describe('a pop', () => {
  it('hands out each message once, in all queues, and moves the offset of the group at once', async () => {
    const sent = numbered('m', 10);
    await sendAll(client, 'PopAll', sent);
    const answer = await popRaw(client, { topic: 'PopAll', maxMsgNums: 6 });
    expect(answer).toMatchObject({ code: 0, remark: 'FOUND', extFields: { invisibleTime: '30000', restNum: '4' } });
    expect(answer.extFields!.startOffsetInfo).toMatch(/^0 \d 0(;0 \d 0)*$/);
    const first = poppedOf(answer, 'PG');
    const second = await pop(client, { topic: 'PopAll' });
    expect(bodies([...first, ...second])).toEqual([...sent].sort());
    expect([0, 1, 2, 3].map((queueId) => offsetOf('PG', 'PopAll', queueId))).toEqual([3, 3, 2, 2]);
    expect(await popRaw(client, { topic: 'PopAll' })).toMatchObject({
      code: ResponseCode.POLLING_TIMEOUT,
      remark: 'NO_MESSAGE_IN_QUEUE',
      extFields: { restNum: '0', startOffsetInfo: '', msgOffsetInfo: '' },
    });
  });

  it('of one queue takes from that queue, and a filter passes what does not match', async () => {
    await sendAll(client, 'PopTags', numbered('a', 8), { TAGS: 'A' });
    await sendAll(client, 'PopTags', numbered('b', 8), { TAGS: 'B' });
    expect(bodies(await pop(client, { topic: 'PopTags', queueId: 1 }))).toEqual(['a1', 'a5', 'b1', 'b5']);
    expect(bodies(await pop(client, { topic: 'PopTags', group: 'G2', fields: { exp: 'B' } }))).toEqual(numbered('b', 8));
    expect(offsetOf('G2', 'PopTags', 0)).toBe(4);
    const sql = { exp: "TAGS = 'A'", expType: 'SQL92' };
    expect(bodies(await pop(client, { topic: 'PopTags', group: 'G3', fields: sql }))).toEqual(numbered('a', 8));
  });

  it('of a new group begins at the start, or with the last message where that is no more in memory', async () => {
    await sendAll(client, 'PopFrom', numbered('m', 12));
    expect(await pop(client, { topic: 'PopFrom', group: 'max', initMode: 1 })).toHaveLength(12);
    await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'initPopOffsetByCheckMsgInMem=false');
    expect(bodies(await pop(client, { topic: 'PopFrom', group: 'max2', initMode: 1 }))).toEqual(['m10', 'm11', 'm8', 'm9']);
    await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'initPopOffsetByCheckMsgInMem=true');
    expect(await pop(client, { topic: 'PopFrom', group: 'min', initMode: 0 })).toHaveLength(12);
  });

  it('takes a waiting reset of the offset', async () => {
    await sendAll(client, 'PopReset', ['m0', 'm1']);
    expect(await pop(client, { topic: 'PopReset' })).toHaveLength(2);
    sandbox.brokers[0]!.parts.offsets.assignReset('PG', 'PopReset', 0, 0);
    expect(bodies(await pop(client, { topic: 'PopReset' }))).toEqual(['m0']);
  });

  it.each([
    ['too many messages', { maxMsgNums: 33 }, 29, "the broker[127.0.0.1] pop message's num is greater than 32"],
    ['a time that is over', { fields: { bornTime: '1700000000000' } }, 210, 'the broker[127.0.0.1] pop message is timeout too much'],
    ['an unknown topic', { topic: 'NoSuch' }, 17, /^topic\[NoSuch\] not exist, apply first please!/],
    [
      'a queue that is not there',
      { queueId: 9 },
      29,
      /^queueId\[9\] is illegal, topic:\[PopBad\] topicConfig.readQueueNums:\[4\] consumer:/,
    ],
    ['an expression that is none', { fields: { exp: '||' } }, 23, "parse the consumer's subscription failed"],
    ['a selector that is none', { fields: { exp: 'a >', expType: 'SQL92' } }, 23, "parse the consumer's subscription failed"],
    ['no invisible time', { invisibleMs: 0 }, 29, /^invisibleTime 0 is illegal/],
    ['an invisible time that no timer can wait for', { invisibleMs: 260_000_000 }, 29, /^invisibleTime 260000000 is illegal/],
  ])('with %s is refused, with zeros in its fields', async (_what, options, code, remark) => {
    await client.send({ topic: 'PopBad' });
    const answer = await popRaw(client, { topic: 'PopBad', ...options });
    expect(answer.code).toBe(code);
    expect(answer.remark).toMatch(remark);
    expect(answer.extFields).toEqual({ popTime: '0', invisibleTime: '0', reviveQid: '0', restNum: '0' });
  });

  it('that lacks a field is refused by its name', async () => {
    const answer = await client.invoke(RequestCode.POP_MESSAGE, { topic: 'PopBad', consumerGroup: 'G' });
    expect(answer.code).not.toBe(0);
    expect(answer.remark).toMatch(/queueId/);
  });
});

describe('a pop that waits', () => {
  it('is woken by an arrival, one for each message and group', async () => {
    await sendAll(client, 'PopWait', ['old']);
    await pop(client, { topic: 'PopWait' });
    await pop(client, { topic: 'PopWait', group: 'G2' });
    const waiting = ['PG', 'PG', 'G2'].map((group) => pop(client, { topic: 'PopWait', group, pollMs: 10_000 }));
    const { popHolds } = sandbox.brokers[0]!.parts;
    await until(() => popHolds.size === 3);
    expect(await client.invoke(RequestCode.POLLING_INFO, { topic: 'PopWait', consumerGroup: 'PG', queueId: '-1' })).toMatchObject({
      code: 0,
      extFields: { pollingNum: '2' },
    });
    await sendAll(client, 'PopWait', ['new']);
    await until(() => popHolds.size === 1);
    await sendAll(client, 'PopWait', ['newer']);
    expect((await Promise.all(waiting)).map(bodies)).toEqual([['new'], ['newer'], ['new']]);
  });

  it('ends with 210 shortly before its time is over', async () => {
    await client.send({ topic: 'PopEnd' });
    await pop(client, { topic: 'PopEnd' });
    const fromMs = Date.now();
    expect((await popRaw(client, { topic: 'PopEnd', pollMs: 400 })).code).toBe(ResponseCode.POLLING_TIMEOUT);
    expect(Date.now() - fromMs).toBeGreaterThanOrEqual(300);
  });

  it('wakes for messages that match only, and passes a long stretch of others', async () => {
    await client.send({ topic: 'PopMatch', properties: { TAGS: 'B' } });
    const waiting = pop(client, { topic: 'PopMatch', pollMs: 10_000, fields: { exp: 'A' } });
    const { popHolds } = sandbox.brokers[0]!.parts;
    await until(() => popHolds.size === 1);
    await client.send({ topic: 'PopMatch', properties: { TAGS: 'B' } });
    await client.send({ topic: 'PopMatch', body: 'match', properties: { TAGS: 'A' } });
    expect(bodies(await waiting)).toEqual(['match']);
  });

  it('is forgotten with its connection, and too many are refused with 209', async () => {
    await client.send({ topic: 'PopMany' });
    await pop(client, { topic: 'PopMany' });
    await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'popPollingSize=2');
    const other = new RawClient(sandbox.brokerAddr);
    const waiting = [0, 1].map(() => popRaw(other, { topic: 'PopMany', pollMs: 10_000 }).catch(() => null));
    const { popHolds } = sandbox.brokers[0]!.parts;
    await until(() => popHolds.size === 2);
    expect((await popRaw(client, { topic: 'PopMany', pollMs: 10_000 })).code).toBe(ResponseCode.POLLING_FULL);
    await other.close();
    await Promise.all(waiting);
    await until(() => popHolds.size === 0);
    await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'popPollingSize=1024');
  });
});

describe('an acknowledgement', () => {
  it('succeeds when repeated, and is refused outside of the queue', async () => {
    await sendAll(client, 'AckCodes', ['m0']);
    const [message] = await pop(client, { topic: 'AckCodes' });
    expect(await ackRaw(client, message!)).toMatchObject({ code: 0, remark: null });
    expect((await ackRaw(client, message!)).code).toBe(0);
    const { NO_MESSAGE, MESSAGE_ILLEGAL, TOPIC_NOT_EXIST } = ResponseCode;
    expect(await ackRaw(client, message!, 'PG', { offset: '999' })).toMatchObject({
      code: NO_MESSAGE,
      remark: 'offset is illegal, key:AckCodes@0, commit:999, store:0~1',
    });
    expect((await ackRaw(client, message!, 'PG', { queueId: '77' })).code).toBe(MESSAGE_ILLEGAL);
    expect((await ackRaw(client, message!, 'PG', { topic: 'NoSuch' })).code).toBe(TOPIC_NOT_EXIST);
    expect((await ackRaw(client, message!, 'PG', { extraInfo: 'what' })).remark).toMatch(/the receipt "what" cannot be read/);
    expect((await ackRaw(client, message!, 'PG', { extraInfo: '0 1 2 99 0 broker-a 0 0' })).code).toBe(MESSAGE_ILLEGAL);
  });

  it('of a batch without entries is refused', async () => {
    const batch = (body: string) => client.invoke(RequestCode.BATCH_ACK_MESSAGE, null, body);
    expect((await batch('{"brokerName":"broker-a","acks":[]}')).code).toBe(ResponseCode.NO_MESSAGE);
    expect((await batch('')).code).toBe(ResponseCode.NO_MESSAGE);
  });
});

describe('a message that is not acknowledged', () => {
  it('comes back by the retry topic after its time; acknowledged ones do not', { timeout: 120_000 }, async () => {
    const sent = numbered('m', 8);
    await sendAll(client, 'Back', sent, { TAGS: 'T' });
    const popped = await pop(client, { topic: 'Back', invisibleMs: 4_000 });
    const byBody = new Map(popped.map((message) => [message.body, message]));
    await ack(client, [byBody.get('m0')!, byBody.get('m1')!]);
    // m2 and m6 lie in queue 2 at offsets 0 and 1.
    const [so, pt, it, rq] = byBody.get('m2')!.receipt.split(' ');
    const batch = { c: 'PG', t: 'Back', r: '0', so, q: 2, rq, pt, it, b: Buffer.of(0b11).toString('base64') };
    const answer = await client.invoke(RequestCode.BATCH_ACK_MESSAGE, null, JSON.stringify({ brokerName: 'broker-a', acks: [batch] }));
    expect(answer.code).toBe(0);
    const kept = await changeInvisible(client, byBody.get('m3')!, 600_000);
    const again: Popped[] = [];
    await until(async () => {
      again.push(...(await pop(client, { topic: 'Back', pollMs: 1000 })));
      return again.length >= 3;
    }, 60_000);
    expect(bodies(again)).toEqual(['m4', 'm5', 'm7']);
    for (const message of again) {
      expect(message).toMatchObject({ topic: '%RETRY%PG_Back', reconsumeTimes: 1, queueId: 0 });
      expect(message.receipt).toMatch(/^\d+ \d+ 30000 \d 1 broker-a 0 \d+$/);
      expect(getProperty(message.properties, '1ST_POP_TIME')).toBe(pt);
      expect(getProperty(message.properties, 'TAGS')).toBe('T');
    }
    await ack(client, [...again, kept]);
    expect(sandbox.brokers[0]!.parts.topics.config('%RETRY%PG_Back')).toMatchObject({ readQueueNums: 1, writeQueueNums: 1, perm: 6 });
    const { revive } = sandbox.brokers[0]!.parts;
    await until(() => revive.pendingCount === 0, 10_000);
    expect(await pop(client, { topic: 'Back' })).toEqual([]);
  });
});
