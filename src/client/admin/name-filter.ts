import { isDlqTopic, isRetryTopic, isSystemGroup, isSystemTopic, replyTopic } from '../../common/topic-names.js';
import type { SampleWants } from './broker-sample.js';

/** Which topics and groups are looked at. Patterns are names with `*` and `?`; without patterns every name counts. */
export interface NameFilter {
  readonly topics?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly excludeSystem?: boolean;
}

/** A topic that a cluster made for itself, among them those with the cluster's and the broker's own name. */
export function isClustersOwn(topic: string, at: { clusterName: string; brokerName: string }): boolean {
  return isSystemTopic(topic) || topic === at.clusterName || topic === at.brokerName || topic === replyTopic(at.clusterName);
}

/** Retry and dead-letter topics go with their group. */
export function nameFilter({ topics = [], groups = [], excludeSystem = false }: NameFilter): Pick<SampleWants, 'isTopic' | 'isGroup'> {
  const [topicMatches, groupMatches] = [matcher(topics), matcher(groups)];
  const isGroup = (group: string): boolean => groupMatches(group) && !(excludeSystem && isSystemGroup(group));
  return {
    isGroup,
    isTopic: (topic, at) => {
      if (isRetryTopic(topic) || isDlqTopic(topic)) {
        return isGroup(topic.slice(topic.indexOf('%', 1) + 1));
      }
      return topicMatches(topic) && !(excludeSystem && isClustersOwn(topic, at));
    },
  };
}

/** Whether a name matches one of the patterns, which may be several in a word, separated by commas. */
function matcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = wordsOf(patterns).map((word) => namePattern(word));
  return (name) => expressions.length === 0 || expressions.some((expression) => expression.test(name));
}

/** Whether a filter lets a name through, in any case: a part of it, or the whole of it with `*` and `?`. */
export function nameShown(filter: string): (name: string) => boolean {
  const expressions = wordsOf([filter.toLowerCase()]).map((word) => namePattern(/[*?]/.test(word) ? word : `*${word}*`));
  return (name) => expressions.length === 0 || expressions.some((expression) => expression.test(name.toLowerCase()));
}

function wordsOf(patterns: readonly string[]): string[] {
  return patterns
    .flatMap((pattern) => pattern.split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

function namePattern(word: string): RegExp {
  const text = word
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`);
}
