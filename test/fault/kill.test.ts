import { describe, expect, it } from 'vitest';
import { killRounds } from './kill-rounds.js';

const seed = Number(process.env.MQKIT_SEED ?? 1);

describe(`kill -9 under mixed load (seed ${seed})`, () => {
  it.each([
    { flushDiskType: 'SYNC_FLUSH', retries: false },
    { flushDiskType: 'ASYNC_FLUSH', retries: true },
  ] as const)(
    '$flushDiskType, producer retries $retries: nothing acknowledged is lost',
    async ({ flushDiskType, retries }) => {
      const outcome = await killRounds({ seed, rounds: 1, retries, flushDiskType });
      for (const [name, { sent, acknowledged }] of Object.entries(outcome)) {
        if (name === 'Oneway') expect(sent, name).toBeGreaterThanOrEqual(20);
        else expect(acknowledged, name).toBeGreaterThanOrEqual(20);
      }
    },
    180_000,
  );
});
