import { expect, test } from 'vitest';
import { planOf } from './store-life-plan.js';
import { runSeeds, runsWanted, StoreLives } from './store-lives.js';

const { seed, runs } = runsWanted(40);

test(`${runs} stores, each through kills and power cuts, lose nothing they promised`, { timeout: 600_000 }, async () => {
  await runSeeds(seed, runs, {});
});

test(`${runs} stores on disks that fail, fill up and stand still lose nothing they promised`, { timeout: 600_000 }, async () => {
  await runSeeds(seed, runs, { hasFaults: true });
});

test(`${runs} stores that delete old files lose nothing else, and no queue goes back`, { timeout: 600_000 }, async () => {
  const half = Math.ceil(runs / 2);
  await runSeeds(seed, half, { hasRetention: true });
  await runSeeds(seed + half, runs - half, { hasRetention: true, hasFaults: true });
});

test('a schedule is the same whenever its seed is', async () => {
  expect(planOf(7, { hasFaults: true })).toEqual(planOf(7, { hasFaults: true }));
  const traces = [[], []] as string[][];
  for (const trace of traces) await new StoreLives(planOf(7, {}), (line) => trace.push(line)).run();
  expect(traces[0]).toEqual(traces[1]);
});
