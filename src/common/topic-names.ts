import { MAX_GROUP_LENGTH, MAX_TOPIC_LENGTH } from './limits.js';

export const RETRY_GROUP_TOPIC_PREFIX = '%RETRY%';
export const DLQ_GROUP_TOPIC_PREFIX = '%DLQ%';
export const SYSTEM_TOPIC_PREFIX = 'rmq_sys_';
export const CID_SYS_RMQ_PREFIX = 'CID_RMQ_SYS_';
export const REPLY_TOPIC_POSTFIX = 'REPLY_TOPIC';

export const AUTO_CREATE_TOPIC_KEY_TOPIC = 'TBW102';
export const RMQ_SYS_SCHEDULE_TOPIC = 'SCHEDULE_TOPIC_XXXX';
export const RMQ_SYS_BENCHMARK_TOPIC = 'BenchmarkTest';
export const RMQ_SYS_TRANS_HALF_TOPIC = 'RMQ_SYS_TRANS_HALF_TOPIC';
export const RMQ_SYS_TRANS_OP_HALF_TOPIC = 'RMQ_SYS_TRANS_OP_HALF_TOPIC';
export const RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC = 'TRANS_CHECK_MAX_TIME_TOPIC';
export const RMQ_SYS_TRACE_TOPIC = 'RMQ_SYS_TRACE_TOPIC';
export const RMQ_SYS_SELF_TEST_TOPIC = 'SELF_TEST_TOPIC';
export const RMQ_SYS_OFFSET_MOVED_EVENT = 'OFFSET_MOVED_EVENT';
export const RMQ_SYS_CHECKPOINT_TOPIC = 'CHECKPOINT_TOPIC';
export const RMQ_SYS_WHEEL_TIMER_TOPIC = 'rmq_sys_wheel_timer';
export const RMQ_SYS_REVIVE_LOG_PREFIX = 'rmq_sys_REVIVE_LOG_';
export const RMQ_SYS_SYNC_BROKER_MEMBER_PREFIX = 'rmq_sys_SYNC_BROKER_MEMBER_';

export const DEFAULT_PRODUCER_GROUP = 'DEFAULT_PRODUCER';
export const DEFAULT_CONSUMER_GROUP = 'DEFAULT_CONSUMER';
export const CLIENT_INNER_PRODUCER_GROUP = 'CLIENT_INNER_PRODUCER';
export const TOOLS_CONSUMER_GROUP = 'TOOLS_CONSUMER';

/** System topics of every cluster; a cluster adds its own name and its brokers' names. */
export const SYSTEM_TOPICS: ReadonlySet<string> = new Set([
  AUTO_CREATE_TOPIC_KEY_TOPIC,
  RMQ_SYS_SCHEDULE_TOPIC,
  RMQ_SYS_BENCHMARK_TOPIC,
  RMQ_SYS_TRANS_HALF_TOPIC,
  RMQ_SYS_TRANS_OP_HALF_TOPIC,
  RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC,
  RMQ_SYS_TRACE_TOPIC,
  RMQ_SYS_SELF_TEST_TOPIC,
  RMQ_SYS_OFFSET_MOVED_EVENT,
  RMQ_SYS_CHECKPOINT_TOPIC,
]);

/** Topics that clients may not send to. */
export const NOT_SENDABLE: ReadonlySet<string> = new Set([
  RMQ_SYS_SCHEDULE_TOPIC,
  RMQ_SYS_TRANS_HALF_TOPIC,
  RMQ_SYS_TRANS_OP_HALF_TOPIC,
  RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC,
  RMQ_SYS_SELF_TEST_TOPIC,
  RMQ_SYS_OFFSET_MOVED_EVENT,
]);

/** Groups that belong to the system. */
export const SYSTEM_GROUPS: ReadonlySet<string> = new Set([
  DEFAULT_PRODUCER_GROUP,
  DEFAULT_CONSUMER_GROUP,
  CLIENT_INNER_PRODUCER_GROUP,
  TOOLS_CONSUMER_GROUP,
  'SCHEDULE_CONSUMER',
  'FILTERSRV_CONSUMER',
  '__MONITOR_CONSUMER',
  'SELF_TEST_P_GROUP',
  'SELF_TEST_C_GROUP',
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER',
  'CID_ONSAPI_PULL',
  'CID_RMQ_SYS_TRANS',
]);

/** True for the system topics; a cluster's and a broker's own name are the caller's to add. */
export function isSystemTopic(topic: string): boolean {
  return SYSTEM_TOPICS.has(topic) || topic.startsWith(SYSTEM_TOPIC_PREFIX);
}

export function isSystemGroup(group: string): boolean {
  return SYSTEM_GROUPS.has(group) || group.startsWith(CID_SYS_RMQ_PREFIX);
}

export function retryTopic(group: string): string {
  return RETRY_GROUP_TOPIC_PREFIX + group;
}

export function dlqTopic(group: string): string {
  return DLQ_GROUP_TOPIC_PREFIX + group;
}

export function replyTopic(clusterName: string): string {
  return `${clusterName}_${REPLY_TOPIC_POSTFIX}`;
}

export function isRetryTopic(topic: string): boolean {
  return topic.startsWith(RETRY_GROUP_TOPIC_PREFIX);
}

export function isDlqTopic(topic: string): boolean {
  return topic.startsWith(DLQ_GROUP_TOPIC_PREFIX);
}

/** Position of the first character that a topic or group name may not have, or -1. */
function illegalCharAt(name: string): number {
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    const legal =
      (c >= 97 && c <= 122) ||
      (c >= 65 && c <= 90) ||
      (c >= 48 && c <= 57) ||
      c === 37 /* % */ ||
      c === 95 ||
      c === 45 ||
      c === 124; /* | */
    if (!legal) {
      return i;
    }
  }
  return -1;
}

/**
 * Checks a topic name as brokers do.
 * @returns null when the name is legal, else the reason as a sentence that names the topic.
 */
export function validateTopic(topic: string, maxLength: number = MAX_TOPIC_LENGTH): string | null {
  return validateName('topic', topic, maxLength);
}

/** Checks a group name; null when it is legal, else the reason. */
export function validateGroup(group: string): string | null {
  return validateName('group', group, MAX_GROUP_LENGTH);
}

function validateName(kind: string, name: string, maxLength: number): string | null {
  if (name.trim() === '') {
    return `the specified ${kind} is blank`;
  }
  if (name.length > maxLength) {
    return `the specified ${kind} is longer than ${kind} max length ${maxLength} (it has ${name.length} characters)`;
  }
  const at = illegalCharAt(name);
  if (at >= 0) {
    return `the specified ${kind} ${name} contains the illegal character ${JSON.stringify(name[at])}, allowing only ^[%|a-zA-Z0-9_-]+$`;
  }
  return null;
}
