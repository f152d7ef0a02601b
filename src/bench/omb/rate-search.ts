/** Searches the highest rate that is sent and consumed in time, as the OpenMessaging Benchmark does for `producerRate: 0`. */

/** The rate that a search begins with. */
export const SEARCH_START_RATE = 10_000;
/** Time between two adjustments. */
export const SEARCH_PERIOD_MS = 3000;

const BACKLOG_LIMIT = 1000;
const MIN_STEP = 0.01;
const MAX_STEP = 1;
/** A plan without sends would never learn that it can be raised again. */
const LOWEST_RATE = 1;

/** Totals since the search began. */
export interface SearchCounts {
  readonly published: number;
  /** Messages that all subscriptions together still have to get. */
  readonly received: number;
}

/** Raises the rate by its step while nothing is left behind, and takes the step back, halved, when something is. */
export class RateSearch {
  #step = MAX_STEP;
  #before: SearchCounts;

  constructor(before: SearchCounts = { published: 0, received: 0 }) {
    this.#before = before;
  }

  /** The rate for the next period. */
  next(rate: number, seconds: number, totals: SearchCounts): number {
    const planned = Math.floor(rate * seconds);
    const published = totals.published - this.#before.published;
    const received = totals.received - this.#before.received;
    this.#before = totals;
    const unread = totals.published - totals.received;
    if (unread > BACKLOG_LIMIT) return this.#lower(planned, { achieved: received, behind: unread, seconds });
    const unsent = planned - published;
    if (unsent > BACKLOG_LIMIT) return this.#lower(planned, { achieved: published, behind: unsent, seconds });
    this.#step = Math.min(MAX_STEP, this.#step * 2);
    return rate * (1 + this.#step);
  }

  /** Below what was achieved, and low enough for the backlog to go within a period. */
  #lower(planned: number, { achieved, behind, seconds }: { achieved: number; behind: number; seconds: number }): number {
    this.#step = Math.max(MIN_STEP, this.#step / 2);
    return Math.max(LOWEST_RATE, Math.min(achieved, planned - behind) / seconds);
  }
}
