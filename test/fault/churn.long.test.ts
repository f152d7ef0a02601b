import { expect, it } from 'vitest';
import { churn } from './churn-run.js';

const seed = Number(process.env.MQKIT_SEED ?? 1);
const seconds = Number(process.env.MQKIT_CHURN_SECONDS ?? 300);

it(`members that come, go and are killed for ${seconds} s consume everything, and in order where asked (seed ${seed})`, async () => {
  const outcome = await churn({ seed, seconds, messagesPerSecond: 2000 });
  process.stderr.write(`churn: ${JSON.stringify(outcome)}\n`);
  expect(outcome.kills + outcome.leaves).toBeGreaterThan(seconds / 4);
});
