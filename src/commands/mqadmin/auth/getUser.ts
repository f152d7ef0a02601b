import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UsersResult } from '../../../client/admin/auth-users.js';
import { AdminCommand } from '../admin-command.js';
import { printUsers } from '../auth-text.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: 'get user for which broker' },
  clusterName: { short: 'c', group: 'target', groupRequired: true, text: 'get user for specified cluster' },
  username: { short: 'u', default: '', text: 'the username of user to get' },
});

/** Shows one user. */
export default class GetUser extends AdminCommand<typeof options, UsersResult> {
  static override summary = 'Get user from cluster.';
  static override description = [
    'Shows the password as it is stored. With -c of the first master that has the user. A user that none of them has is an error; the Java tool',
    'prints nothing.',
  ].join('\n');
  static override examples = [
    'mqadmin getUser -b 127.0.0.1:10911 -u bob',
    'mqadmin getUser -n 127.0.0.1:9876 -c DefaultCluster -u bob --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<UsersResult> {
    const { getUser } = await import('../../../client/admin/auth-users.js');
    return getUser(admin, { ...requireTarget(values), username: values.username });
  }

  protected override render(result: UsersResult, out: Output): void {
    printUsers(result.users, out);
  }
}
