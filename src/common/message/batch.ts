/*
 * Wire body of SEND_BATCH_MESSAGE, and body of an inner batch, repeated for each message. Mirrors MessageDecoder.encodeMessage.
 *
 * | TOTALSIZE 4 | MAGIC 4 (0) | BODYCRC 4 (0) | FLAG 4 | BODYLEN 4 + BODY | PROPLEN 2 + PROPERTIES |
 *
 * Nobody reads MAGIC and BODYCRC: what clients put there is not checked.
 */
import { ProtocolError } from '../errors.js';
import { viewOf } from '../int64.js';
import { MAX_BATCH_MESSAGES, MAX_PROPERTIES_BYTES } from '../limits.js';

/** One message of a batch; `body` is a view into the decoded buffer. */
export interface BatchMessage {
  flag: number;
  body: Buffer;
  /** Encoded properties. */
  properties: string;
}

/** Bytes that a message takes in a batch beside its body and its properties. */
export const BATCH_MESSAGE_OVERHEAD_BYTES = 22;

const FIXED_BYTES = BATCH_MESSAGE_OVERHEAD_BYTES;
const BODY_POS = 20;

/** Encodes messages as one batch body. */
export function encodeBatch(messages: readonly BatchMessage[]): Buffer {
  let total = 0;
  for (const message of messages) {
    total += FIXED_BYTES + message.body.length + Buffer.byteLength(message.properties);
  }
  const target = Buffer.allocUnsafe(total);
  let at = 0;
  for (const { flag, body, properties } of messages) {
    const propertiesAt = beginBatchMessage(target, at, flag, body);
    at = endBatchMessage(target, at, body.length, propertiesAt + target.utf8Write(properties, propertiesAt));
  }
  return target;
}

/** Writes a message at `at` up to its properties, and returns where those go. */
export function beginBatchMessage(target: Buffer, at: number, flag: number, body: Buffer): number {
  const view = viewOf(target);
  view.setInt32(at + 4, 0);
  view.setInt32(at + 8, 0);
  view.setInt32(at + 12, flag);
  view.setInt32(at + 16, body.length);
  target.set(body, at + BODY_POS);
  return at + FIXED_BYTES + body.length;
}

/**
 * Completes the message at `at` whose properties end at `end`, and returns `end`.
 * @throws ProtocolError when they are longer than the form has room for.
 */
export function endBatchMessage(target: Buffer, at: number, bodyBytes: number, end: number): number {
  const propertiesBytes = end - at - FIXED_BYTES - bodyBytes;
  if (propertiesBytes > MAX_PROPERTIES_BYTES) {
    throw new ProtocolError(`a message of the batch has ${propertiesBytes} bytes of properties, at most ${MAX_PROPERTIES_BYTES} fit`);
  }
  const view = viewOf(target);
  view.setInt32(at, end - at);
  view.setInt16(at + BODY_POS + bodyBytes, propertiesBytes);
  return end;
}

/**
 * Where the messages of a batch body lie. One object reads batch after batch; its lists grow with the largest one, and only the first
 * `count` entries of them mean something.
 */
export class BatchLayout {
  count = 0;
  readonly flags: number[] = [];
  readonly bodyStarts: number[] = [];
  readonly bodyBytes: number[] = [];
  readonly propertiesStarts: number[] = [];
  readonly propertiesBytes: number[] = [];

  /**
   * An empty body has no messages.
   * @throws ProtocolError when sizes do not fit, or there are more messages than the limit.
   */
  read(body: Buffer): void {
    this.count = 0;
    const view = viewOf(body);
    const end = body.length;
    let at = 0;
    let count = 0;
    while (at < end) {
      const total = checkedSize(view, at, end);
      const bodyBytes = view.getInt32(at + 16);
      const propertiesAt = at + FIXED_BYTES + bodyBytes;
      const propertiesBytes = total - FIXED_BYTES - bodyBytes;
      if (count === MAX_BATCH_MESSAGES) {
        throw new ProtocolError(`a batch has more than ${MAX_BATCH_MESSAGES} messages`, { code: 'BODY_MALFORMED' });
      }
      this.flags[count] = view.getInt32(at + 12);
      this.bodyStarts[count] = at + BODY_POS;
      this.bodyBytes[count] = bodyBytes;
      this.propertiesStarts[count] = propertiesAt;
      this.propertiesBytes[count] = propertiesBytes;
      count++;
      at += total;
    }
    this.count = count;
  }

  /** Encoded properties of message `i` of the body that was read. */
  text(body: Buffer, i: number): string {
    const start = this.propertiesStarts[i]!;
    return body.utf8Slice(start, start + this.propertiesBytes[i]!);
  }
}

/** Size of the message at `at`, whose parts fit into it. */
function checkedSize(view: DataView, at: number, end: number): number {
  const room = end - at;
  const total = room >= FIXED_BYTES ? view.getInt32(at) : -1;
  const bodyBytes = room >= FIXED_BYTES ? view.getInt32(at + 16) : -1;
  if (total < FIXED_BYTES || total > room || bodyBytes < 0 || FIXED_BYTES + bodyBytes > total) {
    throw new ProtocolError(`malformed batch at byte ${at}: total size ${total}, body length ${bodyBytes}, ${room} bytes left`, {
      code: 'BODY_MALFORMED',
    });
  }
  const propertiesBytes = view.getInt16(at + BODY_POS + bodyBytes);
  if (propertiesBytes < 0 || FIXED_BYTES + bodyBytes + propertiesBytes !== total) {
    throw new ProtocolError(`malformed batch at byte ${at}: properties length ${propertiesBytes} in a message of ${total}`, {
      code: 'BODY_MALFORMED',
    });
  }
  return total;
}

/**
 * Number of messages in a batch body.
 * @throws ProtocolError when sizes do not fit.
 */
export function countBatch(body: Buffer): number {
  const view = viewOf(body);
  let count = 0;
  for (let at = 0; at < body.length; at += checkedSize(view, at, body.length)) {
    count++;
  }
  return count;
}

/**
 * Splits a batch body.
 * @throws ProtocolError when sizes do not fit, or there are more messages than the limit.
 */
export function decodeBatch(body: Buffer): BatchMessage[] {
  const layout = new BatchLayout();
  layout.read(body);
  return Array.from({ length: layout.count }, (_, i) => {
    const start = layout.bodyStarts[i]!;
    return { flag: layout.flags[i]!, body: body.subarray(start, start + layout.bodyBytes[i]!), properties: layout.text(body, i) };
  });
}
