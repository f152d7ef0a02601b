import type { PulledMessage } from '../client/consumer/pulled-message.js';
import type { TimerDeliveries } from './kind-results.js';
import { LatencyHistogram } from './latency-histogram.js';
import type { Recorder } from './recorder.js';
import { wallClockUs } from './stamp.js';
import { DUE_PROPERTY } from './timer-schedule.js';

/** Percentiles that the line of Apache's timer consumer has. */
const CLASSIC_PERCENTS = [25, 50, 80, 90, 99, 99.9];

/** Records when messages arrive, measured by when they were due. */
export class Lateness {
  readonly #recorder: Recorder;
  readonly #all = new LatencyHistogram();
  #early = 0;
  #maxEarlyMs = 0;
  #sentLate = 0;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** Messages that had a due time. */
  get count(): number {
    return this.#recorder.count + this.#sentLate;
  }

  /** Notes a message; one without a due time is somebody else's. */
  receive(message: PulledMessage): void {
    const dueMs = Number(message.property(DUE_PROPERTY) ?? Number.NaN);
    if (Number.isNaN(dueMs)) {
      return;
    }
    if (message.bornTimestamp >= dueMs) {
      this.#sentLate++;
      return;
    }
    const latenessUs = wallClockUs() - dueMs * 1000;
    if (latenessUs < 0) {
      this.#early++;
      this.#maxEarlyMs = Math.max(this.#maxEarlyMs, -latenessUs / 1000);
    }
    this.#all.record(latenessUs);
    this.#recorder.success(Math.max(0, latenessUs), message.body.length);
  }

  deliveries(): TimerDeliveries {
    return { early: this.#early, maxEarlyMs: Math.round(this.#maxEarlyMs * 1000) / 1000, sentLate: this.#sentLate };
  }

  /** Maximum and percentiles of the run in whole milliseconds, as Apache's line has them; undefined before the first message. */
  classic(): { readonly maxMs: number; readonly percentilesMs: readonly number[] } | undefined {
    return this.#all.count === 0
      ? undefined
      : {
          maxMs: Math.round(this.#all.maxMs),
          percentilesMs: CLASSIC_PERCENTS.map((percent) => Math.round(this.#all.percentileMs(percent))),
        };
  }
}
