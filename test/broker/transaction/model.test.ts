import { it } from 'vitest';
import { runModel } from './model.js';

const seed = Number(process.env.MQKIT_SEED ?? 1);

it('every message is delivered once when its producer committed, and never otherwise, through checks, stops and kills', async () => {
  for (let run = 0; run < 2; run++) await runModel(seed + run, 60);
}, 180_000);
