import { it } from 'vitest';
import { runModel } from './model.js';

const seed = Number(process.env.MQKIT_SEED ?? 1);
const runs = Number(process.env.MQKIT_TRANSACTION_RUNS ?? 100);

it(`${runs} runs of transactions through checks, stops and kills`, async () => {
  for (let run = 0; run < runs; run++) await runModel(seed + run, 150);
});
