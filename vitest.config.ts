import { defineConfig } from 'vitest/config';

/** Seed of every property test of a run: printed, and set again with MQKIT_SEED to repeat it. */
const seed = process.env.MQKIT_SEED ?? String(Math.floor(Math.random() * 2 ** 31));
process.env.MQKIT_SEED = seed;

const shared = { pool: 'forks' as const, env: { MQKIT_SEED: seed }, setupFiles: ['test/setup.ts'] };

/**
 * `node`: everything that needs Node alone. `interop`: real Java, Go and Node peers. `long`: the full counts of the fault tests.
 * Chosen by `--project`; `npm test` runs `node`.
 */
export default defineConfig({
  test: {
    globalSetup: ['test/global-setup.ts'],
    // Each file has nodes, ports and folders of its own. Those with real peers wait most of the time: `test:interop` runs three at once.
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...shared,
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/interop/**', 'test/**/*.long.test.ts', 'test/peers/**'],
          testTimeout: 90_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          exclude: ['test/**/*.long.test.ts'],
          // Java's clients wait 34 s for a heartbeat that was left out, and a test may need several.
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'long',
          include: ['test/**/*.long.test.ts'],
          fileParallelism: false,
          testTimeout: 3_600_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
