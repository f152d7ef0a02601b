import { dateTimeMs, format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { HaStatusResult } from '../../../client/admin/replication.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { atIntervals, INTERVAL_OPTIONS } from '../rounds.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  clusterName: { short: 'c', text: 'which cluster' },
  brokerAddr: { short: 'b', text: 'which broker to fetch' },
  ...INTERVAL_OPTIONS,
});

type Values = OptionValues<typeof options>;

const COLUMNS = '%-32s  %-16s %16s %16s %16s %16s';

/** Shows how far slaves are behind. */
export default class HaStatus extends AdminCommand<typeof options, HaStatusResult> {
  static override summary = 'Fetch ha runtime status data.';
  static override description =
    'With -c of the masters of the cluster. A master lists its slaves, a slave shows what it has of its master.';
  static override examples = ['mqadmin haStatus -b 127.0.0.1:10911', 'mqadmin haStatus -n 127.0.0.1:9876 -c DefaultCluster --json'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<HaStatusResult> {
    const target = requireTarget(values);
    const { haStatus } = await import('../../../client/admin/replication.js');
    return atIntervals(
      values,
      context,
      () => haStatus(admin, target),
      (result) => this.render(result, context.out),
    );
  }

  protected override render(result: HaStatusResult, out: Output): void {
    for (const status of result.brokers) {
      if (status.master) {
        printMaster(status, out);
      } else {
        printSlave(status, out);
      }
    }
  }
}

type Status = HaStatusResult['brokers'][number];

function printMaster(status: Status, out: Output): void {
  out.line();
  out.line(`#MasterAddr\t${status.brokerAddr}`);
  out.line(`#MasterCommitLogMaxOffset\t${status.masterCommitLogMaxOffset}`);
  out.line(`#SlaveNum\t${status.haConnectionInfo.length}`);
  out.line(`#InSyncSlaveNum\t${status.inSyncSlaveNums}`);
  out.line(format(COLUMNS, '#SlaveAddr', '#SlaveAckOffset', '#Diff', '#TransferSpeed(KB/s)', '#Status', '#TransferFromWhere'));
  for (const slave of status.haConnectionInfo) {
    const speed = (slave.transferredByteInSecond / 1024).toFixed(2);
    const state = slave.inSync ? 'OK' : 'Fall Behind';
    out.line(format(COLUMNS, slave.addr, slave.slaveAckOffset, slave.diff, speed, state, slave.transferFromWhere));
  }
}

function printSlave({ haClientRuntimeInfo: slave }: Status, out: Output): void {
  out.line();
  out.line(`#MasterAddr\t${slave.masterAddr}`);
  out.line(`#CommitLogMaxOffset\t${slave.maxOffset}`);
  out.line(`#TransferSpeed(KB/s)\t${(slave.transferredByteInSecond / 1024).toFixed(2)}`);
  out.line(`#LastReadTime\t${dateTimeMs(slave.lastReadTimestamp)}`);
  out.line(`#LastWriteTime\t${dateTimeMs(slave.lastWriteTimestamp)}`);
  out.line(`#MasterFlushOffset\t${slave.masterFlushOffset}`);
}
