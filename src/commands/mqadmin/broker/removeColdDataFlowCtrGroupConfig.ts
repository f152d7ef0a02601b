import { DELETE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { BrokerChange } from '../../../client/admin/broker-change.js';
import { BrokerChangeCommand } from '../broker-change-command.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', text: 'update which broker' },
  clusterName: { short: 'c', text: 'update which cluster' },
  consumerGroup: { short: 'g', required: true, text: 'the consumer group will remove from the config' },
  ...DELETE_OPTIONS,
});

/** Takes away the limit of the cold reads of a group. */
export default class RemoveColdDataFlowCtrGroupConfig extends BrokerChangeCommand<typeof options> {
  static override summary = 'Remove consumer from cold ctr config.';
  static override examples = [
    'mqadmin removeColdDataFlowCtrGroupConfig -b 127.0.0.1:10911 -g OrderPaidGroup',
    'mqadmin removeColdDataFlowCtrGroupConfig -n 127.0.0.1:9876 -c DefaultCluster -g OrderPaidGroup',
  ];
  static override options = options;

  protected override readonly deletes = true;

  protected override async change(values: OptionValues<typeof options>): Promise<BrokerChange> {
    const target = requireTarget(values);
    const { noColdDataLimit } = await import('../../../client/admin/cold-data.js');
    const request = noColdDataLimit(values.consumerGroup);
    return { what: `remove the limit of the cold reads of ${values.consumerGroup}`, target, part: 'masters', request };
  }

  protected override done(addr: string): string {
    return `remove broker cold read threshold success, ${addr}`;
  }
}
