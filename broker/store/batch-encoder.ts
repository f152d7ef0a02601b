/*
 * Turns the messages of a classic batch into records, back to back: bodies and properties are copied from the wire form as bytes. The
 * layout is that of src/common/message/record.ts, whose `encodeRecord` is the plain form of this and the test's oracle.
 */
import { crc31Range } from '../../src/common/crc.js';
import { setInt64, viewOf } from '../../src/common/int64.js';
import { MAX_PROPERTIES_BYTES } from '../../src/common/limits.js';
import type { BatchLayout } from '../../src/common/message/batch.js';
import {
  BODY_CRC_POS,
  BORN_HOST_POS,
  BORN_TIMESTAMP_POS,
  bodyLengthPos,
  FLAG_POS,
  MAGIC_CODE_POS,
  MESSAGE_MAGIC_CODE_V1,
  MESSAGE_MAGIC_CODE_V2,
  PHYSICAL_OFFSET_POS,
  QUEUE_ID_POS,
  QUEUE_OFFSET_POS,
  reconsumeTimesPos,
  SYS_FLAG_POS,
  storeTimestampPos,
  sysFlagForHosts,
  TOTAL_SIZE_POS,
} from '../../src/common/message/record.js';
import { CRC_PROPERTY_BYTES, writePropertyCrc } from './property-crc.js';
import type { PutMessage } from './types.js';

const SEPARATOR = 2;

/** What all records of a batch have in common, and where each one goes. */
export class BatchEncoder {
  /** Size of each record of the batch that was measured last. */
  readonly sizes: number[] = [];
  readonly #crcBytes: number;
  #topicText = '';
  #topic: Buffer = Buffer.alloc(0);
  #suffixText = '';
  #suffix: Buffer = Buffer.alloc(0);
  /** Everything of a record but body and properties. */
  #fixedBytes = 0;
  #sysFlag = 0;
  /** Own properties of each record behind the common ones; empty where there are none. */
  #own: Buffer[] = [];

  constructor(options: { appendsPropertyCrc: boolean }) {
    this.#crcBytes = options.appendsPropertyCrc ? CRC_PROPERTY_BYTES : 0;
  }

  /**
   * Sets `sizes` and returns their sum; −1 when the properties of a message are too long.
   * `ownTexts` are properties that follow the batch's in each record.
   */
  measure(message: PutMessage, layout: BatchLayout, ownTexts: readonly string[]): number {
    // Batches to one topic with one set of properties follow each other.
    if (message.topic !== this.#topicText) {
      this.#topicText = message.topic;
      this.#topic = Buffer.from(message.topic);
    }
    if (message.properties !== this.#suffixText) {
      this.#suffixText = message.properties;
      this.#suffix = Buffer.from(message.properties);
    }
    this.#own = ownTexts.map((text) => Buffer.from(text, 'latin1'));
    this.#sysFlag = sysFlagForHosts(message.sysFlag, message.bornHost, message.storeHost);
    const versionBytes = this.#topic.length > 127 ? 2 : 1;
    this.#fixedBytes = bodyLengthPos(this.#sysFlag) + 4 + versionBytes + this.#topic.length + 2;
    let total = 0;
    for (let i = 0; i < layout.count; i++) {
      const propertiesBytes = this.#propertiesBytes(message.body, layout, i);
      if (propertiesBytes > MAX_PROPERTIES_BYTES) {
        return -1;
      }
      const size = this.#fixedBytes + layout.bodyBytes[i]! + propertiesBytes;
      this.sizes[i] = size;
      total += size;
    }
    return total;
  }

  #propertiesBytes(body: Buffer, layout: BatchLayout, i: number): number {
    const bytes = layout.propertiesBytes[i]!;
    const common = this.#suffix.length + (this.#own[i]?.length ?? 0) + this.#crcBytes;
    return bytes + common + (common > 0 && needsSeparator(body, layout, i) ? 1 : 0);
  }

  /**
   * Writes the measured records at `position`, which is commit log offset `offset`; the first one has queue offset `queueOffset`. Behind the
   * `total` bytes that `measure` said, the target has room for the body.
   */
  write(
    target: Buffer,
    position: number,
    batch: { message: PutMessage; layout: BatchLayout; total: number; offset: number; queueOffset: number; storeTimestamp: number },
  ): void {
    const { message, layout, offset, queueOffset, storeTimestamp } = batch;
    const view = viewOf(target);
    const magic = this.#topic.length > 127 ? MESSAGE_MAGIC_CODE_V2 : MESSAGE_MAGIC_CODE_V1;
    const lengthPos = bodyLengthPos(this.#sysFlag);
    // Moves within one buffer cost a third of copies between two.
    const staged = position + batch.total;
    target.set(message.body, staged);
    let at = position;
    for (let i = 0; i < layout.count; i++) {
      const size = this.sizes[i]!;
      if (i === 0) {
        this.#writeCommon(target, at, message, storeTimestamp);
      } else {
        // Flag, offsets, sizes and CRC differ; the rest of the header is that of the record before.
        target.copyWithin(at, position, position + lengthPos);
      }
      view.setInt32(at + TOTAL_SIZE_POS, size);
      view.setInt32(at + MAGIC_CODE_POS, magic);
      view.setInt32(at + FLAG_POS, layout.flags[i]!);
      setInt64(view, at + QUEUE_OFFSET_POS, queueOffset + i);
      setInt64(view, at + PHYSICAL_OFFSET_POS, offset + at - position);
      this.#writeParts(target, at, staged, layout, i);
      if (this.#crcBytes > 0) {
        writePropertyCrc(target, at, at + size);
      }
      at += size;
    }
  }

  #writeCommon(target: Buffer, at: number, message: PutMessage, storeTimestamp: number): void {
    const view = viewOf(target);
    const sysFlag = this.#sysFlag;
    view.setInt32(at + QUEUE_ID_POS, message.queueId);
    view.setInt32(at + SYS_FLAG_POS, sysFlag);
    setInt64(view, at + BORN_TIMESTAMP_POS, message.bornTimestamp);
    const storeTimeAt = at + storeTimestampPos(sysFlag);
    const afterHosts = at + reconsumeTimesPos(sysFlag);
    target.set(message.bornHost.ip, at + BORN_HOST_POS);
    view.setInt32(storeTimeAt - 4, message.bornHost.port);
    setInt64(view, storeTimeAt, storeTimestamp);
    target.set(message.storeHost.ip, storeTimeAt + 8);
    view.setInt32(afterHosts - 4, message.storeHost.port);
    view.setInt32(afterHosts, message.reconsumeTimes);
    // A batch belongs to no transaction.
    setInt64(view, afterHosts + 4, 0);
  }

  /** Body, topic and properties of the record at `start`; the batch's body lies at `staged` of the same buffer. */
  #writeParts(target: Buffer, start: number, staged: number, layout: BatchLayout, i: number): void {
    const view = viewOf(target);
    const bodyStart = staged + layout.bodyStarts[i]!;
    const bodyBytes = layout.bodyBytes[i]!;
    let at = start + bodyLengthPos(this.#sysFlag);
    view.setInt32(at, bodyBytes);
    at += 4;
    target.copyWithin(at, bodyStart, bodyStart + bodyBytes);
    view.setInt32(start + BODY_CRC_POS, bodyBytes === 0 ? 0 : crc31Range(target, at, at + bodyBytes));
    at += bodyBytes;
    const topic = this.#topic;
    if (topic.length > 127) {
      view.setInt16(at, topic.length);
      at += 2;
    } else {
      target[at++] = topic.length;
    }
    for (let k = 0; k < topic.length; k++) {
      target[at + k] = topic[k]!;
    }
    at += topic.length;
    const propertiesAt = at + 2;
    const from = staged + layout.propertiesStarts[i]!;
    const bytes = layout.propertiesBytes[i]!;
    target.copyWithin(propertiesAt, from, from + bytes);
    at = propertiesAt + bytes;
    const own = this.#own[i];
    if (this.#suffix.length + (own?.length ?? 0) + this.#crcBytes > 0) {
      if (bytes > 0 && target[at - 1] !== SEPARATOR) {
        target[at++] = SEPARATOR;
      }
      target.set(this.#suffix, at);
      at += this.#suffix.length;
      if (own !== undefined) {
        target.set(own, at);
        at += own.length;
      }
      at += this.#crcBytes;
    }
    view.setInt16(propertiesAt - 2, at - propertiesAt);
  }
}

/** Whether the last 0x02 of a message's properties is missing, as old clients leave it out. */
function needsSeparator(body: Buffer, layout: BatchLayout, i: number): boolean {
  const bytes = layout.propertiesBytes[i]!;
  return bytes > 0 && body[layout.propertiesStarts[i]! + bytes - 1] !== SEPARATOR;
}
