import { UsageError } from '../../common/errors.js';
import { decodeRecallHandle } from '../../common/message/recall-handle.js';
import { isDlqTopic, isRetryTopic } from '../../common/topic-names.js';
import { responseError } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { MQClient } from '../mq-client.js';
import type { SendTrace } from '../trace/send-trace.js';
import { brokerAddressUnknownError } from './send-errors.js';
import { DEFAULT_REGION } from './send-response.js';
import type { SendTransmitter } from './transmitter.js';

/** Asks the broker that holds a timer message to drop it; returns the message's msgId. */
export async function recallMessage(
  parts: { client: MQClient; transmitter: SendTransmitter; trace: SendTrace | undefined },
  recall: { producerGroup: string; topic: string; recallHandle: string; timeoutMs: number },
): Promise<string> {
  const { client, transmitter } = parts;
  const { producerGroup, topic, recallHandle, timeoutMs } = recall;
  if (isRetryTopic(topic) || isDlqTopic(topic)) throw new UsageError(`messages of topic ${topic} cannot be recalled`);
  const handle = decodeRecallHandle(recallHandle);
  if (handle === null) {
    throw new UsageError('the recall handle is invalid: take SendResult.recallHandle of the send that set a delivery time');
  }
  const queue = { topic, brokerName: handle.brokerName, queueId: 0 };
  await transmitter.findBroker(queue);
  const addr = client.routes.masterAddr(handle.brokerName);
  if (addr === undefined) throw brokerAddressUnknownError(queue);
  const extFields = { producerGroup, topic, recallHandle, bname: handle.brokerName };
  const response = await client.remoting.invoke(addr, { code: RequestCode.RECALL_MESSAGE, extFields }, timeoutMs);
  const msgId = response.extFields?.msgId;
  // Brokers up to 5.3.3 answer a success with the remark "not set any response code".
  if (response.code !== ResponseCode.SUCCESS || msgId === undefined) throw responseError(response, addr);
  parts.trace?.recalled({ topic, msgId, regionId: response.extFields?.MSG_REGION ?? DEFAULT_REGION });
  return msgId;
}
