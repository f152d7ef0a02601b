import { expect, it } from 'vitest';
import { freshSeed } from '../../../src/common/clock.js';
import { runTimerCrash } from './timer-crash.js';

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
