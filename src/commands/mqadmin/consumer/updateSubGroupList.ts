import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UpdateSubGroupListResult } from '../../../client/admin/update-sub-group-list.js';
import { AdminCommand } from '../admin-command.js';
import { readJsonList } from '../json-list.js';
import { printOutcomes, requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: 'create groups to which broker' },
  clusterName: { short: 'c', group: 'target', groupRequired: true, text: 'create groups to which cluster' },
  filename: {
    short: 'f',
    required: true,
    text: 'Path to a file with a list of org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig in json format',
  },
  ...CHANGE_OPTIONS,
});

/** Creates consumer groups from a file, or replaces their settings. */
export default class UpdateSubGroupList extends AdminCommand<typeof options, UpdateSubGroupListResult> {
  static override summary = 'Update or create subscription group in batch';
  static override description = [
    'The file holds a JSON array of groups with groupName and, where the default is not meant, the other settings of a group. Unlike with',
    'updateSubGroup, consumeFromMinEnable and consumeBroadcastEnable are true where the file does not say otherwise.',
  ].join('\n');
  static override examples = [
    'mqadmin updateSubGroupList -n 127.0.0.1:9876 -c DefaultCluster -f groups.json',
    'mqadmin updateSubGroupList -b 127.0.0.1:10911 -f groups.json --dry-run',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<UpdateSubGroupListResult> {
    const { toSubscriptionGroupConfig } = await import('../../../remoting/bodies/subscription-group.js');
    const groups = await readJsonList(values.filename, 'group', toSubscriptionGroupConfig);
    const { updateSubGroupList } = await import('../../../client/admin/update-sub-group-list.js');
    return updateSubGroupList(admin, { ...requireTarget(values), groups, dryRun: values.dryRun });
  }

  protected override render(result: UpdateSubGroupListResult, out: Output, values: OptionValues<typeof options>): void {
    const what = values.clusterName === undefined ? 'group' : 'subscription group';
    const names = result.groups.map(({ groupName }) => groupName).join(', ');
    printOutcomes(out, result.brokers, {
      done: (addr) => `submit batch of ${what} config to ${addr} success, please check the result later.`,
      planned: (addr) => `would submit ${result.groups.length} groups to ${addr}: ${names}`,
    });
  }
}
