import { expect, it } from 'vitest';
import type { IntervalSnapshot } from '../../../src/bench/recorder.js';
import { SnapshotSum } from '../../../src/bench/workers/snapshot-sum.js';

function snapshot(count: number, more: Partial<IntervalSnapshot>): IntervalSnapshot {
  const latencies = { p50Ms: 1, p99Ms: 1, p999Ms: 1, meanMs: 1, maxMs: 1, endToEndMeanMs: 1, endToEndMaxMs: 1 };
  return { ...latencies, seconds: 1, count, rate: count, errors: 0, totalCount: count, totalErrors: 0, ...more };
}

it('messages of a warm-up are a sign of life and no part of the quantity', () => {
  const sum = new SnapshotSum(2);
  sum.add(0, snapshot(50, { isWarmup: true }));
  sum.add(1, snapshot(7, {}));
  expect(sum).toMatchObject({ count: 7, outcomes: 57 });
  sum.add(0, snapshot(3, {}));
  expect(sum).toMatchObject({ count: 10, outcomes: 60 });
});

it('a worker that ended has counted what its result says', () => {
  const sum = new SnapshotSum(2);
  sum.add(0, snapshot(50, {}));
  sum.add(1, snapshot(1, {}));
  sum.end(0, { count: 80, errors: 0 });
  expect(sum.count).toBe(81);
});
