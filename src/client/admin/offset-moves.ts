import { MQError, NotFoundError, PartialError } from '../../common/errors.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand } from '../../remoting/command.js';
import { compareQueues, type MessageQueue } from '../message-queue.js';
import { type AdminClient, expectSuccess } from './admin-client.js';
import { getBrokerConfig } from './broker-config.js';
import { consumersAt } from './connections.js';
import { mapLimited } from './map-limited.js';
import { ResetWitness } from './reset-witness.js';

/** Where a group goes on one queue. */
export interface OffsetMove extends MessageQueue {
  readonly brokerAddr: string;
  /** Committed offset before; null when the group had none there. */
  readonly before: number | null;
  readonly offset: number;
}

/**
 * What became of a move. `planned`: a dry run; `done`: read back as wanted; `passed`: the group was moved, and its consumers have
 * consumed on since; `unchanged`: the broker took the request, but the offset is another; `failed`: the broker refused or did not answer.
 */
export type MoveState = 'planned' | 'done' | 'passed' | 'unchanged' | 'failed';

/** A move and what was read back. */
export type MovedQueue<M extends OffsetMove = OffsetMove> = M & {
  /** Messages between before and offset: negative ones are delivered again, positive ones skipped. Null where the group had no offset. */
  readonly difference: number | null;
  readonly state: MoveState;
  /** Committed offset afterwards; null when there is none or it was not read. */
  readonly after: number | null;
  /** Why the state is `unchanged` or `failed`. */
  readonly reason?: string;
};

/** Called with the moves that change something, before any of them is made: the place to keep the offsets for an undo. */
export type BeforeChange = (group: string, moves: readonly OffsetMove[]) => Promise<void>;

/** The committed offset of a group on a queue; null when it has none. 4.9 brokers say 0 of a queue that still has its first message. */
export async function committedOffset(admin: AdminClient, addr: string, group: string, queue: MessageQueue): Promise<number | null> {
  const { topic, queueId, brokerName } = queue;
  const response = await admin.ask(
    addr,
    {
      code: RequestCode.QUERY_CONSUMER_OFFSET,
      extFields: { consumerGroup: group, topic, queueId: String(queueId), setZeroIfNotFound: 'false', bname: brokerName },
    },
    [ResponseCode.QUERY_NOT_FOUND],
  );
  return response.code === ResponseCode.SUCCESS ? Number(response.extFields?.offset ?? 0) : null;
}

/** Commits an offset for a group, as a consumer does. */
export async function commitOffset(admin: AdminClient, group: string, move: OffsetMove): Promise<void> {
  const { topic, queueId, offset, brokerAddr, brokerName } = move;
  await admin.ask(brokerAddr, {
    code: RequestCode.UPDATE_CONSUMER_OFFSET,
    extFields: { consumerGroup: group, topic, queueId: String(queueId), commitOffset: String(offset), bname: brokerName },
  });
}

/** How a broker takes a reset: it keeps the new offset itself (5.x), or tells the consumers, which must be online. */
export interface ResetWay {
  readonly brokerName: string;
  readonly atServer: boolean;
}

export async function resetWayOf(admin: AdminClient, brokerAddr: string): Promise<ResetWay> {
  const { brokers } = await getBrokerConfig(admin, { brokerAddr });
  const config = brokers[0]?.config ?? {};
  return { brokerName: config.brokerName ?? '', atServer: config.useServerSideResetOffset === 'true' };
}

/**
 * Sends a reset: with `queueId` and `offset` of one queue, of all queues without them. Only a broker that keeps the offset itself looks
 * at the queue; others move all queues, so ask {@link resetWayOf} before.
 */
export function askReset(
  admin: AdminClient,
  addr: string,
  reset: { group: string; topic: string; timestamp: bigint; force: boolean; queueId?: number; offset?: number },
): Promise<RemotingCommand> {
  const { group, topic, timestamp, force, queueId = -1, offset = -1 } = reset;
  return admin.remoting.invoke(
    addr,
    {
      code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
      extFields: {
        topic,
        group,
        timestamp: String(timestamp),
        isForce: String(force),
        queueId: String(queueId),
        offset: String(offset),
      },
    },
    admin.timeoutMs,
  );
}

/** Puts a group exactly where the moves say, on one broker, queue by queue. */
export async function setExactly<M extends OffsetMove>(admin: AdminClient, group: string, moves: readonly M[]): Promise<readonly M[]> {
  const addr = moves[0]?.brokerAddr;
  if (addr === undefined) {
    return moves;
  }
  const { atServer } = await resetWayOf(admin, addr);
  if (!atServer && (await consumersAt(admin, addr, group)) !== null) {
    throw new NotFoundError(`group ${group} is online, and broker ${addr} moves all queues of an online group or none`, {
      code: 'GROUP_ONLINE',
      hint: 'stop its consumers: the offsets of an offline group can be set queue by queue',
      context: { group, brokerAddr: addr },
    });
  }
  await mapLimited(moves, async (move) => {
    if (!atServer) {
      return commitOffset(admin, group, move);
    }
    const { topic, queueId, offset } = move;
    expectSuccess(await askReset(admin, addr, { group, topic, timestamp: 0n, force: true, queueId, offset }), addr);
  });
  return moves;
}

/**
 * Commits offsets for a group. Where its consumers are online, or a former reset that waits for its consumers hides what is committed,
 * the broker is told to move the queue instead.
 */
export async function commitMoves<M extends OffsetMove>(admin: AdminClient, group: string, moves: readonly M[]): Promise<readonly M[]> {
  const addr = moves[0]?.brokerAddr;
  if (addr === undefined) {
    return moves;
  }
  if ((await consumersAt(admin, addr, group)) !== null) {
    return setExactly(admin, group, moves);
  }
  await mapLimited(moves, (move) => commitOffset(admin, group, move));
  const hidden = await mapLimited(moves, async (move) => (await committedOffset(admin, addr, group, move)) !== move.offset);
  await setExactly(
    admin,
    group,
    moves.filter((_, i) => hidden[i]),
  );
  return moves;
}

/** Consumers of Java stop for 10 s before they take a reset that the broker sends them. */
const CLIENTS_LIMIT_MS = 30_000;
const CLIENTS_POLL_MS = 250;
/** The consumers are asked themselves with every such poll. */
const POLLS_A_LOOK = 8;

/** Reads back the offsets of a group at one broker. Consumers that make the change themselves are given time for it. */
async function readBack<M extends OffsetMove>(admin: AdminClient, group: string, moves: readonly M[]): Promise<MovedQueue<M>[]> {
  const addr = moves[0]?.brokerAddr ?? '';
  const read = () => mapLimited(moves, (move) => committedOffset(admin, addr, group, move));
  const first = await read();
  if (moves.every((move, i) => first[i] === move.offset)) {
    return moves.map((move) => ({ ...move, difference: differenceOf(move), state: 'done', after: move.offset }));
  }
  const isOnline = (await consumersAt(admin, addr, group)) !== null;
  const { atServer } = await resetWayOf(admin, addr);
  const witness = new ResetWitness(admin, addr, group);
  const states: MoveState[] = moves.map(() => 'unchanged');
  const judge = (after: readonly (number | null)[]): boolean => {
    for (const [i, move] of moves.entries()) {
      if (states[i] === 'unchanged') {
        states[i] = stateOf(move, after[i] ?? null, { isOnline, mayBeOld: !atServer && !witness.hasTaken(move) });
      }
    }
    return !states.includes('unchanged');
  };
  let after = first;
  const { setTimeout: sleep } = await import('node:timers/promises');
  for (let polls = 0; !judge(after) && isOnline && !atServer && polls * CLIENTS_POLL_MS < CLIENTS_LIMIT_MS; polls++) {
    if (polls % POLLS_A_LOOK === 0) {
      await witness.look();
    }
    await sleep(CLIENTS_POLL_MS);
    after = await read();
  }
  return moves.map((move, i) => {
    const state = states[i] ?? 'unchanged';
    const shown = { ...move, difference: differenceOf(move), state, after: after[i] ?? null };
    return state === 'unchanged' ? { ...shown, reason: `offset ${after[i] ?? 'none'} was read back` } : shown;
  });
}

/** @param group.mayBeOld whether an offset that is not below the one before may still be that of before: nobody is known to have taken the change */
function stateOf(move: OffsetMove, after: number | null, group: { isOnline: boolean; mayBeOld: boolean }): MoveState {
  if (after === move.offset) {
    return 'done';
  }
  if (after === null || !group.isOnline || after < move.offset) {
    return 'unchanged';
  }
  // Beyond the new offset: consumed on, unless it is a way back that never began.
  const wentBack = move.before !== null && move.offset < move.before && after >= move.before;
  return wentBack && group.mayBeOld ? 'unchanged' : 'passed';
}

function differenceOf(move: OffsetMove): number | null {
  return move.before === null ? null : move.offset - move.before;
}

/** The moves of a dry run. */
export function plannedMoves<M extends OffsetMove>(moves: readonly M[]): MovedQueue<M>[] {
  return moves.map((move) => ({ ...move, difference: differenceOf(move), state: 'planned', after: null }));
}

/**
 * Makes moves broker by broker and reads back what became of them; a broker that refuses does not keep others from it.
 */
async function makeMoves<M extends OffsetMove>(
  admin: AdminClient,
  group: string,
  moves: readonly M[],
  make: (moves: readonly M[]) => Promise<readonly M[]>,
): Promise<MovedQueue<M>[]> {
  const done = await Promise.all(
    [...new Set(moves.map((move) => move.brokerAddr))].map(async (addr): Promise<MovedQueue<M>[]> => {
      const own = moves.filter((move) => move.brokerAddr === addr);
      try {
        return await readBack(admin, group, await make(own));
      } catch (error) {
        if (!(error instanceof MQError)) {
          throw error;
        }
        return failedMoves(admin, group, own, error);
      }
    }),
  );
  return done.flat();
}

const failures = new WeakMap<object, MQError>();

/** The moves of a broker that refused, or did not answer: some of them may have been made before that. */
function failedMoves<M extends OffsetMove>(
  admin: AdminClient,
  group: string,
  moves: readonly M[],
  error: MQError,
): Promise<MovedQueue<M>[]> {
  return mapLimited(moves, async (move) => {
    const after = await lastOffset(admin, group, move);
    const shown = { ...move, difference: differenceOf(move), after };
    if (move.before !== move.offset && after === move.offset) {
      return { ...shown, state: 'done' };
    }
    const failed: MovedQueue<M> = { ...shown, state: 'failed', reason: error.message };
    failures.set(failed, error);
    return failed;
  });
}

async function lastOffset(admin: AdminClient, group: string, move: OffsetMove): Promise<number | null> {
  try {
    return await committedOffset(admin, move.brokerAddr, group, move);
  } catch (error) {
    if (error instanceof MQError) {
      return null;
    }
    throw error;
  }
}

/** What a command that moves offsets was asked for beside the moves. */
export interface CarryOutOptions<M extends OffsetMove, R> {
  readonly group: string;
  /** For errors: what is done, as in `reset of group G`. */
  readonly what: string;
  readonly beforeChange: BeforeChange | undefined;
  /** Changes one broker and answers what it was asked for in the end. */
  readonly make: (moves: readonly M[]) => Promise<readonly M[]>;
  readonly result: (queues: readonly MovedQueue<M>[]) => R;
}

/**
 * Makes the moves of a command: tells of the ones that change something, makes all, and reads them back.
 * @returns its result, with the queues by topic, broker name and queue id
 * @throws as {@link requireMoved}
 */
export async function carryOut<M extends OffsetMove, R>(
  admin: AdminClient,
  moves: readonly M[],
  { group, what, beforeChange, make, result }: CarryOutOptions<M, R>,
): Promise<R> {
  const changes = moves.filter((move) => move.before !== move.offset);
  if (changes.length > 0) {
    await beforeChange?.(group, changes);
  }
  const queues = (await makeMoves(admin, group, moves, make)).sort(compareQueues);
  const done = result(queues);
  requireMoved(what, queues, queues.some(({ state }) => state !== 'failed') ? done : undefined);
  return done;
}

/** Throws unless every move was made: the broker's own error when no move was made for one reason, an error that counts them otherwise. */
function requireMoved(what: string, queues: readonly MovedQueue[], result: unknown): void {
  const bad = queues.filter(({ state }) => state === 'unchanged' || state === 'failed');
  if (bad.length === 0) {
    return;
  }
  const cause = failures.get(bad[0]!);
  const sameReason = new Set(bad.map(({ reason }) => reason)).size === 1;
  if (cause !== undefined && bad.length === queues.length && sameReason) {
    throw cause;
  }
  const lines = bad.map((queue) => `${queue.topic}@${queue.brokerName || queue.brokerAddr}@${queue.queueId}: ${queue.reason ?? ''}`);
  const shown = lines.length > 5 ? [...lines.slice(0, 5), `and ${lines.length - 5} more`] : lines;
  const options = {
    context: { result, moved: queues.length - bad.length, notMoved: bad.length },
    hint: 'look again: mqadmin consumerProgress -g; consumers that are online write their own offsets',
    cause,
  };
  const message = `${what}: ${bad.length} of ${queues.length} queues are not where they were to go: ${shown.join('; ')}`;
  throw bad.length === queues.length
    ? new MQError('broker', message, { ...options, defaultCode: 'OFFSET_NOT_MOVED' })
    : new PartialError(message, options);
}
