import { MQError, PartialError } from '../../../common/errors.js';
import { isRetryTopic } from '../../../common/topic-names.js';
import type { AdminClient } from '../admin-client.js';
import { type GroupProgressResult, groupProgress, type QueueProgress } from '../consumer-progress.js';
import { groupLag } from '../group-lag.js';
import type { Reading, Readings } from './check.js';

/** Lag of a group by one of its metrics. */
export async function readLag(
  admin: AdminClient,
  { consumerGroup, topic, metric }: { consumerGroup: string; topic?: string | undefined; metric: string },
): Promise<Readings> {
  const target = `group ${consumerGroup}${topic === undefined ? '' : ` on ${topic}`}`;
  if (metric === 'messages' || metric === 'retry') {
    const { progress, reason } = await progressOf(admin, consumerGroup, topic);
    const rows = progress?.queues.filter((queue) => isRetryTopic(queue.topic) === (metric === 'retry')) ?? [];
    return {
      target,
      readings: [readingOf(consumerGroup, progress === null ? null : sumOf(rows), reason)],
      beside: [...new Set(rows.map((row) => row.topic))].map((name) => ({
        name,
        value: sumOf(rows.filter((row) => row.topic === name)),
        unit: '',
      })),
    };
  }
  const { result } = await groupLag(admin, { consumerGroup, topic });
  const value = metric === 'dlq' ? result.deadLetterTotal : result.lagMs === null ? null : result.lagMs / 1000;
  const reason = result.reasons[metric === 'dlq' ? 'deadLetterTotal' : 'lagMs'];
  return {
    target,
    readings: [readingOf(consumerGroup, value, value === null ? reason : undefined)],
    beside: [{ name: 'messages', value: result.diffTotal, unit: '' }],
  };
}

function readingOf(name: string, value: number | null, reason: string | undefined): Reading {
  return { name, value, ...(reason === undefined ? {} : { reason }) };
}

function sumOf(rows: readonly QueueProgress[]): number {
  return rows.reduce((total, { diff }) => total + Math.max(0, diff), 0);
}

/** Also of a group of which only some brokers answered. */
async function progressOf(
  admin: AdminClient,
  consumerGroup: string,
  topic: string | undefined,
): Promise<{ progress: GroupProgressResult | null; reason?: string }> {
  try {
    return { progress: await groupProgress(admin, { consumerGroup, topic }) };
  } catch (error) {
    if (!(error instanceof PartialError) || !(error instanceof MQError)) {
      throw error;
    }
    return { progress: (error.context.result as GroupProgressResult | undefined) ?? null, reason: error.message };
  }
}
