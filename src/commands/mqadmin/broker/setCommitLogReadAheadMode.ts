import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ReadAheadResult } from '../../../client/admin/cold-data.js';
import { UsageError } from '../../../common/errors.js';
import { AdminCommand } from '../admin-command.js';
import { brokerHead } from '../broker-head.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', text: 'set which broker' },
  clusterName: { short: 'c', text: 'set which cluster' },
  commitLogReadAheadMode: { short: 'm', required: true, text: 'set the CommitLog read ahead mode; 0 is default, 1 random read' },
  ...CHANGE_OPTIONS,
});

/** Sets how the kernel reads ahead in the commit log. */
export default class SetCommitLogReadAheadMode extends AdminCommand<typeof options, ReadAheadResult> {
  static override summary = 'Set read ahead mode for all commitlog files.';
  static override description = 'With -c on the slaves too. The bundled broker maps no files into memory, so it has nothing to set.';
  static override examples = [
    'mqadmin setCommitLogReadAheadMode -b 127.0.0.1:10911 -m 1',
    'mqadmin setCommitLogReadAheadMode -n 127.0.0.1:9876 -c DefaultCluster -m 0 --dry-run',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<ReadAheadResult> {
    const mode = values.commitLogReadAheadMode;
    if (mode !== '0' && mode !== '1') {
      throw new UsageError(`set the read mode error; 0 is default, 1 random read: got "${mode}"`);
    }
    const target = requireTarget(values);
    const { setReadAheadMode } = await import('../../../client/admin/cold-data.js');
    return setReadAheadMode(admin, { ...target, mode: Number(mode), dryRun: values.dryRun });
  }

  protected override render(result: ReadAheadResult, out: Output): void {
    for (const entry of result.brokers) {
      if (result.dryRun) {
        out.line(`dry run: would set read ahead mode ${result.mode} on ${entry.brokerAddr}`);
      } else {
        out.line(` ${brokerHead(entry)}`);
        out.line(`commitLog set readAhead mode rstStr${entry.answer}`);
      }
    }
  }
}
