import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UpdateTopicResult } from '../../../client/admin/update-topic.js';
import { AdminCommand } from '../admin-command.js';
import { printOutcomes, requireTarget } from '../targets.js';
import { topicConfigText } from '../texts.js';

const options = defineOptions({
  brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: 'create topic to which broker' },
  clusterName: { short: 'c', group: 'target', groupRequired: true, text: 'create topic to which cluster' },
  topic: { short: 't', required: true, text: 'topic name' },
  attributes: { short: 'a', text: 'attribute(+a=b,+c=d,-e)' },
  readQueueNums: { short: 'r', kind: 'int', default: 8, min: 1, max: 65536, text: 'set read queue nums' },
  writeQueueNums: { short: 'w', kind: 'int', default: 8, min: 1, max: 65536, text: 'set write queue nums' },
  perm: { short: 'p', kind: 'int', default: 6, min: 0, max: 7, text: "set topic's permission(2|4|6), intro[2:W 4:R; 6:RW]" },
  order: { short: 'o', kind: 'boolean', default: false, text: "set topic's order(true|false)" },
  unit: { short: 'u', kind: 'boolean', default: false, text: 'is unit topic (true|false)' },
  hasUnitSub: { short: 's', kind: 'boolean', default: false, text: 'has unit sub (true|false)' },
  ...CHANGE_OPTIONS,
});

const UNIT_FLAG = 1;
const UNIT_SUB_FLAG = 2;

/** Creates a topic or replaces its settings. */
export default class UpdateTopic extends AdminCommand<typeof options, UpdateTopicResult> {
  static override summary = 'Update or create topic.';
  static override description = 'Settings are replaced, not merged: what is left out goes back to its default. Only attributes are merged.';
  static override examples = [
    'mqadmin updateTopic -n 127.0.0.1:9876 -c DefaultCluster -t OrderPaid -r 4 -w 4',
    'mqadmin updateTopic -n 127.0.0.1:9876 -c DefaultCluster -t OrderPaid --dry-run',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<UpdateTopicResult> {
    const [{ updateTopic }, { parseAttributes }] = await Promise.all([
      import('../../../client/admin/update-topic.js'),
      import('../../../client/admin/attributes.js'),
    ]);
    return updateTopic(admin, {
      ...requireTarget(values),
      topic: {
        topicName: values.topic,
        readQueueNums: values.readQueueNums,
        writeQueueNums: values.writeQueueNums,
        perm: values.perm,
        topicFilterType: 'SINGLE_TAG',
        topicSysFlag: (values.unit ? UNIT_FLAG : 0) | (values.hasUnitSub ? UNIT_SUB_FLAG : 0),
        order: values.order,
        attributes: parseAttributes(values.attributes),
      },
      dryRun: values.dryRun,
    });
  }

  protected override render(result: UpdateTopicResult, out: Output, values: OptionValues<typeof options>): void {
    const forCluster = values.clusterName !== undefined;
    const orderLine = `${result.dryRun ? 'dry run: would ' : ''}set ${forCluster ? 'cluster' : 'broker'} orderConf. isOrder=true, orderConf=[${result.orderConf}]`;
    if (result.orderConf !== undefined && !forCluster) {
      out.line(orderLine);
    }
    printOutcomes(out, result.brokers, {
      done: (addr) => `create topic to ${addr} success.`,
      planned: (addr) => `would create topic to ${addr}`,
    });
    if (result.orderConf !== undefined && forCluster) {
      out.line(orderLine);
    }
    out.line(topicConfigText(result.topicConfig));
  }
}
