import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../common/clock.js';
import { MQError } from '../../common/errors.js';
import { isRetryOf } from '../../common/pop.js';
import { dlqTopic } from '../../common/topic-names.js';
import { decodeConsumeTimeSpans } from '../../remoting/bodies/consume-stats.js';
import { RequestCode } from '../../remoting/codes.js';
import { queueKey } from '../message-queue.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { type GroupProgressRequest, type GroupProgressResult, groupProgress, type QueueProgress } from './consumer-progress.js';
import { partOf } from './fan-out.js';
import { lagTimeOf } from './lag-time.js';
import { topicStatus } from './topic-status.js';

/** Messages a second, and what they say of the time a backlog takes. Null is unknown, with the reason in `reasons`. */
export interface Rates {
  readonly consumeRate: number | null;
  readonly produceRate: number | null;
  /** Until the backlog is consumed, at these rates; 0 without one. */
  readonly timeToDrainMs: number | null;
}

/** Progress of a group on one queue, with its lag in time. */
export interface QueueLag extends Omit<QueueProgress, 'clientReason'>, Rates {
  /** Age of the first message that was not consumed; 0 without a backlog. */
  readonly lagMs: number | null;
  /** Why a value is null, by its name. */
  readonly reasons: Readonly<Record<string, string>>;
}

export interface GroupLagResult extends Omit<GroupProgressResult, 'queues'>, Rates {
  readonly queues: readonly QueueLag[];
  /** The largest of the queues. */
  readonly lagMs: number | null;
  /** Backlog of the group's retry topics, which is part of `diffTotal`. */
  readonly retryDiffTotal: number;
  /** Messages in the group's dead-letter topic. */
  readonly deadLetterTotal: number | null;
  readonly reasons: Readonly<Record<string, string>>;
}

/** A reading of all queues, to compare a later one with. */
export interface LagReading {
  readonly atMs: number;
  readonly result: GroupLagResult;
}

export interface GroupLagRequest extends GroupProgressRequest {
  /** Former reading, for the rates. */
  readonly former?: LagReading | undefined;
  /** Read a second time after so long, for the rates. */
  readonly rateMs?: number | undefined;
  readonly signal?: AbortSignal;
}

/** Lag of a group in messages and in time, and how fast it changes. */
export async function groupLag(admin: AdminClient, request: GroupLagRequest): Promise<LagReading> {
  const { rateMs } = request;
  let former = request.former;
  if (rateMs !== undefined && former === undefined) {
    const atMs = performance.now();
    former = { atMs, result: plainLag(await groupProgress(admin, { ...request, showClientIP: false })) };
    await sleep(rateMs, undefined, request.signal === undefined ? {} : { signal: request.signal });
  }
  const atMs = performance.now();
  const progress = await groupProgress(admin, request);
  const [lags, deadLetters] = await Promise.all([
    lagTimes(admin, request.consumerGroup, progress),
    deadLettersOf(admin, request.consumerGroup),
  ]);
  const before = new Map(former?.result.queues.map((queue) => [queueKey(queue), queue]));
  const seconds = former === undefined ? 0 : (atMs - former.atMs) / 1000;
  const queues = progress.queues.map((queue): QueueLag => {
    const key = queueKey(queue);
    const lag = queue.diff <= 0 ? 0 : (lags.get(key) ?? `broker of ${queue.brokerName} did not say it`);
    const old = before.get(key);
    const rates = ratesOf(queue.diff, old === undefined ? null : changeOf(old, queue, seconds));
    const { clientReason, ...shown } = queue;
    return {
      ...shown,
      lagMs: typeof lag === 'string' ? null : lag,
      ...rates.values,
      reasons: {
        ...(typeof lag === 'string' ? { lagMs: lag } : {}),
        ...rates.reasons,
        ...(queue.inflight === null ? { inflight: NO_INFLIGHT } : {}),
        ...(clientReason === undefined ? {} : { clientId: clientReason }),
      },
    };
  });
  return { atMs, result: totalOf(progress, queues, deadLetters) };
}

const NO_INFLIGHT = 'brokers before 5.0 do not say it';

function plainLag(progress: GroupProgressResult): GroupLagResult {
  const none = { lagMs: null, consumeRate: null, produceRate: null, timeToDrainMs: null, reasons: {} };
  return {
    ...progress,
    ...none,
    queues: progress.queues.map((queue) => ({ ...queue, ...none })),
    retryDiffTotal: 0,
    deadLetterTotal: null,
  };
}

function totalOf(progress: GroupProgressResult, queues: readonly QueueLag[], deadLetters: DeadLetters): GroupLagResult {
  const sum = (of: (queue: QueueLag) => number | null): number | null =>
    queues.reduce<number | null>((total, queue) => {
      const value = of(queue);
      return total === null || value === null ? null : total + value;
    }, 0);
  const [consumeRate, produceRate] = [sum((queue) => queue.consumeRate), sum((queue) => queue.produceRate)];
  const rates = ratesOf(progress.diffTotal, consumeRate === null || produceRate === null ? null : { consumeRate, produceRate });
  const lagMs = queues.some((queue) => queue.lagMs === null) ? null : Math.max(0, ...queues.map((queue) => queue.lagMs ?? 0));
  return {
    ...progress,
    queues,
    lagMs,
    ...rates.values,
    retryDiffTotal: queues.filter(({ topic }) => isRetryOf(topic, progress.consumerGroup)).reduce((total, queue) => total + queue.diff, 0),
    deadLetterTotal: deadLetters.reason === undefined ? deadLetters.total : null,
    reasons: {
      ...(lagMs === null ? { lagMs: 'not known of every queue' } : {}),
      ...rates.reasons,
      ...(progress.inflightTotal === null ? { inflightTotal: NO_INFLIGHT } : {}),
      ...(deadLetters.reason === undefined ? {} : { deadLetterTotal: deadLetters.reason }),
    },
  };
}

function changeOf(old: QueueLag, queue: QueueProgress, seconds: number): { consumeRate: number; produceRate: number } | null {
  return seconds <= 0
    ? null
    : {
        consumeRate: (queue.consumerOffset - old.consumerOffset) / seconds,
        produceRate: (queue.brokerOffset - old.brokerOffset) / seconds,
      };
}

function ratesOf(
  diff: number,
  change: { consumeRate: number; produceRate: number } | null,
): { values: Rates; reasons: Record<string, string> } {
  if (change === null) {
    const reason = 'one reading only';
    const drained = diff <= 0;
    return {
      values: { consumeRate: null, produceRate: null, timeToDrainMs: drained ? 0 : null },
      reasons: { consumeRate: reason, produceRate: reason, ...(drained ? {} : { timeToDrainMs: reason }) },
    };
  }
  const gain = change.consumeRate - change.produceRate;
  const timeToDrainMs = diff <= 0 ? 0 : gain <= 0 ? null : Math.round((diff / gain) * 1000);
  return { values: { ...change, timeToDrainMs }, reasons: timeToDrainMs === null ? { timeToDrainMs: 'the backlog does not shrink' } : {} };
}

/** Age of the first unconsumed message of each queue that has one, or why it is unknown, by queue key. */
export async function lagTimes(
  admin: AdminClient,
  group: string,
  progress: Pick<GroupProgressResult, 'queues' | 'brokerAddrs'>,
): Promise<Map<string, number | string>> {
  const behind = progress.queues.filter(({ diff }) => diff > 0);
  const topics = [...new Set(behind.map(({ topic }) => topic))];
  const lags = new Map<string, number | string>();
  await Promise.all(
    topics.flatMap((topic) =>
      progress.brokerAddrs.map(async (addr) => {
        try {
          const response = await admin.ask(addr, { code: RequestCode.QUERY_CONSUME_TIME_SPAN, extFields: { topic, group } });
          for (const span of decodeConsumeTimeSpans(bodyOf(response))) {
            lags.set(queueKey(span.messageQueue), lagTimeOf(span, systemClock.nowMs()));
          }
        } catch (error) {
          if (!(error instanceof MQError)) {
            throw error;
          }
          for (const queue of behind.filter((entry) => entry.topic === topic && !lags.has(queueKey(entry)))) {
            lags.set(queueKey(queue), error.message);
          }
        }
      }),
    ),
  );
  return lags;
}

interface DeadLetters {
  /** Of the brokers that say it; null when none does. */
  readonly total: number | null;
  /** What is missing, and why. */
  readonly reason?: string;
}

/** Messages in the dead-letter topic of a group. */
export async function deadLettersOf(admin: AdminClient, group: string): Promise<DeadLetters> {
  try {
    const topic = dlqTopic(group);
    if ((await admin.findRoute(topic)) === null) {
      return { total: 0 };
    }
    const { value, missing } = await partOf(topicStatus(admin, topic));
    const total = value?.queues.reduce((sum, { minOffset, maxOffset }) => sum + Math.max(0, maxOffset - minOffset), 0) ?? null;
    return { total, ...(missing === undefined ? {} : { reason: missing.reason }) };
  } catch (error) {
    if (error instanceof MQError) {
      return { total: null, reason: error.message };
    }
    throw error;
  }
}
