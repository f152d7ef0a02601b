import type { HostAddress } from '../../src/common/host.js';
import { encodeOffsetMsgId } from '../../src/common/message/message-id.js';
import { MQ_VERSION } from '../../src/common/mq-version.js';
import { FLAG_ONEWAY, OWN_LANGUAGE, type RemotingCommand, SERIALIZE_JSON } from '../../src/remoting/command.js';
import type { Connection } from '../../src/remoting/server.js';
import { digitCount, isPlainAscii, writeAscii, writeDecimal, writeHex64 } from './ascii-writer.js';
import type { PutContext } from './put-message.js';

const PREFIX_BYTES = 8;
/** Hex digits of the commit log offset at the end of an offsetMsgId. */
const OFFSET_DIGITS = 16;
const QUEUE_ID_PART = Buffer.from('","queueId":"');
const QUEUE_OFFSET_PART = Buffer.from('","queueOffset":"');
const TRANSACTION_PART = Buffer.from('","transactionId":"');
const OPAQUE_PART = Buffer.from(`"},"flag":1,"language":"${OWN_LANGUAGE}","opaque":`);
const TAIL_PART = Buffer.from(`,"serializeTypeCurrentRPC":"JSON","version":${MQ_VERSION}}`);
const FIXED_BYTES = QUEUE_OFFSET_PART.length + TRANSACTION_PART.length + OPAQUE_PART.length + TAIL_PART.length;

/** Answers to larger batches take the plain path. */
const MAX_BATCH_IDS = 1024;
const COMMA = 44;

/**
 * Answers of the send path. A success to a JSON request, which is nearly every answer, is made of fixed bytes and written straight
 * into the connection's output, without a string in between; everything else goes through `respond`.
 */
export class SendResponder {
  readonly #storeHost: HostAddress;
  /** Prefix, and the header up to the queueId; the message id in it is completed for each answer. */
  #head: Buffer = Buffer.alloc(0);
  /** Where the last 16 digits of the message id stand in the head. */
  #idOffset = 0;
  /** Digits of the message id before those. */
  #hostDigits = 0;
  #extFields: Record<string, string> = {};

  constructor(storeHost: HostAddress, marks: { regionId: string; traceOn: boolean }) {
    this.#storeHost = storeHost;
    this.configure(marks);
  }

  /** Sets what MSG_REGION and TRACE_ON say; both are on every answer, errors included. */
  configure(marks: { regionId: string; traceOn: boolean }): void {
    this.#extFields = { MSG_REGION: marks.regionId, TRACE_ON: String(marks.traceOn) };
    const before = `{"code":0,"extFields":{"MSG_REGION":${JSON.stringify(marks.regionId)},"TRACE_ON":"${marks.traceOn}","msgId":"`;
    const msgId = encodeOffsetMsgId(this.#storeHost, 0);
    this.#head = Buffer.from(`${' '.repeat(PREFIX_BYTES)}${before}${msgId}","queueId":"`);
    this.#hostDigits = msgId.length - OFFSET_DIGITS;
    this.#idOffset = PREFIX_BYTES + Buffer.byteLength(before) + msgId.length - OFFSET_DIGITS;
  }

  /** The fields every answer to a send carries. */
  marks(): Record<string, string> {
    return { ...this.#extFields };
  }

  /** Answers a message that is stored: with code 0, or 10, 11, 12 when a flush or a replica was missed. */
  stored(put: PutContext, code: number, remark: string | null): void {
    const connection = put.connection!;
    const request = put.request!;
    if ((request.flag & FLAG_ONEWAY) !== 0 || connection.closed) return;
    const isPlain = put.batchUniqId === '' && put.recallHandle === '';
    if (code === 0 && request.serializeType === SERIALIZE_JSON && isPlain && request.opaque >= 0 && isPlainAscii(put.uniqKey)) {
      if (!put.batch) {
        this.#write(put, connection, request);
        return;
      }
      if (put.batchOffsets.length <= MAX_BATCH_IDS) {
        this.#writeBatch(put, connection, request);
        return;
      }
    }
    connection.respond(request, code, remark, this.#storedFields(put));
  }

  #write(put: PutContext, connection: Connection, request: RemotingCommand): void {
    const { opaque } = request;
    const { answerQueueId, queueOffset, uniqKey } = put;
    const head = this.#head;
    const numbers = digitCount(answerQueueId) + digitCount(queueOffset) + digitCount(opaque);
    const bytes = head.length + FIXED_BYTES + numbers + uniqKey.length;
    const { buffer, offset } = connection.reserve(bytes, request);
    buffer.set(head, offset);
    writePrefix(buffer, offset, bytes - PREFIX_BYTES, 0);
    writeHex64(buffer, offset + this.#idOffset, put.commitLogOffset);
    let at = writeDecimal(buffer, offset + head.length, answerQueueId);
    buffer.set(QUEUE_OFFSET_PART, at);
    at = writeDecimal(buffer, at + QUEUE_OFFSET_PART.length, queueOffset);
    buffer.set(TRANSACTION_PART, at);
    at = writeAscii(buffer, at + TRANSACTION_PART.length, uniqKey);
    buffer.set(OPAQUE_PART, at);
    at = writeDecimal(buffer, at + OPAQUE_PART.length, opaque);
    buffer.set(TAIL_PART, at);
  }

  /** As `#write`, with the ids of all messages and, unless the batch has an id of its own, without transactionId. */
  #writeBatch(put: PutContext, connection: Connection, request: RemotingCommand): void {
    const { opaque } = request;
    const { answerQueueId, queueOffset, uniqKey, batchOffsets } = put;
    const head = this.#head;
    const headBytes = head.length - QUEUE_ID_PART.length;
    const numbers = digitCount(answerQueueId) + digitCount(queueOffset) + digitCount(opaque);
    const transactionBytes = uniqKey === '' ? 0 : TRANSACTION_PART.length + uniqKey.length;
    const idStart = this.#idOffset - this.#hostDigits;
    const idBytes = this.#hostDigits + OFFSET_DIGITS;
    const fixed = head.length + QUEUE_OFFSET_PART.length + OPAQUE_PART.length + TAIL_PART.length;
    const bytes = fixed + numbers + transactionBytes + (batchOffsets.length - 1) * (idBytes + 1);
    const { buffer, offset } = connection.reserve(bytes, request);
    head.copy(buffer, offset, 0, headBytes);
    writePrefix(buffer, offset, bytes - PREFIX_BYTES, 0);
    writeHex64(buffer, offset + this.#idOffset, batchOffsets[0]!);
    let at = offset + headBytes;
    for (let i = 1; i < batchOffsets.length; i++) {
      buffer[at] = COMMA;
      // The host's digits of the first id; a move within one buffer costs a third of a copy.
      buffer.copyWithin(at + 1, offset + idStart, offset + this.#idOffset);
      writeHex64(buffer, at + 1 + this.#hostDigits, batchOffsets[i]!);
      at += idBytes + 1;
    }
    buffer.set(QUEUE_ID_PART, at);
    at = writeDecimal(buffer, at + QUEUE_ID_PART.length, answerQueueId);
    buffer.set(QUEUE_OFFSET_PART, at);
    at = writeDecimal(buffer, at + QUEUE_OFFSET_PART.length, queueOffset);
    if (uniqKey !== '') {
      buffer.set(TRANSACTION_PART, at);
      at = writeAscii(buffer, at + TRANSACTION_PART.length, uniqKey);
    }
    buffer.set(OPAQUE_PART, at);
    at = writeDecimal(buffer, at + OPAQUE_PART.length, opaque);
    buffer.set(TAIL_PART, at);
  }

  #storedFields(put: PutContext): Record<string, string> {
    const fields = this.marks();
    fields.queueId = String(put.answerQueueId);
    fields.queueOffset = String(put.queueOffset);
    fields.msgId = put.batch
      ? put.batchOffsets.map((offset) => encodeOffsetMsgId(this.#storeHost, offset)).join(',')
      : encodeOffsetMsgId(this.#storeHost, put.commitLogOffset);
    if (put.uniqKey !== '') fields.transactionId = put.uniqKey;
    if (put.batchUniqId !== '') fields.batchUniqId = put.batchUniqId;
    if (put.recallHandle !== '') fields.recallHandle = put.recallHandle;
    return fields;
  }
}

/** Writes length, serialize type JSON and header length of a frame. */
export function writePrefix(buffer: Buffer, at: number, headerBytes: number, bodyBytes: number): void {
  const length = 4 + headerBytes + bodyBytes;
  buffer[at] = length >>> 24;
  buffer[at + 1] = length >>> 16;
  buffer[at + 2] = length >>> 8;
  buffer[at + 3] = length;
  buffer[at + 4] = SERIALIZE_JSON;
  buffer[at + 5] = headerBytes >>> 16;
  buffer[at + 6] = headerBytes >>> 8;
  buffer[at + 7] = headerBytes;
}
