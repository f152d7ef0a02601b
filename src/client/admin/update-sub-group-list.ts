import { UsageError } from '../../common/errors.js';
import { encodeSubscriptionGroupList, type SubscriptionGroupConfig } from '../../remoting/bodies/subscription-group.js';
import { RequestCode } from '../../remoting/codes.js';
import type { AdminClient } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';
import { requireGroup } from './names.js';

export interface UpdateSubGroupListRequest {
  /** One of the two. */
  readonly brokerAddr?: string | undefined;
  readonly clusterName?: string | undefined;
  readonly groups: readonly SubscriptionGroupConfig[];
  readonly dryRun?: boolean;
}

export interface UpdateSubGroupListResult {
  readonly dryRun: boolean;
  readonly groups: readonly SubscriptionGroupConfig[];
  readonly brokers: readonly NodeOutcome[];
}

/** Creates many consumer groups, or replaces their settings, with one request to each broker. */
export async function updateSubGroupList(admin: AdminClient, request: UpdateSubGroupListRequest): Promise<UpdateSubGroupListResult> {
  const { groups, dryRun = false } = request;
  if (groups.length === 0) {
    throw new UsageError('the list of groups is empty');
  }
  for (const { groupName } of groups) {
    requireGroup(groupName);
  }
  const addrs =
    request.brokerAddr === undefined
      ? (await admin.clusterMasters(request.clusterName ?? '')).map((broker) => broker.brokerAddr)
      : [request.brokerAddr];
  if (dryRun) {
    return { dryRun, groups, brokers: planned(addrs) };
  }
  const body = encodeSubscriptionGroupList(groups);
  const results = await askAll(addrs, (addr) => admin.ask(addr, { code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, body }));
  const result = { dryRun, groups, brokers: outcomes(results) };
  requireAll(results, `updateSubGroupList of ${groups.length} groups`, result);
  return result;
}
