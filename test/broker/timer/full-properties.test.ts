import { expect, it } from 'vitest';
import { MAX_PROPERTIES_BYTES } from '../../../src/common/limits.js';
import { getProperty } from '../../../src/common/message/properties.js';
import { TimerWorld } from './timer-kit.js';

const SENT = { MSG_REGION: 'DefaultRegion', TRACE_ON: 'true', CLUSTER: 'DefaultCluster' };

/** Sends messages whose records on the timer topic have room for so many more bytes of properties; those that were acknowledged. */
function sendFull(world: TimerWorld, spares: readonly number[], properties: Record<string, string | number>): string[] {
  world.send('probe', { ...properties, X: 'x' });
  const probe = world.messages('rmq_sys_wheel_timer').at(-1)!;
  return spares
    .map((spare) => String(spare).padStart(5, '0'))
    .filter(
      (key) => world.send(key, { ...properties, X: 'x'.repeat(MAX_PROPERTIES_BYTES - probe.properties.length + 1 - Number(key)) }) === null,
    );
}

it('every timer message that was acknowledged is delivered, also one whose record can hold no more properties', async () => {
  const world = new TimerWorld();
  await world.open();
  const spares = [0, 1, 30, 31, 60, 61, 62, 63, 64, 200];
  const sent = sendFull(world, spares, { TIMER_DELAY_MS: 2500 });
  expect(sent).toHaveLength(spares.length);
  world.advance(6000);
  expect(world.keys()).toEqual(['probe', ...sent]);
  const last = world.delivered().at(-1)!.record.properties;
  expect(getProperty(last, 'TIMER_ENQUEUE_MS')).toBeDefined();
  expect(getProperty(last, 'TIMER_DEQUEUE_MS')).toBeDefined();
  expect(world.log).toEqual([]);
});

it.each([SENT, {}])('a message that is full goes round the wheel like others, with %o', async (properties) => {
  const world = new TimerWorld({ config: { timerRollWindowSlot: 4 } });
  await world.open();
  const from = world.time.nowMs();
  const sent = sendFull(world, [0, 19, 20, 40, 200], { ...properties, TIMER_DELAY_MS: 13_500 });
  world.advance(16_000);
  expect(world.keys().sort()).toEqual([...sent, 'probe']);
  for (const { atMs, record } of world.delivered()) {
    expect(atMs - from).toBeGreaterThanOrEqual(13_500);
    if ('CLUSTER' in properties) expect(Number(getProperty(record.properties, 'TIMER_ROLL_TIMES'))).toBeGreaterThan(1);
  }
  expect(world.log).toEqual([]);
});
