import { type CommonValues, DELETE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { DeleteUserResult } from '../../../client/admin/auth-users.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { printOutcomes, requireTarget } from '../targets.js';

const options = defineOptions({
  clusterName: { short: 'c', group: 'target', groupRequired: true, text: 'delete acl from which cluster' },
  brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: 'delete user from which broker' },
  username: { short: 'u', required: true, text: 'the username of user to delete.' },
  ...DELETE_OPTIONS,
});

type Values = OptionValues<typeof options>;

/** Deletes a user. */
export default class DeleteUser extends AdminCommand<typeof options, DeleteUserResult> {
  static override summary = 'Delete user from cluster.';
  static override description = [
    'With -c from the slaves too. The rules of the user go with it. Asks first on a terminal.',
    'Deleting a user that is already gone is a success, with a line on stderr.',
  ].join('\n');
  static override examples = ['mqadmin deleteUser -b 127.0.0.1:10911 -u eve --yes'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values & CommonValues, context: CommandContext): Promise<DeleteUserResult> {
    const target = requireTarget(values);
    const { username, dryRun, yes } = values;
    if (!dryRun) {
      const { confirmDeletion } = await import('../../../cli/confirm.js');
      const where = target.brokerAddr === undefined ? `cluster ${target.clusterName}` : `broker ${target.brokerAddr}`;
      await confirmDeletion(`delete user ${username} from ${where}`, { yes, signal: context.signal, io: context.io });
    }
    const { deleteUser } = await import('../../../client/admin/auth-users.js');
    return deleteUser(admin, { ...target, username, dryRun });
  }

  protected override render(result: DeleteUserResult, out: Output): void {
    if (!result.existed) {
      out.note(`user ${result.username} was not known to any of these brokers`);
    }
    printOutcomes(out, result.brokers, {
      done: (addr) => `delete user to ${addr} success.`,
      planned: (addr) => `would delete user ${result.username} from ${addr}`,
    });
  }
}
