import { beforeAll, describe, expect, it } from 'vitest';
import { loadHistograms } from '../../src/bench/latency-histogram.js';
import { Recorder } from '../../src/bench/recorder.js';
import { SendLoad, type SendLoadOptions, type SendTarget } from '../../src/bench/send-load.js';
import { readStamp } from '../../src/bench/stamp.js';
import type { SendHandler } from '../../src/client/producer/pending-send.js';
import type { SendResult } from '../../src/client/types.js';
import { TimeoutError } from '../../src/common/errors.js';
import type { Message } from '../../src/common/message/message.js';

const OK = { sendStatus: 'SEND_OK' } as SendResult;

/** Answers each send after a while; counts what is on its way. */
class FakeBroker implements SendTarget {
  sent = 0;
  inFlight = 0;
  mostInFlight = 0;
  readonly answer: (handler: SendHandler, context: unknown, index: number) => void;
  readonly delayMs: number;

  constructor(options: { delayMs?: number; answer?: (handler: SendHandler, context: unknown, index: number) => void } = {}) {
    this.delayMs = options.delayMs ?? 1;
    this.answer = options.answer ?? ((handler, context) => handler.onSuccess(OK, context));
  }

  sendAsync(_message: Message, handler: SendHandler, context: unknown): void {
    const index = this.sent++;
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    setTimeout(() => {
      this.inFlight--;
      this.answer(handler, context, index);
    }, this.delayMs);
  }
}

function load(target: SendTarget, options: Partial<SendLoadOptions>): { load: SendLoad; recorder: Recorder } {
  const recorder = new Recorder();
  const createMessage = (): Message => ({ topic: 'T', body: Buffer.alloc(20) });
  return { recorder, load: new SendLoad({ target, recorder, inFlight: 4, createMessage, warmupMs: 0, ...options }) };
}

beforeAll(loadHistograms);

it('makes no more places than it needs of those allowed', async () => {
  let places = 0;
  const createMessage = (): Message => {
    places++;
    return { topic: 'T', body: Buffer.alloc(20) };
  };
  const run = load(new FakeBroker(), { inFlight: 10_000, rate: 200, quantity: 20, createMessage });
  await run.load.run();
  expect(run.recorder.count).toBe(20);
  expect(places).toBeLessThanOrEqual(20);
});

describe('a closed loop', () => {
  it('sends the quantity and never more than the slots allow', async () => {
    const broker = new FakeBroker();
    const run = load(broker, { quantity: 101 });
    const outcome = await run.load.run();
    const measured = run.recorder.measured(outcome.seconds);
    expect(broker.sent).toBe(101);
    expect(broker.mostInFlight).toBe(4);
    expect(measured).toMatchObject({ count: 101, errors: 0, errorsByCode: {} });
    expect((measured.rate * outcome.seconds) / 101).toBeCloseTo(1, 2);
    expect(measured.bytesPerSecond / measured.rate).toBeCloseTo(20, 0);
    expect(outcome.interrupted).toBe(false);
  });

  it('measures for the duration, without the warm-up', async () => {
    const broker = new FakeBroker();
    let sentBefore = 0;
    const run = load(broker, { warmupMs: 100, durationMs: 200, onWindow: () => (sentBefore = broker.sent) });
    const outcome = await run.load.run();
    expect(outcome.seconds).toBeGreaterThan(0.19);
    expect(outcome.seconds).toBeLessThan(2);
    expect(sentBefore).toBeGreaterThan(0);
    expect(run.recorder.count).toBe(broker.sent - sentBefore);
  });

  it('counts what is not SEND_OK as an error under its name', async () => {
    const broker = new FakeBroker({
      answer: (handler, context, index) => {
        if (index % 5 === 0) {
          handler.onSuccess({ sendStatus: 'FLUSH_DISK_TIMEOUT' } as SendResult, context);
        } else if (index % 5 === 1) {
          handler.onException(new TimeoutError('no answer'), context);
        } else {
          handler.onSuccess(OK, context);
        }
      },
    });
    const run = load(broker, { quantity: 50 });
    const outcome = await run.load.run();
    expect(run.recorder.measured(outcome.seconds)).toMatchObject({
      count: 30,
      errors: 20,
      errorsByCode: { FLUSH_DISK_TIMEOUT: 10, REQUEST_TIMEOUT: 10 },
    });
    expect(outcome.firstError?.message).toBe('no answer');
  });

  it('rests after an error, also one that comes before the call returns', async () => {
    let calls = 0;
    const target: SendTarget = {
      sendAsync: (_message, handler, context) => {
        calls++;
        handler.onException(new TimeoutError('down'), context);
      },
    };
    const run = load(target, { durationMs: 250 });
    const outcome = await run.load.run();
    expect(calls).toBeLessThan(20);
    expect(run.recorder.count).toBe(0);
    expect(outcome.seconds).toBeGreaterThan(0.24);
    expect(outcome.seconds).toBeLessThan(2);
  });

  it('gives the result so far when it is stopped', async () => {
    const broker = new FakeBroker();
    const run = load(broker, { durationMs: 60_000 });
    setTimeout(() => run.load.stop(), 100);
    const fromMs = performance.now();
    const outcome = await run.load.run();
    expect(outcome.interrupted).toBe(true);
    expect(outcome.seconds).toBeGreaterThan(0);
    expect(outcome.seconds).toBeLessThanOrEqual((performance.now() - fromMs) / 1000);
    expect(run.recorder.count).toBe(broker.sent);
  });

  it('stamps each body with the time of its send', async () => {
    const stamps: number[] = [];
    const target: SendTarget = {
      sendAsync: (message, handler, context) => {
        stamps.push(readStamp(message.body) ?? 0);
        setImmediate(() => handler.onSuccess(OK, context));
      },
    };
    const fromMs = Date.now();
    await load(target, { quantity: 10, inFlight: 1 }).load.run();
    expect(stamps).toEqual([...stamps].sort((a, b) => a - b));
    expect((stamps[0] ?? 0) / 1000).toBeGreaterThan(fromMs - 100);
    expect((stamps[0] ?? 0) / 1000).toBeLessThan(Date.now() + 100);
  });
});

describe('an open loop', () => {
  it('sends at the rate planned', async () => {
    const broker = new FakeBroker();
    const run = load(broker, { rate: 1000, inFlight: 1000, durationMs: 300 });
    const outcome = await run.load.run();
    expect(broker.sent + outcome.unsent).toBeGreaterThanOrEqual(299);
    expect(broker.sent + outcome.unsent).toBeLessThanOrEqual(301);
  });

  it('measures latency from the planned time when the broker stalls', async () => {
    // One slot, 20 ms an answer, 10 ms a plan: each send starts 10 ms later than the one before.
    const broker = new FakeBroker({ delayMs: 20 });
    const run = load(broker, { rate: 100, inFlight: 1, quantity: 10 });
    const outcome = await run.load.run();
    const { latencyMs } = run.recorder.measured(outcome.seconds);
    expect(latencyMs.max).toBeGreaterThan(100);
    expect(latencyMs.p50).toBeGreaterThan(50);
  });

  it('says how many planned sends the broker was too slow for', async () => {
    const broker = new FakeBroker({ delayMs: 50 });
    const run = load(broker, { rate: 1000, inFlight: 2, durationMs: 300 });
    const outcome = await run.load.run();
    expect(outcome.unsent).toBeGreaterThan(200);
    expect(outcome.unsent + run.recorder.count).toBeGreaterThanOrEqual(299);
  });
});
