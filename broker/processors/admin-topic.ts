import { JavaDouble, parseFastjsonObject } from '../../src/common/fastjson.js';
import { isValidPerm } from '../../src/common/perm-name.js';
import { popRetryTopic } from '../../src/common/pop.js';
import { validateTopic } from '../../src/common/topic-names.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { asArray, asObject, asText } from '../json.js';
import { MAX_QUEUES_PER_TOPIC, MAX_TOPICS } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import { changeAttributes, readTopicConfig, type TopicConfig, topicConfig } from '../topics/index.js';
import { booleanField, intField, NO_FIELDS, optionalInt, textField } from './fields.js';
import { fault, type MessageQueue, requireKept, respondJson, respondOk } from './respond.js';

/** Topics for administrators: 17, 18, 215, 21, 351, 202, 305. */
export class AdminTopicProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.UPDATE_AND_CREATE_TOPIC, (connection, request) => this.#update(connection, request));
    server.register(RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, (connection, request) => this.#updateList(connection, request));
    server.register(RequestCode.DELETE_TOPIC_IN_BROKER, (connection, request) => this.#delete(connection, request));
    server.register(RequestCode.GET_ALL_TOPIC_CONFIG, (connection, request) => this.#all(connection, request));
    server.register(RequestCode.GET_TOPIC_CONFIG, (connection, request) => this.#one(connection, request));
    server.register(RequestCode.GET_TOPIC_STATS_INFO, (connection, request) => this.#stats(connection, request));
    server.register(RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER, (connection, request) => {
      respondJson(connection, request, { topicList: this.#parts.topics.systemTopics() });
    });
  }

  async #update(connection: Connection, request: RemotingCommand): Promise<void> {
    const fields = request.extFields ?? NO_FIELDS;
    const topic = fields.topic ?? '';
    const present = this.#parts.topics.config(topic);
    const change = changeAttributes(present?.attributes ?? null, fields.attributes ?? '');
    const config = topicConfig(topic, {
      readQueueNums: intField(fields, 'readQueueNums'),
      writeQueueNums: intField(fields, 'writeQueueNums'),
      perm: intField(fields, 'perm'),
      topicFilterType: fields.topicFilterType ?? 'SINGLE_TAG',
      topicSysFlag: optionalInt(fields, 'topicSysFlag', 0),
      order: booleanField(fields, 'order'),
    });
    this.#check(config);
    if ('problem' in change) throw fault(ResponseCode.SYSTEM_ERROR, change.problem);
    config.attributes = change.attributes;
    this.#checkAttributes(config);
    if (this.#parts.topics.update(config)) {
      this.#parts.logger.info(`${connection.remoteAddr} set topic ${topic}: ${JSON.stringify(config)}`);
      // Whoever asks a name server after this answer finds the topic there.
      await this.#parts.registration.settled();
    }
    requireKept(this.#parts.topics, `topic ${topic}`);
    respondOk(connection, request);
  }

  async #updateList(connection: Connection, request: RemotingCommand): Promise<void> {
    const body = request.body === null ? null : parseFastjsonObject(request.body, 'the topic list');
    const configs = asArray(body?.topicConfigList).map((entry) => {
      const fields = asObject(entry) ?? {};
      const config = readTopicConfig(asText(fields.topicName, ''), fields);
      this.#check(config);
      const present = this.#parts.topics.config(config.topicName);
      const change = changeAttributes(present?.attributes ?? null, attributesAsChange(config.attributes, present?.attributes ?? {}));
      if ('problem' in change) throw fault(ResponseCode.SYSTEM_ERROR, change.problem);
      this.#checkAttributes({ ...config, attributes: change.attributes });
      return { ...config, attributes: change.attributes };
    });
    if (this.#parts.topics.updateAll(configs)) await this.#parts.registration.settled();
    requireKept(this.#parts.topics, `the list of ${configs.length} topics`);
    respondOk(connection, request);
  }

  #check(config: TopicConfig): void {
    const { topics } = this.#parts;
    const { topicName, readQueueNums, writeQueueNums, perm } = config;
    const problem = validateTopic(topicName);
    if (problem !== null) throw fault(ResponseCode.INVALID_PARAMETER, problem);
    if (this.#parts.config.broker.validateSystemTopicWhenUpdateTopic && topics.isSystem(topicName)) {
      throw fault(ResponseCode.INVALID_PARAMETER, `The topic[${topicName}] is conflict with system topic.`);
    }
    for (const [name, value] of Object.entries({ readQueueNums, writeQueueNums })) {
      if (value < 0 || value > MAX_QUEUES_PER_TOPIC) {
        throw fault(ResponseCode.INVALID_PARAMETER, `${name} of topic ${topicName} is ${value}; 0 to ${MAX_QUEUES_PER_TOPIC} are possible`);
      }
    }
    if (!isValidPerm(perm)) throw fault(ResponseCode.INVALID_PARAMETER, `perm of topic ${topicName} is ${perm}; 0 to 7 are possible`);
    if (topics.entry(topicName) === undefined && topics.size >= MAX_TOPICS) {
      throw fault(
        ResponseCode.SYSTEM_ERROR,
        `topic[${topicName}] is not created: this broker has ${topics.size} topics, no more are allowed`,
      );
    }
  }

  #checkAttributes(config: TopicConfig): void {
    const { attributes, topicName } = config;
    const isNew = this.#parts.topics.config(topicName)?.attributes['message.type'] !== 'MIXED';
    if (isNew && attributes['message.type'] === 'MIXED' && !this.#parts.config.broker.enableMixedMessageType) {
      throw fault(
        ResponseCode.INVALID_PARAMETER,
        `MIXED message type is not supported. Topic ${topicName}: enableMixedMessageType is false`,
      );
    }
    if (attributes['cleanup.policy'] === 'COMPACTION') {
      throw fault(ResponseCode.SYSTEM_ERROR, `topic ${topicName}: cleanup.policy=COMPACTION is not supported by this broker`);
    }
  }

  async #delete(connection: Connection, request: RemotingCommand): Promise<void> {
    const topic = request.extFields?.topic ?? '';
    if (topic.trim() === '') throw fault(ResponseCode.INVALID_PARAMETER, 'The specified topic is blank.');
    const { topics, config, logger, registration } = this.#parts;
    if (config.broker.validateSystemTopicWhenUpdateTopic && topics.isSystem(topic)) {
      throw fault(ResponseCode.INVALID_PARAMETER, `The topic[${topic}] is conflict with system topic.`);
    }
    const retryTopics = config.broker.clearRetryTopicWhenDeleteTopic ? this.#popRetryTopics(topic) : [];
    if (topics.delete(topic)) {
      logger.info(`${connection.remoteAddr} deleted topic ${topic}`);
      for (const retryTopic of retryTopics) topics.delete(retryTopic);
      await registration.settled();
    }
    requireKept(topics, `the deletion of topic ${topic}`);
    respondOk(connection, request);
  }

  /** Where messages of the topic come back that groups popped. */
  #popRetryTopics(topic: string): string[] {
    const { offsets, topics } = this.#parts;
    return offsets
      .groupsOf(topic)
      .flatMap((group) => [popRetryTopic(topic, group, 'v1'), popRetryTopic(topic, group, 'v2')])
      .filter((retryTopic) => topics.entry(retryTopic) !== undefined);
  }

  #all(connection: Connection, request: RemotingCommand): void {
    const { topics } = this.#parts;
    const { dataVersion, topicConfigTable } = topics.toTable();
    const mappingDataVersion = { counter: 0, stateVersion: 0, timestamp: dataVersion.timestamp };
    const body = { dataVersion, mappingDataVersion, topicConfigTable, topicQueueMappingDetailMap: {}, topicQueueMappingInfoMap: {} };
    respondJson(connection, request, body, {});
  }

  #one(connection: Connection, request: RemotingCommand): void {
    const topic = textField(request.extFields ?? NO_FIELDS, 'topic');
    const config = this.#parts.topics.config(topic);
    if (config === null) throw fault(ResponseCode.TOPIC_NOT_EXIST, `No topic in this broker. topic: ${topic}`);
    respondJson(connection, request, config);
  }

  #stats(connection: Connection, request: RemotingCommand): void {
    const topic = textField(request.extFields ?? NO_FIELDS, 'topic');
    const { topics, store, stats, config } = this.#parts;
    const entry = topics.entry(topic);
    if (entry === undefined) throw fault(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist`);
    const offsetTable = new Map<MessageQueue, object>();
    for (let queueId = 0; queueId < entry.writeQueueNums; queueId++) {
      const minOffset = Math.max(0, store.minOffset(topic, queueId));
      const maxOffset = Math.max(0, store.maxOffset(topic, queueId));
      const lastUpdateTimestamp = maxOffset > 0 ? Math.max(0, store.storeTimestampAt(topic, queueId, maxOffset - 1)) : 0;
      offsetTable.set({ brokerName: config.broker.brokerName, queueId, topic }, { lastUpdateTimestamp, maxOffset, minOffset });
    }
    respondJson(connection, request, { offsetTable, topicPutTps: new JavaDouble(stats.tpsOf('TOPIC_PUT_NUMS', topic)) });
  }
}

/** Attributes of a list entry, which have signs or none, as a change text. Those without a sign that the topic has already are no change. */
function attributesAsChange(attributes: Readonly<Record<string, string>>, present: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .filter(([name, value]) => present[name] !== value)
    .map(([name, value]) => (name.startsWith('+') ? `${name}=${value}` : name.startsWith('-') ? name : `+${name}=${value}`))
    .join(',');
}
