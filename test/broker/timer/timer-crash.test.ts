import { expect, it } from 'vitest';
import { freshSeed } from '../../../src/common/clock.js';
import { runTimerCrash } from './timer-crash.js';
import { TimerWorld } from './timer-kit.js';

const RUNS = Number(process.env.MQKIT_TIMER_RUNS ?? 5);
const SEED = Number(process.env.MQKIT_SEED ?? freshSeed());

it(`loses no timer message through kills and power cuts at any call (MQKIT_SEED=${SEED}, ${RUNS} runs)`, { timeout: 120_000 }, async () => {
  for (let run = 0; run < RUNS; run++) {
    try {
      await runTimerCrash(SEED + run);
    } catch (error) {
      throw new Error(`MQKIT_SEED=${SEED + run} MQKIT_TIMER_RUNS=1: ${(error as Error).message}`, { cause: error });
    }
  }
  expect(RUNS).toBeGreaterThan(0);
});

it('delivers messages without an id once, also when it is killed right after', async () => {
  const world = new TimerWorld({ config: { timerPrecisionMs: 100 } });
  await world.open();
  const dueMs = world.time.nowMs() + 450;
  for (const tags of ['a', 'b', 'b']) world.send('', { TIMER_DELIVER_MS: dueMs, TAGS: tags });
  world.advance(600);
  expect(world.delivered()).toHaveLength(3);
  world.kill();
  await world.open();
  world.advance(3000);
  expect(world.delivered()).toHaveLength(3);
});

it('delivers nothing twice when the start after a kill is stopped before it has found what had left', async () => {
  const world = new TimerWorld({ config: { timerPrecisionMs: 100, timerFlushIntervalMs: 1000 } });
  await world.open();
  const nowMs = world.time.nowMs();
  // Due before and after the kill.
  for (let i = 0; i < 30; i++) world.send(`k${i}`, { TIMER_DELIVER_MS: nowMs + 150 + i * 30 });
  world.advance(800);
  expect(world.delivered().length).toBeGreaterThan(10);
  world.kill();
  await world.open();
  await world.stop();
  await world.open();
  world.advance(3000);
  expect(world.keys().sort()).toEqual(Array.from({ length: 30 }, (_, i) => `k${i}`).sort());
});
