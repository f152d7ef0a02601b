import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { BrokerChange } from '../../../client/admin/broker-change.js';
import type { CommandContext } from '../../base.js';
import { BrokerChangeCommand, targetOptions } from '../broker-change-command.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  ...targetOptions('create user to'),
  username: { short: 'u', required: true, text: 'the username of user to create.' },
  password: { short: 'p', required: true, text: 'the password of user to create' },
  userType: { short: 't', text: 'the userType of user to create' },
  ...CHANGE_OPTIONS,
});

/** Makes a user. */
export default class CreateUser extends BrokerChangeCommand<typeof options> {
  static override summary = 'Create user to cluster.';
  static override description =
    'For brokers of 5.3 with authentication. With -c on the slaves too. The type is Normal or Super; another word is an error, unlike in the Java tool.';
  static override examples = [
    'mqadmin createUser -b 127.0.0.1:10911 -u orders -p secret',
    'mqadmin createUser -n 127.0.0.1:9876 -c DefaultCluster -u operator -p secret -t Super --dry-run',
  ];
  static override options = options;

  protected override async change(values: OptionValues<typeof options>, { apacheCompat }: CommandContext): Promise<BrokerChange> {
    const { createUserRequest, isUserType } = await import('../../../client/admin/auth-users.js');
    const { username, userType } = values;
    const user = apacheCompat && userType !== undefined && !isUserType(userType) ? { ...values, userType: undefined } : values;
    return { what: `create user ${username}`, target: requireTarget(values), part: 'brokers', request: createUserRequest(user) };
  }

  protected override done(addr: string): string {
    return `create user to ${addr} success.`;
  }
}
