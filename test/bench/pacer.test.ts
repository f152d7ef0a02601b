import { expect, it } from 'vitest';
import { Pacer } from '../../src/bench/pacer.js';
import { until } from '../sandbox.js';

it('a pacer beats again and again, never before the time', async () => {
  let calls = 0;
  let startMs = Number.POSITIVE_INFINITY;
  const early: number[] = [];
  const pacer = new Pacer(() => {
    const dueMs = startMs + calls * 2;
    if (performance.now() < dueMs) early.push(dueMs - performance.now());
    calls++;
  });
  startMs = performance.now() + 2;
  pacer.beat(2, 2);
  await until(() => calls >= 20);
  pacer.close();
  expect(early).toEqual([]);
});

it('a plan takes the place of the one before', async () => {
  let calls = 0;
  const pacer = new Pacer(() => {
    calls++;
  });
  for (let round = 1; round <= 5; round++) {
    pacer.beat(50_000, 50_000);
    pacer.beat(0, 40_000);
    await until(() => calls === round);
  }
  pacer.close();
});

it('beats that a busy event loop has no time for come as one', async () => {
  let calls = 0;
  const pacer = new Pacer(() => {
    calls++;
  });
  pacer.beat(0, 0.1);
  await until(() => calls > 0);
  const before = calls;
  const endMs = performance.now() + 100;
  while (performance.now() < endMs);
  while (calls === before) await new Promise((resolve) => setImmediate(resolve));
  expect(calls - before).toBeLessThan(50);
  pacer.close();
});

it('what is asked for once more comes after the turn', async () => {
  let calls = 0;
  const pacer = new Pacer(() => {
    calls++;
  });
  pacer.again();
  expect(calls).toBe(0);
  await until(() => calls === 1);
  pacer.close();
});
