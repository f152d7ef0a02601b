import { DELETE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { KvChangeResult } from '../../../client/admin/kv-config.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  namespace: { short: 's', required: true, text: 'set the namespace' },
  key: { short: 'k', required: true, text: 'set the key name' },
  ...DELETE_OPTIONS,
});

type Result = KvChangeResult & { readonly existed: boolean };

/** Deletes an entry of the name servers' key-value store. */
export default class DeleteKvConfig extends AdminCommand<typeof options, Result> {
  static override summary = 'Delete KV config.';
  static override description =
    'Deletes from every name server of the list. An entry that is already gone is a success, with a line on stderr.';
  static override examples = ['mqadmin deleteKvConfig -n 127.0.0.1:9876 -s NS -k region --yes'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>, context: CommandContext): Promise<Result> {
    const { deleteKv } = await import('../../../client/admin/kv-config.js');
    const { namespace, key, yes, dryRun } = values;
    if (!dryRun) {
      const { confirmDeletion } = await import('../../../cli/confirm.js');
      const addrs = admin.namesrv.addresses.join(', ');
      await confirmDeletion(`delete ${key} of namespace ${namespace} on ${addrs}`, { yes, signal: context.signal, io: context.io });
    }
    return deleteKv(admin, { namespace, key }, dryRun);
  }

  protected override render(result: Result, out: Output): void {
    if (!result.existed) {
      out.note(`${result.key} of namespace ${result.namespace} was not known to any name server`);
    }
    if (result.dryRun) {
      const addrs = result.namesrvs.map(({ addr }) => addr).join(', ');
      out.line(`dry run: would delete ${result.key} of namespace ${result.namespace} on ${addrs}`);
    } else {
      out.line('delete kv config from namespace success.');
    }
  }
}
