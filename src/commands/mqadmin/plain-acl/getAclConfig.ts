import { format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { AclConfigResult } from '../../../client/admin/plain-acl.js';
import { AdminCommand } from '../admin-command.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: 'query acl config version for which broker' },
  clusterName: { short: 'c', group: 'target', groupRequired: true, text: 'query acl config version for specified cluster' },
});

/** Shows the access configuration. */
export default class GetAclConfig extends AdminCommand<typeof options, AclConfigResult> {
  static override summary = 'List all of acl config information in cluster';
  static override description = 'For brokers of 4.x with aclEnable. Shows the secret keys.';
  static override aliases = ['getAccessConfigSubCommand'];
  static override examples = ['mqadmin getAclConfig -b 127.0.0.1:10911', 'mqadmin getAclConfig -n 127.0.0.1:9876 -c DefaultCluster --json'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<AclConfigResult> {
    const { aclConfigs } = await import('../../../client/admin/plain-acl.js');
    return aclConfigs(admin, requireTarget(values));
  }

  protected override render(result: AclConfigResult, out: Output): void {
    for (const { globalWhiteAddrs, plainAccessConfigs } of result.brokers) {
      out.line();
      out.line(format('%-20s: %s', 'globalWhiteRemoteAddresses', `[${globalWhiteAddrs.join(', ')}]`));
      out.line();
      out.line('accounts:');
      for (const account of plainAccessConfigs) {
        for (const [key, value] of Object.entries(account)) {
          out.line(format('%-1s %-18s: %s', '', key, textOf(value)));
        }
        out.line();
      }
    }
  }
}

function textOf(value: unknown): string {
  if (value === null) {
    return '';
  }
  return Array.isArray(value) ? `[${value.join(', ')}]` : String(value);
}
