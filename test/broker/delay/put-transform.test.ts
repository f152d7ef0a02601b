import { describe, expect, it } from 'vitest';
import { DelayLevels, parkDelayed, timerPrecision } from '../../../broker/delay/index.js';
import { seededRandom } from '../../../src/common/clock.js';
import { getProperty } from '../../../src/common/message/properties.js';
import { FakeTime } from '../fake-time.js';
import { message } from '../store/store-kit.js';

const time = new FakeTime();
const NOW = time.nowMs();
const MAX_SEC = 259_200;

function park(text: Record<string, string | number>, changes: { inSlot?: number; isEnabled?: boolean; precisionMs?: number } = {}) {
  const properties = Object.entries(text).map(([name, value]) => `${name}\u0001${value}\u0002`);
  const put = message('T', 3, 'x', { properties: properties.join(''), tagsCode: 7 });
  const parts = {
    clock: time,
    random: seededRandom(1),
    delayLevels: new DelayLevels('1s 5s 10s'),
    config: {
      store: {
        timerWheelEnable: changes.isEnabled ?? true,
        timerMaxDelaySec: MAX_SEC,
        timerPrecisionMs: changes.precisionMs ?? 1000,
        timerCongestNumEachSlot: 10,
      },
    },
    timer: { countInSlot: () => changes.inSlot ?? 0 },
  };
  const hasTimer = Object.keys(text).some((name) => /^TIMER_DEL(AY|IVER)_/.test(name));
  const refusal = parkDelayed(parts, put, { delayLevel: Number(text.DELAY ?? 0), hasTimer });
  return { refusal, put, slotMs: Number(getProperty(put.properties, 'TIMER_OUT_MS')) };
}

describe('a message with a delay level', () => {
  it('goes to the queue of its level with its real topic and queue', () => {
    const { put } = park({ DELAY: 2, REAL_TOPIC: 'old', REAL_QID: 9 });
    expect(put).toMatchObject({ topic: 'SCHEDULE_TOPIC_XXXX', queueId: 1, tagsCode: NOW + 5000 });
    expect(put.properties).toBe('DELAY\u00012\u0002REAL_TOPIC\u0001T\u0002REAL_QID\u00013\u0002');
  });

  it('above the table has the last, and loses its timer', () => {
    const { put } = park({ DELAY: 19, TIMER_DELAY_MS: 5, TIMER_DELAY_SEC: 6, TIMER_DELIVER_MS: 7 });
    expect(put.properties).toBe('DELAY\u00013\u0002REAL_TOPIC\u0001T\u0002REAL_QID\u00013\u0002');
    expect(put.queueId).toBe(2);
  });
});

describe('a message with a timer', () => {
  it.each([
    ['seconds', { TIMER_DELAY_SEC: 5 }, NOW + 4000],
    ['milliseconds', { TIMER_DELAY_MS: 5300 }, NOW + 5000],
    ['a time', { TIMER_DELIVER_MS: NOW + 1 }, NOW],
    ['a multiple of the precision: one step less', { TIMER_DELIVER_MS: NOW + 8000 }, NOW + 7000],
    ['several: seconds first', { TIMER_DELIVER_MS: NOW + 60_000, TIMER_DELAY_MS: 30_000, TIMER_DELAY_SEC: 2 }, NOW + 1000],
    ['the longest delay', { TIMER_DELAY_SEC: MAX_SEC }, NOW + MAX_SEC * 1000 - 1000],
  ])('of %s goes to the slot before its time', (_what, properties, expected) => {
    const { refusal, put, slotMs } = park(properties);
    expect(refusal).toBeNull();
    expect(put).toMatchObject({ topic: 'rmq_sys_wheel_timer', queueId: 0, tagsCode: 7 });
    expect(put.properties).toContain('REAL_TOPIC\u0001T\u0002REAL_QID\u00013\u0002');
    expect(slotMs).toBe(expected);
  });

  it('of another precision has finer slots', () => {
    expect(park({ TIMER_DELAY_MS: 5250 }, { precisionMs: 100 }).slotMs).toBe(NOW + 5200);
    expect([50, 100, 199, 200, 499, 500, 999, 1000, 60_000].map(timerPrecision)).toEqual([100, 100, 100, 200, 200, 500, 500, 1000, 1000]);
  });

  it('whose time is over, or that a timer delivered before, stays where it is', () => {
    for (const properties of [{ TIMER_DELIVER_MS: NOW }, { TIMER_DELAY_MS: -5 }, { TIMER_DELAY_MS: 5000, TIMER_OUT_MS: NOW }]) {
      const { refusal, put } = park(properties);
      expect([refusal, put.topic, put.queueId]).toEqual([null, 'T', 3]);
    }
  });

  it.each([
    ['beyond the longest delay', { TIMER_DELAY_SEC: MAX_SEC + 1 }],
    ['that is no number', { TIMER_DELAY_MS: '5 s' }],
    ['that is no number, beside another that is', { TIMER_DELAY_SEC: 'x', TIMER_DELAY_MS: 5 }],
    ['beyond 2^63', { TIMER_DELIVER_MS: '99999999999999999999' }],
    ['of a recall that comes too late', { TIMER_DELIVER_MS: NOW, TIMER_DEL_UNIQKEY: 'T+k' }],
  ])('%s is illegal', (_what, properties) => {
    expect(park(properties).refusal).toEqual({
      code: 13,
      remark:
        'timer message illegal, the delay time should not be bigger than the max delay 259200000ms; or if set del msg, the delay time should be bigger than the current time',
    });
  });

  it('is refused without a wheel, and by flow control when its slot is full', () => {
    expect(park({ TIMER_DELAY_MS: 5000 }, { isEnabled: false }).refusal).toEqual({
      code: 1,
      remark: 'accurate timer message is not enabled, timerWheelEnable is false',
    });
    expect(park({ TIMER_DELAY_MS: 5000 }, { inSlot: 10 }).refusal).toBeNull();
    const { refusal } = park({ TIMER_DELAY_MS: 5000 }, { inSlot: 20 });
    expect(refusal?.code).toBe(1);
    expect(refusal?.remark).toContain('timer message is under flow control, max num limit is 20');
    // In between chance decides: with nearly twice the limit most are taken, as in Apache's broker.
    expect(park({ TIMER_DELAY_MS: 5000 }, { inSlot: 19 }).refusal).toBeNull();
  });
});
