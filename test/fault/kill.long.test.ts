import { describe, expect, it } from 'vitest';
import { killRounds } from './kill-rounds.js';

const seed = Number(process.env.MQKIT_SEED ?? 1);
/** All rounds together, shared by the combinations. */
const rounds = Number(process.env.MQKIT_KILL_ROUNDS ?? 200);
const COMBINATIONS = [
  { flushDiskType: 'SYNC_FLUSH', retries: false },
  { flushDiskType: 'ASYNC_FLUSH', retries: false },
  { flushDiskType: 'SYNC_FLUSH', retries: true },
  { flushDiskType: 'ASYNC_FLUSH', retries: true },
] as const;

describe(`${rounds} rounds of kill -9 under mixed load (seed ${seed})`, () => {
  it.each(COMBINATIONS)('$flushDiskType, producer retries $retries: nothing acknowledged is lost', async ({ flushDiskType, retries }) => {
    const share = Math.ceil(rounds / COMBINATIONS.length);
    const outcome = await killRounds({ seed, rounds: share, retries, flushDiskType });
    process.stderr.write(`${flushDiskType}, retries ${retries}: ${share} rounds, ${JSON.stringify(outcome)}\n`);
    for (const [name, { sent, acknowledged }] of Object.entries(outcome)) {
      if (name === 'Oneway') expect(sent, name).toBeGreaterThanOrEqual(20 * share);
      else expect(acknowledged, name).toBeGreaterThanOrEqual(20 * share);
    }
  });
});
