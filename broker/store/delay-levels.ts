import { ConfigError } from '../../src/common/errors.js';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Delays in ms by level, level 1 first, of a `messageDelayLevel` text such as `1s 5s 10s`. */
export function parseDelayLevels(text: string): number[] {
  return text
    .trim()
    .split(/\s+/)
    .map((word) => {
      const match = /^(\d+)([smhd])$/.exec(word);
      if (match === null) {
        throw new ConfigError(`messageDelayLevel: ${JSON.stringify(word)} is not a delay`, {
          hint: 'write delays like 1s 5s 10s 30s 1m 2h',
        });
      }
      return Number(match[1]) * UNIT_MS[match[2]!]!;
    });
}

/** When a message of this level is due. A level beyond the table means its last one, a level without entry one second. */
export function deliverTime(levels: readonly number[], level: number, storeTimestamp: number): number {
  return storeTimestamp + (levels[Math.min(level, levels.length) - 1] ?? 1000);
}
