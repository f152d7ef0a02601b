import { UsageError } from '../../common/errors.js';
import { compareQueues } from '../message-queue.js';
import type { AdminClient } from './admin-client.js';
import { mapLimited } from './map-limited.js';
import {
  type BeforeChange,
  carryOut,
  committedOffset,
  type MovedQueue,
  type OffsetMove,
  plannedMoves,
  setExactly,
} from './offset-moves.js';

export const UNDO_FORMAT = 'mqkit-offset-undo';

/** Offsets of a group as they were before a change. */
export interface OffsetUndo {
  readonly format: typeof UNDO_FORMAT;
  readonly version: 1;
  /** What was run, for the reader. */
  readonly command: string;
  /** When, ISO 8601. */
  readonly time: string;
  readonly group: string;
  /** `before` is where an undo goes back to, null where the group had no offset; `offset` is where the change went. */
  readonly queues: readonly OffsetMove[];
}

export interface UndoOffsetsResult {
  readonly dryRun: boolean;
  readonly group: string;
  readonly queues: readonly MovedQueue[];
  /** Queues that stay where they are: the group had no offset there, and no request takes an offset away. */
  readonly left: readonly OffsetMove[];
  /** Queues whose offset is not the one the change had set: somebody consumed or moved it since. */
  readonly movedSince: readonly OffsetMove[];
}

/** Reads an undo from JSON. @throws UsageError that says what is wrong with it. */
export function parseUndo(text: string, place: string): OffsetUndo {
  let undo: Partial<OffsetUndo> | null = null;
  try {
    undo = JSON.parse(text) as Partial<OffsetUndo> | null;
  } catch (cause) {
    throw new UsageError(`${place} is no JSON`, { cause });
  }
  if (typeof undo !== 'object' || undo === null || undo.format !== UNDO_FORMAT || undo.version !== 1) {
    throw new UsageError(`${place} is no undo file: its format is not ${UNDO_FORMAT} of version 1`, {
      hint: 'commands that move offsets print the place of theirs',
    });
  }
  const { group, queues } = undo;
  if (typeof group !== 'string' || group === '' || !Array.isArray(queues) || !queues.every(isMove)) {
    throw new UsageError(`${place} is damaged: group or queues are not as they were written`);
  }
  return undo as OffsetUndo;
}

function isMove(value: unknown): value is OffsetMove {
  const isOffset = (field: unknown): boolean => Number.isSafeInteger(field) && (field as number) >= 0;
  const move = value as Record<keyof OffsetMove, unknown> | null;
  return (
    typeof move === 'object' &&
    move !== null &&
    ['topic', 'brokerName', 'brokerAddr'].every((key) => typeof move[key as keyof OffsetMove] === 'string') &&
    isOffset(move.queueId) &&
    isOffset(move.offset) &&
    (move.before === null || isOffset(move.before))
  );
}

/** Puts the offsets of a group back to where they were before a change. Brokers are found by name where a name server is known. */
export async function undoOffsets(
  admin: AdminClient,
  request: { undo: OffsetUndo; dryRun?: boolean; beforeChange?: BeforeChange | undefined },
): Promise<UndoOffsetsResult> {
  const { undo, dryRun = false } = request;
  const { group } = undo;
  const addrOf = await brokerAddresses(admin);
  const found = await mapLimited(undo.queues, async (queue) => {
    const brokerAddr = addrOf(queue);
    return { queue, brokerAddr, current: await committedOffset(admin, brokerAddr, group, queue) };
  });
  const moves = found.flatMap(({ queue, brokerAddr, current }): OffsetMove[] => {
    const { topic, brokerName, queueId, before } = queue;
    return before === null ? [] : [{ topic, brokerName, queueId, brokerAddr, before: current, offset: before }];
  });
  moves.sort(compareQueues);
  const shown = {
    dryRun,
    group,
    left: undo.queues.filter(({ before }) => before === null),
    movedSince: found.filter(({ queue, current }) => queue.offset !== current).map(({ queue }) => queue),
  };
  if (dryRun) {
    return { ...shown, queues: plannedMoves(moves) };
  }
  return carryOut(admin, moves, {
    group,
    what: `undo for group ${group}`,
    beforeChange: request.beforeChange,
    make: (own) => setExactly(admin, group, own),
    result: (queues) => ({ ...shown, queues }),
  });
}

async function brokerAddresses(admin: AdminClient): Promise<(queue: OffsetMove) => string> {
  if (!admin.hasNamesrv) {
    return (queue) => queue.brokerAddr;
  }
  const { brokerAddrTable } = await admin.clusterInfo();
  return (queue) => brokerAddrTable.get(queue.brokerName)?.brokerAddrs.get(0) ?? queue.brokerAddr;
}
