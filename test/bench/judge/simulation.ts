import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareSamples, type Method } from '../../../src/bench/judge/samples.js';
import type { Random } from '../../../src/common/clock.js';

/** Which of the recordings in noise.json is drawn from. */
export type Recording = 'quiet' | 'busy' | 'saturated';
export type Figure = 'rate' | 'p99Ms';

/** Runs of real brokers; the file says how they were recorded. */
const noise = JSON.parse(readFileSync(join(import.meta.dirname, 'noise.json'), 'utf8')) as Record<
  Recording,
  readonly Record<Figure, number[]>[]
>;

/** Seconds that are drawn together, so that what follows one another in the recording does so in the simulation. */
const BLOCK_SECONDS = 5;
const RUN_SECONDS = 10;
const LEVEL = 0.95;
const ALPHA = 0.05;

export interface Simulation {
  readonly recording: Recording;
  readonly figure: Figure;
  readonly method: Method;
  /** Pairs, runs a side, or seconds of the two series. */
  readonly size: number;
  /** What the second side is made of: 1 is the same. */
  readonly factor: number;
  readonly comparisons: number;
}

/** Share of simulated comparisons that show a difference, in percent. */
export function shownPercent({ recording, figure, method, size, factor, comparisons }: Simulation, random: Random): number {
  const runs = noise[recording].map((run) => run[figure]);
  let shown = 0;
  for (let i = 0; i < comparisons; i++) {
    const { base, vs } = drawSample(runs, { method, size }, random);
    const changed = vs.map((value) => value * factor);
    shown += compareSamples(method, { base, vs: changed }, { level: LEVEL, random, resamples: 1 }).p <= ALPHA ? 1 : 0;
  }
  return (100 * shown) / comparisons;
}

/** Two sides of one machine and one broker: seconds of the recording for series, means of runs of such seconds else; pairs in the order ABBA. */
function drawSample(
  runs: readonly number[][],
  { method, size }: { method: Method; size: number },
  random: Random,
): { base: number[]; vs: number[] } {
  if (method === 'series') {
    return { base: drawSeconds(runs, size, random), vs: drawSeconds(runs, size, random) };
  }
  const seconds = drawSeconds(runs, 2 * size * RUN_SECONDS, random);
  const [base, vs]: [number[], number[]] = [[], []];
  for (let run = 0; run < 2 * size; run++) {
    const its = seconds.slice(run * RUN_SECONDS, (run + 1) * RUN_SECONDS);
    ([0, 3].includes(run % 4) ? base : vs).push(its.reduce((sum, value) => sum + value, 0) / RUN_SECONDS);
  }
  return { base, vs };
}

function drawSeconds(runs: readonly number[][], count: number, random: Random): number[] {
  const drawn: number[] = [];
  // Blocks of the test shall not begin where those of the simulation do.
  const skipped = random.nextInt(BLOCK_SECONDS);
  while (drawn.length < skipped + count) {
    const run = runs[random.nextInt(runs.length)]!;
    const start = random.nextInt(run.length - BLOCK_SECONDS + 1);
    drawn.push(...run.slice(start, start + BLOCK_SECONDS));
  }
  return drawn.slice(skipped, skipped + count);
}
