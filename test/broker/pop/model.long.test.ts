import { it } from 'vitest';
import { runPopModel } from './model.js';

const seed = Number(process.env.MQKIT_SEED ?? 1);

it('what is popped comes again until it is acknowledged, and then never, in many lives', async () => {
  for (let run = 0; run < 40; run++) await runPopModel(seed + run, 120);
}, 900_000);
