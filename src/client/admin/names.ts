import { UsageError } from '../../common/errors.js';
import { validateGroup, validateTopic } from '../../common/topic-names.js';

/** Throws {@link UsageError} unless the name may be a topic's. */
export function requireTopic(topic: string): void {
  const problem = validateTopic(topic);
  if (problem !== null) {
    throw new UsageError(`topic ${JSON.stringify(topic)} cannot be used: ${problem}`, { code: 'TOPIC_ILLEGAL', context: { topic } });
  }
}

/** Throws {@link UsageError} unless the name may be a group's. */
export function requireGroup(group: string): void {
  const problem = validateGroup(group);
  if (problem !== null) {
    throw new UsageError(`group ${JSON.stringify(group)} cannot be used: ${problem}`, { code: 'GROUP_ILLEGAL', context: { group } });
  }
}
