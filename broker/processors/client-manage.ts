import { parseFastjsonObject } from '../../src/common/fastjson.js';
import { retryTopic, validateGroup } from '../../src/common/topic-names.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { type Beat, type ConsumerData, isTagType, readSubscriptionData, SQL92, type SubscriptionData } from '../connections/index.js';
import { compileSelector, SelectorError } from '../filter/index.js';
import { asArray, asBoolean, asNumber, asObject, asText } from '../json.js';
import { MAX_TOPICS } from '../limits.js';
import { mayNotifyMembers } from '../member-notices.js';
import type { BrokerParts } from '../parts.js';
import { topicConfig } from '../topics/index.js';
import { NO_FIELDS, textField } from './fields.js';
import { createGroup } from './pull-checks.js';
import { fault, respondOk } from './respond.js';

const PULLS_ACTIVELY = 'CONSUME_ACTIVELY';

/** HEART_BEAT (34), UNREGISTER_CLIENT (35) and CHECK_CLIENT_CONFIG (46). */
export class ClientManageProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.HEART_BEAT, (connection, request) => this.#heartbeat(connection, request));
    server.register(RequestCode.UNREGISTER_CLIENT, (connection, request) => this.#unregister(connection, request));
    server.register(RequestCode.CHECK_CLIENT_CONFIG, (connection, request) => this.#checkConfig(connection, request));
  }

  #heartbeat(connection: Connection, request: RemotingCommand): void {
    if (request.body === null) throw fault(ResponseCode.SYSTEM_ERROR, 'a heartbeat without a body');
    const data = parseFastjsonObject(request.body, 'the heartbeat');
    const clientId = asText(data.clientID, '');
    if (clientId === '') throw fault(ResponseCode.SYSTEM_ERROR, 'the heartbeat has no clientID');
    const beat: Beat = { connection, clientId, language: request.language, version: request.version };
    const withoutSub = asBoolean(data.withoutSub, false);
    const isV2 = asNumber(data.heartbeatFingerprint, 0) !== 0;
    let isSubChange = !isV2;
    const changedGroups: string[] = [];
    const startMs = this.#parts.clock.monotonicMs();
    for (const entry of asArray(data.consumerDataSet)) {
      const consumer = readConsumerData(entry);
      if (consumer !== null && this.#registerConsumer(consumer, { beat, withoutSub, changedGroups })) isSubChange = true;
      this.#countSince('CONSUMER_REGISTER_TIME', startMs);
    }
    const producersStartMs = this.#parts.clock.monotonicMs();
    for (const entry of asArray(data.producerDataSet)) {
      const group = asText(asObject(entry)?.groupName, '');
      if (group !== '') this.#parts.producers.register(group, beat);
      this.#countSince('PRODUCER_REGISTER_TIME', producersStartMs);
    }
    connection.respond(request, ResponseCode.SUCCESS, null, { IS_SUPPORT_HEART_BEAT_V2: 'true', IS_SUB_CHANGE: String(isSubChange) });
    // Behind the answer: a Java client that divides its queues while a heartbeat of its own has no answer yet leaves out the heartbeat with
    // the new subVersion, and its pulls get 25 until its next one, 30 s later.
    for (const group of changedGroups) if (mayNotifyMembers(this.#parts, group)) this.#parts.consumers.notifyMembers(group);
  }

  #countSince(statsName: string, startMs: number): void {
    const { stats, clock, config } = this.#parts;
    stats.count(statsName, config.broker.brokerClusterName, clock.monotonicMs() - startMs);
  }

  /**
   * @param changedGroups gets the group when its members are to be told
   * @returns whether a client that left its subscriptions out has to send them
   */
  #registerConsumer(
    consumer: ConsumerData,
    { beat, withoutSub, changedGroups }: { beat: Beat; withoutSub: boolean; changedGroups: string[] },
  ): boolean {
    const { config, consumers } = this.#parts;
    if (config.broker.rejectPullConsumerEnable && consumer.consumeType === PULLS_ACTIVELY) return false;
    const group = createGroup(this.#parts, consumer.groupName);
    if (group === null) return false;
    this.#createRetryTopic(consumer, group.retryQueueNums);
    if (withoutSub && consumer.subscriptions.length === 0) return !consumers.refresh(consumer.groupName, beat);
    this.#parts.filters.register(consumer.groupName, consumer.subscriptions);
    if (consumers.register(consumer, beat)) changedGroups.push(consumer.groupName);
    return false;
  }

  /** `%RETRY%group`, which broadcasting groups get as well. */
  #createRetryTopic(consumer: ConsumerData, retryQueueNums: number): void {
    const { topics } = this.#parts;
    const topic = retryTopic(consumer.groupName);
    if (topics.entry(topic) !== undefined || retryQueueNums <= 0 || topics.size >= MAX_TOPICS || validateGroup(consumer.groupName) !== null)
      return;
    const order = consumer.subscriptions.some((subscription) => topics.config(subscription.topic)?.order === true);
    topics.update(topicConfig(topic, { readQueueNums: retryQueueNums, writeQueueNums: retryQueueNums, order }));
  }

  #unregister(connection: Connection, request: RemotingCommand): void {
    const fields = request.extFields ?? NO_FIELDS;
    textField(fields, 'clientID');
    const { producerGroup, consumerGroup } = fields;
    if (producerGroup !== undefined && producerGroup !== '') this.#parts.producers.unregister(producerGroup, connection);
    if (consumerGroup !== undefined && consumerGroup !== '') {
      this.#parts.consumers.unregister(consumerGroup, connection, mayNotifyMembers(this.#parts, consumerGroup));
    }
    connection.respond(request, ResponseCode.SUCCESS, null, {});
  }

  #checkConfig(connection: Connection, request: RemotingCommand): void {
    const data = request.body === null ? null : parseFastjsonObject(request.body, 'the client configuration');
    const subscription = readSubscriptionData(data?.subscriptionData);
    if (subscription !== null && !isTagType(subscription.expressionType)) this.#checkSelector(subscription);
    respondOk(connection, request);
  }

  #checkSelector({ expressionType, subString }: SubscriptionData): void {
    if (!this.#parts.config.broker.enablePropertyFilter) {
      throw fault(ResponseCode.SYSTEM_ERROR, `The broker does not support consumer to filter message by ${expressionType}`);
    }
    if (expressionType !== SQL92) throw fault(ResponseCode.SUBSCRIPTION_PARSE_FAILED, `expression type ${expressionType} is not known`);
    try {
      compileSelector(subString);
    } catch (error) {
      if (error instanceof SelectorError) throw fault(ResponseCode.SUBSCRIPTION_PARSE_FAILED, error.message);
      throw error;
    }
  }
}

function readConsumerData(value: unknown): ConsumerData | null {
  const fields = asObject(value);
  const groupName = asText(fields?.groupName, '');
  if (fields === null || groupName === '') return null;
  return {
    groupName,
    consumeType: asText(fields.consumeType, 'CONSUME_PASSIVELY'),
    // Go sends its own names in capitals.
    messageModel: asText(fields.messageModel, 'CLUSTERING').toUpperCase(),
    consumeFromWhere: asText(fields.consumeFromWhere, 'CONSUME_FROM_LAST_OFFSET'),
    subscriptions: asArray(fields.subscriptionDataSet)
      .map(readSubscriptionData)
      .filter((subscription): subscription is SubscriptionData => subscription !== null),
  };
}
