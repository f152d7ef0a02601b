import { WritePermCommand } from '../write-perm-command.js';

/** Gives all topics of a broker the write permission. */
export default class AddWritePerm extends WritePermCommand {
  static override summary = 'Add write perm of broker in all name server you defined in the -n param.';
  static override description =
    'All topics of the broker can then be read and written, also those that could not be before: -b is its name, not its address.';
  static override examples = ['mqadmin addWritePerm -n 127.0.0.1:9876 -b broker-a'];
  protected override readonly change = 'add';
}
