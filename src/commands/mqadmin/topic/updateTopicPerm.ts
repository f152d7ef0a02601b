import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UpdateTopicPermResult } from '../../../client/admin/update-topic-perm.js';
import { AdminCommand } from '../admin-command.js';
import { requireTarget } from '../targets.js';
import { topicConfigText } from '../texts.js';

const options = defineOptions({
  brokerAddr: { short: 'b', text: 'create topic to which broker' },
  clusterName: { short: 'c', text: 'create topic to which cluster' },
  topic: { short: 't', required: true, text: 'topic name' },
  perm: { short: 'p', kind: 'int', min: 0, max: 7, required: true, text: "set topic's permission(2|4|6), intro[2:W; 4:R; 6:RW]" },
  ...CHANGE_OPTIONS,
});

/** Changes the permission of a topic. */
export default class UpdateTopicPerm extends AdminCommand<typeof options, UpdateTopicPermResult> {
  static override summary = 'Update topic perm.';
  static override description =
    'Changes nothing else: each broker keeps its own queue counts, unlike with the Java tool. -b is the address of a master of the topic.';
  static override examples = [
    'mqadmin updateTopicPerm -n 127.0.0.1:9876 -c DefaultCluster -t OrderPaid -p 6',
    'mqadmin updateTopicPerm -n 127.0.0.1:9876 -b 127.0.0.1:10911 -t OrderPaid -p 4 --dry-run',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<UpdateTopicPermResult> {
    const target = requireTarget(values);
    const { updateTopicPerm } = await import('../../../client/admin/update-topic-perm.js');
    const { topic, perm, dryRun } = values;
    return updateTopicPerm(admin, { ...target, topic, perm, dryRun });
  }

  protected override render(result: UpdateTopicPermResult, out: Output, values: OptionValues<typeof options>): void {
    const isOne = values.brokerAddr !== undefined;
    for (const { addr, outcome, oldPerm, topicConfig } of result.brokers) {
      if (isOne && oldPerm === result.perm) {
        out.line('new perm equals to the old one!');
      } else if (outcome === 'planned') {
        out.line(`dry run: would update topic perm from ${oldPerm} to ${result.perm} in ${addr}`);
      } else if (outcome === 'done') {
        out.line(`update topic perm from ${oldPerm} to ${result.perm} in ${addr} success.`);
        if (isOne) {
          out.line(`${topicConfigText(topicConfig)}.`);
        }
      }
    }
  }
}
