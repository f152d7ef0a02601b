import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nameAfter } from '../../../broker/store/index-service.js';
import { systemClock } from '../../../src/common/clock.js';
import { message, openStore, putAll, SMALL, storeConfig, tempDir } from './store-kit.js';

test('the name after a name is the next millisecond, or at least a later name where no time stands in it', () => {
  const names = [
    ['20251026025959998', '20251026025959999'],
    ['20251026025959999', '20251026030000000'],
    ['20241231235959999', '20250101000000000'],
    ['20240228235959999', '20240229000000000'],
    // Local time has no such hour in many places.
    ['20250330015959999', '20250330020000000'],
    ['00500101000000000', '00500101000000001'],
    ['99991231235959999', '99991231235960000'],
    ['20250000000000000', '20250000000000001'],
  ];
  expect(names.map(([name]) => [name, nameAfter(name!)])).toEqual(names);
  for (const strange of ['20251399999999999', '20250230250000000', '00000000000000000']) {
    expect(nameAfter(strange)).toMatch(/^\d{17}$/);
    expect(nameAfter(strange) > strange).toBe(true);
  }
});

test('index files of a clock that was far ahead stay before those that follow, and all keys are found', async () => {
  const config = storeConfig(tempDir(), SMALL);
  const year = 365 * 24 * 3_600_000;
  const ahead = await openStore(config, { clock: { ...systemClock, nowMs: () => systemClock.nowMs() + 100 * year } });
  const fill = (store: typeof ahead, from: number) =>
    putAll(
      store,
      Array.from({ length: 150 }, (_, i) => message('T', 0, 'x', { properties: `KEYS\x01k${from + i}\x02` })),
    );
  await fill(ahead, 0);
  await ahead.shutdown();
  const files = (): string[] => readdirSync(join(config.storePathRootDir, 'index'));
  const before = files();
  const store = await openStore(config);
  await fill(store, 150);
  await store.shutdown();
  // The full files of before, and as many behind them.
  expect(files().slice(0, before.length)).toEqual(before);
  expect(files().length).toBeGreaterThan(before.length);
  const again = await openStore(config);
  const found = [0, 149, 150, 299].map((i) => again.queryByKey('T', `k${i}`, 1, 0, Number.MAX_SAFE_INTEGER).records.length);
  expect(found).toEqual([1, 1, 1, 1]);
});
