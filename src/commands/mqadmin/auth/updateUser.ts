import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { BrokerChange } from '../../../client/admin/broker-change.js';
import { BrokerChangeCommand, targetOptions } from '../broker-change-command.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  ...targetOptions('update user to'),
  username: { short: 'u', required: true, text: 'the username of user to update.' },
  password: { short: 'p', group: 'change', groupRequired: true, text: 'the password of user to update' },
  userType: { short: 't', group: 'change', groupRequired: true, text: 'the userType of user to update' },
  userStatus: { short: 's', group: 'change', groupRequired: true, text: 'the userStatus of user to update' },
  ...CHANGE_OPTIONS,
});

/** Changes the password, the type or the status of a user. */
export default class UpdateUser extends BrokerChangeCommand<typeof options> {
  static override summary = 'Update user to cluster.';
  static override description = 'One of the three at a time. The type is Normal or Super, the status enable or disable.';
  static override examples = [
    'mqadmin updateUser -b 127.0.0.1:10911 -u bob -p better',
    'mqadmin updateUser -n 127.0.0.1:9876 -c DefaultCluster -u bob -s disable --dry-run',
  ];
  static override options = options;

  protected override async change(values: OptionValues<typeof options>): Promise<BrokerChange> {
    const { updateUserRequest } = await import('../../../client/admin/auth-users.js');
    return { what: `update user ${values.username}`, target: requireTarget(values), part: 'brokers', request: updateUserRequest(values) };
  }

  protected override done(addr: string): string {
    return `update user to ${addr} success.`;
  }
}
