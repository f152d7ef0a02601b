import { expect, test } from 'vitest';
import { planOf, type ScheduleOptions } from './store-life-plan.js';
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

test(`${runs} stores whose settings change from start to start lose nothing they promised`, { timeout: 600_000 }, async () => {
  const half = Math.ceil(runs / 2);
  await runSeeds(seed, half, { isVaried: true });
  await runSeeds(seed + half, runs - half, { isVaried: true, hasRetention: true, hasFaults: true });
});

/** Schedules that broke a promise once. */
const FOUND: readonly [what: string, seed: number, options: ScheduleOptions][] = [
  ['a recovery that died with the queues it had emptied is repeated, and makes nothing anew', 512_824_563, { hasRetention: true }],
  ['a start that fails in the middle of a unit leaves none that looks like an older one', 78_160, { hasFaults: true }],
  ['queue files wait until no power cut brings their log file back', 20_310_260, { hasRetention: true }],
  ['index files that go after their log files are not missed', 1_004_403, { hasRetention: true }],
  ['a queue file that a recovery which died removed does not come back', 2_024_649, { hasRetention: true, hasFaults: true }],
  ['what a recovery which died cut off the log does not come back', 10_001_107, { hasRetention: true, hasFaults: true }],
  ['no log file goes while the name of the one before may come back', 2_015_445, { hasRetention: true, hasFaults: true }],
  [
    'the queue file that knows where an empty queue ends stays until the log of the next one is on the device',
    1279,
    { hasRetention: true },
  ],
];
test.each(FOUND)('%s', { timeout: 600_000 }, async (_, found, options) => {
  await runSeeds(found, 1, options);
});

test('a schedule is the same whenever its seed is', async () => {
  expect(planOf(7, { hasFaults: true })).toEqual(planOf(7, { hasFaults: true }));
  const traces = [[], []] as string[][];
  for (const trace of traces) await new StoreLives(planOf(7, {}), (line) => trace.push(line)).run();
  expect(traces[0]).toEqual(traces[1]);
});
