import { expect, it } from 'vitest';
import type { GetMessageResult } from '../../../broker/store/index.js';
import { decodeRecord } from '../../../src/common/message/record.js';
import { TimerWorld } from './timer-kit.js';

const TIMER_TOPIC = 'rmq_sys_wheel_timer';
const FIRST_FILE = '/store/commitlog/00000000000000000000';

/** Gives a message of the timer topic another topic length, on the disk. */
function damageAt(world: TimerWorld, offset: number): () => void {
  const { commitLogOffset, body } = decodeRecord(world.store.getMessage(TIMER_TOPIC, 0, offset, 1).buffers[0]!, 0);
  return () => world.disk.damage(FIRST_FILE, commitLogOffset + 88 + body.length, Buffer.from([0xf0]));
}

it.each([false, true])(
  'a damaged record costs its own message only, be it on the wheel or not (timerStopEnqueue=%s)',
  async (isStopped) => {
    const world = new TimerWorld({ config: { timerStopEnqueue: isStopped } });
    await world.open();
    for (const key of ['a', 'b', 'c']) world.send(key, { TIMER_DELAY_MS: 20_500 });
    world.send('d', { TIMER_DELAY_MS: 30_700 });
    world.advance(3000);
    const damage = damageAt(world, 1);
    await world.stop();
    damage();
    world.config.timerStopEnqueue = false;
    await world.open();
    world.send('e', { TIMER_DELAY_MS: 2000 });
    world.advance(40_000);
    expect(world.keys().sort()).toEqual(['a', 'c', 'd', 'e']);
    expect(world.store.counters.recordsDamaged).toBeGreaterThan(0);
    expect([world.timer.pendingCount, world.timer.queueBehind]).toEqual([0, 0]);
  },
);

it('a damaged record among messages that come too late makes none of them leave twice', async () => {
  const world = new TimerWorld({ config: { timerStopEnqueue: true } });
  await world.open();
  for (const key of ['a', 'b', 'c']) world.send(key, { TIMER_DELAY_MS: 2500 });
  world.advance(10_000);
  const damage = damageAt(world, 1);
  await world.stop();
  damage();
  world.config.timerStopEnqueue = false;
  await world.open();
  world.advance(10_000);
  expect(world.keys()).toEqual(['a', 'c']);
});

it('a step that fails half way counts the late messages that it delivered', async () => {
  const world = new TimerWorld({ config: { timerStopEnqueue: true } });
  await world.open();
  for (const key of ['a', 'b', 'c']) world.send(key, { TIMER_DELAY_MS: 2500 });
  world.advance(10_000);
  const { store } = world;
  const read = store.getMessage.bind(store);
  let isCut = true;
  store.getMessage = (topic, queueId, offset, count, options): GetMessageResult => {
    const result = read(topic, queueId, offset, count, options);
    // The last record cannot be read.
    return isCut && topic === TIMER_TOPIC ? { ...result, buffers: result.buffers.map((each) => each.subarray(0, -1)) } : result;
  };
  // The wheel turns on while nothing is put on it.
  world.timer.run();
  world.config.timerStopEnqueue = false;
  world.timer.run();
  world.advance(5000);
  expect(world.keys()).toEqual(['a', 'b']);
  isCut = false;
  world.advance(10_000);
  expect(world.keys()).toEqual(['a', 'b', 'c']);
});
