import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { AUTO_CREATE_TOPIC_KEY_TOPIC, RETRY_GROUP_TOPIC_PREFIX } from '../../common/topic-names.js';
import { RequestCode } from '../../remoting/codes.js';
import type { RequestInit } from '../../remoting/command.js';
import type { MessageQueue } from '../message-queue.js';
import { isReply } from './reply.js';

/** What all sends of one producer have in common. */
export interface SendDefaults {
  producerGroup: string;
  /** Topic whose configuration a broker copies when it creates the message's topic. */
  createTopicKey: string;
  defaultTopicQueueNums: number;
}

/** What differs from send to send. */
export interface SendFields {
  message: Message;
  queue: MessageQueue;
  /** Encoded properties. */
  properties: string;
  /** The body as it goes out, compressed or a batch body. */
  body: Buffer;
  sysFlag: number;
  bornTimestamp: number;
  batch: boolean;
}

/** The request of a send, header form V2. This is the plain path; `send-template.ts` writes the same bytes faster. */
export function buildSendRequest(defaults: SendDefaults, fields: SendFields): RequestInit {
  const { message, queue } = fields;
  const extFields: Record<string, string> = {
    a: defaults.producerGroup,
    b: queue.topic,
    c: defaults.createTopicKey,
    d: String(defaults.defaultTopicQueueNums),
    e: String(queue.queueId),
    f: String(fields.sysFlag),
    g: String(fields.bornTimestamp),
    h: String(message.flag ?? 0),
    i: fields.properties,
    j: '0',
    k: 'false',
    m: fields.batch ? 'true' : 'false',
    n: queue.brokerName,
  };
  if (queue.topic.startsWith(RETRY_GROUP_TOPIC_PREFIX)) {
    const reconsumeTimes = message.properties?.get(MessageConst.RECONSUME_TIME);
    const maxReconsumeTimes = message.properties?.get(MessageConst.MAX_RECONSUME_TIMES);
    if (reconsumeTimes !== undefined) {
      extFields.j = reconsumeTimes;
    }
    if (maxReconsumeTimes !== undefined) {
      extFields.l = maxReconsumeTimes;
    }
  }
  return { code: requestCodeOf(fields), extFields, body: fields.body };
}

function requestCodeOf({ message, batch }: SendFields): number {
  if (batch) {
    return RequestCode.SEND_BATCH_MESSAGE;
  }
  return isReply(message) ? RequestCode.SEND_REPLY_MESSAGE_V2 : RequestCode.SEND_MESSAGE_V2;
}

export const DEFAULT_CREATE_TOPIC_KEY = AUTO_CREATE_TOPIC_KEY_TOPIC;
