import { test } from 'vitest';
import { runBatchQueueLives } from './batch-queue-lives.js';
import { runsWanted } from './store-lives.js';

const { seed, runs } = runsWanted(30);

test(`acknowledged batches outlive kills and power cuts at their offsets (MQKIT_SEED=${seed}, ${runs} runs)`, { timeout: 600_000 }, () =>
  runBatchQueueLives({ seed, runs }),
);
