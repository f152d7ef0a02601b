import { MessageSysFlag } from '../../src/common/sys-flag.js';
import { isRetryTopic, NOT_SENDABLE, RMQ_SYS_REVIVE_LOG_PREFIX, validateTopic } from '../../src/common/topic-names.js';
import { ResponseCode } from '../../src/remoting/codes.js';
import type { BrokerStats, TopicStats } from '../stats/index.js';
import type { TopicConfig } from './topic-config.js';

/** Why clients may not send to a topic. */
export interface SendRefusal {
  code: number;
  remark: string;
}

/** The refusal that follows from a topic's name alone; null for ordinary names. */
export function sendRefusalOf(topic: string): SendRefusal | null {
  const problem = validateTopic(topic);
  if (problem !== null) return { code: ResponseCode.INVALID_PARAMETER, remark: problem };
  // Apache's broker takes them, and revives whatever they name.
  if (NOT_SENDABLE.has(topic) || topic.startsWith(RMQ_SYS_REVIVE_LOG_PREFIX)) {
    return { code: ResponseCode.NO_PERMISSION, remark: `Sending message to topic[${topic}] is forbidden.` };
  }
  return null;
}

/**
 * One topic as the send and pull paths want it: everything that follows from its name or configuration is worked out once,
 * so that a message costs one map lookup.
 */
export class TopicEntry {
  readonly topicName: string;
  readonly isRetry: boolean;
  readonly isSystem: boolean;
  /** Why sends are refused whatever they hold; null for ordinary topics. */
  readonly sendRefusal: SendRefusal | null;
  readonly stats: TopicStats;
  #config!: TopicConfig;
  /** max(readQueueNums, writeQueueNums): a queueId at or above it is illegal in a send. */
  queueIdBound = 0;
  writeQueueNums = 0;
  readQueueNums = 0;
  /** Flags that every message sent to the topic gets. */
  sendSysFlag = 0;
  isCompaction = false;
  isBatchQueue = false;

  constructor(config: TopicConfig, isSystem: boolean, stats: BrokerStats) {
    this.topicName = config.topicName;
    this.isRetry = isRetryTopic(config.topicName);
    this.isSystem = isSystem;
    this.sendRefusal = sendRefusalOf(config.topicName);
    this.stats = stats.topic(config.topicName, isSystem);
    this.config = config;
  }

  get config(): TopicConfig {
    return this.#config;
  }

  set config(config: TopicConfig) {
    this.#config = config;
    this.queueIdBound = Math.max(config.readQueueNums, config.writeQueueNums);
    this.writeQueueNums = config.writeQueueNums;
    this.readQueueNums = config.readQueueNums;
    this.sendSysFlag = config.topicFilterType === 'MULTI_TAG' ? MessageSysFlag.MULTI_TAGS : 0;
    this.isCompaction = config.attributes['cleanup.policy'] === 'COMPACTION';
    this.isBatchQueue = config.attributes['queue.type'] === 'BatchCQ';
  }
}
