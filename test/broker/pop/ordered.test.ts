import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type OrderedQueue, OrderInfoManager } from '../../../broker/pop/order-info.js';
import { parseFastjson, stringifyFastjson } from '../../../src/common/fastjson.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { FakeTime } from '../fake-time.js';
import { RawClient } from '../kit.js';
import { ack, ackRaw, changeInvisible, numbered, type PopOptions, poppedOf, popRaw } from './pop-kit.js';

let sandbox: Sandbox;
let client: RawClient;
beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { timerPrecisionMs: 100, mappedFileSizeTimerLog: 520_000 } });
  client = new RawClient(sandbox.brokerAddr);
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

const offsetOf = (topic: string) => sandbox.brokers[0]!.parts.offsets.query('PG', topic, 0);

async function send(topic: string, count: number): Promise<void> {
  for (const body of numbered('m', count)) await client.send({ topic, body, queueId: 0 });
}

async function popInOrder(topic: string, options: Partial<PopOptions> & { attemptId?: string } = {}) {
  const fields = { order: 'true', attemptId: options.attemptId ?? '' };
  const answer = await popRaw(client, { topic, queueId: 0, maxMsgNums: 2, ...options, fields });
  return { answer, messages: poppedOf(answer, 'PG'), bodies: poppedOf(answer, 'PG').map(({ body }) => body) };
}

it('a queue gives nothing more until what was popped is acknowledged, and then goes on', async () => {
  await send('Ordered', 5);
  const first = await popInOrder('Ordered');
  expect(first.answer).toMatchObject({
    code: 0,
    extFields: { reviveQid: '999', startOffsetInfo: '0 0 0', msgOffsetInfo: '0 0 0,1', orderCountInfo: '0 0 0', restNum: '3' },
  });
  expect(offsetOf('Ordered')).toBe(0);
  expect((await popInOrder('Ordered')).answer.code).toBe(ResponseCode.POLLING_TIMEOUT);
  await ack(client, [first.messages[1]!]);
  expect(offsetOf('Ordered')).toBe(0);
  const waiting = popInOrder('Ordered', { pollMs: 10_000 });
  await until(() => sandbox.brokers[0]!.parts.popHolds.size === 1);
  await ack(client, [first.messages[0]!]);
  expect(offsetOf('Ordered')).toBe(2);
  const second = await waiting;
  expect(second.bodies).toEqual(['m2', 'm3']);
  const batch = { c: 'PG', t: 'Ordered', r: '0', so: 2, q: 0, rq: 999, pt: second.answer.extFields!.popTime, it: 30_000, b: 'Aw==' };
  const body = JSON.stringify({ brokerName: 'broker-a', acks: [batch] });
  expect((await client.invoke(RequestCode.BATCH_ACK_MESSAGE, null, body)).code).toBe(0);
  expect(offsetOf('Ordered')).toBe(4);
  expect((await popInOrder('Ordered')).bodies).toEqual(['m4']);
});

it('after the invisible time the same messages come again with their counts, and wake who waits', async () => {
  await send('Again', 3);
  const first = await popInOrder('Again', { invisibleMs: 300 });
  const again = await popInOrder('Again', { invisibleMs: 60_000, pollMs: 10_000 });
  expect(again.bodies).toEqual(['m0', 'm1']);
  expect(again.answer.extFields!.orderCountInfo).toBe('0 qo0%0 1;0 qo0%1 1;0 0 1');
  // The first pop is over: what it acknowledges now changes nothing.
  await ack(client, first.messages);
  expect(offsetOf('Again')).toBe(0);
  expect((await popInOrder('Again')).answer.code).toBe(ResponseCode.POLLING_TIMEOUT);
});

it('the same attempt gets the same messages at once, and a changed invisible time counts', async () => {
  await send('Attempts', 2);
  const first = await popInOrder('Attempts', { attemptId: 'a1' });
  const repeated = await popInOrder('Attempts', { attemptId: 'a1' });
  expect(repeated.bodies).toEqual(first.bodies);
  expect(repeated.answer.extFields!.orderCountInfo).toBe('0 0 0');
  expect((await popInOrder('Attempts', { attemptId: 'a2' })).bodies).toEqual([]);
  for (const message of repeated.messages) await changeInvisible(client, message, 100);
  expect((await popInOrder('Attempts', { attemptId: 'a2', pollMs: 5_000 })).bodies).toEqual(['m0', 'm1']);
});

it('an offset that was not popped is refused, one that is done is not', async () => {
  await send('Wrong', 3);
  const { messages } = await popInOrder('Wrong');
  expect((await ackRaw(client, messages[0]!, 'PG', { offset: '2' })).code).toBe(ResponseCode.MESSAGE_ILLEGAL);
  await ack(client, messages);
  expect((await ackRaw(client, messages[0]!)).code).toBe(0);
});

it('the state of the queues is kept in the form of Apache', () => {
  const time = new FakeTime();
  let kept = '{"table":{}}';
  const file = {
    load: () => parseFastjson(kept),
    save: (value: unknown) => {
      kept = stringifyFastjson(value);
    },
    problem: null,
    isSaving: false,
  };
  const queue = { topic: 'T', group: 'G', queueId: 3 };
  const before = new OrderInfoManager({ file, clock: time, timers: time });
  before.update(queue, { popTime: time.nowMs(), invisibleTime: 5_000, offsets: [7, 9], attemptId: 'a' });
  expect(before.acknowledge(queue, 9, time.nowMs())).toBe(7);
  before.setNextVisible(queue, { offset: 7, popTime: time.nowMs(), visibleAtMs: time.nowMs() + 9_000 });
  before.flush();
  const now = time.nowMs();
  expect(kept).toBe(
    `{"table":{"T@G":{3:{"a":"a","cm":2,"i":5000,"l":${now},"o":[7,2],"oc":{},"ot":{7:${now + 9_000}},"popTime":${now}}}}}`,
  );
  const after = new OrderInfoManager({ file, clock: time, timers: time });
  const free: unknown[] = [];
  after.setListener((of) => free.push(of));
  after.load(() => 10);
  expect(after.isBlocked(queue, 'b')).toBe(true);
  expect(after.isBlocked(queue, 'a')).toBe(false);
  time.advance(9_000);
  expect(after.isBlocked(queue, 'b')).toBe(false);
  expect(free).toEqual([queue]);
  expect(after.acknowledge(queue, 7, now)).toBe(10);
});

it('messages that a power cut took are forgotten, so that those which get their offsets count as new', () => {
  const time = new FakeTime();
  let kept = '';
  const file = {
    load: () => parseFastjson(kept),
    save: (value: unknown) => {
      kept = stringifyFastjson(value);
    },
    problem: null,
    isSaving: false,
  };
  const [queue, other] = [0, 1].map((queueId) => ({ topic: 'T', group: 'G', queueId })) as [OrderedQueue, OrderedQueue];
  const before = new OrderInfoManager({ file, clock: time, timers: time });
  const popTime = time.nowMs();
  before.update(queue, { popTime, invisibleTime: 5_000, offsets: [7, 8, 9], attemptId: '' });
  before.acknowledge(queue, 9, popTime);
  before.acknowledge(queue, 7, popTime);
  before.update(other, { popTime, invisibleTime: 5_000, offsets: [9], attemptId: '' });
  before.flush();
  const after = new OrderInfoManager({ file, clock: time, timers: time });
  after.load(() => 9);
  expect(after.isBlocked(other, 'b')).toBe(false);
  expect(after.isBlocked(queue, 'b')).toBe(true);
  expect(after.acknowledge(queue, 9, popTime)).toBe('unknown');
  expect(after.acknowledge(queue, 8, popTime)).toBe(9);
  // The next crash finds other ends.
  after.flush();
  const again = new OrderInfoManager({ file, clock: time, timers: time });
  again.load(() => 20);
  expect(again.acknowledge(queue, 9, popTime)).toBe('unknown');
});

it('the broker saves it with the offsets', async () => {
  const path = join(sandbox.dir, 'broker-a', 'config', 'consumerOrderInfo.json');
  sandbox.brokers[0]!.parts.popOrders.flush();
  await until(() => existsSync(path));
  expect(readFileSync(path, 'utf8')).toContain('"Ordered@PG"');
});
