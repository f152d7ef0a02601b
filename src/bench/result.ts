import type { DeliveryState } from './delivery-check.js';
import type { SentSequences } from './delivery-ledger.js';
import type { DeliveryReport } from './delivery-report.js';
import type { Environment } from './environment.js';
import type { LatencyMs } from './latency-histogram.js';

/** Schema of results; fields may be added, never changed or removed. */
export const RESULT_SCHEMA = 'mqbench/1';

/** What was measured in the window. */
export interface Measured {
  /** Messages that succeeded: SEND_OK, or handed to a listener that took them. */
  readonly count: number;
  /** Everything else. */
  readonly errors: number;
  /** Errors by send status, response code or error code. */
  readonly errorsByCode: Readonly<Record<string, number>>;
  /** Length of the window, without warm-up. */
  readonly seconds: number;
  /** Wall clock when the window began, ms since 1970 with fractions; absent when it never did. */
  readonly windowStartedAtMs?: number;
  /** count / seconds. */
  readonly rate: number;
  /** Body bytes of `count` messages. */
  readonly bytes?: number;
  /** The same per second. */
  readonly bytesPerSecond: number;
  readonly latencyMs: LatencyMs;
  /** Every latency of the window: base64 of HdrHistogram's compressed V2 encoding, in microseconds. */
  readonly histogram?: string;
  /** The window second by second. */
  readonly series?: readonly IntervalPoint[];
}

/** One second of the window; the last one can be shorter or longer, and later ones of a run of hours are longer. */
export interface IntervalPoint {
  /** Where it begins, from the beginning of the window. */
  readonly atSeconds: number;
  readonly seconds: number;
  readonly count: number;
  readonly rate: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly meanMs: number;
  readonly maxMs: number;
  readonly endToEndMeanMs?: number;
  readonly endToEndMaxMs?: number;
}

export interface SendMeasured extends Measured {
  /** With a rate: messages planned within the window that were never sent, because the broker was too slow. */
  readonly unsent: number;
  /** Requests of the window, repetitions included. */
  readonly attempts: number;
  /** Attempts after the first of their message: on another broker, or again after a transport error. */
  readonly retries: number;
  /** Attempts without a result, by response code or error code; a message whose retry succeeded is no error. */
  readonly failedAttemptsByCode: Readonly<Record<string, number>>;
  /** With a rate: from the real send instead of the planned time. It leaves out what messages waited for a broker that stalled. */
  readonly uncorrectedLatencyMs?: LatencyMs;
  readonly uncorrectedHistogram?: string;
}

export interface ReceiveMeasured extends Measured {
  /** From the stamp in the message, else from its bornTimestamp; absent for raw pulls, whose latencyMs is that of a pull. Elsewhere latencyMs is from storing to consuming. */
  readonly endToEndMs?: LatencyMs;
  readonly endToEndHistogram?: string;
}

/** What results of all kinds have. */
export interface BenchResult {
  readonly schema: typeof RESULT_SCHEMA;
  /** `producer`, `consumer` and the names of the other commands. */
  readonly kind: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly environment: Environment;
  readonly send?: SendMeasured;
  readonly receive?: ReceiveMeasured;
  /** What became of the messages, by their sequence numbers. */
  readonly delivery?: DeliveryReport;
  /** The sequence numbers that were sent: what a consumer on its own is told with `--expect`. */
  readonly sequences?: SentSequences;
  /** What one consumer of several saw; the merged result has `delivery` instead. */
  readonly deliveryState?: DeliveryState;
  /** The runs of a kind that is made of several. */
  readonly runs?: readonly BenchResult[];
  /** Present and true when the run was ended before its time. */
  readonly interrupted?: true;
  /** The run could not go on; `failure` says why. What is there was measured until then. */
  readonly partial?: true;
  readonly failure?: string;
  /** What the run drew its random choices from; given again, they are the same. */
  readonly seed?: number;
  /** The command line that repeats the run; keys are left out. */
  readonly command?: string;
  /** Why the figures may say less than they seem to. */
  readonly warnings?: readonly string[];
}

export interface ProducerResult extends BenchResult {
  readonly kind: 'producer';
  readonly send: SendMeasured;
}

export interface ConsumerResult extends BenchResult {
  readonly kind: 'consumer';
  readonly receive: ReceiveMeasured;
}
