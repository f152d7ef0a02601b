import type { StoreCounters } from './types.js';

/** Upper bounds, ms, of the put latency buckets; one more bucket holds the rest. Apache's putMessageDistributeTime has the same ones. */
export const PUT_LATENCY_BUCKETS: readonly number[] = [0, 10, 50, 100, 200, 500, 1000, 2000, 3000, 4000, 5000, 10_000];

export function newCounters(): StoreCounters {
  return {
    puts: 0,
    putBytes: 0,
    putsRefused: 0,
    turns: 0,
    gets: 0,
    getsFound: 0,
    getsMissed: 0,
    messagesRead: 0,
    bytesRead: 0,
    recordsDamaged: 0,
    flushes: 0,
    flushFailures: 0,
    dispatched: 0,
    putLatencyMsMax: 0,
    putLatencyBuckets: new Array<number>(PUT_LATENCY_BUCKETS.length + 1).fill(0),
  };
}

/** Counts `puts` messages that took at most `elapsedMs`. */
export function notePutLatency(counters: StoreCounters, elapsedMs: number, puts: number): void {
  if (elapsedMs > counters.putLatencyMsMax) {
    counters.putLatencyMsMax = elapsedMs;
  }
  const whole = Math.floor(elapsedMs);
  let bucket = 0;
  while (bucket < PUT_LATENCY_BUCKETS.length && whole > PUT_LATENCY_BUCKETS[bucket]!) {
    bucket++;
  }
  counters.putLatencyBuckets[bucket]! += puts;
}
