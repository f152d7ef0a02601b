import { format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { BrokerConfigResult } from '../../../client/admin/broker-config.js';
import { AdminCommand } from '../admin-command.js';
import { brokerHead } from '../broker-head.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', text: 'get which broker' },
  clusterName: { short: 'c', text: 'get which cluster' },
});

/** Prints the running configuration of brokers. */
export default class GetBrokerConfig extends AdminCommand<typeof options, BrokerConfigResult> {
  static override summary = 'Get broker config by cluster or special broker.';
  static override examples = [
    'mqadmin getBrokerConfig -b 127.0.0.1:10911',
    'mqadmin getBrokerConfig -n 127.0.0.1:9876 -c DefaultCluster --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<BrokerConfigResult> {
    const target = requireTarget(values);
    const { getBrokerConfig } = await import('../../../client/admin/broker-config.js');
    return getBrokerConfig(admin, target);
  }

  protected override render(result: BrokerConfigResult, out: Output): void {
    for (const entry of result.brokers) {
      out.line(brokerHead(entry));
      for (const [key, value] of Object.entries(entry.config)) {
        out.line(format('%-50s=  %s', key, value));
      }
      out.line();
    }
  }
}
