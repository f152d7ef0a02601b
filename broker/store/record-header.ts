/*
 * What dispatch and recovery need of a stored record, read without making objects for the rest. Layout: src/common/message/record.ts.
 */
import { crc31Range } from '../../src/common/crc.js';
import { getInt64 } from '../../src/common/int64.js';
import {
  BODY_CRC_POS,
  bodyLengthPos,
  MAGIC_CODE_POS,
  MESSAGE_MAGIC_CODE_V1,
  MESSAGE_MAGIC_CODE_V2,
  PHYSICAL_OFFSET_POS,
  QUEUE_ID_POS,
  QUEUE_OFFSET_POS,
  RECORD_OVERHEAD_BYTES,
  SYS_FLAG_POS,
  storeTimestampPos,
} from '../../src/common/message/record.js';
import { CRC_PROPERTY_BYTES, hasPropertyCrc, isPropertyCrcIntact } from './property-crc.js';

/** Magic of the marker that ends a file. */
export const BLANK_MAGIC_CODE = 0xcbd43194 | 0;
export const END_MARKER_BYTES = 8;

/** What a disk writes as a whole. */
const SECTOR = 512;

function isZero(buffer: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (buffer[i] !== 0) {
      return false;
    }
  }
  return true;
}

/** Result of looking at the bytes of a record. */
export type HeaderKind = 'record' | 'marker' | 'end' | 'short';

/** Fields of the record that `read` looked at last; one object is used for a whole walk. */
export class RecordHeader {
  totalSize = 0;
  queueId = 0;
  queueOffset = 0;
  commitLogOffset = 0;
  sysFlag = 0;
  storeTimestamp = 0;
  topicStart = 0;
  topicBytes = 0;
  propertiesStart = 0;
  propertiesBytes = 0;
  bodyStart = 0;
  bodyBytes = 0;
  /** Why the last result was `end`. */
  reason = '';

  /**
   * Reads the record at `position` of a view whose first `limit` bytes are valid. `record` and `marker` set `totalSize`;
   * `short`: the record goes on behind `limit` (`totalSize` is set, or 0 when not even that is known); `end`: no record, see `reason`.
   */
  read(view: DataView, position: number, limit: number): HeaderKind {
    this.totalSize = 0;
    if (limit - position < END_MARKER_BYTES) {
      return 'short';
    }
    const totalSize = view.getInt32(position);
    const magic = view.getInt32(position + MAGIC_CODE_POS);
    if (magic === BLANK_MAGIC_CODE) {
      this.totalSize = totalSize;
      return 'marker';
    }
    if (magic !== MESSAGE_MAGIC_CODE_V1 && magic !== MESSAGE_MAGIC_CODE_V2) {
      return this.#end(totalSize === 0 && magic === 0 ? 'nothing written' : `unknown magic code ${(magic >>> 0).toString(16)}`);
    }
    if (totalSize < RECORD_OVERHEAD_BYTES) {
      return this.#end(`total size ${totalSize}`);
    }
    this.totalSize = totalSize;
    if (position + totalSize > limit) {
      return 'short';
    }
    return this.#fields(view, position, totalSize, magic === MESSAGE_MAGIC_CODE_V1 ? 1 : 2);
  }

  #fields(view: DataView, position: number, totalSize: number, version: 1 | 2): HeaderKind {
    const end = position + totalSize;
    const sysFlag = view.getInt32(position + SYS_FLAG_POS);
    const bodyLengthAt = position + bodyLengthPos(sysFlag);
    if (bodyLengthAt + 4 > end) {
      return this.#end(`sysFlag ${sysFlag} does not fit a record of ${totalSize}`);
    }
    const bodyBytes = view.getInt32(bodyLengthAt);
    const topicAt = bodyLengthAt + 4 + bodyBytes;
    if (bodyBytes < 0 || topicAt + version + 2 > end) {
      return this.#end(`body length ${bodyBytes} in a record of ${totalSize}`);
    }
    const topicBytes = version === 1 ? view.getInt8(topicAt) : view.getInt16(topicAt);
    const propertiesAt = topicAt + version + topicBytes;
    if (topicBytes < 0 || propertiesAt + 2 > end) {
      return this.#end(`topic length ${topicBytes} in a record of ${totalSize}`);
    }
    const propertiesBytes = view.getInt16(propertiesAt);
    if (propertiesBytes < 0 || propertiesAt + 2 + propertiesBytes !== end) {
      return this.#end(`parts of ${propertiesAt + 2 + propertiesBytes - position} bytes in a record of ${totalSize}`);
    }
    this.queueId = view.getInt32(position + QUEUE_ID_POS);
    this.queueOffset = getInt64(view, position + QUEUE_OFFSET_POS);
    this.commitLogOffset = getInt64(view, position + PHYSICAL_OFFSET_POS);
    this.sysFlag = sysFlag;
    this.storeTimestamp = getInt64(view, position + storeTimestampPos(sysFlag));
    this.bodyStart = bodyLengthAt + 4;
    this.bodyBytes = bodyBytes;
    this.topicStart = topicAt + version;
    this.topicBytes = topicBytes;
    this.propertiesStart = propertiesAt + 2;
    this.propertiesBytes = propertiesBytes;
    return 'record';
  }

  #end(reason: string): HeaderKind {
    this.reason = reason;
    return 'end';
  }

  /** Whether the body has the CRC that the record says. A record without CRC counts as good, as in Java. */
  isBodyIntact(buffer: Buffer, view: DataView, position: number): boolean {
    const expected = view.getInt32(position + BODY_CRC_POS);
    return this.bodyBytes === 0 || expected === 0 || crc31Range(buffer, this.bodyStart, this.bodyStart + this.bodyBytes) === expected;
  }

  /**
   * Whether topic or properties, which no CRC covers, look as if a write broke off: they end in a zero byte, or a disk sector's part of
   * them is all zero (never written in a fresh file). `fileOffset` is the record's place in its file.
   */
  isTextTorn(buffer: Buffer, position: number, fileOffset: number): boolean {
    const topicEnd = this.topicStart + this.topicBytes;
    const propertiesEnd = this.propertiesStart + this.propertiesBytes;
    if ((this.topicBytes > 0 && buffer[topicEnd - 1] === 0) || (this.propertiesBytes > 0 && buffer[propertiesEnd - 1] === 0)) {
      return true;
    }
    // Without properties the length of them is zero, and may be all that a sector holds.
    const start = this.topicBytes > 0 ? this.topicStart : this.propertiesStart;
    const end = this.propertiesBytes > 0 ? propertiesEnd : topicEnd;
    const shift = fileOffset - position;
    for (let at = start + ((SECTOR - ((start + shift) % SECTOR)) % SECTOR); at < end; at += SECTOR) {
      if (isZero(buffer, at, Math.min(end, at + SECTOR)) || (at > start && isZero(buffer, Math.max(start, at - SECTOR), at))) {
        return true;
      }
    }
    return false;
  }

  /** Whether the record ends in a `__CRC32#` property. */
  hasPropertyCrc(buffer: Buffer, position: number): boolean {
    return this.propertiesBytes >= CRC_PROPERTY_BYTES && hasPropertyCrc(buffer, position + this.totalSize);
  }

  /** Whether the `__CRC32#` property fits the other bytes of the record. */
  isPropertyCrcIntact(buffer: Buffer, position: number): boolean {
    return isPropertyCrcIntact(buffer, position, position + this.totalSize);
  }
}
