import type { LatencyMs } from './latency-histogram.js';
import type { BenchResult, ReceiveMeasured, SendMeasured } from './result.js';

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

/** `mqbench transaction`. Latencies of `send` last until the broker was told how the transaction ended. */
export interface TransactionResult extends BenchResult {
  readonly kind: 'transaction';
  readonly send: SendMeasured;
  readonly transactions: TransactionCounts;
}

/** How transactions of the window ended, and what brokers asked about; checks count from the window's beginning to the end of the run. */
export interface TransactionCounts {
  readonly committed: number;
  readonly rolledBack: number;
  /** Left open for the broker to ask about. */
  readonly unknown: number;
  readonly checks: CheckCounts;
}

/** Checks of transactions of this run, by brokers. */
export interface CheckCounts {
  readonly count: number;
  /** About a transaction that was left open until then; a duplicate is not counted again. */
  readonly expected: number;
  /** About one whose end the broker had been told. */
  readonly unexpected: number;
  /** About one and the same transaction with a number of checks that was there before. */
  readonly duplicated: number;
  readonly committed: number;
  readonly rolledBack: number;
  /** Still unknown: the broker asks again. */
  readonly unknown: number;
}

/** `mqbench latency`: the way of a message in parts, all on the clock of one host. */
export interface LatencyResult extends BenchResult {
  readonly kind: 'latency';
  /** Its latencies last until the broker's answer. */
  readonly send: SendMeasured;
  /** `endToEndMs` counts from the planned send, `latencyMs` from storing to the listener. */
  readonly receive: TimedReceive;
  readonly stages: LatencyStages;
}

/** Parts of the way; brokers note the time of storing in whole milliseconds, so the parts on both sides of it are exact to one. */
export interface LatencyStages {
  readonly plannedToSentMs: LatencyMs;
  readonly sentToStoredMs: LatencyMs;
  readonly storedToListenerMs: LatencyMs;
}

/** Arrivals whose way was measured from the planned or real send. */
export type TimedReceive = ReceiveMeasured & Required<Pick<ReceiveMeasured, 'endToEndMs'>>;

/** `mqbench timer` and `mqbench delay`. Latencies of `receive` last from the time a message was due to its listener; early ones count as 0. */
export interface TimerResult extends BenchResult {
  readonly kind: 'timer' | 'delay';
  readonly deliveries?: TimerDeliveries;
}

/** What a distribution of lateness does not show. */
export interface TimerDeliveries {
  /** Delivered before they were due. */
  readonly early: number;
  readonly maxEarlyMs: number;
  /** Already due when they were sent, and delivered at once: no part of the distribution. */
  readonly sentLate: number;
}

/** `mqbench pingpong`. Latencies of `send` last from a request to its reply, and its errors are requests without one. */
export interface PingpongResult extends BenchResult {
  readonly kind: 'pingpong';
  readonly send: SendMeasured;
  /** What the answering consumers sent, and what they could not. */
  readonly replies: { readonly count: number; readonly errors: number; readonly errorsByCode: Readonly<Record<string, number>> };
}

/** `mqbench fanout`. `receive` is that of all groups together, and `delivery` adds up what became of the messages for each of them. */
export interface FanoutResult extends BenchResult {
  readonly kind: 'fanout';
  readonly send: SendMeasured;
  readonly receive: TimedReceive;
  readonly groups: readonly FanoutGroup[];
  /** Jain's index: 1 when all got the same. */
  readonly fairness: { readonly groups: number; readonly consumers: number };
}

/** One group of `mqbench fanout`. */
export interface FanoutGroup {
  readonly consumerGroup: string;
  readonly count: number;
  /** From the beginning of the window to the group's last message. */
  readonly seconds: number;
  readonly rate: number;
  readonly endToEndMs: LatencyMs;
  /** Messages of each of its consumers. */
  readonly consumers: readonly number[];
}

/** `mqbench backlog`. `send` is what was sent at the rate while the backlog was drained, `receive` the drain. */
export interface BacklogResult extends BenchResult {
  readonly kind: 'backlog';
  /** Building it, as fast as answers came. */
  readonly build: SendMeasured;
  /** At the rate, before anybody consumed. */
  readonly before?: SendMeasured;
  readonly drain?: BacklogDrain;
}

export interface BacklogDrain {
  readonly backlogMessages: number;
  readonly backlogBytes: number;
  /** From the first message consumed until no more waited than a tenth of a second of the rate. */
  readonly seconds: number;
  /** Messages per second, those sent meanwhile included. */
  readonly rate: number;
  readonly isComplete: boolean;
}
