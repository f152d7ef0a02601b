import { MAX_BENCH_IN_FLIGHT_BYTES } from '../common/limits.js';

/** Messages on their way at once at a rate, where bodies are small. */
const MOST_IN_FLIGHT = 10_000;
/** So many are allowed however large they are. */
const FEWEST_IN_FLIGHT = 64;

/** How many messages may be on their way at once at a rate: 10,000, or as many as are wanted, as far as their bodies fit into memory. */
export function fittingInFlight(bodyBytes: number, wanted: number = MOST_IN_FLIGHT): number {
  return Math.min(wanted, Math.max(FEWEST_IN_FLIGHT, Math.floor(MAX_BENCH_IN_FLIGHT_BYTES / bodyBytes)));
}
