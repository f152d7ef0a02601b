import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { WritePermResult } from '../../../client/admin/write-perm.js';
import { AdminCommand } from '../admin-command.js';
import { printWritePerm } from '../texts.js';

const options = defineOptions({
  brokerName: { short: 'b', required: true, text: 'broker name' },
  ...CHANGE_OPTIONS,
});

/** Gives all topics of a broker the write permission. */
export default class AddWritePerm extends AdminCommand<typeof options, WritePermResult> {
  static override summary = 'Add write perm of broker in all name server you defined in the -n param.';
  static override description =
    'All topics of the broker can then be read and written, also those that could not be before: -b is its name, not its address.';
  static override examples = ['mqadmin addWritePerm -n 127.0.0.1:9876 -b broker-a'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<WritePermResult> {
    const { changeWritePerm } = await import('../../../client/admin/write-perm.js');
    return changeWritePerm(admin, { brokerName: values.brokerName, change: 'add', dryRun: values.dryRun });
  }

  protected override render(result: WritePermResult, out: Output): void {
    printWritePerm(result, 'add', out);
  }
}
