/** Says whether a figure drifts over hours: a robust slope, which a few pauses do not bend, and how sure it is. */

/** Slope of a figure and what it means. */
export interface Drift {
  /** Change of the figure an hour: the median of the slopes between all pairs (Theil and Sen). */
  readonly slopePerHour: number;
  /** It lies between these with 95 % confidence. */
  readonly lowPerHour: number;
  readonly highPerHour: number;
  /** Of the figure. */
  readonly median: number;
  /** The slope over the time looked at, in percent of the median. */
  readonly changePercent: number;
  readonly verdict: 'steady' | 'rising' | 'falling' | 'too short';
}

export interface DriftPoint {
  readonly atSeconds: number;
  readonly value: number;
}

/** Neighbouring samples are alike; medians of so many groups are nearly independent, and few enough to look at all pairs. */
const GROUPS = 60;
const FEWEST_POINTS = 12;
/** Of the normal distribution, for 95 %. */
const Z = 1.96;
const SECONDS_AN_HOUR = 3600;

/** @param tolerancePercent a change of so much over the time looked at is none */
export function driftOf(points: readonly DriftPoint[], tolerancePercent: number): Drift {
  const groups = grouped(points);
  const middle = median(groups.map(({ value }) => value));
  const { slope, low, high } = theilSen(groups);
  const seconds = (groups.at(-1)?.atSeconds ?? 0) - (groups[0]?.atSeconds ?? 0);
  const changePercent = middle === 0 ? 0 : (100 * slope * seconds) / middle;
  const isSure = low > 0 || high < 0;
  const isLarge = Math.abs(changePercent) > tolerancePercent;
  return {
    slopePerHour: digits(slope * SECONDS_AN_HOUR),
    lowPerHour: digits(low * SECONDS_AN_HOUR),
    highPerHour: digits(high * SECONDS_AN_HOUR),
    median: digits(middle),
    changePercent: Math.round(changePercent * 100) / 100,
    verdict: points.length < FEWEST_POINTS ? 'too short' : !isSure || !isLarge ? 'steady' : slope > 0 ? 'rising' : 'falling',
  };
}

/** Median slope of all pairs, and the interval that holds it with 95 % confidence, after Sen. */
export function theilSen(points: readonly DriftPoint[]): { readonly slope: number; readonly low: number; readonly high: number } {
  const slopes: number[] = [];
  for (let i = 0; i < points.length; i++) {
    for (let j = i + 1; j < points.length; j++) {
      const [a, b] = [points[i] as DriftPoint, points[j] as DriftPoint];
      if (b.atSeconds !== a.atSeconds) slopes.push((b.value - a.value) / (b.atSeconds - a.atSeconds));
    }
  }
  if (slopes.length === 0) return { slope: 0, low: 0, high: 0 };
  slopes.sort((a, b) => a - b);
  const n = points.length;
  const reach = Z * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const at = (rank: number): number => slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(rank)))] as number;
  return { slope: median(slopes), low: at((slopes.length - reach) / 2 - 1), high: at((slopes.length + reach) / 2) };
}

/** Medians of groups of neighbours. */
function grouped(points: readonly DriftPoint[]): DriftPoint[] {
  const size = Math.max(1, Math.ceil(points.length / GROUPS));
  const groups: DriftPoint[] = [];
  for (let at = 0; at < points.length; at += size) {
    const group = points.slice(at, at + size);
    groups.push({ atSeconds: median(group.map(({ atSeconds }) => atSeconds)), value: median(group.map(({ value }) => value)) });
  }
  return groups;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? (sorted[Math.floor(middle)] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Six digits: figures are bytes as well as milliseconds. */
function digits(value: number): number {
  return Number(value.toPrecision(6));
}
