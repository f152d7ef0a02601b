import { NotFoundError } from '../../common/errors.js';
import { isRetryTopic } from '../../common/topic-names.js';
import { compareQueues } from '../message-queue.js';
import type { AdminClient } from './admin-client.js';
import { consumeStatsAt } from './consumer-progress.js';
import { mapLimited } from './map-limited.js';
import {
  type BeforeChange,
  carryOut,
  commitMoves,
  committedOffset,
  type MovedQueue,
  type OffsetMove,
  plannedMoves,
} from './offset-moves.js';
import { masterAddrs } from './topic-list.js';

export interface CloneGroupOffsetRequest {
  readonly srcGroup: string;
  readonly destGroup: string;
  /** Topic whose brokers are asked. */
  readonly topic: string;
  /** Leave the other topics of the source group alone. */
  readonly onlyTopic?: boolean;
  readonly dryRun?: boolean;
  readonly beforeChange?: BeforeChange | undefined;
}

export interface CloneGroupOffsetResult {
  readonly dryRun: boolean;
  readonly srcGroup: string;
  readonly destGroup: string;
  readonly topic: string;
  /** By topic, broker name and queue id. */
  readonly queues: readonly MovedQueue[];
}

/**
 * Gives a group the offsets of another one, on all topics that the source consumes, or on one.
 * @throws NotFoundError when the source has no offsets there
 */
export async function cloneGroupOffset(admin: AdminClient, request: CloneGroupOffsetRequest): Promise<CloneGroupOffsetResult> {
  const { srcGroup, destGroup, topic, dryRun = false } = request;
  const addrs = masterAddrs(await admin.route(topic));
  const moves = (await Promise.all(addrs.map((addr) => plan(admin, addr, request)))).flat().sort(compareQueues);
  if (moves.length === 0) {
    throw new NotFoundError(`group ${srcGroup} has no offsets on ${addrs.join(', ')}: nothing was changed`, {
      code: 'GROUP_NOT_EXIST',
      hint: 'see the known groups: mqadmin consumerProgress',
      context: { group: srcGroup, addrs },
    });
  }
  const shown = { dryRun, srcGroup, destGroup, topic };
  if (dryRun) {
    return { ...shown, queues: plannedMoves(moves) };
  }
  return carryOut(admin, moves, {
    group: destGroup,
    what: `clone of group ${srcGroup} to ${destGroup}`,
    beforeChange: request.beforeChange,
    make: (own) => commitMoves(admin, destGroup, own),
    result: (queues) => ({ ...shown, queues }),
  });
}

async function plan(admin: AdminClient, brokerAddr: string, request: CloneGroupOffsetRequest): Promise<OffsetMove[]> {
  const { srcGroup, destGroup, topic, onlyTopic = false } = request;
  const stats = await consumeStatsAt(admin, brokerAddr, srcGroup, onlyTopic ? topic : undefined);
  // The retry topic of the source is no topic of the other group.
  const queues = stats.offsetTable.map(([queue]) => queue).filter((queue) => !isRetryTopic(queue.topic));
  const moves = await mapLimited(queues, async (queue): Promise<OffsetMove[]> => {
    const [offset, before] = await Promise.all([
      committedOffset(admin, brokerAddr, srcGroup, queue),
      committedOffset(admin, brokerAddr, destGroup, queue),
    ]);
    const { brokerName, queueId } = queue;
    return offset === null ? [] : [{ topic: queue.topic, brokerName, queueId, brokerAddr, before, offset }];
  });
  return moves.flat();
}
