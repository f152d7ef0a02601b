import { expect, it } from 'vitest';
import { freshSeed } from '../../../src/common/clock.js';
import { runScriptedCrash, runTimerCrash } from './timer-crash.js';

const RUNS = Number(process.env.MQKIT_TIMER_RUNS ?? 1000);
const SEED = Number(process.env.MQKIT_SEED ?? freshSeed());

it(`loses no timer message through kills and power cuts at any call (MQKIT_SEED=${SEED}, ${RUNS} runs)`, async () => {
  const failures: string[] = [];
  for (let run = 0; run < RUNS; run++) {
    await runTimerCrash(SEED + run).catch((error: Error) => failures.push(`MQKIT_SEED=${SEED + run} MQKIT_TIMER_RUNS=1: ${error.message}`));
  }
  expect(failures).toEqual([]);
});

it.each(['kill', 'power cut'] as const)(
  'loses no timer message when a %s comes at any call of enqueue, delivery, roll, recall and flush',
  async (end) => {
    let calls = 0;
    while (await runScriptedCrash(calls, end)) calls++;
    expect(calls).toBeGreaterThan(100);
    process.stdout.write(`${calls} calls, each the last one once\n`);
  },
);
