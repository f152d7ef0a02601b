import { type ErrorCategory, EXIT_CODES, MQError } from '../../common/errors.js';
import type { ConsumerBenchOptions } from '../consumer-bench.js';
import type { ProducerBenchOptions } from '../producer-bench.js';
import type { IntervalSnapshot } from '../recorder.js';
import { type BenchResult, RESULT_SCHEMA } from '../result.js';

/** Coordinator and worker must say the same; it names the messages, and with them the results that they carry. */
export const WORKER_PROTOCOL = `mqbench-worker/1 ${RESULT_SCHEMA}`;

/** The part of a run that one worker does. */
export type WorkerJob =
  | { readonly kind: 'producer'; readonly options: ProducerBenchOptions }
  | { readonly kind: 'consumer'; readonly options: ConsumerBenchOptions };

/** What a coordinator tells a worker: the job once, `start` when all are ready, `stop` to end it before its time. */
export type ToWorker = { readonly type: 'job'; readonly job: WorkerJob } | { readonly type: 'start' } | { readonly type: 'stop' };

/** Encoded latencies of the points of each series. */
export type PointHistograms = { readonly [direction in 'send' | 'receive']?: readonly string[] };

/** What one worker measured. */
export interface WorkerOutcome {
  readonly result: BenchResult;
  /** The latencies of each point of the series, encoded, so that the points of several workers can be added up too. */
  readonly pointHistograms: PointHistograms;
}

/** What a worker tells: `ready` with warm clients, snapshots, and one result or failure. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly snapshot: IntervalSnapshot }
  | ({ readonly type: 'result' } & WorkerOutcome)
  | { readonly type: 'failed'; readonly error: WireError }
  | { readonly type: 'beat' };

/** An error on its way between processes. */
export interface WireError {
  readonly code: string;
  readonly category: ErrorCategory;
  readonly message: string;
  readonly hint?: string;
}

/** How often a worker sends its snapshot. */
export const PROGRESS_MS = 200;
/** How often each side of a connection gives a sign of life. */
export const BEAT_MS = 1000;
/** A side that was not heard of for so long is gone. */
export const SILENCE_MS = 6000;

/** The error as another process can throw it again. */
export function toWire(error: unknown): WireError {
  if (error instanceof MQError) {
    const { code, category, message, hint } = error;
    return { code, category, message, ...(hint === undefined ? {} : { hint }) };
  }
  return { code: 'WORKER_FAILED', category: 'broker', message: error instanceof Error ? error.message : String(error) };
}

/** The error that another process sent. */
export function fromWire(error: WireError): MQError {
  const category = Object.hasOwn(EXIT_CODES, error.category) ? error.category : 'protocol';
  return new MQError(category, String(error.message), {
    defaultCode: String(error.code),
    ...(error.hint === undefined ? {} : { hint: String(error.hint) }),
  });
}

/** What a worker at an address says of itself. */
export interface WorkerHello {
  readonly protocol: string;
  readonly mqkit: string;
  readonly host: string;
  readonly cores: number;
  readonly busy: boolean;
}

/** Why a worker at an address does not do what it was asked for. */
export interface WorkerRefusal {
  readonly code: string;
  readonly message: string;
}
