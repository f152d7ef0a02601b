import { UsageError } from '../../../common/errors.js';
import { isRetryOf } from '../../../common/pop.js';
import { queueKey } from '../../message-queue.js';
import type { AdminClient } from '../admin-client.js';
import { groupProgress, type QueueProgress } from '../consumer-progress.js';
import { partOf } from '../fan-out.js';
import { deadLettersOf, lagTimes } from '../group-lag.js';
import type { Reading, Readings } from './check.js';
import { targetOf } from './kinds.js';

interface LagWanted {
  readonly consumerGroup: string;
  readonly topic?: string | undefined;
  readonly metric: string;
}

/** Lag of a group by one of its metrics, also where only some brokers answered. */
export async function readLag(admin: AdminClient, { consumerGroup, topic, metric }: LagWanted): Promise<Readings> {
  if (topic !== undefined && (metric === 'retry' || metric === 'dlq')) {
    throw new UsageError(`--metric ${metric} is of all topics of a group: it goes without -t ${topic}`);
  }
  const target = targetOf('lag', { group: consumerGroup, topic });
  const { value: progress, missing } = await partOf(groupProgress(admin, { consumerGroup, topic }));
  const rows = progress?.queues.filter((row) => isRetryOf(row.topic, consumerGroup) === (metric === 'retry')) ?? [];
  const reading = (value: number | null, reason?: string): Reading => ({
    name: consumerGroup,
    value: progress === null && metric !== 'dlq' ? null : value,
    ...(reason === undefined ? {} : { reason }),
  });
  if (metric === 'messages' || metric === 'retry') {
    const topics = [...new Set(rows.map((row) => row.topic))];
    const beside = topics.map((name) => ({ name, value: sumOf(rows.filter((row) => row.topic === name)), unit: '' as const }));
    return { target, readings: [reading(sumOf(rows), missing?.reason)], beside };
  }
  const beside = [{ name: 'messages', value: sumOf(rows), unit: '' as const }];
  if (metric === 'dlq') {
    const { total, reason } = await deadLettersOf(admin, consumerGroup);
    return { target, readings: [reading(total, reason)], beside };
  }
  const brokerAddrs = missing?.done ?? progress?.brokerAddrs ?? [];
  const { ageMs, reason } = await oldestOf(admin, consumerGroup, { queues: rows, brokerAddrs });
  return { target, readings: [reading(ageMs === null ? null : ageMs / 1000, missing?.reason ?? reason)], beside };
}

function sumOf(rows: readonly QueueProgress[]): number {
  return rows.reduce((total, { diff }) => total + Math.max(0, diff), 0);
}

/** Age of the first message that is not consumed, of the queues of which it is known. */
async function oldestOf(
  admin: AdminClient,
  consumerGroup: string,
  progress: { queues: readonly QueueProgress[]; brokerAddrs: readonly string[] },
): Promise<{ ageMs: number | null; reason?: string }> {
  const behind = progress.queues.filter(({ diff }) => diff > 0);
  if (behind.length === 0) {
    return { ageMs: 0 };
  }
  const lags = await lagTimes(admin, consumerGroup, progress);
  const known: number[] = [];
  const reasons: string[] = [];
  for (const queue of behind) {
    const lag = lags.get(queueKey(queue)) ?? 'the broker did not say it';
    if (typeof lag === 'number') {
      known.push(lag);
    } else {
      reasons.push(lag);
    }
  }
  const [reason] = reasons;
  return {
    ageMs: known.length === 0 ? null : Math.max(...known),
    ...(reason === undefined ? {} : { reason: `not known of ${reasons.length} of ${behind.length} queues: ${reason}` }),
  };
}
