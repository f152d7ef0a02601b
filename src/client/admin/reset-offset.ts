import { NotFoundError } from '../../common/errors.js';
import { decodeResetOffsetBody } from '../../remoting/bodies/consume-stats.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand } from '../../remoting/command.js';
import { compareQueues, type MessageQueue } from '../message-queue.js';
import { type AdminClient, bodyOf, expectSuccess } from './admin-client.js';
import { offsetAt } from './admin-pull.js';
import { consumeStatsAt } from './consumer-progress.js';
import { askAll, requireAll } from './fan-out.js';
import { knowsGroup } from './sub-group.js';
import { masterAddrs } from './topic-list.js';

/** Timestamp that stands for the end of the queue. */
export const NEWEST = -1n;

export interface ResetOffsetRequest {
  readonly group: string;
  readonly topic: string;
  /** Store time to go to, ms; {@link NEWEST} for the end. */
  readonly timestamp: bigint;
  /** Whether a group may also move forward. */
  readonly force: boolean;
  /** Name whose route says which brokers to ask. */
  readonly routeTopic?: string | undefined;
  readonly dryRun?: boolean;
}

/** The new offset of one queue; the further fields only where the old way had to be taken. */
export interface ResetQueue {
  readonly brokerName: string;
  readonly queueId: number;
  readonly offset: number;
  readonly brokerOffset?: number;
  readonly consumerOffset?: number;
  readonly timestampOffset?: number;
}

export interface ResetOffsetResult {
  readonly dryRun: boolean;
  readonly group: string;
  readonly topic: string;
  readonly timestamp: bigint;
  readonly force: boolean;
  /** `server`: the broker did it; `commit`: the offsets were committed for an offline group, the way of old brokers. */
  readonly way: 'server' | 'commit';
  readonly queues: readonly ResetQueue[];
}

/** Moves a group to a point in time on every queue of a topic. */
export async function resetOffsetByTime(admin: AdminClient, request: ResetOffsetRequest): Promise<ResetOffsetResult> {
  const { group, topic, timestamp, force, dryRun = false } = request;
  const addrs = masterAddrs(await admin.route(request.routeTopic ?? topic));
  const shown = { dryRun, group, topic, timestamp, force };
  if (dryRun) {
    const plans = await Promise.all(addrs.map((addr) => planAt(admin, addr, request)));
    return { ...shown, way: 'server', queues: sorted(plans.flat()) };
  }
  let way: ResetOffsetResult['way'] = 'server';
  const results = await askAll(addrs, async (addr) => {
    const done = await resetAt(admin, addr, request);
    if (done !== null) {
      return done;
    }
    way = 'commit';
    return commitAt(admin, addr, request);
  });
  const result: ResetOffsetResult = { ...shown, way, queues: sorted(results.flatMap(({ value }) => value ?? [])) };
  requireAll(results, `resetOffsetByTime -g ${group} -t ${topic}`, result);
  return result;
}

function sorted(queues: readonly ResetQueue[]): ResetQueue[] {
  return [...queues].sort((a, b) => (a.brokerName < b.brokerName ? -1 : a.brokerName > b.brokerName ? 1 : a.queueId - b.queueId));
}

/** The broker's own reset; null when it can only do that for groups that are online. */
async function resetAt(admin: AdminClient, addr: string, request: ResetOffsetRequest): Promise<ResetQueue[] | null> {
  const response = await admin.ask(
    addr,
    {
      code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
      extFields: {
        topic: request.topic,
        group: request.group,
        timestamp: String(request.timestamp),
        isForce: String(request.force),
        queueId: '-1',
        offset: '-1',
      },
    },
    [ResponseCode.CONSUMER_NOT_ONLINE, ResponseCode.SYSTEM_ERROR],
  );
  if (response.code === ResponseCode.CONSUMER_NOT_ONLINE || isWithoutOffsets(response)) {
    return null;
  }
  expectSuccess(response, addr);
  return Array.from(decodeResetOffsetBody(bodyOf(response)), ([queue, offset]) => ({
    brokerName: queue.brokerName,
    queueId: queue.queueId,
    offset,
  }));
}

/** 4.9 brokers say SYSTEM_ERROR of a group that has no offset yet. */
function isWithoutOffsets(response: RemotingCommand): boolean {
  return response.code === ResponseCode.SYSTEM_ERROR && /consumer group <.*> not exist/i.test(response.remark ?? '');
}

/** What a reset would do at one broker. */
async function planAt(admin: AdminClient, addr: string, request: ResetOffsetRequest): Promise<ResetQueue[]> {
  const { group, topic } = request;
  const stats = await consumeStatsAt(admin, addr, group, topic);
  const rows = [...stats.offsetTable].filter(([queue]) => queue.topic === topic).sort(([a], [b]) => compareQueues(a, b));
  return Promise.all(
    rows.map(async ([queue, { brokerOffset, consumerOffset }]) => {
      const timestampOffset = await offsetOfTime(admin, addr, queue, request.timestamp);
      const offset = request.force ? timestampOffset : Math.min(timestampOffset, consumerOffset);
      return { brokerName: queue.brokerName, queueId: queue.queueId, offset, brokerOffset, consumerOffset, timestampOffset };
    }),
  );
}

function offsetOfTime(admin: AdminClient, addr: string, queue: MessageQueue, timestamp: bigint): Promise<number> {
  return timestamp === NEWEST
    ? offsetAt(admin, addr, RequestCode.GET_MAX_OFFSET, queue)
    : offsetAt(admin, addr, RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, queue, { timestamp: String(timestamp) });
}

/** Commits the planned offsets for an offline group. */
async function commitAt(admin: AdminClient, addr: string, request: ResetOffsetRequest): Promise<ResetQueue[]> {
  if (!(await knowsGroup(admin, addr, request.group))) {
    throw new NotFoundError(`group ${request.group} is not known to ${addr}`, {
      code: 'GROUP_NOT_EXIST',
      hint: `create it: mqadmin updateSubGroup -g ${request.group} -b ${addr}`,
      context: { group: request.group, brokerAddr: addr },
    });
  }
  const plan = await planAt(admin, addr, request);
  for (const { queueId, offset } of plan) {
    await admin.ask(addr, {
      code: RequestCode.UPDATE_CONSUMER_OFFSET,
      extFields: { consumerGroup: request.group, topic: request.topic, queueId: String(queueId), commitOffset: String(offset) },
    });
  }
  return plan;
}

export interface ResetQueueRequest {
  readonly group: string;
  readonly topic: string;
  readonly brokerAddr: string;
  readonly queueId: number;
  readonly timestamp: bigint;
  /** Exact offset instead of the one that belongs to the time. */
  readonly offset?: number | undefined;
  readonly dryRun?: boolean;
}

export interface ResetQueueResult {
  readonly dryRun: boolean;
  readonly group: string;
  readonly topic: string;
  readonly brokerAddr: string;
  readonly queueId: number;
  readonly timestamp: bigint;
  readonly offset: number;
}

/** Moves a group on one queue, also to offset 0. */
export async function resetQueueOffset(admin: AdminClient, request: ResetQueueRequest): Promise<ResetQueueResult> {
  const { group, topic, brokerAddr, queueId, timestamp, dryRun = false } = request;
  const queue: MessageQueue = { topic, brokerName: '', queueId };
  const offset = request.offset ?? (await offsetOfTime(admin, brokerAddr, queue, timestamp));
  const result = { dryRun, group, topic, brokerAddr, queueId, timestamp, offset };
  if (dryRun) {
    return result;
  }
  const response = await admin.remoting.invoke(
    brokerAddr,
    {
      code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
      extFields: { topic, group, timestamp: String(timestamp), isForce: 'true', queueId: String(queueId), offset: String(offset) },
    },
    admin.timeoutMs,
  );
  if (response.code === ResponseCode.CONSUMER_NOT_ONLINE) {
    throw new NotFoundError(`group ${group} is not online on ${brokerAddr}, and this broker resets only online groups`, {
      code: 'CONSUMER_NOT_ONLINE',
      hint: 'leave -b and -q out: the offsets are then committed for it',
    });
  }
  expectSuccess(response, brokerAddr);
  return result;
}
