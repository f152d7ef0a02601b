import { expect, it } from 'vitest';
import { churn } from './churn-run.js';

const seed = Number(process.env.MQKIT_SEED ?? 1);

it(`members that come, go and are killed under load consume everything, and in order where asked (seed ${seed})`, {
  timeout: 120_000,
}, async () => {
  const outcome = await churn({ seed, seconds: 6, messagesPerSecond: 1000 });
  process.stderr.write(`churn: ${JSON.stringify(outcome)}\n`);
  expect(outcome.sent).toBeGreaterThan(0);
});
