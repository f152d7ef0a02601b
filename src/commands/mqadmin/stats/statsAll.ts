import { cut, format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { StatsAllResult } from '../../../client/admin/stats-all.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  activeTopic: { short: 'a', kind: 'flag', text: 'print active topic only' },
  topic: { short: 't', text: 'print select topic only' },
});

/** Shows the traffic of topics and groups. */
export default class StatsAll extends AdminCommand<typeof options, StatsAllResult> {
  static override summary = 'Topic and Consumer tps stats.';
  static override description = 'The 24-hour columns hold the sum of the last hour or minute while a broker is too young for a day.';
  static override examples = ['mqadmin statsAll -n 127.0.0.1:9876 -a', 'mqadmin statsAll -n 127.0.0.1:9876 -t OrderPaid --json'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<StatsAllResult> {
    const { statsAll } = await import('../../../client/admin/stats-all.js');
    return statsAll(admin, { topic: values.topic, activeTopic: values.activeTopic });
  }

  protected override render(result: StatsAllResult, out: Output): void {
    const titles = ['#Topic', '#Consumer Group', '#Accumulation', '#InTPS', '#OutTPS', '#InMsg24Hour', '#OutMsg24Hour'];
    out.line(format('%-64s  %-64s %12s %11s %11s %14s %14s', ...titles));
    for (const row of result.rows) {
      const { accumulation, inTps, outTps, inMsg24Hour, outMsg24Hour } = row;
      const topic = cut(row.topic, 64);
      out.line(
        row.consumerGroup === null
          ? format('%-64s  %-64s %12d %11.2f %11s %14d %14s', topic, '', 0, inTps, '', inMsg24Hour, 'NO_CONSUMER')
          : format(
              '%-64s  %-64s %12d %11.2f %11.2f %14d %14d',
              ...[topic, cut(row.consumerGroup, 64), accumulation, inTps, outTps ?? 0, inMsg24Hour, outMsg24Hour ?? 0],
            ),
      );
    }
  }
}
