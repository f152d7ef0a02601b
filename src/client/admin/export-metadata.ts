import type { AdminClient } from './admin-client.js';
import { type BrokerTarget, targetAddrs } from './broker-change.js';
import { askAll, requireAll } from './fan-out.js';
import { type ConfigTable, type UserConfig, userGroups, userTopics } from './user-config.js';

/** What is exported. */
export type MetadataPart = 'topic' | 'subscriptionGroup' | 'metadata';

export interface MetadataRequest extends BrokerTarget {
  readonly part: MetadataPart;
  /** Retry and dead-letter topics too. */
  readonly specialTopic: boolean;
  readonly nowMs: number;
}

/**
 * Topics and groups that users made. Of one broker as it has them; of a cluster with the queues of all its masters added up, as Apache's tool
 * does.
 */
export async function exportMetadata(admin: AdminClient, request: MetadataRequest): Promise<Record<string, unknown>> {
  const { part, specialTopic, nowMs } = request;
  const addrs = await targetAddrs(admin, request, 'masters');
  const results = await askAll(addrs, async (addr) => ({
    topics: part === 'subscriptionGroup' ? null : await userTopics(admin, addr, specialTopic),
    groups: part === 'topic' ? null : await userGroups(admin, addr),
  }));
  requireAll(results, 'export', undefined);
  const answers = results.flatMap(({ value }) => (value === undefined ? [] : [value]));
  const topics = answers.flatMap((answer) => answer.topics ?? []);
  const groups = answers.flatMap((answer) => answer.groups ?? []);
  if (request.brokerAddr !== undefined && part !== 'metadata') {
    const [config] = part === 'topic' ? topics : groups;
    return { dataVersion: config?.dataVersion, [part === 'topic' ? 'topicConfigTable' : 'subscriptionGroupTable']: config?.table };
  }
  return {
    exportTime: nowMs,
    ...(part === 'subscriptionGroup' ? {} : { topicConfigTable: added(topics, ['readQueueNums', 'writeQueueNums']) }),
    ...(part === 'topic' ? {} : { subscriptionGroupTable: added(groups, ['retryQueueNums']) }),
  };
}

/** The last broker's settings of each name, with the numbers of these fields added up. */
function added(configs: readonly UserConfig[], fields: readonly string[]): ConfigTable {
  const sum = new Map<string, ConfigTable[string]>();
  for (const { table } of configs) {
    for (const [name, config] of Object.entries(table)) {
      const former = sum.get(name);
      const numbers = fields.map((field): [string, number] => [field, Number(config[field] ?? 0) + Number(former?.[field] ?? 0)]);
      sum.set(name, { ...config, ...Object.fromEntries(numbers) });
    }
  }
  return Object.fromEntries(sum);
}
