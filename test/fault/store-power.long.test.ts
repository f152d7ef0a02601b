import { test } from 'vitest';
import { runSeeds, runsWanted } from './store-lives.js';

const { seed, runs } = runsWanted(10_000);

test(`${runs} power cuts under SYNC_FLUSH lose nothing acknowledged`, async () => {
  await runSeeds(seed, runs, { flushDiskType: 'SYNC_FLUSH', isPowerOnly: true });
});

test(`${runs} stores of both flush types through kills, power cuts and failing disks lose nothing they promised`, async () => {
  await runSeeds(seed, runs, { hasFaults: true });
});

test(`${runs} stores whose settings change from start to start lose nothing they promised`, async () => {
  const half = Math.ceil(runs / 2);
  await runSeeds(seed, half, { isVaried: true });
  await runSeeds(seed + half, runs - half, { isVaried: true, hasRetention: true, hasFaults: true });
});

test(`${runs} stores that delete old files lose nothing else, and no queue goes back`, async () => {
  const half = Math.ceil(runs / 2);
  await runSeeds(seed, half, { hasRetention: true });
  await runSeeds(seed + half, runs - half, { hasRetention: true, hasFaults: true });
});
