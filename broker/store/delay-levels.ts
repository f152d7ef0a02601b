import { readDelayLevels } from '../../src/common/delay-level-text.js';
import { ConfigError } from '../../src/common/errors.js';

/** Delays in ms by level, level 1 first, of a `messageDelayLevel` text such as `1s 5s 10s`. */
export function parseDelayLevels(text: string): number[] {
  return readDelayLevels(text).map(({ word, ms }) => {
    if (ms === null) {
      throw new ConfigError(`messageDelayLevel: ${JSON.stringify(word)} is not a delay`, {
        hint: 'write delays like 1s 5s 10s 30s 1m 2h',
      });
    }
    return ms;
  });
}

/** When a message of this level is due. A level beyond the table means its last one, a level without entry one second. */
export function deliverTime(levels: readonly number[], level: number, storeTimestamp: number): number {
  return storeTimestamp + (levels[Math.min(level, levels.length) - 1] ?? 1000);
}
