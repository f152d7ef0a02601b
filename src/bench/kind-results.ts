import type { BenchResult, SendMeasured } from './result.js';

/** `mqbench batch`. Counts, rates and errors of `send` are messages; its latencies and attempts are those of batches. */
export interface BatchResult extends BenchResult {
  readonly kind: 'batch';
  readonly send: SendMeasured;
  readonly batches: {
    readonly batchSize: number;
    readonly count: number;
    readonly errors: number;
    /** Batches per second. */
    readonly rate: number;
  };
}
