import { beforeAll, expect, it } from 'vitest';
import { loadHistograms } from '../../src/bench/latency-histogram.js';
import { type ReceivedMessage, ReceiveMeter, type ReceiveMeterOptions } from '../../src/bench/receive-meter.js';
import { Recorder } from '../../src/bench/recorder.js';
import { wallClockUs, writeStamp } from '../../src/bench/stamp.js';

beforeAll(loadHistograms);

function stamped(agoMs: number): ReceivedMessage {
  const body = Buffer.alloc(128);
  writeStamp(body, wallClockUs() - agoMs * 1000);
  return { body, bornTimestamp: 0, storeTimestamp: Date.now() };
}

function meterOf(options: Partial<ReceiveMeterOptions>): { meter: ReceiveMeter; ended: Promise<void> } {
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { ended, meter: new ReceiveMeter({ recorder: new Recorder(), warmupMs: 0, onWindow: () => {}, onEnd: end, ...options }) };
}

it('opens the window with the first message and closes it with the quantity', async () => {
  const { meter, ended } = meterOf({ quantity: 3 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const fromMs = performance.now();
  meter.receive([stamped(10), stamped(20)], false);
  meter.receive([stamped(30)], false);
  await ended;
  const tookSeconds = (performance.now() - fromMs) / 1000;
  const measured = meter.measured();
  expect(measured.count).toBe(3);
  expect(measured.seconds).toBeLessThanOrEqual(tookSeconds);
  expect(measured.endToEndMs.max).toBeGreaterThanOrEqual(30);
  expect(measured.endToEndMs.p50).toBeGreaterThanOrEqual(20);
  expect(meter.wasStopped).toBe(false);
});

it('measures end to end from bornTimestamp where a message has no stamp', () => {
  const { meter } = meterOf({});
  meter.receive([{ body: Buffer.from('tiny'), bornTimestamp: Date.now() - 5000, storeTimestamp: Date.now() - 1000 }], false);
  const measured = meter.measured();
  expect(measured.endToEndMs.max).toBeGreaterThanOrEqual(4990);
  expect(measured.latencyMs.max).toBeGreaterThanOrEqual(990);
  expect(measured.latencyMs.max).toBeLessThan(4000);
});

it('closes after the duration, whether messages come or not', async () => {
  const { meter, ended } = meterOf({ durationMs: 100 });
  meter.receive([stamped(1)], false);
  await ended;
  meter.receive([stamped(1)], false);
  expect(meter.measured()).toMatchObject({ count: 1, seconds: 0.1 });
});

it('counts given-back messages as errors', () => {
  const { meter } = meterOf({});
  meter.receive([stamped(1), stamped(1)], true);
  meter.receive([stamped(1)], false);
  meter.stop();
  expect(meter.measured()).toMatchObject({ count: 1, errors: 2, errorsByCode: { RECONSUME_LATER: 2 } });
  expect(meter.wasStopped).toBe(true);
});

it('keeps the whole duration as its window when the quantity is not reached', async () => {
  const { meter, ended } = meterOf({ quantity: 10, durationMs: 300 });
  meter.receive([stamped(1)], false);
  await ended;
  expect(meter.measured()).toMatchObject({ count: 1, seconds: 0.3 });
  expect(meter.quietMs).toBeGreaterThan(200);
});

it('ends its window with the last message where nothing came any more', async () => {
  const { meter } = meterOf({ quantity: 10 });
  meter.receive([stamped(1), stamped(1)], false);
  await new Promise((resolve) => setTimeout(resolve, 300));
  meter.stopAtLast();
  expect(meter.measured()).toMatchObject({ count: 2, seconds: 0 });
});

it('shows that messages come during the warm-up, and measures none of them', () => {
  const recorder = new Recorder();
  const { meter } = meterOf({ recorder, warmupMs: 3_600_000, quantity: 2 });
  meter.receive([stamped(1), stamped(1), stamped(1)], false);
  expect(recorder.snapshot()).toMatchObject({ count: 3, isWarmup: true });
  meter.stop();
  const measured = meter.measured();
  expect(measured).toMatchObject({ count: 0, seconds: 0 });
  expect(measured.windowStartedAtMs).toBeUndefined();
});
