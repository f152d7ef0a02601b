import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { BrokerEpochResult } from '../../../client/admin/replication.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { atIntervals, INTERVAL_OPTIONS } from '../rounds.js';
import { requireBrokerNameOrCluster } from '../targets.js';

const options = defineOptions({
  clusterName: { short: 'c', text: 'which cluster' },
  brokerName: { short: 'b', text: 'which broker to fetch' },
  ...INTERVAL_OPTIONS,
});

/** Shows which master wrote which part of the commit log. */
export default class GetBrokerEpoch extends AdminCommand<typeof options, BrokerEpochResult> {
  static override summary = 'Fetch broker epoch entries.';
  static override description = 'For clusters with a controller; other brokers say that they have none. -b is a name, not an address.';
  static override examples = [
    'mqadmin getBrokerEpoch -n 127.0.0.1:9876 -b broker-a',
    'mqadmin getBrokerEpoch -n 127.0.0.1:9876 -c DefaultCluster --json',
  ];
  static override options = options;

  protected override async ask(
    admin: AdminClient,
    values: OptionValues<typeof options>,
    context: CommandContext,
  ): Promise<BrokerEpochResult> {
    const target = requireBrokerNameOrCluster(values);
    const { brokerEpoch } = await import('../../../client/admin/replication.js');
    return atIntervals(
      values,
      context,
      () => brokerEpoch(admin, target),
      (result) => this.render(result, context.out),
    );
  }

  protected override render(result: BrokerEpochResult, out: Output): void {
    for (const { clusterName, brokerName, brokerAddr, brokerId, epochList } of result.brokers) {
      out.line();
      out.line(`#clusterName\t${clusterName}`);
      out.line(`#brokerName\t${brokerName}`);
      out.line(`#brokerAddr\t${brokerAddr}`);
      out.line(`#brokerId\t${brokerId}`);
      for (const { epoch, startOffset, endOffset } of epochList) {
        out.line(`#Epoch: EpochEntry{epoch=${epoch}, startOffset=${startOffset}, endOffset=${endOffset}}`);
      }
    }
  }
}
