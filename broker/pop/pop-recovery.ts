import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import { decodeRecords, type MessageRecord } from '../../src/common/message/record.js';
import { RMQ_SYS_WHEEL_TIMER_TOPIC } from '../../src/common/topic-names.js';
import type { ConsumerOffsetManager } from '../offsets/index.js';
import type { MessageStore } from '../store/index.js';
import { CHECK_POINT_TAG, type CheckPoint, decodeCheckPoint } from './revive-records.js';

/** Longest time between the storing of a check point and the moving of the offset, ms: a disk may take that long. */
const MAX_IN_FLIGHT_MS = 10_000;
/** Offsets are saved at least this long after they moved, whatever else holds it up. */
const MAX_UNSAVED_MS = 60_000;
const READ_MESSAGES = 32;

interface StoredPoint {
  point: CheckPoint;
  storedMs: number;
}

/**
 * After a crash: moves the offsets of popping groups past what was popped since consumerOffset.json was saved. The check points say what that
 * was, and from now on they are who brings its messages back; popping them again would bring those that are acknowledged, too.
 * @returns how many check points were looked at
 */
export function recoverPopOffsets(store: MessageStore, offsets: ConsumerOffsetManager, reviveTopic: string): number {
  const { dataVersion, offsetTable } = offsets.toTable();
  const savedMs = Object.keys(offsetTable).length === 0 ? 0 : Number(dataVersion.timestamp);
  const fromMs = Math.max(0, savedMs - MAX_IN_FLIGHT_MS, store.recovery.lastStoreTimestamp - MAX_UNSAVED_MS);
  const points: StoredPoint[] = [];
  readPoints(store, { topic: RMQ_SYS_WHEEL_TIMER_TOPIC, queueId: 0, reviveTopic, fromMs }, points);
  for (const queueId of store.topicQueueIds(reviveTopic)) readPoints(store, { topic: reviveTopic, queueId, reviveTopic, fromMs }, points);
  points.sort((a, b) => a.point.popTime - b.point.popTime || a.point.startOffset - b.point.startOffset);
  for (const { point, storedMs } of points) {
    const { topic, group, queueId, startOffset } = point;
    const committed = offsets.query(group, topic, queueId);
    // Shortly before the save the offset may have been set back since: only what follows it without a gap was on its way.
    if (storedMs < savedMs && startOffset !== committed) continue;
    const next = nextOffset(store, point);
    if (next > committed) offsets.commit(group, topic, queueId, next);
  }
  return points.length;
}

function nextOffset(store: MessageStore, { topic, queueId, offsets }: CheckPoint): number {
  const last = offsets.at(-1);
  if (last === undefined) return -1;
  // The record may be a batch of several messages.
  const result = store.getMessage(topic, queueId, last, 1);
  return result.status === 'FOUND' ? result.nextBeginOffset : last + 1;
}

function readPoints(
  store: MessageStore,
  from: { topic: string; queueId: number; reviveTopic: string; fromMs: number },
  points: StoredPoint[],
): void {
  const { topic, queueId, reviveTopic, fromMs } = from;
  const end = store.maxOffset(topic, queueId);
  for (let offset = store.offsetByTime(topic, queueId, fromMs); offset < end; ) {
    const result = store.getMessage(topic, queueId, offset, READ_MESSAGES);
    for (const buffer of result.buffers) {
      for (const record of decodeRecords(buffer)) {
        const point = isCheckPoint(record, reviveTopic) ? decodeCheckPoint(record.body) : null;
        if (point !== null) points.push({ point, storedMs: record.storeTimestamp });
      }
    }
    if (result.nextBeginOffset <= offset) return;
    offset = result.nextBeginOffset;
  }
}

function isCheckPoint({ topic, properties }: MessageRecord, reviveTopic: string): boolean {
  const target = topic === reviveTopic ? topic : getProperty(properties, MessageConst.REAL_TOPIC);
  return target === reviveTopic && getProperty(properties, MessageConst.TAGS) === CHECK_POINT_TAG;
}
