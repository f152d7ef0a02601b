import { describe, expect, it } from 'vitest';
import { freshSeed } from '../../../src/common/clock.js';
import { Died } from '../../fault/store-fault-disk.js';
import { DelayWorld } from './delay-world.js';

const RUNS = Number(process.env.MQKIT_DELAY_RUNS ?? 6);
const SEED = Number(process.env.MQKIT_SEED ?? freshSeed());
/** Deliveries of one moment leave within this. */
const SLACK_MS = 120;

/** When a message left, ms after a moment. */
function leftAfter(world: DelayWorld, fromMs: number): Record<string, number> {
  return Object.fromEntries(world.delivered().map(({ key, atMs }) => [key, atMs - fromMs]));
}

function expectClose(actual: number | undefined, expected: number): void {
  expect(actual).toBeGreaterThanOrEqual(expected);
  expect(actual).toBeLessThanOrEqual(expected + SLACK_MS);
}

describe('another messageDelayLevel on an existing store', () => {
  it('without a level delivers what waits there at the time it was sent for', async () => {
    const world = new DelayWorld();
    await world.open('1s 5s 10s 20s');
    const from = world.time.nowMs();
    world.send('a', 4);
    world.send('b', 2);
    await world.stop();
    await world.open('1s 5s');
    world.send('c', 4);
    const cSent = world.time.nowMs() - from;
    world.advance(30_000);
    const left = leftAfter(world, from);
    expectClose(left.b, 5000);
    expectClose(left.c, cSent + 5000);
    expectClose(left.a, 20_000);
    await world.stop();
    await world.open('1s');
    world.advance(5000);
    expect(world.delivered()).toHaveLength(3);
  });

  it('with more levels than 18 and back again loses nothing', async () => {
    const world = new DelayWorld();
    const many = Array.from({ length: 25 }, (_, i) => `${i + 1}s`).join(' ');
    await world.open(many);
    const from = world.time.nowMs();
    for (let level = 1; level <= 26; level++) world.send(`k${level}`, level);
    world.advance(3500);
    await world.stop();
    await world.open();
    world.advance(40_000);
    const left = leftAfter(world, from);
    expect(world.delivered()).toHaveLength(26);
    // Level 26 was capped. Levels of the new table are longer: the time that was recorded counts.
    for (let level = 1; level <= 26; level++) expectClose(left[`k${level}`], Math.min(level, 25) * 1000);
  });

  it('with a shorter level counts from the store time, never to before it', async () => {
    const world = new DelayWorld();
    await world.open('1m 1h');
    const from = world.time.nowMs();
    world.send('minute', 1);
    world.send('hour', 2);
    world.advance(1000);
    await world.stop();
    await world.open('3s 10s');
    world.advance(15_000);
    const left = leftAfter(world, from);
    expectClose(left.minute, 3000);
    expectClose(left.hour, 10_000);
  });
});

describe('delay levels', () => {
  it('share the event loop: a step delivers one batch, and no level waits for all of another', async () => {
    const world = new DelayWorld();
    await world.open('1s 2s 3s');
    for (let i = 0; i < 600; i++) world.send(`k${i}`, 1 + (i % 3));
    // All levels are due at once, as after a long stop.
    await world.stop();
    world.time.advance(10_000);
    await world.open('1s 2s 3s');
    world.time.advance(0);
    for (let left = 600; left > 0; left -= 256) world.time.advance(1);
    expect(world.delivered()).toHaveLength(600);
  });

  it('keep no progress of messages that a power cut could take', async () => {
    const world = new DelayWorld();
    await world.open();
    world.send('a', 1);
    world.advance(900);
    // From here on no flush of the commit log ends.
    for (let i = 0; i < 60; i++) world.time.advance(50);
    expect(world.delivered()).toHaveLength(1);
    expect(world.disk.readdirSync('/store/config')).not.toContain('delayOffset.json');
    world.disk.completeSyncs();
    world.advance(2000);
    expect(world.disk.readdirSync('/store/config')).toContain('delayOffset.json');
  });

  it('deliver nothing twice when a start after a kill saves its progress while it finds what had left, and is killed too', async () => {
    const world = new DelayWorld({ flushDiskType: 'SYNC_FLUSH' });
    await world.open();
    for (let i = 0; i < 600; i++) world.send(`k${i}`, 1);
    world.advance(1100);
    expect(world.delivered()).toHaveLength(600);
    for (let starts = 1; starts <= 2; starts++) {
      world.kill();
      world.time.advance(100);
      await world.open();
      // One batch of what had left is found, and the progress behind it would be saved.
      world.service.run();
      world.service.flush();
      expect(world.delivered()).toHaveLength(600);
    }
    // Nor does an orderly stop in the middle of it.
    world.kill();
    await world.open();
    world.service.run();
    await world.stop();
    await world.open();
    world.advance(2000);
    expect(world.delivered()).toHaveLength(600);
  });

  it('deliver nothing twice when kills follow each other faster than progress is saved', async () => {
    const world = new DelayWorld({ flushDiskType: 'SYNC_FLUSH' });
    for (let start = 0; start < 75; start++) {
      await world.open();
      world.send(`k${start}`, 1 + (start % 2));
      // Less than the pause between two saves.
      world.advance(900);
      world.kill();
    }
    await world.open();
    world.advance(8000);
    expect(world.delivered().map(({ key }) => key)).toHaveLength(75);
  });

  it(`lose nothing and deliver nothing twice through kills and power cuts at any call (MQKIT_SEED=${SEED}, ${RUNS} runs)`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const seed = SEED + run;
      const world = new DelayWorld({ seed, flushDiskType: 'SYNC_FLUSH' });
      const dueMs = new Map<string, number>();
      for (let life = 0; life < 4; life++) {
        if (life < 3) world.disk.dieAfter = world.disk.calls + world.random.nextInt(400);
        try {
          await world.open('1s 2s 3s');
          for (let i = 0; i < 40 && !world.disk.isDead; i++) {
            const level = 1 + world.random.nextInt(3);
            const key = `k${dueMs.size}`;
            dueMs.set(key, world.time.nowMs() + level * 1000);
            world.send(key, level);
            world.advance(20 * world.random.nextInt(10));
          }
        } catch (error) {
          if (!(error instanceof Died) && !world.disk.isDead) throw error;
        }
        if (life === 3) break;
        if (world.random.nextInt(2) === 0) world.losePower();
        else world.kill();
      }
      world.advance(8000);
      const keys = world.delivered().map(({ key }) => key);
      expect(new Set(keys).size, `seed ${seed}: nothing twice`).toBe(keys.length);
      for (const key of world.acknowledged) expect(keys, `seed ${seed}: nothing lost`).toContain(key);
      for (const { key, atMs } of world.delivered()) expect(atMs, `seed ${seed}: ${key}`).toBeGreaterThanOrEqual(dueMs.get(key)!);
    }
  }, 120_000);
});
