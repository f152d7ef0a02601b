import { it } from 'vitest';
import { runPopModel } from './model.js';

const seed = Number(process.env.MQKIT_SEED ?? 1);

it('what is popped comes again until it is acknowledged, and then never, through changes, stops and kills', async () => {
  for (let run = 0; run < 2; run++) await runPopModel(seed + run, 30);
}, 180_000);
