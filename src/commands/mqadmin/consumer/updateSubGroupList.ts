import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UpdateSubGroupListResult } from '../../../client/admin/update-sub-group-list.js';
import type { SubscriptionGroupConfig } from '../../../remoting/bodies/subscription-group.js';
import type { BrokerOrCluster } from '../targets.js';
import { UpdateListCommand, updateListOptions } from '../update-list-command.js';

/** Creates consumer groups from a file, or replaces their settings. */
export default class UpdateSubGroupList extends UpdateListCommand<SubscriptionGroupConfig, UpdateSubGroupListResult> {
  static override summary = 'Update or create subscription group in batch';
  static override description = [
    'The file holds a JSON array of groups with groupName and, where the default is not meant, the other settings of a group. Unlike with',
    'updateSubGroup, consumeFromMinEnable and consumeBroadcastEnable are true where the file does not say otherwise.',
  ].join('\n');
  static override examples = [
    'mqadmin updateSubGroupList -n 127.0.0.1:9876 -c DefaultCluster -f groups.json',
    'mqadmin updateSubGroupList -b 127.0.0.1:10911 -f groups.json --dry-run',
  ];
  static override options = updateListOptions(
    'groups',
    'Path to a file with a list of org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig in json format',
  );
  protected override readonly noun = 'group';

  protected override async decoder() {
    const { toSubscriptionGroupConfig } = await import('../../../remoting/bodies/subscription-group.js');
    return toSubscriptionGroupConfig;
  }

  protected override async update(
    admin: AdminClient,
    groups: readonly SubscriptionGroupConfig[],
    target: BrokerOrCluster & { dryRun: boolean },
  ) {
    const { updateSubGroupList } = await import('../../../client/admin/update-sub-group-list.js');
    return updateSubGroupList(admin, { ...target, groups });
  }

  protected override names(result: UpdateSubGroupListResult): string[] {
    return result.groups.map(({ groupName }) => groupName);
  }

  /** Apache's tool has another word for a whole cluster. */
  protected override submitted({ clusterName }: { clusterName?: string | undefined }): string {
    return clusterName === undefined ? 'group' : 'subscription group';
  }
}
