import { ProtocolError } from '../../common/errors.js';
import { ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand } from '../../remoting/command.js';
import type { MessageQueue } from '../message-queue.js';
import { withoutNamespace } from '../namespace.js';
import { numberField } from '../response-fields.js';
import { type SendResult, SendStatus } from '../types.js';

/** Broker codes after which a synchronous send tries another broker. */
export const RETRY_RESPONSE_CODES: ReadonlySet<number> = new Set([
  ResponseCode.SYSTEM_ERROR,
  ResponseCode.SYSTEM_BUSY,
  ResponseCode.SERVICE_NOT_AVAILABLE,
  ResponseCode.NO_PERMISSION,
  ResponseCode.TOPIC_NOT_EXIST,
  ResponseCode.NO_BUYER_ID,
  ResponseCode.NOT_IN_CURRENT_UNIT,
  ResponseCode.GO_AWAY,
]);

const NO_FIELDS: Readonly<Record<string, string>> = {};
/** Region of a broker that names none. */
export const DEFAULT_REGION = 'DefaultRegion';

/** Status of a stored message; undefined for a code that refuses it. */
export function sendStatusOf(code: number): SendStatus | undefined {
  switch (code) {
    case ResponseCode.SUCCESS:
      return SendStatus.SEND_OK;
    case ResponseCode.FLUSH_DISK_TIMEOUT:
      return SendStatus.FLUSH_DISK_TIMEOUT;
    case ResponseCode.FLUSH_SLAVE_TIMEOUT:
      return SendStatus.FLUSH_SLAVE_TIMEOUT;
    case ResponseCode.SLAVE_NOT_AVAILABLE:
      return SendStatus.SLAVE_NOT_AVAILABLE;
    default:
      return undefined;
  }
}

/**
 * The result in a send response; its queue has the topic's name without the namespace.
 * @throws ProtocolError when the header lacks the stored position.
 */
export function readSendResult(
  response: RemotingCommand,
  sendStatus: SendStatus,
  sent: { queue: MessageQueue; msgId: string },
  namespace = '',
): SendResult {
  const queue = namespace === '' ? sent.queue : { ...sent.queue, topic: withoutNamespace(namespace, sent.queue.topic) };
  const ext = response.extFields ?? NO_FIELDS;
  const queueOffset = numberField(ext.queueOffset, 'queueOffset', 'send', queue.brokerName);
  const queueId = numberField(ext.queueId, 'queueId', 'send', queue.brokerName);
  if (ext.msgId === undefined) {
    throw new ProtocolError(`the send response of broker ${queue.brokerName} has no msgId`, {
      code: 'HEADER_FIELD',
      context: { extFields: ext },
    });
  }
  return {
    sendStatus,
    msgId: ext.batchUniqId ?? sent.msgId,
    offsetMsgId: ext.msgId,
    messageQueue: queue.queueId === queueId ? queue : { topic: queue.topic, brokerName: queue.brokerName, queueId },
    queueOffset,
    transactionId: ext.transactionId,
    regionId: ext.MSG_REGION ?? DEFAULT_REGION,
    traceOn: ext.TRACE_ON !== 'false',
    recallHandle: ext.recallHandle,
  };
}
