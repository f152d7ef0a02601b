import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { BrokerChange } from '../../../client/admin/broker-change.js';
import { BrokerChangeCommand } from '../broker-change-command.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', text: 'update which broker' },
  clusterName: { short: 'c', text: 'update which cluster' },
  consumerGroup: { short: 'g', required: true, text: 'specific consumerGroup' },
  threshold: { short: 'v', kind: 'int', min: 0, required: true, text: 'cold read threshold value' },
  ...CHANGE_OPTIONS,
});

type Values = OptionValues<typeof options>;

/** Limits the cold reads of a group. */
export default class UpdateColdDataFlowCtrGroupConfig extends BrokerChangeCommand<typeof options> {
  static override summary = 'Add or update cold data flow ctr group config.';
  static override description =
    'The limit counts bytes a second that a group reads from files that are not in memory any more. The bundled broker has no such limiter.';
  static override examples = [
    'mqadmin updateColdDataFlowCtrGroupConfig -b 127.0.0.1:10911 -g OrderPaidGroup -v 1048576',
    'mqadmin updateColdDataFlowCtrGroupConfig -n 127.0.0.1:9876 -c DefaultCluster -g OrderPaidGroup -v 1048576 --dry-run',
  ];
  static override options = options;

  protected override async change(values: Values): Promise<BrokerChange> {
    const target = requireTarget(values);
    const { coldDataLimit } = await import('../../../client/admin/cold-data.js');
    const request = coldDataLimit(values.consumerGroup, values.threshold);
    return { what: `limit the cold reads of ${values.consumerGroup}`, target, part: 'masters', request };
  }

  protected override done(addr: string): string {
    return `updateColdDataFlowCtrGroupConfig success, ${addr}`;
  }
}
