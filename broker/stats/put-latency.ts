/** Names of the put latency buckets, as Apache prints them, and the upper bound of each in ms. */
const BUCKETS: readonly (readonly [string, number])[] = [
  ['<=0ms', 0],
  ['0~10ms', 10],
  ['10~50ms', 50],
  ['50~100ms', 100],
  ['100~200ms', 200],
  ['200~500ms', 500],
  ['500ms~1s', 1000],
  ['1~2s', 2000],
  ['2~3s', 3000],
  ['3~4s', 4000],
  ['4~5s', 5000],
  ['5~10s', 10_000],
  ['10s~', 10_000],
];

/** `[<=0ms]:10 [0~10ms]:17 …` with a blank at its end. */
export function latencyDistribution(counts: readonly number[]): string {
  return BUCKETS.map(([name], i) => `[${name}]:${counts[i] ?? 0} `).join('');
}

/** Upper bound in ms of the bucket that holds the percentile; 0 without puts. */
export function latencyPercentile(counts: readonly number[], fraction: number): number {
  let total = 0;
  for (const count of counts) total += count;
  let below = 0;
  for (let i = 0; i < BUCKETS.length; i++) {
    below += counts[i] ?? 0;
    if (total > 0 && below >= total * fraction) return BUCKETS[i]![1];
  }
  return 0;
}
