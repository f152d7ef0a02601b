import type { Recorder } from './recorder.js';
import type { ReceiveMeasured } from './result.js';
import { readStamp, wallClockUs } from './stamp.js';

/** What the meter looks at in a message. */
export interface ReceivedMessage {
  readonly body: Buffer;
  readonly bornTimestamp: number;
  readonly storeTimestamp: number;
}

export interface ReceiveMeterOptions {
  readonly recorder: Recorder;
  readonly warmupMs: number;
  readonly durationMs?: number;
  readonly quantity?: number;
  /** The first message after the warm-up came. */
  readonly onWindow: () => void;
  /** Duration or quantity is reached. */
  readonly onEnd: () => void;
}

/** Messages of this name in `errorsByCode` were given back by the listener (`-r`). */
export const CONSUME_FAILED = 'RECONSUME_LATER';

/**
 * Measures what a listener is given. The window opens with the first message after the warm-up, so that waiting for queues and for
 * a producer to begin is no part of the rate; it closes with the duration, or with the message that completes the quantity. What comes
 * before the window is counted, too, so that it is seen to go on, and forgotten when the window opens.
 */
export class ReceiveMeter {
  readonly #options: ReceiveMeterOptions;
  #warmupEndMs = Number.POSITIVE_INFINITY;
  #windowStartMs = 0;
  #windowEndMs = Number.POSITIVE_INFINITY;
  #lastMs = 0;
  #state: 'warmup' | 'window' | 'ended' = 'warmup';
  #timer: NodeJS.Timeout | undefined;
  #wasStopped = false;

  constructor(options: ReceiveMeterOptions) {
    this.#options = options;
    options.recorder.direction = 'receive';
  }

  /** Whether it was ended before its time. */
  get wasStopped(): boolean {
    return this.#wasStopped;
  }

  /** How long before the end the last message came; 0 when none came. */
  get quietMs(): number {
    return this.#lastMs === 0 ? 0 : Math.max(0, Math.min(this.#windowEndMs, performance.now()) - this.#lastMs);
  }

  /** Counts messages handed to the listener; `failed` ones are given back to the broker. */
  receive(messages: readonly ReceivedMessage[], failed: boolean): void {
    const nowMs = performance.now();
    if (this.#state === 'warmup') {
      this.#openWhenWarm(nowMs);
    }
    if (this.#state === 'ended' || nowMs >= this.#windowEndMs) {
      return;
    }
    const nowUs = wallClockUs();
    for (const message of messages) {
      if (failed) {
        this.#options.recorder.error(CONSUME_FAILED);
        continue;
      }
      this.#options.recorder.success(nowUs - message.storeTimestamp * 1000, message.body.length);
      this.#options.recorder.endToEnd(nowUs - (readStamp(message.body) ?? message.bornTimestamp * 1000));
    }
    if (this.#state === 'warmup') {
      return;
    }
    this.#lastMs = nowMs;
    if (this.#options.quantity !== undefined && this.#options.recorder.count >= this.#options.quantity) {
      this.#close(nowMs);
    }
  }

  /** Ends the run now. */
  stop(): void {
    this.#wasStopped ||= this.#state !== 'ended';
    this.#close(performance.now());
  }

  /** Ends the run now; what it waited for after the last message is no part of its window. */
  stopAtLast(): void {
    this.#wasStopped ||= this.#state !== 'ended';
    this.#close(this.#lastMs > 0 ? this.#lastMs : performance.now());
  }

  measured(): ReceiveMeasured & Required<Pick<ReceiveMeasured, 'endToEndMs'>> {
    const seconds = this.#windowStartMs === 0 ? 0 : Math.max(this.#windowEndMs - this.#windowStartMs, 0) / 1000;
    return { ...this.#options.recorder.measured(seconds), ...this.#options.recorder.endToEndMeasured() };
  }

  /** The warm-up counts from the first message. */
  #openWhenWarm(nowMs: number): void {
    if (this.#warmupEndMs === Number.POSITIVE_INFINITY) {
      this.#warmupEndMs = nowMs + this.#options.warmupMs;
    }
    if (nowMs < this.#warmupEndMs) {
      return;
    }
    const { durationMs, recorder, onWindow } = this.#options;
    recorder.reset();
    this.#state = 'window';
    this.#windowStartMs = nowMs;
    if (durationMs !== undefined) {
      this.#windowEndMs = nowMs + durationMs;
      this.#timer = setTimeout(() => this.#close(this.#windowEndMs), durationMs);
    }
    onWindow();
  }

  #close(endMs: number): void {
    if (this.#state === 'ended') {
      return;
    }
    clearTimeout(this.#timer);
    if (this.#state === 'warmup') {
      this.#options.recorder.clear();
    }
    this.#windowEndMs = Math.min(endMs, this.#windowEndMs);
    this.#state = 'ended';
    this.#options.recorder.closeWindow();
    this.#options.onEnd();
  }
}
