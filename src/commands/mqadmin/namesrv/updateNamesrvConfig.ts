import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UpdateNamesrvConfigResult } from '../../../client/admin/namesrv-config.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  key: { short: 'k', required: true, text: 'config key' },
  value: { short: 'v', required: true, text: 'config value' },
  ...CHANGE_OPTIONS,
});

/** Changes one configuration key of running name servers. */
export default class UpdateNamesrvConfig extends AdminCommand<typeof options, UpdateNamesrvConfigResult> {
  static override summary = 'Update configs of name server.';
  static override description = [
    'The value is read back: a name server that took the request but still runs with another value is named on stderr. A key that a name',
    'server does not list is an error, unlike in the Java tool.',
  ].join('\n');
  static override examples = [
    'mqadmin updateNamesrvConfig -n 127.0.0.1:9876 -k orderMessageEnable -v false',
    'mqadmin updateNamesrvConfig -n 127.0.0.1:9876 -k orderMessageEnable -v true --dry-run',
  ];
  static override options = options;

  protected override async ask(
    admin: AdminClient,
    values: OptionValues<typeof options>,
    { apacheCompat }: CommandContext,
  ): Promise<UpdateNamesrvConfigResult> {
    const { updateNamesrvConfig } = await import('../../../client/admin/namesrv-config.js');
    const { key, value, dryRun } = values;
    return updateNamesrvConfig(admin, { key, value, dryRun, anyKey: apacheCompat });
  }

  protected override render(result: UpdateNamesrvConfigResult, out: Output): void {
    const addrs = result.namesrvs.filter(({ outcome }) => outcome === 'done' || outcome === 'planned').map(({ addr }) => addr);
    if (result.dryRun) {
      out.line(`dry run: would set ${result.key}=${result.value} on ${addrs.join(', ')}`);
      return;
    }
    out.line(`update name server config success![${addrs.join(', ')}]`);
    out.line(`${result.key} : ${result.value}`);
    for (const { addr, remark } of result.remarks) {
      out.note(`note: ${addr}: ${remark}`);
    }
    for (const { addr, value } of result.notInEffect) {
      out.note(`note: ${addr} still runs with ${result.key}=${value ?? ''}: the new value counts after a restart`);
    }
  }
}
