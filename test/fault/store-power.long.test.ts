import { test } from 'vitest';
import { runSeeds, runsWanted } from './store-lives.js';

const { seed, runs } = runsWanted(10_000);

test(`${runs} power cuts under SYNC_FLUSH lose nothing acknowledged`, async () => {
  await runSeeds(seed, runs, { flushDiskType: 'SYNC_FLUSH', isPowerOnly: true });
});

test(`${runs} stores of both flush types through kills, power cuts and failing disks lose nothing they promised`, async () => {
  await runSeeds(seed, runs, { hasFaults: true });
});
