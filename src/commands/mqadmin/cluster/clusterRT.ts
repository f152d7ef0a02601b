import { format } from '../../../cli/format.js';
import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ClusterRtRow } from '../../../client/admin/cluster-rt.js';
import { systemClock } from '../../../common/clock.js';
import { PartialError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  amount: { short: 'a', kind: 'int', default: 100, min: 1, text: 'message amount | default 100' },
  size: { short: 's', kind: 'int', default: 128, min: 1, text: 'message size | default 128 Byte' },
  cluster: { short: 'c', text: 'cluster name | default display all cluster' },
  printLog: { short: 'p', long: 'print log', kind: 'boolean', default: false, text: 'print as tlog | default false' },
  machineRoom: { short: 'm', long: 'machine room', default: 'noname', text: 'machine room name | default noname' },
  interval: { short: 'i', kind: 'int', default: 10, min: 0, text: 'print interval | default 10 seconds' },
  rounds: { kind: 'int', min: 1, own: true, text: 'Stop after so many rounds; without it, when the command is stopped' },
  ...CHANGE_OPTIONS,
});

type Values = OptionValues<typeof options>;

interface Result {
  readonly dryRun: boolean;
  /** One list of rows for each round. */
  readonly rounds: readonly (readonly ClusterRtRow[])[];
}

const LOG_ZONE_MS = 8 * 3_600_000;

/** Sends messages to every broker again and again and shows how long they took. */
export default class ClusterRT extends AdminCommand<typeof options, Result> {
  static override summary = 'List All clusters Message Send RT.';
  static override description = [
    'Stores -a messages of -s bytes in the topic that each broker has under its own name, and repeats that every -i seconds until it is stopped',
    'or --rounds are done. The mean leaves out the first message of a round. -p true prints log lines with the time of GMT+8.',
  ].join('\n');
  static override examples = [
    'mqadmin clusterRT -n 127.0.0.1:9876 -a 10 --rounds 1',
    'mqadmin clusterRT -n 127.0.0.1:9876 -c DefaultCluster -a 10 -i 0 --rounds 2 --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    const { clusterRt } = await import('../../../client/admin/cluster-rt.js');
    const { amount, cluster, rounds = Number.POSITIVE_INFINITY } = values;
    const request = { clusterName: cluster, amount, body: Buffer.alloc(values.size, 'a') };
    if (values.dryRun) {
      const brokers = cluster === undefined ? [...(await admin.clusterInfo()).brokerAddrTable.keys()] : await admin.clusterMasters(cluster);
      context.out.line(`dry run: would send ${amount} messages of ${values.size} bytes to each of ${brokers.length} brokers in each round`);
      return { dryRun: true, rounds: [] };
    }
    const done: ClusterRtRow[][] = [];
    for (let round = 1; ; round++) {
      const rows: ClusterRtRow[] = [];
      for await (const row of clusterRt(admin, request)) {
        if (!context.json) {
          print(row, values, { out: context.out, withTitle: round === 1 && rows.length === 0 });
        }
        rows.push(row);
      }
      if (Number.isFinite(rounds)) {
        done.push(rows);
      } else if (context.json) {
        context.out.data(rows);
      }
      if (round >= rounds) {
        break;
      }
      const { setTimeout: sleep } = await import('node:timers/promises');
      await sleep(values.interval * 1000, undefined, { signal: context.signal });
    }
    const result = { dryRun: false, rounds: done };
    requireSent(done.flat(), result);
    return result;
  }

  protected override render(): void {
    // The rows were printed when they came.
  }
}

function requireSent(rows: readonly ClusterRtRow[], result: Result): void {
  const failed = rows.filter(({ failCount }) => failCount > 0);
  if (failed.length > 0) {
    const reasons = failed.map((row) => `${row.failCount} to ${row.brokerName} (${row.error?.message ?? ''})`);
    throw new PartialError(`messages were not sent: ${reasons.join('; ')}`, { context: { result } });
  }
}

function print(row: ClusterRtRow, values: Values, { out, withTitle }: { out: Output; withTitle: boolean }): void {
  const { clusterName, brokerName, rtMs, successCount, failCount } = row;
  if (values.printLog) {
    const time = new Date(systemClock.nowMs() + LOG_ZONE_MS).toISOString().slice(0, 19).replace('T', ' ');
    out.line([time, values.machineRoom, clusterName, brokerName, rtMs === null ? 'NaN' : Math.round(rtMs)].join('|'));
    return;
  }
  if (withTitle) {
    out.line(format('%-24s  %-24s  %-4s  %-8s  %-8s', '#Cluster Name', '#Broker Name', '#RT', '#successCount', '#failCount'));
  }
  const cells = [clusterName, brokerName, rtMs === null ? 'NaN' : rtMs.toFixed(2), successCount, failCount];
  out.line(format('%-24s  %-24s  %-8s  %-16s  %-16s', ...cells));
}
