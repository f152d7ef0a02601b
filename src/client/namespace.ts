/*
 * Namespaces of the first kind: the name of a topic or group carries its namespace, `ns%name`, behind the prefix of retry and dead
 * letter topics (`%RETRY%ns%group`). Mirrors NamespaceUtil.
 */

import { CID_SYS_RMQ_PREFIX, DLQ_GROUP_TOPIC_PREFIX, isSystemTopic, RETRY_GROUP_TOPIC_PREFIX } from '../common/topic-names.js';

const NAMESPACE_SEPARATOR = '%';

/** Length of `%RETRY%` or `%DLQ%` at the beginning of a name. */
function prefixLength(name: string): number {
  if (name.startsWith(RETRY_GROUP_TOPIC_PREFIX)) {
    return RETRY_GROUP_TOPIC_PREFIX.length;
  }
  return name.startsWith(DLQ_GROUP_TOPIC_PREFIX) ? DLQ_GROUP_TOPIC_PREFIX.length : 0;
}

/** The name as brokers know it. System topics, system groups and names that have the namespace already stay as they are. */
export function withNamespace(namespace: string, name: string): string {
  if (namespace === '' || name === '' || isSystemTopic(name) || name.startsWith(CID_SYS_RMQ_PREFIX)) {
    return name;
  }
  const at = prefixLength(name);
  return name.startsWith(namespace + NAMESPACE_SEPARATOR, at) ? name : name.slice(0, at) + namespace + NAMESPACE_SEPARATOR + name.slice(at);
}

/** The name as the application knows it. */
export function withoutNamespace(namespace: string, name: string): string {
  const at = prefixLength(name);
  const prefix = namespace + NAMESPACE_SEPARATOR;
  return namespace !== '' && name.startsWith(prefix, at) ? name.slice(0, at) + name.slice(at + prefix.length) : name;
}
