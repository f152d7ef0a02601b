import { join } from 'node:path';
import type { Clock } from '../../src/common/clock.js';
import { parseFastjson, stringifyFastjson } from '../../src/common/fastjson.js';
import type { Logger } from '../../src/common/logger.js';
import { type DataVersion, newDataVersion, nextDataVersion, readDataVersion } from '../data-version.js';
import { asObject } from '../json.js';
import { ConfigFile, type Disk } from '../store/index.js';

interface Metric {
  count: number;
  timeStamp: number;
}

/** How many messages of each topic wait on the wheel: `config/timermetrics`, and the answer to GET_TIMER_METRICS. Mirrors TimerMetrics. */
export class TimerMetrics {
  readonly #file: ConfigFile<unknown>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #counts = new Map<string, Metric>();
  #dataVersion: DataVersion;
  #isDirty = false;
  #isSaving = false;
  #problem: string | null = null;

  constructor(options: { root: string; disk: Disk; clock: Clock; logger: Logger }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#dataVersion = newDataVersion(options.clock);
    this.#file = new ConfigFile<unknown>({
      path: join(options.root, 'config', 'timermetrics'),
      parse: parseFastjson,
      stringify: (value) => stringifyFastjson(value),
      logger: options.logger,
      disk: options.disk,
    });
  }

  /** Counts are for people: a file that cannot be read is not worth a stop. */
  load(): void {
    let content: Readonly<Record<string, unknown>> | null = null;
    try {
      content = asObject(this.#file.load());
    } catch (error) {
      this.#logger.warn(`the timer counts start anew: ${(error as Error).message}`);
    }
    if (content === null) return;
    this.#dataVersion = readDataVersion(content.dataVersion, this.#clock);
    for (const [topic, value] of Object.entries(asObject(content.timingCount) ?? {})) {
      const metric = asObject(value);
      const count = Number(metric?.count);
      if (Number.isSafeInteger(count)) this.#counts.set(topic, { count, timeStamp: Number(metric?.timeStamp) || 0 });
    }
  }

  add(topic: string, change: number): void {
    const metric = this.#counts.get(topic);
    if (metric === undefined) {
      this.#counts.set(topic, { count: change, timeStamp: this.#clock.nowMs() });
    } else {
      metric.count += change;
      metric.timeStamp = this.#clock.nowMs();
    }
    this.#isDirty = true;
  }

  /** Messages of a topic that wait. */
  count(topic: string): number {
    return this.#counts.get(topic)?.count ?? 0;
  }

  toTable(): { dataVersion: DataVersion; timingCount: Record<string, Metric> } {
    return { dataVersion: this.#dataVersion, timingCount: Object.fromEntries(this.#counts) };
  }

  /** Saves when a count changed; in the background, one save at a time. A failure is logged, and the next save tries again. */
  save(options: { background?: boolean } = {}): void {
    if (this.#isSaving ? options.background === true : !this.#isDirty) return;
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock);
    this.#isDirty = false;
    if (options.background === true) {
      this.#isSaving = true;
      this.#file.saveInBackground(this.toTable(), (error) => {
        this.#isSaving = false;
        this.#saved(error);
      });
      return;
    }
    try {
      this.#file.save(this.toTable());
      this.#saved(null);
    } catch (error) {
      this.#saved(error);
    }
  }

  #saved(error: unknown): void {
    if (error !== null) this.#isDirty = true;
    const problem = error === null ? null : (error as Error).message;
    if (problem !== null && problem !== this.#problem) {
      this.#logger.error(`${this.#file.path} cannot be saved: ${problem}; trying again`);
    }
    this.#problem = problem;
  }
}
