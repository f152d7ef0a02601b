import { format } from '../../../cli/format.js';
import { defineOptions } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { NamesrvConfigResult } from '../../../client/admin/namesrv-config.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({});

/** Prints the running configuration of name servers. */
export default class GetNamesrvConfig extends AdminCommand<typeof options, NamesrvConfigResult> {
  static override summary = 'Get configs of name server.';
  static override examples = ['mqadmin getNamesrvConfig -n 127.0.0.1:9876', 'mqadmin getNamesrvConfig -n 127.0.0.1:9876 --json'];
  static override options = options;

  protected override async ask(admin: AdminClient): Promise<NamesrvConfigResult> {
    const { getNamesrvConfig } = await import('../../../client/admin/namesrv-config.js');
    return getNamesrvConfig(admin);
  }

  protected override render(result: NamesrvConfigResult, out: Output): void {
    for (const { addr, config } of result.namesrvs) {
      out.line(`============${addr}============`);
      for (const [key, value] of Object.entries(config)) {
        out.line(format('%-50s=  %s', key, value));
      }
    }
  }
}
