import { UsageError } from '../../common/errors.js';
import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { replyTopic } from '../../common/topic-names.js';

/** Value of MSG_TYPE that makes a send a reply. */
export const REPLY_MESSAGE_TYPE = 'reply';

/** What a reply needs of the message it answers. */
export interface RepliableMessage {
  readonly properties: ReadonlyMap<string, string>;
  /** Broker the message was read from. */
  readonly brokerName?: string | undefined;
}

/**
 * The reply to a request that a consumer got; `producer.send` sends it, and {@link Producer.reply} does both.
 * @throws UsageError when the message is no request: it lacks CLUSTER, CORRELATION_ID or REPLY_TO_CLIENT.
 * @example
 * ```ts
 * consumer.onMessage(async (messages) => {
 *   for (const message of messages) {
 *     await producer.send(replyTo(message, Buffer.from('pong')));
 *   }
 *   return 'CONSUME_SUCCESS';
 * });
 * ```
 */
export function replyTo(request: RepliableMessage, body: Buffer): Message {
  const properties = new Map([[MessageConst.MSG_TYPE as string, REPLY_MESSAGE_TYPE]]);
  for (const name of [MessageConst.CORRELATION_ID, MessageConst.REPLY_TO_CLIENT]) {
    properties.set(name, required(request, name));
  }
  const ttl = request.properties.get(MessageConst.TTL);
  if (ttl !== undefined) {
    properties.set(MessageConst.TTL, ttl);
  }
  return { topic: replyTopic(required(request, MessageConst.CLUSTER)), body, properties };
}

/** True for a message made by {@link replyTo} or its like in another client. */
export function isReply(message: Message): boolean {
  return message.properties?.get(MessageConst.MSG_TYPE) === REPLY_MESSAGE_TYPE;
}

function required(request: RepliableMessage, name: string): string {
  const value = request.properties.get(name);
  if (value === undefined || value === '') {
    throw new UsageError(`create reply message fail: the message has no property ${name}`, {
      code: 'CREATE_REPLY_FAILED',
      hint: 'only messages that were sent with Producer.request can be replied to',
    });
  }
  return value;
}
