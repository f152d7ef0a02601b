import { expect, it } from 'vitest';
import { Pacer } from '../../src/bench/pacer.js';
import { until } from '../sandbox.js';

it('a pacer calls once for each wait, far or near', async () => {
  let calls = 0;
  const pacer = new Pacer(() => {
    calls++;
  });
  for (const waitMs of [1.5, 0, 0.2, 3]) {
    const before = calls;
    pacer.wakeIn(waitMs);
    await until(() => calls === before + 1);
  }
  pacer.close();
});

it('a wait takes the place of the one before, and those after it are in step', async () => {
  let calls = 0;
  const pacer = new Pacer(() => {
    calls++;
  });
  for (let round = 1; round <= 5; round++) {
    pacer.wakeIn(50_000);
    pacer.wakeIn(40_000);
    pacer.wakeIn(1);
    await until(() => calls === round);
  }
  expect(calls).toBe(5);
  pacer.close();
});
