import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { CopyUsersResult } from '../../../client/admin/auth-users.js';
import { AdminCommand } from '../admin-command.js';
import { wordList } from '../word-list.js';

const options = defineOptions({
  fromBroker: { short: 'f', required: true, text: 'the source broker that the users copy from' },
  toBroker: { short: 't', required: true, text: 'the target broker that the users copy to' },
  usernames: { short: 'u', text: 'the username list of user to copy.' },
  ...CHANGE_OPTIONS,
});

/** Copies users from one broker to another. */
export default class CopyUser extends AdminCommand<typeof options, CopyUsersResult> {
  static override summary = 'Copy user to cluster.';
  static override description =
    'All users without -u. Those that the target has are changed to what they are at the source. Names that the source does not know are an error.';
  static override examples = [
    'mqadmin copyUser -f 127.0.0.1:10911 -t 127.0.0.1:20911',
    'mqadmin copyUser -f 127.0.0.1:10911 -t 127.0.0.1:20911 -u bob --dry-run',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<CopyUsersResult> {
    const { fromBroker, toBroker, dryRun } = values;
    const { copyUsers } = await import('../../../client/admin/auth-users.js');
    const usernames = values.usernames === undefined ? undefined : wordList(values.usernames);
    return copyUsers(admin, { fromBroker, toBroker, usernames, dryRun });
  }

  protected override render({ users, fromBroker, toBroker, dryRun }: CopyUsersResult, out: Output): void {
    for (const { username, change } of users) {
      out.line(
        dryRun
          ? `dry run: would ${change} user ${username} of ${fromBroker} on ${toBroker}`
          : `copy user of ${username} from ${fromBroker} to ${toBroker} success.`,
      );
    }
  }
}
