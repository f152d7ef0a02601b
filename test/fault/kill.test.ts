import { describe, expect, it } from 'vitest';
import { killRounds } from './kill-rounds.js';

const seed = Number(process.env.MQKIT_SEED ?? 1);
/** Rounds of each combination here; `npm run test:long` runs more. */
const rounds = Number(process.env.MQKIT_KILL_ROUNDS ?? 1);

describe(`kill -9 under load (seed ${seed})`, () => {
  it.each([
    { flushDiskType: 'SYNC_FLUSH', retries: false },
    { flushDiskType: 'ASYNC_FLUSH', retries: false },
    { flushDiskType: 'ASYNC_FLUSH', retries: true },
  ] as const)(
    '$flushDiskType, producer retries $retries: nothing acknowledged is lost',
    async ({ flushDiskType, retries }) => {
      const { acknowledged } = await killRounds({ seed, rounds, retries, flushDiskType });
      expect(acknowledged).toBeGreaterThan(100);
    },
    120_000,
  );
});
