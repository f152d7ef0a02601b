import type { TimerHandle, Timers } from '../../src/common/clock.js';
import { CHECKPOINT_POLL_MS } from './limits.js';
import type { TimerCheckpoint, TimerProgress } from './timer-checkpoint.js';
import type { TimerContext } from './timer-context.js';

/** A checkpoint that waits for what it speaks of. */
interface Pending {
  progress: TimerProgress;
  /** The messages that were delivered lie before it in the commit log. */
  logEnd: number;
}

/**
 * Puts the timer on the device in the order that recovery relies on: units, then the wheel's slots that point at them, then (when the commit
 * log has every delivered message on the device) the checkpoint.
 */
export class TimerFlush {
  readonly #context: TimerContext;
  readonly #checkpoint: TimerCheckpoint;
  readonly #timers: Timers;
  readonly #progress: () => TimerProgress | null;
  #isBusy = false;
  #isFlushRequested = false;
  #pending: Pending | null = null;
  #poll: TimerHandle | null = null;
  #saved: TimerProgress;
  #problem: string | null = null;

  /** @param options.progress where the timer is now; null while no checkpoint may be written */
  constructor(context: TimerContext, options: { checkpoint: TimerCheckpoint; timers: Timers; progress: () => TimerProgress | null }) {
    this.#context = context;
    this.#checkpoint = options.checkpoint;
    this.#timers = options.timers;
    this.#progress = options.progress;
    this.#saved = options.checkpoint.progress;
  }

  /** Begins a flush, when there is something to flush and none is under way. */
  start(): void {
    const { log, wheel, store, metrics } = this.#context;
    metrics.save({ background: true });
    if (this.#isBusy || this.#pending !== null) return;
    const progress = this.#progress();
    const isSaved = progress === null || isSame(progress, this.#saved);
    if (log.unflushedBytes === 0 && !wheel.isDirty && isSaved) return;
    const pending = progress === null ? null : { progress, logEnd: store.commitLogMaxOffset() };
    const pages = wheel.takeDirty();
    this.#isBusy = true;
    const end = (error: unknown): void => {
      this.#isBusy = false;
      if (error !== null) wheel.markDirty(pages);
      this.#note(error);
      if (error !== null || pending === null) return;
      this.#pending = pending;
      this.#saveWhenFlushed();
    };
    this.#guard(end, () => {
      log.write();
      log.sync((error) => {
        if (error !== null) {
          end(error);
          return;
        }
        this.#guard(end, () => {
          // The units are on the device: a slot never points at what a power cut can take away.
          wheel.write(pages);
          wheel.sync(end);
        });
      });
    });
  }

  #guard(end: (error: unknown) => void, work: () => void): void {
    try {
      work();
    } catch (error) {
      end(error);
    }
  }

  #saveWhenFlushed(): void {
    this.#poll = null;
    const pending = this.#pending;
    if (pending === null) return;
    const { store, clock } = this.#context;
    if (store.flushedWhere < pending.logEnd) {
      // A checkpoint ahead of its messages would lose them with the power.
      if (!this.#isFlushRequested) store.requestFlush();
      this.#isFlushRequested = true;
      this.#poll = this.#timers.setTimeout(() => this.#saveWhenFlushed(), CHECKPOINT_POLL_MS);
      return;
    }
    this.#isFlushRequested = false;
    this.#isBusy = true;
    const end = (error: unknown): void => {
      this.#isBusy = false;
      if (error === null) this.#saved = pending.progress;
      this.#note(error);
    };
    this.#pending = null;
    this.#guard(end, () => this.#checkpoint.save(pending.progress, clock.nowMs(), end));
  }

  #note(error: unknown): void {
    const problem = error === null ? null : (error as Error).message;
    if (problem !== null && problem !== this.#problem) {
      this.#context.logger.error(`the timer cannot be flushed: ${problem}; trying again`);
    }
    this.#problem = problem;
  }

  /** Flushes everything before it returns, for a stop: the caller has seen to it that the commit log is on the device. */
  finish(): void {
    const { log, wheel, clock, metrics } = this.#context;
    if (this.#poll !== null) this.#timers.clearTimeout(this.#poll);
    this.#poll = null;
    this.#pending = null;
    metrics.save();
    this.#guard(
      (error) => this.#note(error),
      () => {
        log.syncNow();
        wheel.write(wheel.takeDirty());
        wheel.syncNow();
        const progress = this.#progress();
        if (progress !== null) this.#checkpoint.save(progress, clock.nowMs());
      },
    );
  }

  /** Nothing is under way that reads pages of the wheel. */
  get isIdle(): boolean {
    return !this.#isBusy;
  }
}

function isSame(a: TimerProgress, b: TimerProgress): boolean {
  return a.readTimeMs === b.readTimeMs && a.queueOffset === b.queueOffset && a.logFlushPos === b.logFlushPos;
}
