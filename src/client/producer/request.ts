import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import type { MQClient } from '../mq-client.js';
import type { ReplyMessage } from '../reply-table.js';
import type { AsyncSender } from './async-sender.js';
import type { PendingSend, SendHandler } from './pending-send.js';
import { callTimeoutError, replyTimeoutError } from './send-errors.js';
import type { SendTransmitter } from './transmitter.js';

/** A request that is to be sent. */
interface OutgoingRequest {
  /** Checked, and named as brokers know it. */
  readonly message: Message;
  readonly timeoutMs: number;
  /** Makes the send of the message with its correlation. */
  pend(message: Message, handler: SendHandler, remainingMs: number): PendingSend;
}

/** Sends a request and waits for its reply, both within its time-out. */
export async function sendRequest(
  parts: { client: MQClient; transmitter: SendTransmitter; sender: AsyncSender },
  request: OutgoingRequest,
): Promise<ReplyMessage> {
  const { client, transmitter, sender } = parts;
  const { message, timeoutMs } = request;
  const { topic } = message;
  const startMs = client.clock.monotonicMs();
  const publish = await transmitter.resolve(topic, timeoutMs);
  // The reply comes over this client's connection to a broker, which must know whose it is.
  await client.introduceTo(transmitter.brokerAddrs(publish));
  const remainingMs = timeoutMs - (client.clock.monotonicMs() - startMs);
  if (remainingMs <= 0) {
    throw callTimeoutError(topic, timeoutMs);
  }
  return new Promise((resolve, reject) => {
    let isSent = false;
    const correlationId = client.replies.add({
      timeoutMs: remainingMs,
      handler: { onReply: resolve, onFailure: reject },
      expired: () => replyTimeoutError(topic, timeoutMs, isSent),
    });
    const properties = new Map(message.properties)
      .set(MessageConst.CORRELATION_ID, correlationId)
      .set(MessageConst.REPLY_TO_CLIENT, client.clientId)
      .set(MessageConst.TTL, String(timeoutMs));
    const handler: SendHandler = {
      onSuccess: () => {
        isSent = true;
      },
      onException: (error) => client.replies.fail(correlationId, error),
    };
    sender.send(request.pend({ ...message, properties }, handler, remainingMs));
  });
}
