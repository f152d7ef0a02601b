import type { BrokerParts } from './parts.js';

/** Whether members of a group are told of each other: the broker's setting and the group's. */
export function mayNotifyMembers({ config, groups }: BrokerParts, group: string): boolean {
  return config.broker.notifyConsumerIdsChangedEnable && (groups.peek(group)?.notifyConsumerIdsChangedEnable ?? true);
}
