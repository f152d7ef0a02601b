import { expect, it } from 'vitest';
import { apacheBatchLine } from '../../src/bench/kind-text.js';
import type { IntervalSnapshot } from '../../src/bench/recorder.js';

const TIME = '2026-11-21 19:00:00,123';
const SNAPSHOT: IntervalSnapshot = {
  seconds: 10,
  count: 160_000,
  rate: 16_000,
  errors: 32,
  p50Ms: 1,
  p99Ms: 20,
  p999Ms: 30,
  meanMs: 4.5678,
  maxMs: 41.6,
  endToEndMeanMs: 0,
  endToEndMaxMs: 0,
  totalCount: 320_000,
  totalErrors: 64,
};

it("writes a batch producer's line as Apache's tool does", () => {
  expect(apacheBatchLine(SNAPSHOT, { time: TIME, batchSize: 16 })).toBe(
    'Current Time: 2026-11-21 19:00:00,123 | Send TPS: 1000 | Send MPS: 16000 | Max RT(ms): 42 | Average RT(ms):   4.568 | Average Message RT(ms):   0.285 | Send Failed: 4 | Send Message Failed: 64',
  );
});
