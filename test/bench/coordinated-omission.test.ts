import { beforeAll, describe, expect, it } from 'vitest';
import { loadHistograms } from '../../src/bench/latency-histogram.js';
import { Recorder } from '../../src/bench/recorder.js';
import type { Measured, SendMeasured } from '../../src/bench/result.js';
import { SendLoad } from '../../src/bench/send-load.js';
import type { SendHandler } from '../../src/client/producer/pending-send.js';
import type { SendResult } from '../../src/client/types.js';
import type { Message } from '../../src/common/message/message.js';
import { VirtualTime } from './virtual-time.js';

const OK = { sendStatus: 'SEND_OK' } as SendResult;

/** What a stall does: everything planned in it is answered at its end. */
interface Stall {
  readonly atMs: number;
  readonly forMs: number;
}

/** Runs a load of 1,000/s for 10 s against a broker that answers after `serviceMs`, and not at all while it stalls. */
async function run(inFlight: number, stall: Stall, serviceMs = 0.2): Promise<Measured & Partial<SendMeasured>> {
  const time = new VirtualTime();
  const recorder = new Recorder(time);
  const target = {
    sendAsync(_message: Message, handler: SendHandler, context: unknown): void {
      const now = time.now();
      const stalled = now >= stall.atMs && now < stall.atMs + stall.forMs;
      const answerMs = (stalled ? stall.atMs + stall.forMs : now) + serviceMs;
      time.setTimeout(() => handler.onSuccess(OK, context), answerMs - now);
    },
  };
  const createMessage = (): Message => ({ topic: 'T', body: Buffer.alloc(16) });
  const load = new SendLoad({ target, recorder, time, inFlight, createMessage, rate: 1000, warmupMs: 0, durationMs: 10_000 });
  const running = load.run();
  for (let second = 1; second <= 10; second++) {
    time.setTimeout(() => recorder.tick(), second * 1000);
  }
  time.runAll();
  const outcome = await running;
  expect(outcome.unsent).toBe(0);
  return { ...recorder.measured(outcome.seconds), ...recorder.uncorrectedMeasured() };
}

/** Percentile of the latencies that planned sends have when all that were planned in the stall are answered at its end. */
function analyticMs(percent: number, stall: Stall, serviceMs = 0.2): number {
  const latencies = Array.from({ length: 10_000 }, (_, planned) => {
    const inStall = planned >= stall.atMs && planned < stall.atMs + stall.forMs;
    return serviceMs + (inStall ? stall.atMs + stall.forMs - planned : 0);
  }).sort((a, b) => a - b);
  return latencies[Math.ceil((percent / 100) * latencies.length) - 1] ?? Number.NaN;
}

beforeAll(loadHistograms);

describe('a broker that stalls for 1 s in a run of 10 s at 1,000/s', () => {
  const stall = { atMs: 4000, forMs: 1000 };

  it.each([10_000, 1000])('gives the latencies that users had, with room for %i in flight', async (inFlight) => {
    const measured = await run(inFlight, stall);
    expect(measured.count).toBe(10_000);
    for (const [percent, seen] of [
      [50, measured.latencyMs.p50],
      [99, measured.latencyMs.p99],
      [99.9, measured.latencyMs.p999],
    ] as const) {
      expect(Math.abs(seen / analyticMs(percent, stall) - 1), `p${percent}`).toBeLessThan(0.005);
    }
    expect(analyticMs(99, stall)).toBeCloseTo(900.2, 6);
  });

  it('says what a client that waits for answers would have measured, too', async () => {
    // A single place in flight: one send meets the stall, the others wait behind it.
    const measured = await run(1, stall);
    expect(measured.latencyMs.p99).toBeGreaterThan(900);
    expect(measured.uncorrectedLatencyMs?.p99).toBeLessThan(1);
    expect(measured.uncorrectedLatencyMs?.max).toBeGreaterThan(999);
  });

  it('shows in the seconds in which its messages were answered', async () => {
    const { series } = await run(10_000, stall);
    expect(series?.map(({ count }) => count)).toEqual([1000, 1000, 1000, 1000, 0, 2000, 1000, 1000, 1000, 1000]);
    expect(series?.map(({ maxMs }) => Math.round(maxMs))).toEqual([0, 0, 0, 0, 0, 1000, 0, 0, 0, 0]);
  });
});
