import { decompressBody } from '../../common/compression.js';
import { ProtocolError } from '../../common/errors.js';
import type { HostAddress } from '../../common/host.js';
import { getInt64, viewOf } from '../../common/int64.js';
import { type MessageExt, splitKeys } from '../../common/message/message.js';
import { encodeOffsetMsgId } from '../../common/message/message-id.js';
import { decodeProperties, getProperty, MessageConst } from '../../common/message/properties.js';
import {
  BODY_CRC_POS,
  BORN_HOST_POS,
  BORN_TIMESTAMP_POS,
  behindUnreadable,
  bodyLengthPos,
  FLAG_POS,
  isMagicCode,
  MAGIC_CODE_POS,
  MESSAGE_MAGIC_CODE_V1,
  PHYSICAL_OFFSET_POS,
  QUEUE_ID_POS,
  QUEUE_OFFSET_POS,
  RECORD_OVERHEAD_BYTES,
  reconsumeTimesPos,
  SYS_FLAG_POS,
  storeTimestampPos,
} from '../../common/message/record.js';
import { clearCompressed, isCompressed } from '../../common/sys-flag.js';
import { innerMessageCount, isInnerBatch, unwrapInnerBatch } from './inner-batch.js';

/**
 * A pulled message. It is a view of the bytes that came from the broker; every field is read from them when it is asked for, so
 * that a message costs little when a listener only looks at its body. Fields that are computed (properties, inflated body) are kept.
 * The bytes of one pull stay in memory as long as one of its messages does: copy the body to keep it for long.
 */
export class PulledMessage implements MessageExt {
  readonly #buffer: Buffer;
  readonly #position: number;
  readonly totalSize: number;
  readonly queueOffset: number;
  readonly brokerName: string;
  readonly #sysFlag: number;
  readonly #bodyAt: number;
  readonly #bodyBytes: number;
  /** Behind the topic: the length of the properties, then these. */
  readonly #propertiesAt: number;
  #topic: string | undefined;
  #propertiesText: string | undefined;
  #properties: Map<string, string> | undefined;
  #body: Buffer | undefined;
  /** Of the queue, when the message was pulled; −1 when not known. Consumers see them as MIN_OFFSET and MAX_OFFSET. */
  minOffset = -1;
  maxOffset = -1;
  /** When the listener got it, ms; 0 before. Consumers see it as CONSUME_START_TIME. */
  consumeStartTimestamp = 0;
  /** Set by the consumer: a retried message counts on in memory while the broker cannot take it back. */
  #reconsumeTimes: number | undefined;

  /** @throws ProtocolError when the lengths in the record do not fit into it: what is made can be read. */
  constructor(buffer: Buffer, position: number, brokerName: string) {
    const view = viewOf(buffer);
    this.#buffer = buffer;
    this.#position = position;
    this.brokerName = brokerName;
    this.totalSize = view.getInt32(position);
    this.queueOffset = getInt64(view, position + QUEUE_OFFSET_POS);
    this.#sysFlag = view.getInt32(position + SYS_FLAG_POS);
    const lengthAt = position + bodyLengthPos(this.#sysFlag);
    const end = position + this.totalSize;
    const bodyBytes = lengthAt + 4 <= end ? view.getInt32(lengthAt) : -1;
    this.#bodyAt = lengthAt + 4;
    this.#bodyBytes = bodyBytes;
    const topicLengthAt = this.#bodyAt + bodyBytes;
    const version = view.getInt32(position + MAGIC_CODE_POS) === MESSAGE_MAGIC_CODE_V1 ? 1 : 2;
    if (bodyBytes < 0 || topicLengthAt + version + 2 > end) {
      throw malformed(position, `body length is ${bodyBytes} in a record of ${this.totalSize}`);
    }
    const topicBytes = version === 1 ? view.getInt8(topicLengthAt) : view.getInt16(topicLengthAt);
    this.#propertiesAt = topicLengthAt + version + topicBytes;
    if (topicBytes < 0 || this.#propertiesAt + 2 > end) {
      throw malformed(position, `topic length is ${topicBytes}`);
    }
    const propertiesBytes = view.getInt16(this.#propertiesAt);
    if (propertiesBytes < 0 || this.#propertiesAt + 2 + propertiesBytes > end) {
      throw malformed(position, `properties length is ${propertiesBytes}`);
    }
    if (!Number.isSafeInteger(this.queueOffset) || this.queueOffset < 0) {
      throw malformed(position, `queueOffset is ${this.queueOffset}`);
    }
  }

  get storeSize(): number {
    return this.totalSize;
  }

  get magicVersion(): 1 | 2 {
    return viewOf(this.#buffer).getInt32(this.#position + MAGIC_CODE_POS) === MESSAGE_MAGIC_CODE_V1 ? 1 : 2;
  }

  get bodyCrc(): number {
    return viewOf(this.#buffer).getInt32(this.#position + BODY_CRC_POS);
  }

  get queueId(): number {
    return viewOf(this.#buffer).getInt32(this.#position + QUEUE_ID_POS);
  }

  get flag(): number {
    return viewOf(this.#buffer).getInt32(this.#position + FLAG_POS);
  }

  get commitLogOffset(): number {
    return getInt64(viewOf(this.#buffer), this.#position + PHYSICAL_OFFSET_POS);
  }

  /** As stored, without the bits of a compression that {@link body} has undone. */
  get sysFlag(): number {
    return isCompressed(this.#sysFlag) ? clearCompressed(this.#sysFlag) : this.#sysFlag;
  }

  get bornTimestamp(): number {
    return getInt64(viewOf(this.#buffer), this.#position + BORN_TIMESTAMP_POS);
  }

  get bornHost(): HostAddress {
    return this.#host(this.#position + BORN_HOST_POS, this.#position + storeTimestampPos(this.#sysFlag));
  }

  get storeTimestamp(): number {
    return getInt64(viewOf(this.#buffer), this.#position + storeTimestampPos(this.#sysFlag));
  }

  get storeHost(): HostAddress {
    return this.#host(this.#position + storeTimestampPos(this.#sysFlag) + 8, this.#position + reconsumeTimesPos(this.#sysFlag));
  }

  /** How often consumption of the message has failed before. */
  get reconsumeTimes(): number {
    return this.#reconsumeTimes ?? viewOf(this.#buffer).getInt32(this.#position + reconsumeTimesPos(this.#sysFlag));
  }

  set reconsumeTimes(times: number) {
    this.#reconsumeTimes = times;
  }

  get preparedTransactionOffset(): number {
    return getInt64(viewOf(this.#buffer), this.#position + reconsumeTimesPos(this.#sysFlag) + 4);
  }

  /** Bytes of the body as stored. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /**
   * The body, inflated where it was compressed.
   * @throws ProtocolError when it cannot be inflated.
   */
  get body(): Buffer {
    if (this.#body === undefined) {
      this.#body = isCompressed(this.#sysFlag) ? decompressBody(this.storedBody, this.#sysFlag) : this.storedBody;
    }
    return this.#body;
  }

  /** The body as it is stored, for who can do without its codec; its `sysFlag` is {@link storedSysFlag}. */
  get storedBody(): Buffer {
    return this.#buffer.subarray(this.#bodyAt, this.#bodyAt + this.#bodyBytes);
  }

  get storedSysFlag(): number {
    return this.#sysFlag;
  }

  /** The topic the consumer subscribed to; of a retried message the original one, once the consumer has restored it. */
  get topic(): string {
    this.#topic ??= this.storedTopic;
    return this.#topic;
  }

  set topic(topic: string) {
    this.#topic = topic;
  }

  /** The topic in the record. */
  get storedTopic(): string {
    return this.#buffer.utf8Slice(this.#bodyAt + this.#bodyBytes + this.magicVersion, this.#propertiesAt);
  }

  /** The properties as stored, not decoded. */
  get propertiesText(): string {
    if (this.#propertiesText === undefined) {
      const at = this.#propertiesAt + 2;
      this.#propertiesText = this.#buffer.utf8Slice(at, at + viewOf(this.#buffer).getInt16(at - 2));
    }
    return this.#propertiesText;
  }

  get properties(): Map<string, string> {
    if (this.#properties === undefined) {
      const properties = decodeProperties(this.propertiesText);
      if (this.maxOffset >= 0) {
        properties.set(MessageConst.MIN_OFFSET, String(this.minOffset));
        properties.set(MessageConst.MAX_OFFSET, String(this.maxOffset));
      }
      if (this.consumeStartTimestamp > 0) {
        properties.set(MessageConst.CONSUME_START_TIME, String(this.consumeStartTimestamp));
      }
      this.#properties = properties;
    }
    return this.#properties;
  }

  /** One property; does not decode the others. */
  property(name: string): string | undefined {
    return this.#properties === undefined ? getProperty(this.propertiesText, name) : this.#properties.get(name);
  }

  get tags(): string | undefined {
    return this.property(MessageConst.TAGS);
  }

  get keys(): string[] {
    return splitKeys(this.property(MessageConst.KEYS));
  }

  get msgId(): string {
    return this.property(MessageConst.UNIQ_KEY) ?? this.offsetMsgId;
  }

  get offsetMsgId(): string {
    return encodeOffsetMsgId(this.storeHost, this.commitLogOffset);
  }

  /** The fields as a plain object, for printing. */
  toJSON(): Record<string, unknown> {
    return {
      topic: this.topic,
      brokerName: this.brokerName,
      queueId: this.queueId,
      queueOffset: this.queueOffset,
      msgId: this.msgId,
      offsetMsgId: this.offsetMsgId,
      reconsumeTimes: this.reconsumeTimes,
      bornTimestamp: this.bornTimestamp,
      storeTimestamp: this.storeTimestamp,
      properties: Object.fromEntries(this.properties),
      bodyBytes: this.body.length,
    };
  }

  #host(start: number, end: number): HostAddress {
    return { ip: this.#buffer.subarray(start, end - 4), port: viewOf(this.#buffer).getInt32(end - 4) };
  }
}

/**
 * Number of messages in a body of records back to back; an inner batch counts each of its messages.
 * @throws ProtocolError when sizes or magic codes do not fit.
 */
export function countMessages(body: Buffer): number {
  let count = 0;
  for (let position = 0; position < body.length; ) {
    const size = recordSize(body, position);
    count += isInnerBatch(viewOf(body).getInt32(position + SYS_FLAG_POS)) ? innerMessageCount(body, position) : 1;
    position += size;
  }
  return count;
}

/**
 * Wraps each message of a body of records back to back. The messages of an inner batch are unwrapped; those before `fromOffset` are left
 * out, because a batch is read whole from any offset in it. A batch that cannot be taken apart is one message, as it was stored.
 * @param unreadable gets what is wrong with records that cannot be read; those are left out.
 * @throws ProtocolError without `unreadable`, when sizes or magic codes do not fit.
 */
export function readPulledMessages(body: Buffer, brokerName: string, fromOffset = 0, unreadable?: ProtocolError[]): PulledMessage[] {
  const messages: PulledMessage[] = [];
  for (let position = 0; position < body.length; ) {
    try {
      const size = recordSize(body, position);
      const unwrapped = isInnerBatch(viewOf(body).getInt32(position + SYS_FLAG_POS)) ? tryUnwrap(body, position) : null;
      if (unwrapped === null) {
        messages.push(new PulledMessage(body, position, brokerName));
      } else {
        const inner = readPulledMessages(unwrapped, brokerName);
        messages.push(...inner.filter((message) => message.queueOffset >= fromOffset));
      }
      position += size;
    } catch (error) {
      if (!(error instanceof ProtocolError) || unreadable === undefined) {
        throw error;
      }
      unreadable.push(error);
      position = behindUnreadable(body, position);
    }
  }
  return messages;
}

function tryUnwrap(body: Buffer, position: number): Buffer | null {
  try {
    return unwrapInnerBatch(body, position);
  } catch (error) {
    if (error instanceof ProtocolError) {
      return null;
    }
    throw error;
  }
}

function recordSize(body: Buffer, position: number): number {
  const room = body.length - position;
  if (room < RECORD_OVERHEAD_BYTES) {
    throw malformed(position, `${room} bytes left, a record has at least ${RECORD_OVERHEAD_BYTES}`);
  }
  const view = viewOf(body);
  const size = view.getInt32(position);
  const magic = view.getInt32(position + MAGIC_CODE_POS);
  if (!isMagicCode(magic)) {
    throw malformed(position, `magic code is ${(magic >>> 0).toString(16)}`);
  }
  if (size < RECORD_OVERHEAD_BYTES || size > room) {
    throw malformed(position, `total size is ${size}, ${room} bytes are left`);
  }
  return size;
}

function malformed(position: number, what: string): ProtocolError {
  return new ProtocolError(`malformed message record at byte ${position}: ${what}`, { code: 'RECORD_MALFORMED', context: { position } });
}
