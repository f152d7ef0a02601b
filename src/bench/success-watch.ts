import type { Recorder } from './recorder.js';

const LOOK_MS = 250;
/** Fewer failures in a row say nothing about a broker. */
const FEW_ERRORS = 3;
/** Failures that began so shortly before the end say nothing either. */
const SHORT_MS = 1000;

/** Sees when nothing succeeds any more. It looks at the counts now and then, so that it costs nothing a message. */
export class SuccessWatch {
  readonly #recorder: Recorder;
  readonly #timer: NodeJS.Timeout;
  #count = 0;
  /** Errors before and at the last look at which something had succeeded. */
  #errors = 0;
  #seenMs = performance.now();

  /** @param onLost called over and over when nothing but errors came for `limitMs`. */
  constructor(recorder: Recorder, limitMs: number, onLost: () => void) {
    this.#recorder = recorder;
    this.#timer = setInterval(() => {
      if (this.lostMs > limitMs) {
        onLost();
      }
    }, LOOK_MS);
  }

  /** For how long there were nothing but errors; 0 when something succeeded shortly before. */
  get lostMs(): number {
    const { count, errors } = this.#recorder;
    const nowMs = performance.now();
    if (count !== this.#count || errors < this.#errors) {
      this.#count = count;
      this.#errors = errors;
      this.#seenMs = nowMs;
    }
    const isLost = errors - this.#errors >= FEW_ERRORS && nowMs - this.#seenMs >= SHORT_MS;
    return isLost ? nowMs - this.#seenMs : 0;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
