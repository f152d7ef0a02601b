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
  QUEUE_OFFSET_POS,
  RECORD_OVERHEAD_BYTES,
  SYS_FLAG_POS,
  storeTimestampPos,
} from '../../src/common/message/record.js';
import type { StoreCounters } from './types.js';

/** Damaged places that are remembered, so that each is logged once. */
const MAX_NOTED = 1000;
/** The offset of its half message lies right before a record's body length. */
const PREPARED_OFFSET_BYTES = 8;
/** Bits of an int64's upper half that a number within 2^53 may have. */
const SAFE_HIGH_BITS = 21;

/**
 * Looks at each record that comes from a disk before it goes to a client or to a service of the broker: one that states a wrong size would cost
 * those behind it too. What is damaged is left out, counted and logged.
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
   * their CPU. What is intact can be decoded.
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
      problem = layoutProblem(view, position, size, magic === MESSAGE_MAGIC_CODE_V1 ? 1 : 2);
      if (problem === '' && offset < this.#startedAt) {
        problem = bodyProblem(view, buffer, position);
      }
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

/**
 * What is wrong with a record's lengths and offsets; empty when `decodeRecord` takes it. Body, topic and properties must fill the record: who
 * reads it goes from one to the next by their lengths.
 */
function layoutProblem(view: DataView, position: number, size: number, version: 1 | 2): string {
  const sysFlag = view.getInt32(position + SYS_FLAG_POS);
  const lengthAt = bodyLengthPos(sysFlag);
  const bodyBytes = lengthAt + 4 <= size ? view.getInt32(position + lengthAt) : -1;
  const topicAt = lengthAt + 4 + bodyBytes;
  if (bodyBytes < 0 || topicAt + version + 2 > size) {
    return `body length ${bodyBytes} in a record of ${size}`;
  }
  const topicBytes = version === 1 ? view.getInt8(position + topicAt) : view.getInt16(position + topicAt);
  const propertiesAt = topicAt + version + topicBytes;
  if (topicBytes < 0 || propertiesAt + 2 > size) {
    return `topic length ${topicBytes} in a record of ${size}`;
  }
  const propertiesBytes = view.getInt16(position + propertiesAt);
  if (propertiesBytes < 0 || propertiesAt + 2 + propertiesBytes !== size) {
    return `properties length ${propertiesBytes} behind a topic of ${topicBytes} in a record of ${size}`;
  }
  const preparedAt = position + lengthAt - PREPARED_OFFSET_BYTES;
  const isSafe =
    isSafeHigh(view.getInt32(position + QUEUE_OFFSET_POS)) &&
    isSafeHigh(view.getInt32(position + storeTimestampPos(sysFlag))) &&
    isSafeHigh(view.getInt32(preparedAt));
  return isSafe ? '' : 'an offset or its store time is beyond 2^53';
}

/** Whether an int64 with these upper 32 bits lies within 2^53. */
function isSafeHigh(high: number): boolean {
  return (high ^ (high >> 31)) >>> SAFE_HIGH_BITS === 0;
}

/** Call it when the lengths are known to fit. */
function bodyProblem(view: DataView, buffer: Buffer, position: number): string {
  const lengthAt = position + bodyLengthPos(view.getInt32(position + SYS_FLAG_POS));
  const bodyBytes = view.getInt32(lengthAt);
  const expected = view.getInt32(position + BODY_CRC_POS);
  const start = lengthAt + 4;
  const isBodyIntact = expected === 0 || bodyBytes === 0 || crc31Range(buffer, start, start + bodyBytes) === expected;
  return isBodyIntact ? '' : 'body CRC mismatch';
}
