import { WritePermCommand } from '../write-perm-command.js';

/** Takes the write permission of all topics of a broker away. */
export default class WipeWritePerm extends WritePermCommand {
  static override summary = 'Wipe write perm of broker in all name server you defined in the -n param.';
  static override description =
    'Senders leave the broker with their next look at the route. It lasts until the broker starts again or registers a changed topic.';
  static override examples = ['mqadmin wipeWritePerm -n 127.0.0.1:9876 -b broker-a'];
  protected override readonly change = 'wipe';
}
