import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeRecords, type MessageRecord } from '../../src/common/message/record.js';
import { rawRequest } from '../peers/index.js';
import { rawPull, type Target } from './support.js';

/** The records of one queue as the broker serves them, with their bytes. */
export interface QueueDump {
  minOffset: number;
  maxOffset: number;
  records: MessageRecord[];
  bytes: Buffer;
}

/** Reads a queue from its first to its last message by raw pulls. */
export function dumpQueue(target: Target, topic: string, queueId: number): Promise<QueueDump> {
  return dumpQueueFrom(target, { topic, queueId, from: 0 });
}

/** Reads a queue from the given offset (or its first message, when that is later) to its end. */
export async function dumpQueueFrom(
  target: Target,
  { topic, queueId, from }: { topic: string; queueId: number; from: number },
): Promise<QueueDump> {
  const at = async (code: number): Promise<number> =>
    Number((await rawRequest(target.broker.address, code, { topic, queueId: String(queueId) })).extFields?.offset ?? 0);
  const minOffset = await at(31);
  const maxOffset = await at(30);
  const chunks: Buffer[] = [];
  for (let offset = Math.max(from, minOffset); offset < maxOffset; ) {
    const response = await rawPull(target, { topic, queueId, offset });
    const next = Number(response.extFields?.nextBeginOffset);
    if (response.code !== 0 || !(next > offset)) {
      throw new Error(`pull of ${topic}/${queueId} at ${offset} of ${maxOffset}: ${response.code} ${response.remark} next ${next}`);
    }
    chunks.push(response.body);
    offset = next;
  }
  const bytes = Buffer.concat(chunks);
  return { minOffset, maxOffset, records: decodeRecords(bytes), bytes };
}

/** All queues of the given topics, by `topic/queueId`. */
export async function dumpTopics(target: Target, topics: Record<string, number>): Promise<Map<string, QueueDump>> {
  const out = new Map<string, QueueDump>();
  for (const [topic, queues] of Object.entries(topics)) {
    for (let queueId = 0; queueId < queues; queueId++) out.set(`${topic}/${queueId}`, await dumpQueue(target, topic, queueId));
  }
  return out;
}

/** Offset that a group committed, or null. */
export async function committedOffset(target: Target, group: string, topic: string, queueId: number): Promise<number | null> {
  const response = await rawRequest(target.broker.address, 14, { consumerGroup: group, topic, queueId: String(queueId) });
  return response.code === 0 ? Number(response.extFields?.offset) : null;
}

/** Commit log offsets of the messages that the index knows for a key. */
export async function offsetsByKey(target: Target, topic: string, key: string, maxNum = 64): Promise<number[]> {
  const response = await rawRequest(target.broker.address, 12, {
    topic,
    key,
    maxNum: String(maxNum),
    beginTimestamp: '0',
    endTimestamp: '9223372036854775807',
  });
  if (response.code !== 0) return [];
  return decodeRecords(response.body)
    .map((record) => Number(record.commitLogOffset))
    .sort((a, b) => a - b);
}

/** Unpacks a recorded store below a temporary folder; returns the folder that holds `store/`. */
export function unpackStore(archive: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-vector-'));
  execFileSync('tar', ['-xzf', archive, '-C', dir]);
  return dir;
}
