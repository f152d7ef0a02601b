import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { PopExportResult } from '../../../client/admin/export-pop.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  clusterName: { short: 'c', text: 'choose one cluster to export' },
  brokerAddr: { short: 'b', text: 'choose one broker to export' },
  dryRun: { short: 'd', kind: 'boolean', text: 'no actual changes will be made' },
  onlySay: { kind: 'flag', own: true, long: 'dry-run', text: 'Say what would be done, and do nothing' },
});

type Values = OptionValues<typeof options>;

/** Has brokers move their records of popped messages back into the normal queues. */
export default class ExportPopRecord extends AdminCommand<typeof options, PopExportResult> {
  static override summary = 'Export pop consumer record';
  static override description = [
    'With -c on slaves too. -d true changes nothing. The Java tool has that the wrong way round: there -d true does it, and -d false does not.',
    'The bundled broker keeps these records in the normal queues anyway.',
  ].join('\n');
  static override examples = [
    'mqadmin exportPopRecord -b 127.0.0.1:10911 -d true',
    'mqadmin exportPopRecord -n 127.0.0.1:9876 -c DefaultCluster --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, { apacheCompat }: CommandContext): Promise<PopExportResult> {
    const target = requireTarget(values);
    const { exportPopRecords } = await import('../../../client/admin/export-pop.js');
    const { dryRun, onlySay } = values;
    return exportPopRecords(admin, { ...target, dryRun: onlySay || (apacheCompat && dryRun !== undefined ? !dryRun : dryRun === true) });
  }

  protected override render({ brokers, dryRun }: PopExportResult, out: Output): void {
    for (const { brokerName, addr, outcome } of brokers) {
      const what = outcome === 'failed' || outcome === 'unknown' ? 'Export broker records error' : 'Export broker records';
      out.line(`${what}, brokerName=${brokerName}, brokerAddr=${addr}, dryRun=${dryRun}`);
    }
  }
}
