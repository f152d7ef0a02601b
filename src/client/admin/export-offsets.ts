import { MQError, NotFoundError } from '../../common/errors.js';
import { isRetryTopic, isSystemGroup } from '../../common/topic-names.js';
import { decodeConsumerOffsetWrapper } from '../../remoting/bodies/consume-stats.js';
import { RequestCode } from '../../remoting/codes.js';
import { compareQueues, type MessageQueue } from '../message-queue.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { offsetAt, pullOnce } from './admin-pull.js';
import { askAll, requireAll } from './fan-out.js';
import { mapLimited } from './map-limited.js';

export const OFFSETS_FORMAT = 'mqkit-offsets';

/** Where a group is on one queue. */
export interface OffsetRow extends MessageQueue {
  readonly group: string;
  /** Next offset that the group consumes. */
  readonly offset: number;
  /**
   * Only where times were asked for: store time of that message, ms; behind the last message one more than that one's; of an empty queue the
   * time of the export. Null where the topic or the message is gone.
   */
  readonly timestamp?: number | null;
}

/** Offsets of groups as they are written to a file. */
export interface OffsetsExport {
  readonly format: typeof OFFSETS_FORMAT;
  readonly version: 1;
  /** When, ISO 8601. */
  readonly time: string;
  /** By group, topic, broker name and queue id. */
  readonly offsets: readonly OffsetRow[];
}

export interface ExportOffsetsRequest {
  readonly group?: string | undefined;
  readonly topic?: string | undefined;
  readonly clusterName?: string | undefined;
  /** Say the times that belong to the offsets, too. Retry topics are left out then: another cluster does not have what waits in them. */
  readonly withTimes?: boolean;
  readonly nowMs: number;
}

/**
 * The offsets of consumer groups on all masters, but those of the system and of broadcasting groups, which brokers only keep for information.
 * @throws NotFoundError when there is none
 * @throws PartialError when some brokers did not say theirs
 */
export async function exportOffsets(admin: AdminClient, request: ExportOffsetsRequest): Promise<OffsetsExport> {
  const { group, topic, withTimes = false, nowMs } = request;
  const brokers = request.clusterName === undefined ? await admin.allMasters() : await admin.clusterMasters(request.clusterName);
  const nameAt = new Map(brokers.map(({ brokerName, brokerAddr }) => [brokerAddr, brokerName]));
  const results = await askAll([...nameAt.keys()], async (addr) => {
    const rows = (await offsetsAt(admin, addr, nameAt.get(addr) ?? '')).filter(
      (row) => (group === undefined || row.group === group) && (topic === undefined || row.topic === topic),
    );
    const wanted = withTimes ? rows.filter((row) => !isRetryTopic(row.topic)) : rows;
    return withTimes ? mapLimited(wanted, async (row) => ({ ...row, timestamp: await timeOf(admin, addr, row, nowMs) })) : wanted;
  });
  const offsets: OffsetRow[] = results.flatMap(({ value }) => value ?? []);
  offsets.sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : compareQueues(a, b)));
  const result: OffsetsExport = { format: OFFSETS_FORMAT, version: 1, time: new Date(nowMs).toISOString(), offsets };
  requireAll(results, 'offsets export', offsets.length === 0 ? undefined : result);
  if (offsets.length === 0) {
    const whose = group === undefined ? 'no group has offsets' : `group ${group} has no offsets`;
    const where = topic !== undefined ? ` for topic ${topic}` : withTimes ? ' but those of retry topics' : '';
    throw new NotFoundError(`${whose}${where} on ${[...nameAt.keys()].join(', ')}`, {
      code: 'NO_OFFSETS',
      hint: 'see the groups that have some: mqadmin consumerProgress',
      context: { group, topic },
    });
  }
  return result;
}

async function offsetsAt(admin: AdminClient, addr: string, brokerName: string): Promise<OffsetRow[]> {
  const { offsetTable } = decodeConsumerOffsetWrapper(bodyOf(await admin.ask(addr, { code: RequestCode.GET_ALL_CONSUMER_OFFSET })));
  return [...offsetTable].flatMap(([key, queues]) => {
    const [topic = '', group = '', ...more] = key.split('@');
    return group === '' || more.length > 0 || isSystemGroup(group)
      ? []
      : Array.from(queues, ([queueId, offset]) => ({ group, topic, brokerName, queueId, offset }));
  });
}

async function timeOf(admin: AdminClient, addr: string, row: OffsetRow, nowMs: number): Promise<number | null> {
  try {
    const [min, max] = await Promise.all([
      offsetAt(admin, addr, RequestCode.GET_MIN_OFFSET, row),
      offsetAt(admin, addr, RequestCode.GET_MAX_OFFSET, row),
    ]);
    if (max <= min) {
      return nowMs;
    }
    const { topic, brokerName, queueId } = row;
    const isBehind = row.offset >= max;
    const offset = isBehind ? max - 1 : Math.max(min, row.offset);
    const { messages } = await pullOnce(admin, addr, { topic, brokerName, queueId, offset, maxNums: 1 });
    const [message] = messages;
    return message === undefined ? null : message.storeTimestamp + (isBehind ? 1 : 0);
  } catch (error) {
    // Offsets outlive their topics.
    if (error instanceof MQError && error.category === 'notFound') {
      return null;
    }
    throw error;
  }
}
