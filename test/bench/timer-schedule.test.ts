import { expect, it } from 'vitest';
import { levelsOf } from '../../src/bench/delay-levels.js';
import { checkSchedule, DUE_PROPERTY, type SlotSchedule, TimerPlan, type TimerSchedule } from '../../src/bench/timer-schedule.js';
import type { Message } from '../../src/common/message/message.js';

const SLOTS: SlotSchedule = { kind: 'slots', slots: 5, messagesPerSlot: 4, distanceMs: 500, precisionMs: 1000, firstMs: 2000 };

function message(): Message {
  return { topic: 'T', body: Buffer.alloc(1), properties: new Map() };
}

/** Due times of so many messages, as fields and as properties. */
function dueTimes(schedule: TimerSchedule, count: number, seed = 1): Message[] {
  const plan = new TimerPlan(schedule, seed);
  plan.begin(1_700_000_000_456);
  return Array.from({ length: count }, (_, index) => {
    const one = message();
    plan.prepare(one, index, 1_700_000_000_456);
    return one;
  });
}

it('gives every slot its messages, in an order that the seed repeats', () => {
  const times = dueTimes(SLOTS, 20).map(({ deliverTimeMs }) => deliverTimeMs ?? 0);
  const first = 1_700_000_002_010;
  for (let slot = 0; slot < 5; slot++) {
    expect(times.filter((time) => time === first + slot * 500)).toHaveLength(4);
  }
  expect(times).not.toEqual([...times].sort());
  expect(dueTimes(SLOTS, 20).map(({ deliverTimeMs }) => deliverTimeMs)).toEqual(times);
  expect(dueTimes(SLOTS, 20, 2).map(({ deliverTimeMs }) => deliverTimeMs)).not.toEqual(times);
});

it('says the due time where every client can read it', () => {
  const [slot] = dueTimes(SLOTS, 1);
  expect(slot?.properties?.get(DUE_PROPERTY)).toBe(String(slot?.deliverTimeMs));
  const [level] = dueTimes({ kind: 'level', level: 3, levelMs: 10_000 }, 1);
  expect(level).toMatchObject({ delayTimeLevel: 3 });
  expect(level?.properties?.get(DUE_PROPERTY)).toBe('1700000010456');
});

it('spreads times between two bounds', () => {
  const spans = dueTimes({ kind: 'span', minMs: 100, maxMs: 103 }, 200).map(({ delayTimeMs }) => delayTimeMs);
  expect([...new Set(spans)].sort()).toEqual([100, 101, 102, 103]);
});

it('refuses more messages than a plan can hold', () => {
  expect(() => checkSchedule({ ...SLOTS, messagesPerSlot: 20_000_000 })).toThrow('100000000 planned messages are more than 50000000');
});

it('reads the delay levels of a broker', () => {
  expect(levelsOf('1s 5m 2h 1d')).toEqual([1000, 300_000, 7_200_000, 86_400_000]);
  expect(() => levelsOf('1s soon')).toThrow('has "soon", which is no time such as 10s');
});
