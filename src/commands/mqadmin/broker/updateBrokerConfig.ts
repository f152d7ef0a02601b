import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UpdateBrokerConfigResult } from '../../../client/admin/broker-config.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { printOutcomes, requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', text: 'update which broker' },
  clusterName: { short: 'c', text: 'update which cluster' },
  updateAllBroker: { short: 'a', text: 'update all brokers include slave' },
  key: { short: 'k', required: true, text: 'config key' },
  value: { short: 'v', required: true, text: 'config value' },
  ...CHANGE_OPTIONS,
});

/** Changes one configuration key of running brokers. */
export default class UpdateBrokerConfig extends AdminCommand<typeof options, UpdateBrokerConfigResult> {
  static override summary = "Update broker's config.";
  static override description = [
    'With -c the masters of the cluster; with -a (any value) its slaves too. The value is read back: a broker that took the',
    'request but still runs with another value is named on stderr. A key that no broker lists is an error, unlike in the Java tool.',
  ].join('\n');
  static override examples = [
    'mqadmin updateBrokerConfig -b 127.0.0.1:10911 -k fileReservedTime -v 48',
    'mqadmin updateBrokerConfig -n 127.0.0.1:9876 -c DefaultCluster -k fileReservedTime -v 48 --dry-run',
  ];
  static override options = options;

  protected override async ask(
    admin: AdminClient,
    values: OptionValues<typeof options>,
    { apacheCompat }: CommandContext,
  ): Promise<UpdateBrokerConfigResult> {
    const target = requireTarget(values);
    const { updateBrokerConfig } = await import('../../../client/admin/broker-config.js');
    return updateBrokerConfig(admin, {
      ...target,
      allBrokers: values.updateAllBroker !== undefined,
      key: values.key,
      value: values.value,
      dryRun: values.dryRun,
      anyKey: apacheCompat,
    });
  }

  protected override render(result: UpdateBrokerConfigResult, out: Output): void {
    printOutcomes(out, result.brokers, {
      done: (addr) => `update broker config success, ${addr}`,
      planned: (addr) => `would set ${result.key}=${result.value} on ${addr}`,
    });
    for (const { addr, remark } of result.remarks) {
      out.note(`note: ${addr}: ${remark}`);
    }
    for (const { addr, value } of result.notInEffect) {
      out.note(`note: ${addr} still runs with ${result.key}=${value ?? ''}: the new value counts after a restart`);
    }
  }
}
