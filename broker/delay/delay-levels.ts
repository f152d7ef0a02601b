import { deliverTime, parseDelayLevels } from '../store/delay-levels.js';

/** The table of `messageDelayLevel`: level 1 is its first entry. */
export class DelayLevels {
  readonly maxLevel: number;
  readonly #delaysMs: readonly number[];

  /** @param text `1s 5s 10s …`; throws ConfigError naming the entry that cannot be read. */
  constructor(text: string) {
    this.#delaysMs = parseDelayLevels(text);
    this.maxLevel = this.#delaysMs.length;
  }

  /** ms that a message of this level waits; a level above the table has the table's last. */
  delayMs(level: number): number {
    return deliverTime(this.#delaysMs, level, 0);
  }

  cap(level: number): number {
    return Math.min(level, this.maxLevel);
  }
}
