import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { KvChangeResult } from '../../../client/admin/kv-config.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  namespace: { short: 's', required: true, text: 'set the namespace' },
  key: { short: 'k', required: true, text: 'set the key name' },
  value: { short: 'v', required: true, text: 'set the key value' },
  ...CHANGE_OPTIONS,
});

/** Writes an entry of the name servers' key-value store. */
export default class UpdateKvConfig extends AdminCommand<typeof options, KvChangeResult> {
  static override summary = 'Create or update KV config.';
  static override description = 'Writes to every name server of the list.';
  static override examples = ['mqadmin updateKvConfig -n 127.0.0.1:9876 -s NS -k region -v north'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<KvChangeResult> {
    const { putKv } = await import('../../../client/admin/kv-config.js');
    const { namespace, key, value } = values;
    return putKv(admin, { namespace, key, value }, values.dryRun);
  }

  protected override render(result: KvChangeResult, out: Output): void {
    if (result.dryRun) {
      const addrs = result.namesrvs.map(({ addr }) => addr).join(', ');
      out.line(`dry run: would set ${result.key} of namespace ${result.namespace} on ${addrs}`);
    } else {
      out.line('create or update kv config to namespace success.');
    }
  }
}
