import { decompressBody } from '../../src/common/compression.js';
import { MAX_RETRY_TOPIC_LENGTH } from '../../src/common/limits.js';
import { decodeBatch } from '../../src/common/message/batch.js';
import { appendProperty, getProperty, MessageConst, removeProperty } from '../../src/common/message/properties.js';
import { decodeRecord, type MessageRecord, RECORD_OVERHEAD_BYTES } from '../../src/common/message/record.js';
import { isWriteable } from '../../src/common/perm-name.js';
import { clearCompressed, MessageSysFlag } from '../../src/common/sys-flag.js';
import { dlqTopic, retryTopic } from '../../src/common/topic-names.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { parkDelayed } from '../delay/index.js';
import type { BrokerParts } from '../parts.js';
import { deliveredAgain, withOrigin } from '../redelivery.js';
import { deadLetterKey } from '../stats/index.js';
import type { PutMessage, PutSink, PutStatus } from '../store/index.js';
import type { SubscriptionGroupConfig } from '../subscriptions/index.js';
import { topicWithQueues } from '../topics/index.js';
import { FAQ } from './auto-create.js';
import { intField, longField, NO_FIELDS, textField } from './fields.js';
import { isStored } from './put-status.js';
import { fault, respondOk } from './respond.js';
import { maxReconsumeTimesOf } from './retry-send.js';
import type { SendFlow } from './send-flow.js';

/** First retry of a message waits this level; each further one a level more. */
const FIRST_RETRY_LEVEL = 3;

/** The answer a put is for. */
interface Asked {
  connection: Connection;
  request: RemotingCommand;
}

/** CONSUMER_SEND_MSG_BACK (36): a message that a consumer could not handle comes again later, or goes to the dead-letter queue. */
export class SendBackProcessor implements PutSink {
  readonly #parts: BrokerParts;
  readonly #flow: SendFlow;

  constructor(parts: BrokerParts, flow: SendFlow) {
    this.#parts = parts;
    this.#flow = flow;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.CONSUMER_SEND_MSG_BACK, (connection, request) => this.#sendBack(connection, request));
  }

  onPut(message: PutMessage, status: PutStatus): void {
    const { connection, request } = message.context as Asked;
    if (!isStored(status)) {
      connection.respond(request, ResponseCode.SYSTEM_ERROR, status);
      return;
    }
    const entry = this.#parts.topics.entry(message.topic);
    if (entry !== undefined) {
      this.#parts.stats.countPut(
        entry.stats,
        1,
        message.body.length + message.properties.length + message.topic.length + RECORD_OVERHEAD_BYTES,
      );
    }
    respondOk(connection, request);
  }

  #sendBack(connection: Connection, request: RemotingCommand): void {
    if (!this.#flow.isOpen(connection) && this.#flow.refuse(connection, request)) return;
    const { groups, config, topics, store, stats, random } = this.#parts;
    const fields = request.extFields ?? NO_FIELDS;
    const groupName = textField(fields, 'group');
    const offset = longField(fields, 'offset');
    const delayLevel = intField(fields, 'delayLevel');
    const group = groups.find(groupName);
    if (group === null) {
      throw fault(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group not exist, ${groupName}\n${FAQ}`);
    }
    if (!isWriteable(config.broker.brokerPermission)) {
      throw fault(ResponseCode.NO_PERMISSION, `the broker[${config.broker.brokerIP1}] sending message is forbidden`);
    }
    if (group.retryQueueNums <= 0) {
      respondOk(connection, request);
      return;
    }
    const topic = retryTopic(groupName);
    if (topic.length > MAX_RETRY_TOPIC_LENGTH) {
      throw fault(ResponseCode.SYSTEM_ERROR, `the group name is too long for its messages to come back: topic[${topic}] is illegal`);
    }
    const entry = topics.ensure(topic, () => topicWithQueues(topic, group.retryQueueNums));
    if (!isWriteable(entry.config.perm)) {
      throw fault(ResponseCode.NO_PERMISSION, `the topic[${topic}] sending message is forbidden`);
    }
    const stored = store.lookMessageByOffset(offset);
    if (stored === null) throw fault(ResponseCode.SYSTEM_ERROR, `look message by offset failed, ${offset}`);
    const record = singleMessage(decodeRecord(stored, 0), fields.originMsgId);
    if (record === null) {
      throw fault(ResponseCode.SYSTEM_ERROR, `the inner batch at offset ${offset} has no message with unique id ${fields.originMsgId}`);
    }
    const put = this.#again(record, { connection, request });
    const max = maxReconsumeTimesOf(fields.maxReconsumeTimes, request.version, group.retryMaxTimes);
    const originalTopic = getProperty(put.properties, MessageConst.RETRY_TOPIC) ?? record.topic;
    if (record.reconsumeTimes >= max || delayLevel < 0) {
      this.#toDeadLetters(put, groupName);
      stats.count('SNDBCK2DLQ_TIMES', deadLetterKey(originalTopic, groupName), 1);
    } else {
      this.#toRetry(put, {
        topic,
        group,
        level: delayLevel === 0 ? FIRST_RETRY_LEVEL + record.reconsumeTimes : delayLevel,
        // No queue that consumers do not read: the topic may be older than the group's number.
        random: random.nextInt(Math.max(1, Math.min(group.retryQueueNums, entry.readQueueNums))),
      });
    }
    stats.count('SNDBCK_PUT_NUMS', `${originalTopic}@${groupName}`, 1);
    store.put(put, this);
  }

  /** The stored message as a new one that remembers where it came from. */
  #again(record: MessageRecord, asked: Asked): PutMessage {
    const properties = removeProperty(removeProperty(withOrigin(record.properties, record), MessageConst.WAIT), MessageConst.DELAY);
    return deliveredAgain(record, {
      topic: record.topic,
      storeHost: this.#parts.storeHost,
      properties: appendProperty(properties, MessageConst.WAIT, 'false'),
      waitStoreMsgOK: false,
      context: asked,
    });
  }

  #toDeadLetters(put: PutMessage, group: string): void {
    const topic = dlqTopic(group);
    this.#parts.topics.ensure(topic, () => topicWithQueues(topic, 1));
    put.topic = topic;
    put.queueId = 0;
    put.properties = appendProperty(put.properties, MessageConst.DELAY, '0');
    this.#parts.stats.count('DLQ_PUT_NUMS', `${topic}@${group}`, 1);
  }

  #toRetry(put: PutMessage, retry: { topic: string; group: SubscriptionGroupConfig; level: number; random: number }): void {
    put.properties = appendProperty(put.properties, MessageConst.DELAY, String(retry.level));
    put.topic = retry.topic;
    put.queueId = retry.random;
    // The record may be one that a timer delivered.
    parkDelayed(this.#parts, put, { delayLevel: retry.level, hasTimer: true });
  }
}

/** The message that is meant, as if it lay alone: a consumer names one message of an inner batch by its unique id. Null when it is not there. */
function singleMessage(record: MessageRecord, uniqKey: string | undefined): MessageRecord | null {
  const properties = removeProperty(removeProperty(record.properties, MessageConst.INNER_NUM), MessageConst.INNER_BASE);
  if ((record.sysFlag & MessageSysFlag.INNER_BATCH) === 0) return { ...record, properties };
  const body = decompressBody(record.body, record.sysFlag);
  const part = decodeBatch(body).find((message) => getProperty(message.properties, MessageConst.UNIQ_KEY) === uniqKey);
  const sysFlag = clearCompressed(record.sysFlag) & ~(MessageSysFlag.INNER_BATCH | MessageSysFlag.NEED_UNWRAP);
  return part === undefined ? null : { ...record, ...part, sysFlag };
}
