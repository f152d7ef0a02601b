import { encodeSubscriptionGroupList, type SubscriptionGroupConfig } from '../../remoting/bodies/subscription-group.js';
import { RequestCode } from '../../remoting/codes.js';
import type { AdminClient } from './admin-client.js';
import { requireGroup } from './names.js';
import { type UpdateListResult, type UpdateListTarget, updateList } from './update-list.js';

export interface UpdateSubGroupListRequest extends UpdateListTarget {
  readonly groups: readonly SubscriptionGroupConfig[];
}

export interface UpdateSubGroupListResult extends UpdateListResult {
  readonly groups: readonly SubscriptionGroupConfig[];
}

/** Creates many consumer groups, or replaces their settings, with one request to each broker. */
export async function updateSubGroupList(admin: AdminClient, request: UpdateSubGroupListRequest): Promise<UpdateSubGroupListResult> {
  const { groups } = request;
  for (const { groupName } of groups) {
    requireGroup(groupName);
  }
  return updateList(admin, request, {
    name: 'updateSubGroupList',
    noun: 'groups',
    size: groups.length,
    code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST,
    encode: () => encodeSubscriptionGroupList(groups),
    shown: { groups },
  });
}
