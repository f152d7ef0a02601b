import type { Clock } from '../../common/clock.js';
import type { ConsumeStatus } from '../../remoting/bodies/running-info.js';

const WINDOW_SECONDS = 60;
const HOUR_MINUTES = 60;

/** Counts of a sliding minute, by second. */
class MinuteWindow {
  readonly #sums = new Float64Array(WINDOW_SECONDS);
  readonly #times = new Float64Array(WINDOW_SECONDS);
  readonly #seconds = new Float64Array(WINDOW_SECONDS).fill(-1);

  add(second: number, sum: number, times: number): void {
    const slot = second % WINDOW_SECONDS;
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second;
      this.#sums[slot] = 0;
      this.#times[slot] = 0;
    }
    this.#sums[slot] = (this.#sums[slot] ?? 0) + sum;
    this.#times[slot] = (this.#times[slot] ?? 0) + times;
  }

  /** Sum and times of the last minute, and the seconds they cover since `startSecond`. */
  read(second: number, startSecond: number): { sum: number; times: number; seconds: number } {
    let sum = 0;
    let times = 0;
    for (let slot = 0; slot < WINDOW_SECONDS; slot++) {
      const at = this.#seconds[slot] ?? -1;
      if (at >= 0 && second - at < WINDOW_SECONDS) {
        sum += this.#sums[slot] ?? 0;
        times += this.#times[slot] ?? 0;
      }
    }
    return { sum, times, seconds: Math.max(1, Math.min(WINDOW_SECONDS, second - startSecond + 1)) };
  }
}

class TopicStats {
  readonly pullRt = new MinuteWindow();
  readonly pulled = new MinuteWindow();
  readonly consumeRt = new MinuteWindow();
  readonly ok = new MinuteWindow();
  readonly failed = new MinuteWindow();
  /** Failures by minute. */
  readonly failedByMinute = new Map<number, number>();
}

/** What a consumer did lately, by topic. */
export class ConsumerStats {
  readonly #clock: Clock;
  readonly #startSecond: number;
  readonly #topics = new Map<string, TopicStats>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startSecond = Math.floor(clock.nowMs() / 1000);
  }

  /** A pull that brought messages. */
  onPull(topic: string, messageCount: number, costMs: number): void {
    const stats = this.#of(topic);
    const second = this.#second();
    stats.pullRt.add(second, costMs, 1);
    stats.pulled.add(second, messageCount, 1);
  }

  /** A listener call. */
  onConsume(topic: string, counts: { ok: number; failed: number; costMs: number }): void {
    const stats = this.#of(topic);
    const second = this.#second();
    stats.consumeRt.add(second, counts.costMs, 1);
    stats.ok.add(second, counts.ok, 1);
    if (counts.failed > 0) {
      stats.failed.add(second, counts.failed, 1);
      const minute = Math.floor(second / 60);
      stats.failedByMinute.set(minute, (stats.failedByMinute.get(minute) ?? 0) + counts.failed);
      for (const old of stats.failedByMinute.keys()) {
        if (old <= minute - HOUR_MINUTES) {
          stats.failedByMinute.delete(old);
        }
      }
    }
  }

  /** Times in ms, rates a second, both of the last minute; failures of the last hour. */
  status(topic: string): ConsumeStatus {
    const stats = this.#of(topic);
    const second = this.#second();
    const mean = (window: MinuteWindow): number => {
      const { sum, times } = window.read(second, this.#startSecond);
      return times === 0 ? 0 : sum / times;
    };
    const rate = (window: MinuteWindow): number => {
      const { sum, seconds } = window.read(second, this.#startSecond);
      return sum / seconds;
    };
    let consumeFailedMsgs = 0;
    for (const [minute, count] of stats.failedByMinute) {
      if (minute > Math.floor(second / 60) - HOUR_MINUTES) {
        consumeFailedMsgs += count;
      }
    }
    return {
      pullRT: mean(stats.pullRt),
      pullTPS: rate(stats.pulled),
      consumeRT: mean(stats.consumeRt),
      consumeOKTPS: rate(stats.ok),
      consumeFailedTPS: rate(stats.failed),
      consumeFailedMsgs,
    };
  }

  #of(topic: string): TopicStats {
    let stats = this.#topics.get(topic);
    if (stats === undefined) {
      stats = new TopicStats();
      this.#topics.set(topic, stats);
    }
    return stats;
  }

  #second(): number {
    return Math.floor(this.#clock.nowMs() / 1000);
  }
}
