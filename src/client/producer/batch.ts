import { UsageError } from '../../common/errors.js';
import { MAX_BATCH_MESSAGES, MAX_MESSAGE_BODY_BYTES } from '../../common/limits.js';
import { BATCH_MESSAGE_OVERHEAD_BYTES, beginBatchMessage, endBatchMessage } from '../../common/message/batch.js';
import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { BARE_PROPERTIES_BYTES, isBare, propertiesText, writeBareProperties } from './message-properties.js';
import { validateBatch } from './validate.js';

/** Batches up to this size are pieces of one buffer: a buffer of its own for each costs more than writing it. */
const SLAB_BATCH_BYTES = 64 * 1024;
const SLAB_BYTES = 1024 * 1024;
/** Stands for a unique id that is not made yet: the longest there are, of clients with an IPv6 address. */
const LONGEST_UNIQ_KEY = '0'.repeat(56);

/** A batch as it goes out. */
export interface EncodedBatch {
  /** The message that carries it: topic and WAIT of all. */
  outer: Message;
  body: Buffer;
  /** Unique ids of the messages, joined with `,`. */
  msgIds: string;
}

/**
 * Encodes checked messages as one request body; each gets a unique id unless it has one.
 * @throws UsageError when the body is larger than a broker takes.
 */
export function encodeMessages(messages: readonly Message[], maxMessageSize: number, createUniqKey: () => string): EncodedBatch {
  const first = validateBatch(messages);
  const msgIds: string[] = [];
  const texts: (string | null)[] = [];
  let bound = 0;
  for (const message of messages) {
    const msgId = message.properties?.get(MessageConst.UNIQ_KEY) ?? createUniqKey();
    const text = isBare(message) ? null : propertiesText(message, msgId);
    msgIds.push(msgId);
    texts.push(text);
    bound += BATCH_MESSAGE_OVERHEAD_BYTES + message.body.length + (text === null ? BARE_PROPERTIES_BYTES : text.length * 3);
  }
  const body = bodyWithin(bound, (target, start) => {
    let at = start;
    for (let i = 0; i < messages.length; i++) {
      const { flag = 0, body } = messages[i]!;
      const text = texts[i]!;
      const propertiesAt = beginBatchMessage(target, at, flag, body);
      const end =
        text === null
          ? writeBareProperties(target, propertiesAt, messages[i]!, msgIds[i]!)
          : propertiesAt + target.utf8Write(text, propertiesAt);
      at = endBatchMessage(target, at, body.length, end);
    }
    return at;
  });
  if (body.length > maxMessageSize || messages.length > MAX_BATCH_MESSAGES) {
    throw batchTooLargeError(messages, body.length, maxMessageSize);
  }
  const outer: Message = { topic: first.topic, body };
  if (first.waitStoreMsgOK !== undefined) {
    outer.waitStoreMsgOK = first.waitStoreMsgOK;
  }
  return { outer, body, msgIds: msgIds.join(',') };
}

let slab = Buffer.alloc(0);
let slabUsed = 0;

/** A buffer of what `write` writes: at most `bound` bytes; it gets a place and returns its end. */
function bodyWithin(bound: number, write: (target: Buffer, start: number) => number): Buffer {
  if (bound > SLAB_BATCH_BYTES) {
    const target = Buffer.allocUnsafe(bound);
    return target.subarray(0, write(target, 0));
  }
  if (slab.length - slabUsed < bound) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    slabUsed = 0;
  }
  const start = slabUsed;
  slabUsed = write(slab, start);
  return slab.subarray(start, slabUsed);
}

/** Bytes a message takes in a batch, at most. */
export function bytesInBatch(message: Message): number {
  const uniqKey = message.properties?.get(MessageConst.UNIQ_KEY) ?? LONGEST_UNIQ_KEY;
  return BATCH_MESSAGE_OVERHEAD_BYTES + message.body.length + Buffer.byteLength(propertiesText(message, uniqKey));
}

/**
 * Splits messages, in order, into batches that each fit into one request.
 *
 * @param maxBytes what one batch may have, encoded; the broker's maxMessageSize. Default 4 MiB.
 * @throws UsageError when a single message is larger than that.
 * @example
 * ```ts
 * for (const part of splitBatch(messages)) {
 *   await producer.sendBatch(part);
 * }
 * ```
 */
export function splitBatch(messages: readonly Message[], maxBytes: number = MAX_MESSAGE_BODY_BYTES): Message[][] {
  const parts: Message[][] = [];
  let part: Message[] = [];
  let partBytes = 0;
  for (const [index, message] of messages.entries()) {
    const bytes = bytesInBatch(message);
    if (bytes > maxBytes) {
      throw new UsageError(`message ${index} of the batch has ${bytes} bytes, more than the ${maxBytes} of a whole batch`, {
        code: 'MESSAGE_ILLEGAL',
        context: { index, bytes, maxBytes },
        hint: 'send it alone, where its body is compressed',
      });
    }
    if (part.length > 0 && (partBytes + bytes > maxBytes || part.length === MAX_BATCH_MESSAGES)) {
      parts.push(part);
      part = [];
      partBytes = 0;
    }
    part.push(message);
    partBytes += bytes;
  }
  if (part.length > 0) {
    parts.push(part);
  }
  return parts;
}

/** The encoded batch does not fit into one request. */
function batchTooLargeError(messages: readonly Message[], bodyBytes: number, maxMessageSize: number): UsageError {
  const topic = messages[0]?.topic;
  const leastParts = Math.max(Math.ceil(bodyBytes / maxMessageSize), Math.ceil(messages.length / MAX_BATCH_MESSAGES));
  return new UsageError(
    `the batch of ${messages.length} messages for topic ${topic} has ${bodyBytes} bytes, more than maxMessageSize ${maxMessageSize} or more than ${MAX_BATCH_MESSAGES} messages`,
    {
      code: 'MESSAGE_ILLEGAL',
      context: { topic, messageCount: messages.length, bodyBytes, maxMessageSize },
      hint: `split it into at least ${leastParts} parts: for (const part of splitBatch(messages, ${maxMessageSize})) await producer.sendBatch(part)`,
    },
  );
}
