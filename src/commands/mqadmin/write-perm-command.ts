import { CHANGE_OPTIONS, type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import type { AdminClient } from '../../client/admin/admin-client.js';
import type { WritePermResult } from '../../client/admin/write-perm.js';
import { AdminCommand } from './admin-command.js';

/** Options of the commands that change the write permission of a broker's topics. */
export const WRITE_PERM_OPTIONS = defineOptions({
  brokerName: { short: 'b', required: true, text: 'broker name' },
  ...CHANGE_OPTIONS,
});

/** Base of the commands that change the write permission of a broker's topics. */
export abstract class WritePermCommand extends AdminCommand<typeof WRITE_PERM_OPTIONS, WritePermResult> {
  static override options = WRITE_PERM_OPTIONS;
  protected abstract readonly change: 'wipe' | 'add';

  protected override async ask(
    admin: AdminClient,
    { brokerName, dryRun }: OptionValues<typeof WRITE_PERM_OPTIONS> & CommonValues,
  ): Promise<WritePermResult> {
    const { changeWritePerm } = await import('../../client/admin/write-perm.js');
    return changeWritePerm(admin, { brokerName, change: this.change, dryRun });
  }

  protected override render(result: WritePermResult, out: Output): void {
    for (const { addr, outcome, topicCount } of result.namesrvs) {
      const what = `${this.change} write perm of broker[${result.brokerName}] in name server[${addr}]`;
      if (outcome === 'planned') {
        out.line(`dry run: would ${what}`);
      } else {
        out.line(outcome === 'done' ? `${what} OK, ${topicCount}` : `${what} Failed`);
      }
    }
  }
}
