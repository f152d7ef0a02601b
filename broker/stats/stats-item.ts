import type { StatsSnapshot } from './types.js';

/** Numbers of one sample: time, value, count. */
const SAMPLE = 3;

/** The latest samples of one counter, in one array: a broker has a hundred thousand counters. */
class Samples {
  readonly #numbers: number[] = [];
  readonly #kept: number;

  constructor(kept: number) {
    this.#kept = kept * SAMPLE;
  }

  add(timeMs: number, value: number, count: number): void {
    const numbers = this.#numbers;
    if (numbers.length === this.#kept) {
      numbers.copyWithin(0, SAMPLE);
      numbers.length -= SAMPLE;
    }
    numbers.push(timeMs, value, count);
  }

  /** Growth since the oldest sample that is not older than the window. */
  since(nowMs: number, windowMs: number, value: number, count: number): StatsSnapshot {
    const numbers = this.#numbers;
    let at = 0;
    while (at < numbers.length - SAMPLE && nowMs - numbers[at]! > windowMs) at += SAMPLE;
    const sum = value - numbers[at + 1]!;
    const times = count - numbers[at + 2]!;
    // A counter younger than a second has no rate yet: its growth counts as one second's.
    const seconds = Math.max(nowMs - numbers[at]!, 1000) / 1000;
    return { sum, tps: sum / seconds, avgpt: times === 0 ? 0 : sum / times };
  }
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Samples a window keeps: the window's own and the one it starts from. */
const MINUTE_SAMPLES = 8;
const HOUR_SAMPLES = 8;
const DAY_SAMPLES = 26;

/**
 * One counter of VIEW_BROKER_STATS_DATA. The hot path adds to two integers; samples are taken from outside: each 10 s for the minute,
 * 10 min for the hour, 1 h for the day. A window runs from its oldest sample to now, so its numbers are right at any moment.
 */
export class StatsItem {
  readonly statsName: string;
  readonly statsKey: string;
  /** What was counted: messages, bytes, ms. */
  value = 0;
  /** How often something was counted. */
  times = 0;
  readonly #minute = new Samples(MINUTE_SAMPLES);
  readonly #hour = new Samples(HOUR_SAMPLES);
  readonly #day = new Samples(DAY_SAMPLES);

  constructor(statsName: string, statsKey: string) {
    this.statsName = statsName;
    this.statsKey = statsKey;
  }

  /** Whether anything was counted yet. */
  get isUsed(): boolean {
    return this.times > 0;
  }

  /** Takes the first sample, a zero. To be called before the first count: a counter's windows begin when its load begins. */
  begin(nowMs: number): void {
    this.#minute.add(nowMs, this.value, this.times);
    this.#hour.add(nowMs, this.value, this.times);
    this.#day.add(nowMs, this.value, this.times);
  }

  /** Counts off the hot path; there the fields are added to directly. */
  add(value: number, nowMs: number): void {
    if (this.times === 0) this.begin(nowMs);
    this.value += value;
    this.times++;
  }

  sampleMinute(nowMs: number): void {
    this.#minute.add(nowMs, this.value, this.times);
  }

  sampleHour(nowMs: number): void {
    this.#hour.add(nowMs, this.value, this.times);
  }

  sampleDay(nowMs: number): void {
    this.#day.add(nowMs, this.value, this.times);
  }

  minute(nowMs: number): StatsSnapshot {
    return this.#minute.since(nowMs, MINUTE_MS, this.value, this.times);
  }

  hour(nowMs: number): StatsSnapshot {
    return this.#hour.since(nowMs, HOUR_MS, this.value, this.times);
  }

  day(nowMs: number): StatsSnapshot {
    return this.#day.since(nowMs, DAY_MS, this.value, this.times);
  }
}
