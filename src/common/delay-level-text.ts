const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The words of a `messageDelayLevel` text such as `1s 5s 10s`, level 1 first, each with its delay in ms; null for what is no delay. */
export function readDelayLevels(text: string): { word: string; ms: number | null }[] {
  return text
    .trim()
    .split(/\s+/)
    .map((word) => {
      const match = /^(\d+)([smhd])$/.exec(word);
      return { word, ms: match === null ? null : Number(match[1]) * UNIT_MS[match[2]!]! };
    });
}
