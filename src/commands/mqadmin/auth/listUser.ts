import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UsersResult } from '../../../client/admin/auth-users.js';
import { AdminCommand } from '../admin-command.js';
import { printUsers } from '../auth-text.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: 'list user for which broker' },
  clusterName: { short: 'c', group: 'target', groupRequired: true, text: 'list user for specified cluster' },
  filter: { short: 'f', text: 'the filter to list users' },
});

type Values = OptionValues<typeof options>;

/** Lists users. */
export default class ListUser extends AdminCommand<typeof options, UsersResult> {
  static override summary = 'List user from cluster.';
  static override description =
    'Shows passwords as they are stored. The filter is a part of the name. With -c of the first master that has any.';
  static override examples = ['mqadmin listUser -b 127.0.0.1:10911', 'mqadmin listUser -n 127.0.0.1:9876 -c DefaultCluster -f bo --json'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values): Promise<UsersResult> {
    const { listUsers } = await import('../../../client/admin/auth-users.js');
    return listUsers(admin, { ...requireTarget(values), filter: values.filter });
  }

  protected override render(result: UsersResult, out: Output, values: Values): void {
    printUsers(result.users, out);
    if (values.brokerAddr === undefined && result.users.length > 0) {
      out.line(`get user from ${result.brokerAddr} success.`);
    }
  }
}
