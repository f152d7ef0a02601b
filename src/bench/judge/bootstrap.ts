import type { Random } from '../../common/clock.js';

/** Resamples behind an interval. */
export const RESAMPLES = 4000;

/** The middle value. */
export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/** A quantile of sorted values, between neighbours where it falls between them. */
function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const [low = Number.NaN, high = low] = [sorted[below], sorted[below + 1]];
  return low + (high - low) * (at - below);
}

/** The percentile interval of a statistic that `draw` takes from a resample (Efron, "Bootstrap methods: another look at the jackknife", 1979). */
export function bootstrapInterval(
  draw: () => number,
  { level, resamples }: { readonly level: number; readonly resamples: number },
): { readonly low: number; readonly high: number } {
  const values = Float64Array.from({ length: resamples }, draw).sort();
  return { low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2) };
}

/** As many values as there are, each drawn from all of them. */
export function resample(values: readonly number[], random: Random): number[] {
  return values.map(() => values[random.nextInt(values.length)]!);
}

/** As many values as there are, drawn in blocks of neighbours; the last is the neighbour of the first (Politis and Romano, 1992). */
export function resampleBlocks(values: readonly number[], blockLength: number, random: Random): number[] {
  const drawn: number[] = [];
  while (drawn.length < values.length) {
    const start = random.nextInt(values.length);
    for (let i = 0; i < blockLength && drawn.length < values.length; i++) {
      drawn.push(values[(start + i) % values.length]!);
    }
  }
  return drawn;
}
