import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  brokerAddr: { short: 'b', required: true, text: 'which broker to reset' },
  offset: { short: 'o', kind: 'int', min: 0, required: true, text: 'the offset to reset at' },
  ...CHANGE_OPTIONS,
});

interface Result {
  readonly dryRun: boolean;
  readonly brokerAddr: string;
  readonly masterFlushOffset: number;
}

/** Tells a slave how far its master has flushed. */
export default class ResetMasterFlushOffset extends AdminCommand<typeof options, Result> {
  static override summary = 'Reset master flush offset in slave.';
  static override description = 'For slaves: a master answers with success and keeps what it has.';
  static override examples = ['mqadmin resetMasterFlushOffset -b 127.0.0.1:10911 -o 0'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<Result> {
    const { brokerAddr, offset, dryRun } = values;
    const { resetMasterFlushOffset } = await import('../../../client/admin/replication.js');
    return resetMasterFlushOffset(admin, { brokerAddr, masterFlushOffset: offset, dryRun });
  }

  protected override render(result: Result, out: Output): void {
    const { masterFlushOffset, brokerAddr } = result;
    out.line(
      result.dryRun
        ? `dry run: would reset master flush offset to ${masterFlushOffset} on ${brokerAddr}`
        : `reset master flush offset to ${masterFlushOffset} success`,
    );
  }
}
