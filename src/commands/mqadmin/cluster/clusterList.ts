import { format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ClusterListResult, ClusterListRow } from '../../../client/admin/runtime-info.js';
import { systemClock } from '../../../common/clock.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  moreStats: { short: 'm', kind: 'flag', text: 'Print more stats' },
  interval: { short: 'i', kind: 'int', min: 1, text: 'specify intervals numbers, it is in seconds' },
  clusterName: { short: 'c', text: 'which cluster' },
});

type Values = OptionValues<typeof options>;

/** Lists the brokers of the clusters. */
export default class ClusterList extends AdminCommand<typeof options, ClusterListResult> {
  static override summary = 'List cluster infos.';
  static override description = 'With -i it prints the list every so many seconds until it is stopped.';
  static override examples = ['mqadmin clusterList -n 127.0.0.1:9876', 'mqadmin clusterList -n 127.0.0.1:9876 -m'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<ClusterListResult> {
    const { clusterList } = await import('../../../client/admin/runtime-info.js');
    const once = (): Promise<ClusterListResult> => clusterList(admin, { clusterName: values.clusterName, nowMs: systemClock.nowMs() });
    if (values.interval === undefined) {
      return once();
    }
    const { setTimeout: sleep } = await import('node:timers/promises');
    for (;;) {
      const result = await once();
      if (context.json) {
        context.out.data(result);
      } else {
        this.render(result, context.out, values);
      }
      await sleep(values.interval * 1000, undefined, { signal: context.signal });
    }
  }

  protected override render(result: ClusterListResult, out: Output, values: Values): void {
    if (values.moreStats) {
      printTotals(result.brokers, out);
    } else {
      printLoad(result.brokers, out);
    }
  }
}

function printLoad(rows: readonly ClusterListRow[], out: Output): void {
  out.line(
    format(
      '%-22s  %-22s  %-4s  %-22s %-16s  %16s  %30s  %-22s  %-11s  %-12s  %-8s  %-10s',
      ...['#Cluster Name', '#Broker Name', '#BID', '#Addr', '#Version', '#InTPS(LOAD)', '#OutTPS(LOAD)', '#Timer(Progress)'],
      ...['#PCWait(ms)', '#Hour', '#SPACE', '#ACTIVATED'],
    ),
  );
  for (const row of rows) {
    const timerLoad = `${(row.timerCongestNum / 10_000).toFixed(1)}w, ${row.timerEnqueueTps.toFixed(1)}, ${row.timerDequeueTps.toFixed(1)}`;
    const pull = `${row.pullThreadPoolQueueSize},${row.pullThreadPoolQueueHeadWaitTimeMills}ms`;
    const ack = `${row.ackThreadPoolQueueSize},${row.ackThreadPoolQueueHeadWaitTimeMills}ms`;
    out.line(
      format(
        '%-22s  %-22s  %-4s  %-22s %-16s  %16s  %30s  %-22s  %11s  %-12s  %-8s  %10s',
        row.clusterName,
        row.brokerName,
        row.brokerId,
        row.brokerAddr,
        row.version,
        format('%9.2f(%s,%sms)', row.inTps, row.sendThreadPoolQueueSize, row.sendThreadPoolQueueHeadWaitTimeMills),
        format('%9.2f(%s|%s)', row.outTps, pull, ack),
        `${row.timerReadBehind}-${row.timerOffsetBehind}(${timerLoad})`,
        row.pageCacheLockTimeMills,
        (row.earliestMessageHours ?? 0).toFixed(2),
        row.commitLogDiskRatio.toFixed(4),
        row.brokerActive,
      ),
    );
  }
}

function printTotals(rows: readonly ClusterListRow[], out: Output): void {
  const columns = '%-16s  %-32s %14s %14s %14s %14s';
  out.line(format(columns, '#Cluster Name', '#Broker Name', '#InTotalYest', '#OutTotalYest', '#InTotalToday', '#OutTotalToday'));
  for (const row of rows) {
    out.line(
      format(columns, row.clusterName, row.brokerName, row.inTotalYesterday, row.outTotalYesterday, row.inTotalToday, row.outTotalToday),
    );
  }
}
