import { type MQError, NotFoundError, PartialError } from '../../common/errors.js';
import { decodeResetOffsetBody } from '../../remoting/bodies/consume-stats.js';
import type { TopicRouteData } from '../../remoting/bodies/route.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand } from '../../remoting/command.js';
import { compareQueues, type MessageQueue } from '../message-queue.js';
import { type AdminClient, bodyOf, expectSuccess } from './admin-client.js';
import { offsetAt } from './admin-pull.js';
import { mapLimited } from './map-limited.js';
import {
  askReset,
  type BeforeChange,
  carryOut,
  commitOffset,
  committedOffset,
  type MovedQueue,
  type OffsetMove,
  plannedMoves,
  resetWayOf,
  setExactly,
} from './offset-moves.js';
import { knowsGroup } from './sub-group.js';
import { withoutMaster } from './topic-list.js';

/** Timestamp that stands for the end of the queue; any negative one does. */
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
  readonly beforeChange?: BeforeChange | undefined;
}

/** A move together with what it was planned from. */
export interface ResetMove extends OffsetMove {
  /** End of the queue. */
  readonly brokerOffset: number;
  /** Offset that belongs to the time. */
  readonly timestampOffset: number;
}

export interface ResetOffsetResult {
  readonly dryRun: boolean;
  readonly group: string;
  readonly topic: string;
  readonly timestamp: bigint;
  readonly force: boolean;
  /** `server`: the broker did it; `commit`: the offsets were committed for an offline group, the way of old brokers. */
  readonly way: 'server' | 'commit';
  /** By broker name and queue id. */
  readonly queues: readonly MovedQueue<ResetMove>[];
}

/**
 * Moves a group to a point in time on every queue of a topic, and reads back where it is then.
 * @throws NotFoundError for an unknown topic or group
 * @throws PartialError or MQError when queues are not where they were to go; `context.result` says which
 */
export async function resetOffsetByTime(admin: AdminClient, request: ResetOffsetRequest): Promise<ResetOffsetResult> {
  const { group, topic, timestamp, force, dryRun = false } = request;
  const route = await admin.route(request.routeTopic ?? topic);
  const brokers = brokersOf(route);
  const shown = { dryRun, group, topic, timestamp, force };
  const plans = await Promise.all(brokers.map((broker) => planAt(admin, broker, request)));
  await requireGroupSomewhere(admin, group, brokers);
  const moves = plans.flat().sort(compareQueues);
  if (dryRun) {
    const result: ResetOffsetResult = { ...shown, way: 'server', queues: plannedMoves(moves) };
    requireMasters(route, result);
    return result;
  }
  let way: ResetOffsetResult['way'] = 'server';
  const result = await carryOut(admin, moves, {
    group,
    what: `reset of group ${group} on topic ${topic}`,
    beforeChange: request.beforeChange,
    make: async (own) => {
      const made = await resetAt(admin, own, request);
      if (made.way === 'commit') {
        way = 'commit';
      }
      return made.moves;
    },
    result: (queues): ResetOffsetResult => ({ ...shown, way, queues }),
  });
  requireMasters(route, result);
  return result;
}

/** Offsets are kept by masters: the queues of a broker without one stay where they are. */
function requireMasters(route: TopicRouteData, result: ResetOffsetResult): void {
  const without = withoutMaster(route);
  if (without.length > 0) {
    throw new PartialError(`queues of ${without.join(', ')} stay where they are: no master is registered`, {
      code: 'NO_MASTER',
      hint: 'repeat the command when the master is back',
      context: { result, brokerNames: without },
    });
  }
}

interface Broker {
  readonly brokerName: string;
  readonly brokerAddr: string;
  readonly queueCount: number;
}

function brokersOf(route: TopicRouteData): Broker[] {
  return route.brokerDatas.flatMap(({ brokerName, brokerAddrs }) => {
    const brokerAddr = brokerAddrs.get(0);
    const queues = route.queueDatas.find((data) => data.brokerName === brokerName);
    return brokerAddr === undefined ? [] : [{ brokerName, brokerAddr, queueCount: queues?.readQueueNums ?? 0 }];
  });
}

async function requireGroupSomewhere(admin: AdminClient, group: string, brokers: readonly Broker[]): Promise<void> {
  const known = await Promise.all(brokers.map(({ brokerAddr }) => knowsGroup(admin, brokerAddr, group)));
  if (!known.includes(true)) {
    throw unknownGroup(group, brokers.map(({ brokerAddr }) => brokerAddr).join(', '));
  }
}

function unknownGroup(group: string, addrs: string): MQError {
  return new NotFoundError(`group ${group} is not known to ${addrs}`, {
    code: 'GROUP_NOT_EXIST',
    hint: `create it: mqadmin updateSubGroup -g ${group} -b ADDRESS, or look for it: mqadmin consumerProgress`,
    context: { group, responseCode: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST },
  });
}

/** What a reset would do at one broker. */
function planAt(admin: AdminClient, broker: Broker, request: ResetOffsetRequest): Promise<ResetMove[]> {
  const queues = Array.from({ length: broker.queueCount }, (_, queueId) => ({
    topic: request.topic,
    brokerName: broker.brokerName,
    queueId,
  }));
  return mapLimited(queues, (queue) => planQueue(admin, broker.brokerAddr, queue, request));
}

async function planQueue(
  admin: AdminClient,
  brokerAddr: string,
  queue: MessageQueue,
  request: { group: string; timestamp: bigint; force: boolean },
): Promise<ResetMove> {
  const { group, timestamp, force } = request;
  const [before, brokerOffset] = await Promise.all([
    committedOffset(admin, brokerAddr, group, queue),
    offsetAt(admin, brokerAddr, RequestCode.GET_MAX_OFFSET, queue),
  ]);
  const timestampOffset =
    timestamp < 0n
      ? brokerOffset
      : Math.max(0, await offsetAt(admin, brokerAddr, RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, queue, { timestamp: String(timestamp) }));
  const offset = force || before === null ? timestampOffset : Math.min(timestampOffset, before);
  return { ...queue, brokerAddr, before, offset, brokerOffset, timestampOffset };
}

/** Resets at one broker. What it answers is what was made: messages may have come since the plan. */
async function resetAt(
  admin: AdminClient,
  plan: readonly ResetMove[],
  request: ResetOffsetRequest,
): Promise<{ way: 'server' | 'commit'; moves: readonly ResetMove[] }> {
  const { group, topic, timestamp, force } = request;
  const addr = plan[0]?.brokerAddr;
  if (addr === undefined) {
    return { way: 'server', moves: [] };
  }
  // Brokers that keep the offset themselves go forward whatever was asked.
  if (!force && (await resetWayOf(admin, addr)).atServer) {
    await setExactly(
      admin,
      group,
      plan.filter((move) => move.before !== move.offset),
    );
    return { way: 'server', moves: plan };
  }
  const response = await askReset(admin, addr, { group, topic, timestamp, force });
  if (response.code === ResponseCode.CONSUMER_NOT_ONLINE || isWithoutOffsets(response)) {
    if (!(await knowsGroup(admin, addr, group))) {
      throw unknownGroup(group, addr);
    }
    await mapLimited(plan, (move) => commitOffset(admin, group, move));
    return { way: 'commit', moves: plan };
  }
  expectSuccess(response, addr);
  const answered = new Map(Array.from(decodeResetOffsetBody(bodyOf(response)), ([queue, offset]) => [queue.queueId, offset]));
  return { way: 'server', moves: plan.map((move) => ({ ...move, offset: answered.get(move.queueId) ?? move.offset })) };
}

/** 4.9 brokers say SYSTEM_ERROR of a group that has no offset yet. */
function isWithoutOffsets(response: RemotingCommand): boolean {
  return response.code === ResponseCode.SYSTEM_ERROR && /consumer group <.*> not exist/i.test(response.remark ?? '');
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
  readonly beforeChange?: BeforeChange | undefined;
}

export interface ResetQueueResult {
  readonly dryRun: boolean;
  readonly group: string;
  readonly topic: string;
  readonly brokerAddr: string;
  readonly queueId: number;
  readonly timestamp: bigint;
  readonly offset: number;
  /** The one queue. */
  readonly queues: readonly MovedQueue<ResetMove>[];
}

/** Moves a group on one queue, also to offset 0, and reads back where it is then. */
export async function resetQueueOffset(admin: AdminClient, request: ResetQueueRequest): Promise<ResetQueueResult> {
  const { group, topic, brokerAddr, queueId, timestamp, dryRun = false } = request;
  const { brokerName } = await resetWayOf(admin, brokerAddr);
  if (!(await knowsGroup(admin, brokerAddr, group))) {
    throw unknownGroup(group, brokerAddr);
  }
  const plan = await planQueue(admin, brokerAddr, { topic, brokerName, queueId }, { group, timestamp, force: true });
  const move = { ...plan, offset: request.offset ?? plan.offset };
  const shown = { dryRun, group, topic, brokerAddr, queueId, timestamp, offset: move.offset };
  if (dryRun) {
    return { ...shown, queues: plannedMoves([move]) };
  }
  return carryOut(admin, [move], {
    group,
    what: `reset of group ${group} on queue ${queueId} of topic ${topic}`,
    beforeChange: request.beforeChange,
    make: (moves) => setExactly(admin, group, moves),
    result: (queues) => ({ ...shown, queues }),
  });
}
