/* What a message becomes that a consumer did not consume: a copy for a retry topic or for the dead letters. */
import type { HostAddress } from '../src/common/host.js';
import { stringHashCode } from '../src/common/java.js';
import { encodeOffsetMsgId } from '../src/common/message/message-id.js';
import { appendProperty, getProperty, MessageConst } from '../src/common/message/properties.js';
import type { MessageRecord } from '../src/common/message/record.js';
import type { PutMessage } from './store/index.js';

/** Properties that also say where the message came from at first, as CONSUMER_SEND_MSG_BACK leaves them. */
export function withOrigin(properties: string, record: MessageRecord): string {
  let result = properties;
  if (getProperty(result, MessageConst.RETRY_TOPIC) === undefined) {
    result = appendProperty(result, MessageConst.RETRY_TOPIC, record.topic);
  }
  if (getProperty(result, MessageConst.ORIGIN_MESSAGE_ID) === undefined) {
    const offsetMsgId = encodeOffsetMsgId(record.storeHost, record.commitLogOffset);
    result = appendProperty(result, MessageConst.ORIGIN_MESSAGE_ID, offsetMsgId);
  }
  return result;
}

/** The record as a new message, delivered once more; the caller chooses topic and queue. */
export function deliveredAgain(
  record: MessageRecord,
  to: { topic: string; storeHost: HostAddress; properties: string; waitStoreMsgOK: boolean; context: unknown },
): PutMessage {
  const tags = getProperty(to.properties, MessageConst.TAGS);
  return {
    topic: to.topic,
    queueId: 0,
    flag: record.flag,
    sysFlag: record.sysFlag,
    bornTimestamp: record.bornTimestamp,
    bornHost: record.bornHost,
    storeHost: to.storeHost,
    reconsumeTimes: record.reconsumeTimes + 1,
    preparedTransactionOffset: 0,
    body: record.body,
    properties: to.properties,
    tagsCode: tags === undefined ? 0 : stringHashCode(tags),
    waitStoreMsgOK: to.waitStoreMsgOK,
    queueOffset: 0,
    commitLogOffset: 0,
    storeTimestamp: 0,
    context: to.context,
  };
}
