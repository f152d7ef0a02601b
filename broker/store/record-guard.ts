import { crc31Range } from '../../src/common/crc.js';
import { getInt64, viewOf } from '../../src/common/int64.js';
import type { Logger } from '../../src/common/logger.js';
import {
  BODY_CRC_POS,
  bodyLengthPos,
  MAGIC_CODE_POS,
  MESSAGE_MAGIC_CODE_V1,
  MESSAGE_MAGIC_CODE_V2,
  PHYSICAL_OFFSET_POS,
  RECORD_OVERHEAD_BYTES,
  SYS_FLAG_POS,
} from '../../src/common/message/record.js';
import type { StoreCounters } from './types.js';

/** Damaged places that are remembered, so that each is logged once. */
const MAX_NOTED = 1000;

/**
 * Looks at each record that comes from a disk before it goes to a client: one that states a wrong size would make the client lose those behind
 * it too. What is damaged is left out, counted and logged.
 */
export class RecordGuard {
  readonly #counters: StoreCounters;
  readonly #logger: Logger;
  readonly #startedAt: number;
  readonly #noted = new Set<number>();

  /** @param init.startedAt where the log ended when the store was opened */
  constructor(init: { counters: StoreCounters; logger: Logger; startedAt: number }) {
    this.#counters = init.counters;
    this.#logger = init.logger;
    this.#startedAt = init.startedAt;
  }

  /**
   * Whether the `size` bytes at `position` are the record of a commit log offset. Bodies are checked where the record is older than this start
   * of the store: what this process wrote comes from the page cache as a rule, and a CRC of each would cost a backlog's pulls a quarter of
   * their CPU.
   */
  isIntact(buffer: Buffer, position: number, size: number, offset: number): boolean {
    const view = viewOf(buffer);
    const magic = view.getInt32(position + MAGIC_CODE_POS);
    let problem = '';
    if (size < RECORD_OVERHEAD_BYTES || view.getInt32(position) !== size) {
      problem = `a consume queue says ${size} bytes, the record ${view.getInt32(position)}`;
    } else if (magic !== MESSAGE_MAGIC_CODE_V1 && magic !== MESSAGE_MAGIC_CODE_V2) {
      problem = `magic code ${(magic >>> 0).toString(16)}`;
    } else if (getInt64(view, position + PHYSICAL_OFFSET_POS) !== offset) {
      problem = `it says that it lies at ${getInt64(view, position + PHYSICAL_OFFSET_POS)}`;
    } else {
      problem = bodyProblem(view, buffer, { position, size, withCrc: offset < this.#startedAt });
    }
    if (problem !== '') {
      this.note(offset, problem);
    }
    return problem === '';
  }

  /** Counts a message that cannot be given. */
  note(offset: number, problem: string): void {
    this.#counters.recordsDamaged++;
    if (this.#noted.size < MAX_NOTED && !this.#noted.has(offset)) {
      this.#noted.add(offset);
      this.#logger.error(
        `the message at commit log offset ${offset} is damaged and is left out (${problem}); if its consume queue is wrong, stop the broker and delete the queue's folder: the next start makes it anew`,
      );
    }
  }
}

function bodyProblem(
  view: DataView,
  buffer: Buffer,
  { position, size, withCrc }: { position: number; size: number; withCrc: boolean },
): string {
  const lengthAt = bodyLengthPos(view.getInt32(position + SYS_FLAG_POS));
  const bodyBytes = lengthAt + 4 <= size ? view.getInt32(position + lengthAt) : -1;
  if (bodyBytes < 0 || lengthAt + 4 + bodyBytes > size) {
    return `body length ${bodyBytes} in a record of ${size}`;
  }
  if (!withCrc) {
    return '';
  }
  const expected = view.getInt32(position + BODY_CRC_POS);
  const start = position + lengthAt + 4;
  const isBodyIntact = expected === 0 || bodyBytes === 0 || crc31Range(buffer, start, start + bodyBytes) === expected;
  return isBodyIntact ? '' : 'body CRC mismatch';
}
