import { isWriteable } from '../../src/common/perm-name.js';
import { ResponseCode } from '../../src/remoting/codes.js';
import type { BrokerParts } from '../parts.js';
import { type SendRefusal, sendRefusalOf, type TopicEntry } from '../topics/index.js';

/** Why the broker takes no message for the topic now, in Apache's order; null when it does. `entry` is undefined for an unknown topic. */
export function topicRefusal(parts: BrokerParts, topic: string, entry: TopicEntry | undefined): SendRefusal | null {
  const config = parts.config.broker;
  const from = config.startAcceptSendRequestTimeStamp;
  if (from > 0 && parts.clock.nowMs() < from) {
    return { code: ResponseCode.SYSTEM_ERROR, remark: `broker unable to service, until ${new Date(from).toISOString()}` };
  }
  if (!isWriteable(config.brokerPermission) && entry?.config.order === true) {
    return { code: ResponseCode.NO_PERMISSION, remark: `the broker[${config.brokerIP1}] sending message is forbidden` };
  }
  return entry === undefined ? sendRefusalOf(topic) : entry.sendRefusal;
}
