import { expect, it } from 'vitest';
import {
  apacheBatchLine,
  apacheTimerConsumeLine,
  apacheTimerSendLine,
  apacheTransactionLine,
  apacheUnexpectedLine,
} from '../../src/bench/kind-text.js';
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

it("writes a transaction producer's line as Apache's tool does", () => {
  const checks = { count: 7, expected: 4, unexpected: 3, duplicated: 2, committed: 4, rolledBack: 0, unknown: 0 };
  expect(apacheTransactionLine({ ...SNAPSHOT, rate: 812.4, errors: 5 }, { time: TIME, checks })).toBe(
    'Current Time: 2026-11-21 19:00:00,123 | Send TPS:   812 | Max RT(ms):    42 | AVG RT(ms): 4.6 | Send Failed: 5 | Check: 7 | UnexpectedCheck: 3 | DuplicatedCheck: 2',
  );
});

it("writes an unexpected check as Apache's tool does", () => {
  const message = { body: Buffer.alloc(0), msgId: '7F01', offsetMsgId: 'AC10', checkTimes: '2' };
  const lines = [false, true].map((byCheck) => apacheUnexpectedLine({ message, state: 'COMMIT_MESSAGE', byCheck }, '19:00:00,123'));
  expect(lines).toEqual([
    '19:00:00,123 unexpected check: msgId=AC10,txId=7F01,checkTimes=2,sendResult=COMMIT_MESSAGE',
    '19:00:00,123 unexpected check: msgId=AC10,txId=7F01,checkTimes=2,sendResult,lastCheckResult=COMMIT_MESSAGE',
  ]);
});

it("writes a timer producer's line as Apache's tool does", () => {
  expect(apacheTimerSendLine(SNAPSHOT)).toBe('Send TPS: 16000, Max RT: 42, Average RT:   4.568, Send Failed: 64, Response Failed: 0');
  expect(apacheTimerSendLine({ ...SNAPSHOT, rate: 0, count: 0, maxMs: 0 })).toBe(
    'Send TPS: 0, Max RT: 0, Average RT:     NaN, Send Failed: 64, Response Failed: 0',
  );
});

it("writes a timer consumer's line as Apache's tool does", () => {
  const run = { maxMs: 950, percentilesMs: [1, 2, 3, 4, 5, 6] };
  expect(apacheTimerConsumeLine({ ...SNAPSHOT, rate: 99.6 }, run)).toBe(
    'Consume TPS: 100, Avg delayedDuration:   4.568, Max delayedDuration: 950, delayDuration %25: 1, %50: 2; %80: 3; %90: 4; %99: 5; %99.9: 6',
  );
  expect(apacheTimerConsumeLine({ ...SNAPSHOT, rate: 0, count: 0 }, undefined)).toBe(
    'Consume TPS: 0, Avg delayedDuration:     NaN, Max delayedDuration: 0, ',
  );
});
