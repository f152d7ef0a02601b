/** What the page's script draws. It is made from results, thinned to what a screen can show, and carried in the page as JSON. */

/** How the values of an axis are written. */
export type Unit = 'seconds' | 'rate' | 'ms' | 'percent' | 'bytes' | 'count' | 'percentile' | 'category';

/** One line, or one row of bars. */
export interface ChartLine {
  /** Index of the result, and of its colour. */
  readonly result: number;
  /** What of the result: `p99`, `send`. Lines of one metric share a style, and are switched together. */
  readonly metric: string;
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
  /** Where each y stands for several values of a long series: the least and the greatest of them. */
  readonly range?: { readonly low: readonly (number | null)[]; readonly high: readonly (number | null)[] };
}

/** A dashed line across a chart: a limit, a rate that was found. */
export interface Mark {
  readonly axis: 'x' | 'y';
  readonly value: number;
  readonly label: string;
}

export interface Chart {
  readonly id: string;
  readonly shape: 'line' | 'bars' | 'points';
  readonly x: { readonly label: string; readonly unit: Unit };
  readonly y: { readonly label: string; readonly unit: Unit; readonly log: boolean };
  /** In the order of their switches. */
  readonly metrics: readonly string[];
  /** Metrics that are shown at first. */
  readonly shown: readonly string[];
  readonly lines: readonly ChartLine[];
  /** Names of x = 0, 1, 2 … where x are categories. */
  readonly categories?: readonly string[];
  readonly marks?: readonly Mark[];
}

export interface PageData {
  /** Names of the results, in the order of their colours. */
  readonly results: readonly string[];
  readonly charts: readonly Chart[];
}
