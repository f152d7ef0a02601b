import { cut, dateTimeMs, format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { TopicStatusResult } from '../../../client/admin/topic-status.js';
import { AdminCommand } from '../admin-command.js';
import { javaDouble } from '../texts.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'topic name' },
  cluster: { short: 'c', text: 'cluster name or lmq parent topic, lmq is used to find the route.' },
});

/** Shows the offsets of every queue of a topic. */
export default class TopicStatus extends AdminCommand<typeof options, TopicStatusResult> {
  static override summary = 'Examine topic Status info.';
  static override examples = ['mqadmin topicStatus -n 127.0.0.1:9876 -t OrderPaid'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<TopicStatusResult> {
    const { topicStatus } = await import('../../../client/admin/topic-status.js');
    return topicStatus(admin, values.topic, values.cluster);
  }

  protected override render(result: TopicStatusResult, out: Output): void {
    out.line(format('%-32s  %-4s  %-20s  %-20s    %s', '#Broker Name', '#QID', '#Min Offset', '#Max Offset', '#Last Updated'));
    for (const row of result.queues) {
      const time = row.lastUpdateTimestamp > 0 ? dateTimeMs(row.lastUpdateTimestamp) : '';
      out.line(format('%-32s  %-4d  %-20d  %-20d    %s', cut(row.brokerName, 32), row.queueId, row.minOffset, row.maxOffset, time));
    }
    out.line();
    out.line(`Topic Put TPS: ${javaDouble(result.topicPutTps)}`);
  }
}
