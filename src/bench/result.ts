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
  /** count / seconds. */
  readonly rate: number;
  /** Body bytes of `count` messages, per second. */
  readonly bytesPerSecond: number;
  readonly latencyMs: LatencyMs;
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
}

export interface ReceiveMeasured extends Measured {
  /** From the stamp in the message, else from its bornTimestamp; absent for raw pulls, whose latencyMs is that of a pull. Elsewhere latencyMs is from storing to consuming. */
  readonly endToEndMs?: LatencyMs;
}

interface ResultBase {
  readonly schema: typeof RESULT_SCHEMA;
  readonly config: Readonly<Record<string, unknown>>;
  readonly environment: Environment;
  /** Present and true when the run was ended before its time. */
  readonly interrupted?: true;
}

export interface ProducerResult extends ResultBase {
  readonly kind: 'producer';
  readonly send: SendMeasured;
}

export interface ConsumerResult extends ResultBase {
  readonly kind: 'consumer';
  readonly receive: ReceiveMeasured;
}

export type BenchResult = ProducerResult | ConsumerResult;
