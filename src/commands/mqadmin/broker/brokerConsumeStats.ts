import { cut, dateTime, format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { BrokerConsumeStatsResult } from '../../../client/admin/broker-consume-stats.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  brokerAddr: { short: 'b', required: true, text: 'Broker address' },
  timeoutMillis: { short: 't', kind: 'int', default: 50_000, min: 1, text: 'request timeout Millis' },
  level: { short: 'l', kind: 'int', default: 0, text: 'threshold of print diff' },
  order: { short: 'o', kind: 'boolean', default: false, text: 'order topic' },
});

const COLUMNS = '%-64s  %-64s  %-32s  %-4s  %-20s  %-20s  %-20s  %s';

/** Shows the progress of all groups on one broker. */
export default class BrokerConsumeStats extends AdminCommand<typeof options, BrokerConsumeStatsResult> {
  static override summary = 'Fetch broker consume stats data.';
  static override description =
    'Queues of which nothing was consumed yet are left out, but count in the total; --json lists them. -o true shows ordered topics only.';
  static override examples = ['mqadmin brokerConsumeStats -b 127.0.0.1:10911', 'mqadmin brokerConsumeStats -b 127.0.0.1:10911 -l 1 --json'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<BrokerConsumeStatsResult> {
    const { brokerConsumeStats } = await import('../../../client/admin/broker-consume-stats.js');
    const { brokerAddr, timeoutMillis, level, order } = values;
    return brokerConsumeStats(admin, { brokerAddr, timeoutMillis, level, order });
  }

  protected override render(result: BrokerConsumeStatsResult, out: Output): void {
    const titles = ['#Topic', '#Group', '#Broker Name', '#QID', '#Broker Offset', '#Consumer Offset', '#Diff', '#LastTime'];
    out.line(format(COLUMNS, ...titles));
    for (const row of result.rows.filter(({ lastTimestamp }) => lastTimestamp > 0)) {
      const { consumerGroup, queueId, brokerOffset, consumerOffset, diff, lastTimestamp } = row;
      const names = [cut(row.topic, 64), consumerGroup, cut(row.brokerName, 32)];
      out.line(format(COLUMNS, ...names, queueId, brokerOffset, consumerOffset, diff, dateTime(lastTimestamp)));
    }
    out.line();
    out.line(`Diff Total: ${result.diffTotal}`);
  }
}
