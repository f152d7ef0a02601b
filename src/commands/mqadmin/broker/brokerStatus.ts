import { format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { BrokerStatusResult } from '../../../client/admin/runtime-info.js';
import { AdminCommand } from '../admin-command.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: 'Broker address' },
  clusterName: { short: 'c', group: 'target', groupRequired: true, text: 'which cluster' },
});

/** Shows the runtime figures of brokers. */
export default class BrokerStatus extends AdminCommand<typeof options, BrokerStatusResult> {
  static override summary = 'Fetch broker runtime status data.';
  static override examples = ['mqadmin brokerStatus -b 127.0.0.1:10911', 'mqadmin brokerStatus -n 127.0.0.1:9876 -c DefaultCluster'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<BrokerStatusResult> {
    const { brokerStatus } = await import('../../../client/admin/runtime-info.js');
    return brokerStatus(admin, requireTarget(values));
  }

  protected override render(result: BrokerStatusResult, out: Output, values: OptionValues<typeof options>): void {
    for (const { brokerAddr, runtimeInfo } of result.brokers) {
      for (const [key, value] of Object.entries(runtimeInfo)) {
        const line = format('%-32s: %s', key, value);
        out.line(values.brokerAddr === undefined ? format('%-24s %s', brokerAddr, line) : line);
      }
    }
  }
}
