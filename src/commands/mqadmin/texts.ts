import type { GroupRetryPolicy } from '../../client/admin/sub-group.js';
import type { TopicSettings } from '../../client/admin/topic-config.js';
import { permToString } from '../../common/perm-name.js';

/** A map in the form Java prints it: `{a=1, b=2}`. */
export function javaMap(entries: Iterable<readonly [string | number, unknown]>): string {
  return `{${Array.from(entries, ([key, value]) => `${key}=${String(value)}`).join(', ')}}`;
}

/** A topic's settings in the form Apache's tool prints them. */
export function topicConfigText(topic: TopicSettings): string {
  return `TopicConfig [topicName=${topic.topicName}, readQueueNums=${topic.readQueueNums}, writeQueueNums=${topic.writeQueueNums}, perm=${permToString(topic.perm)}, topicFilterType=${topic.topicFilterType}, topicSysFlag=${topic.topicSysFlag}, order=${topic.order}, attributes=${javaMap(Object.entries(topic.attributes))}]`;
}

/** A double in the form Java prints it: `0.0`. */
export function javaDouble(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** A retry policy in the form Apache's tool prints it, of a group's settings as brokers send them. */
export function retryPolicyText(policy: object): string {
  const { type, exponentialRetryPolicy: exponential, customizedRetryPolicy: customized } = policy as Partial<GroupRetryPolicy>;
  const exponentialText =
    exponential == null
      ? 'null'
      : `ExponentialRetryPolicy{initial=${exponential.initial}, max=${exponential.max}, multiplier=${exponential.multiplier}}`;
  const customizedText = customized == null ? 'null' : `CustomizedRetryPolicy{next=[${customized.next.join(', ')}]}`;
  return `GroupRetryPolicy{type=${type}, exponentialRetryPolicy=${exponentialText}, customizedRetryPolicy=${customizedText}}`;
}
