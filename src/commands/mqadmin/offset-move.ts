import { dateTime, format } from '../../cli/format.js';
import { CHANGE_OPTIONS, defineOptions } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import type { BeforeChange, MovedQueue, OffsetMove } from '../../client/admin/offset-moves.js';
import type { CommandContext } from '../base.js';

/** Options of the commands that move offsets of groups. */
export const OFFSET_MOVE_OPTIONS = defineOptions({
  undoFile: {
    long: 'undo-file',
    own: true,
    text: 'Where the offsets as they were are written, for undoOffsets; without it a new file in $XDG_STATE_HOME/mqkit/offset-undo (~/.local/state/...)',
  },
  ...CHANGE_OPTIONS,
});

/** Options of those that ask on a terminal, once they have shown what they would do. */
export const ASKING_MOVE_OPTIONS = defineOptions({
  ...OFFSET_MOVE_OPTIONS,
  yes: { short: 'y', kind: 'flag', own: true, text: 'Do not ask before offsets are moved' },
});

/** Keeps the offsets of groups before a command moves them. */
export interface UndoKeeper {
  /** Writes the file, says where it is, and shows on a terminal what is going to be changed. */
  readonly beforeChange: BeforeChange;
  /** The result together with the place of the file, where one was written. */
  withPlace<R extends object>(result: R): R & { readonly undoFile?: string };
}

/**
 * @param command the command line for the reader of the file
 * @param yes with false a terminal is asked before anything is moved
 */
export function undoKeeper(undoFile: string | undefined, command: string, context: CommandContext, yes = true): UndoKeeper {
  let place: string | null = null;
  return {
    async beforeChange(group, moves) {
      if (context.io.terminal.asks && !context.json) {
        printPreview(moves, (line) => context.out.note(line));
      }
      if (!yes) {
        const { confirmDeletion } = await import('../../cli/confirm.js');
        const { io, signal } = context;
        await confirmDeletion(`move the offsets of group ${group} so`, { yes, signal, io, undone: 'moved' });
      }
      if (moves.every(({ before }) => before === null)) {
        // Nothing to go back to.
        return;
      }
      const { writeUndo } = await import('./undo-file.js');
      place = await writeUndo({ file: undoFile, group, queues: moves, command, context });
      if (place !== null && !context.json) {
        context.out.note(`note: to undo this: mqadmin undoOffsets -f ${/^[\w@%+=:,./-]+$/.test(place) ? place : `'${place}'`}`);
      }
    },
    withPlace: (result) => (place === null ? result : { ...result, undoFile: place }),
  };
}

const COLUMNS = '%-32s  %-20s  %-4s  %-34s  %-16s  %s';
/** What a group without an offset on a queue is said to have. */
const NO_OFFSET = 'unknown (no offset committed)';

/** The table of where a group is and where it goes, and what that means in messages. */
export function printPreview(moves: readonly OffsetMove[], line: (text: string) => void): void {
  line(format(COLUMNS, '#Topic', '#Broker Name', '#QID', '#Current Offset', '#New Offset', '#Difference'));
  let [again, skipped] = [0, 0];
  for (const { topic, brokerName, queueId, before, offset } of moves) {
    const difference = before === null ? null : offset - before;
    again += Math.max(0, -(difference ?? 0));
    skipped += Math.max(0, difference ?? 0);
    line(format(COLUMNS, topic, brokerName, queueId, before ?? NO_OFFSET, offset, differenceText(difference)));
  }
  const queues = moves.length === 1 ? '1 queue' : `${moves.length} queues`;
  line(`Total: ${queues}, ${again} messages are delivered again, ${skipped} are skipped`);
}

function differenceText(difference: number | null): string {
  if (difference === null) {
    return NO_OFFSET;
  }
  return difference > 0 ? `+${difference}` : String(difference);
}

/** Says on stderr which queues are not where they were to go by the time they were read back. */
export function notePassed(queues: readonly MovedQueue[], out: Output): void {
  const passed = queues.filter(({ state }) => state === 'passed');
  if (passed.length > 0) {
    const places = passed.map(({ topic, brokerName, queueId, after }) => `${topic}@${brokerName}@${queueId} at ${after ?? 'none'}`);
    out.note(`note: consumers have gone on since: ${places.join(', ')}`);
  }
}

/** `20261121-043015`, local time. */
export function fileTime(ms: number): string {
  return dateTime(ms)
    .replace(' ', '-')
    .replace(/(\d+)-(\d+)-(\d+)-(\d+):(\d+):(\d+)/, '$1$2$3-$4$5$6');
}
