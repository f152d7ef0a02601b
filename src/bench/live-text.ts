import type { IntervalSnapshot } from './recorder.js';
import { milliseconds, seconds, wholeNumber } from './text.js';

/** What a run goes on until, as far as it is known when it begins. */
export interface RunGoal {
  readonly warmupMs?: number;
  readonly durationMs?: number;
  readonly quantity?: number;
}

const BARS = '▁▂▃▄▅▆▇█';
/** Rates that are kept to draw. */
const MOST_BARS = 40;
const FEWEST_BARS = 8;
const SHORTEST_SECONDS = 0.1;
/** A run whose end is further away than it can be foreseen. */
const SURE_MS = 2000;

/** Bars for the last rates, the highest of them full. */
export function sparkline(rates: readonly number[]): string {
  const most = Math.max(...rates, Number.MIN_VALUE);
  return rates.map((rate) => BARS[Math.min(BARS.length - 1, Math.floor((rate / most) * BARS.length))]).join('');
}

/** The line that is drawn over and over on a terminal. */
export class LiveText {
  readonly #verb: string;
  readonly #goal: RunGoal;
  readonly #rates: number[] = [];
  #last = '';

  constructor(verb: string, goal: RunGoal) {
    this.#verb = verb;
    this.#goal = goal;
  }

  /** @param columns of the terminal: what does not fit is left out */
  line(snapshot: IntervalSnapshot, elapsedMs: number, columns: number): string {
    // The window's beginning cuts an interval short: it says nothing.
    if (snapshot.seconds < SHORTEST_SECONDS && this.#last !== '') {
      return this.#last;
    }
    this.#rates.push(snapshot.rate);
    if (this.#rates.length > MOST_BARS) {
      this.#rates.shift();
    }
    const clock = seconds(Math.round(elapsedMs / 1000) * 1000).padStart(5);
    const rate = `${wholeNumber(snapshot.rate).padStart(8)} msg/s`;
    const latency = `p50 ${milliseconds(snapshot.p50Ms)}  p99 ${milliseconds(snapshot.p99Ms)}  p99.9 ${milliseconds(snapshot.p999Ms)} ms`;
    const totals = `errors ${wholeNumber(snapshot.totalErrors)}  ${this.#verb} ${wholeNumber(snapshot.totalCount)}`;
    const progress = progressText(this.#goal, snapshot, elapsedMs);
    const words = [clock, rate, latency, totals, progress].filter((part) => part !== '').join('  ');
    const room = Math.min(MOST_BARS, columns - words.length - 2);
    this.#last =
      room < FEWEST_BARS
        ? words
        : [clock, sparkline(this.#rates.slice(-room)), rate, latency, totals, progress].filter((part) => part !== '').join('  ');
    return this.#last;
  }
}

/** `40 %, 18 s left`; nothing where the end is not known. */
export function progressText(goal: RunGoal, { totalCount, totalErrors }: IntervalSnapshot, elapsedMs: number): string {
  const { warmupMs = 0, durationMs, quantity } = goal;
  const windowMs = elapsedMs - warmupMs;
  if (windowMs < 0) {
    return 'warming up';
  }
  const byTime = durationMs === undefined ? 0 : windowMs / durationMs;
  const byCount = quantity === undefined ? 0 : (totalCount + totalErrors) / quantity;
  const done = Math.min(1, Math.max(byTime, byCount));
  if (durationMs === undefined && quantity === undefined) {
    return '';
  }
  const percent = `${Math.floor(done * 100)} %`;
  if (done === 0 || (byCount >= byTime && windowMs < SURE_MS)) {
    return percent;
  }
  const leftMs = (windowMs / done) * (1 - done);
  return `${percent}, ${timeText(leftMs)} left`;
}

/** `18 s`, `4 min`, `1 h 12 min`. */
function timeText(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return ms < 90_000 ? `${Math.ceil(ms / 1000)} s` : minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
