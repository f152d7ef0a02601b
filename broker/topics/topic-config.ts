import { permToString } from '../../src/common/perm-name.js';

/** What a topic is; the names are those of topics.json and of the wire. */
export interface TopicConfig {
  topicName: string;
  readQueueNums: number;
  writeQueueNums: number;
  /** 4 read, 2 write, 1 inherit. */
  perm: number;
  topicFilterType: string;
  topicSysFlag: number;
  order: boolean;
  attributes: Record<string, string>;
}

/** Queues of a topic whose creator did not say. */
const DEFAULT_QUEUE_NUMS = 16;

/** A topic with the defaults of Apache's TopicConfig. */
export function topicConfig(topicName: string, fields: Partial<TopicConfig> = {}): TopicConfig {
  return {
    topicName,
    readQueueNums: DEFAULT_QUEUE_NUMS,
    writeQueueNums: DEFAULT_QUEUE_NUMS,
    perm: 6,
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
    attributes: {},
    ...fields,
  };
}

/** A topic with as many read as write queues. */
export function topicWithQueues(topicName: string, queueNums: number, perm = 6): TopicConfig {
  return topicConfig(topicName, { readQueueNums: queueNums, writeQueueNums: queueNums, perm });
}

/** The form in which Apache's error remarks show a topic. */
export function describeTopic(config: TopicConfig): string {
  const attributes = Object.entries(config.attributes)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
  return (
    `TopicConfig [topicName=${config.topicName}, readQueueNums=${config.readQueueNums}, writeQueueNums=${config.writeQueueNums}, ` +
    `perm=${permToString(config.perm)}, topicFilterType=${config.topicFilterType}, topicSysFlag=${config.topicSysFlag}, ` +
    `order=${config.order}, attributes={${attributes}}]`
  );
}

export function sameTopicConfig(a: TopicConfig, b: TopicConfig): boolean {
  return (
    a.readQueueNums === b.readQueueNums &&
    a.writeQueueNums === b.writeQueueNums &&
    a.perm === b.perm &&
    a.topicFilterType === b.topicFilterType &&
    a.topicSysFlag === b.topicSysFlag &&
    a.order === b.order &&
    describeTopic(a) === describeTopic(b)
  );
}
