/*
 * Wire body of SEND_BATCH_MESSAGE, repeated for each message. Mirrors MessageDecoder.encodeMessage.
 *
 * | TOTALSIZE 4 | MAGIC 4 (0) | BODYCRC 4 (0) | FLAG 4 | BODYLEN 4 + BODY | PROPLEN 2 + PROPERTIES |
 */
import { ProtocolError } from '../errors.js';
import { MAX_BATCH_MESSAGES, MAX_PROPERTIES_BYTES } from '../limits.js';

/** One message of a batch; `body` is a view into the decoded buffer. */
export interface BatchMessage {
  flag: number;
  body: Buffer;
  /** Encoded properties. */
  properties: string;
}

const FIXED_BYTES = 22;

/** Encodes messages as one batch body. */
export function encodeBatch(messages: readonly BatchMessage[]): Buffer {
  let total = 0;
  for (const message of messages) {
    total += FIXED_BYTES + message.body.length + Buffer.byteLength(message.properties);
  }
  const target = Buffer.alloc(total);
  let at = 0;
  for (const message of messages) {
    const bodyBytes = message.body.length;
    const propertiesBytes = target.utf8Write(message.properties, at + FIXED_BYTES + bodyBytes);
    if (propertiesBytes > MAX_PROPERTIES_BYTES) {
      throw new ProtocolError(`a message of the batch has ${propertiesBytes} bytes of properties, at most ${MAX_PROPERTIES_BYTES} fit`);
    }
    target.writeInt32BE(FIXED_BYTES + bodyBytes + propertiesBytes, at);
    target.writeInt32BE(message.flag, at + 12);
    target.writeInt32BE(bodyBytes, at + 16);
    target.set(message.body, at + 20);
    target.writeInt16BE(propertiesBytes, at + 20 + bodyBytes);
    at += FIXED_BYTES + bodyBytes + propertiesBytes;
  }
  return target;
}

/**
 * Splits a batch body.
 * @throws ProtocolError when sizes do not fit, or there are more messages than the limit.
 */
export function decodeBatch(body: Buffer): BatchMessage[] {
  const messages: BatchMessage[] = [];
  let at = 0;
  while (at < body.length) {
    const room = body.length - at;
    const total = room >= FIXED_BYTES ? body.readInt32BE(at) : -1;
    const bodyBytes = room >= FIXED_BYTES ? body.readInt32BE(at + 16) : -1;
    if (total < FIXED_BYTES || total > room || bodyBytes < 0 || FIXED_BYTES + bodyBytes > total) {
      throw new ProtocolError(`malformed batch at byte ${at}: total size ${total}, body length ${bodyBytes}, ${room} bytes left`, {
        code: 'BODY_MALFORMED',
      });
    }
    const propertiesBytes = body.readInt16BE(at + 20 + bodyBytes);
    if (propertiesBytes < 0 || FIXED_BYTES + bodyBytes + propertiesBytes !== total) {
      throw new ProtocolError(`malformed batch at byte ${at}: properties length ${propertiesBytes} in a message of ${total}`, {
        code: 'BODY_MALFORMED',
      });
    }
    if (messages.length === MAX_BATCH_MESSAGES) {
      throw new ProtocolError(`a batch has more than ${MAX_BATCH_MESSAGES} messages`, { code: 'BODY_MALFORMED' });
    }
    const propertiesAt = at + FIXED_BYTES + bodyBytes;
    messages.push({
      flag: body.readInt32BE(at + 12),
      body: body.subarray(at + 20, at + 20 + bodyBytes),
      properties: body.utf8Slice(propertiesAt, propertiesAt + propertiesBytes),
    });
    at += total;
  }
  return messages;
}
