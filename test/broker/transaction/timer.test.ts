import { expect, it } from 'vitest';
import { ResponseCode } from '../../../src/remoting/codes.js';
import { TransactionBroker } from './kit.js';

const TIMER_TOPIC = 'rmq_sys_wheel_timer';

function send(broker: TransactionBroker, properties: Record<string, string>) {
  return broker.producer.client.send({ topic: 'T', properties: { TRAN_MSG: 'true', PGROUP: 'PG_tx', ...properties }, fields: { f: '4' } });
}

it('a half message that no commit could put on the timer wheel is refused', async () => {
  const broker = await TransactionBroker.start();
  const maxSec = broker.node.parts.config.store.timerMaxDelaySec;
  for (const properties of [{ TIMER_DELAY_SEC: `${maxSec + 1}` }, { TIMER_DELAY_MS: 'soon' }] as Record<string, string>[]) {
    expect(await send(broker, properties)).toMatchObject({ code: ResponseCode.MESSAGE_ILLEGAL, remark: expect.stringContaining('timer') });
  }
  expect(await broker.halves()).toEqual([]);
  // A level wins over timer properties.
  expect(await send(broker, { TIMER_DELAY_MS: 'soon', DELAY: '1' })).toMatchObject({ code: 0 });
});

it('a half message for the timer wheel is refused where there is none', async () => {
  const broker = await TransactionBroker.start({ timerWheelEnable: false });
  expect(await send(broker, { TIMER_DELAY_SEC: '1' })).toMatchObject({ code: 1, remark: expect.stringContaining('timerWheelEnable') });
  expect(await send(broker, {})).toMatchObject({ code: 0 });
});

it('a half message counts its delay from the commit, and is due when its time is out of range by then', async () => {
  const broker = await TransactionBroker.start();
  const waiting = await broker.half('waits', { TIMER_DELAY_SEC: '3' });
  const beyond = await broker.half('beyond the range', { TIMER_DELAY_SEC: '3600' });
  const over = await broker.half('over', { TIMER_DELIVER_MS: String(broker.time.nowMs() + 1000) });
  broker.time.advance(2000);
  expect(await broker.commit(waiting)).toMatchObject({ code: 0 });
  const settings = broker.node.parts.config.store as { timerMaxDelaySec: number };
  settings.timerMaxDelaySec = 60;
  expect(await broker.commit(beyond)).toMatchObject({ code: 0 });
  expect(await broker.commit(over)).toMatchObject({ code: 0 });
  expect(await broker.bodies()).toEqual(['beyond the range', 'over']);
  expect(await broker.bodies(TIMER_TOPIC)).toEqual(['waits']);
  expect(broker.node.parts.transactions.counters).toMatchObject({ committed: 3, refused: 0 });
});
