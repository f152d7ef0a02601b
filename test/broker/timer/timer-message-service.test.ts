import { describe, expect, it } from 'vitest';
import { getProperty } from '../../../src/common/message/properties.js';
import { TimerWorld } from './timer-kit.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('a timer message', () => {
  it('leaves at its time, not before, with what a consumer and Apache see', async () => {
    const world = new TimerWorld();
    await world.open();
    const from = world.time.nowMs();
    expect(world.send('a', { TIMER_DELAY_MS: 2500, TAGS: 'A' })).toBeNull();
    expect(world.send('b', { TIMER_DELAY_SEC: 1 })).toBeNull();
    expect(world.send('c', { TIMER_DELIVER_MS: from + 3700 })).toBeNull();
    world.advance(6000);
    expect(world.delivered().map(({ key, atMs }) => [key, atMs - from])).toEqual([
      ['b', expect.closeTo(1000, -2)],
      ['a', expect.closeTo(2500, -2)],
      ['c', expect.closeTo(3700, -2)],
    ]);
    for (const { atMs, key } of world.delivered()) expect(atMs - from).toBeGreaterThanOrEqual({ a: 2500, b: 1000, c: 3700 }[key]!);
    const { properties } = world.delivered()[1]!.record;
    expect(properties).toContain('TIMER_DELAY_MS\u00012500\u0002');
    expect(getProperty(properties, 'REAL_TOPIC')).toBe('T');
    expect(Number(getProperty(properties, 'TIMER_DEQUEUE_MS'))).toBeGreaterThanOrEqual(from + 2500);
    expect(getProperty(properties, 'TIMER_ENQUEUE_MS')).toBe(String(from));
    expect(world.time.pendingCount).toBeGreaterThan(0);
  });
});
