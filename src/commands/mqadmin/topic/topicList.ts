import { cut, format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { TopicListResult } from '../../../client/admin/topic-list.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  clusterModel: { short: 'c', kind: 'flag', text: 'clusterModel' },
});

/** Lists the topics the name server knows. */
export default class TopicList extends AdminCommand<typeof options, TopicListResult> {
  static override summary = 'Fetch all topic list from name server.';
  static override description =
    'One name a line, sorted. With -c the cluster and the consumer groups of each topic, without retry and dead-letter topics.';
  static override examples = ['mqadmin topicList -n 127.0.0.1:9876', 'mqadmin topicList -n 127.0.0.1:9876 -c --json'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<TopicListResult> {
    const { topicList, topicListWithGroups } = await import('../../../client/admin/topic-list.js');
    return values.clusterModel ? topicListWithGroups(admin) : topicList(admin);
  }

  protected override render(result: TopicListResult, out: Output): void {
    if (result.rows === undefined) {
      for (const topic of result.topics) {
        out.line(topic);
      }
      return;
    }
    out.line(format('%-20s  %-48s  %-48s', '#Cluster Name', '#Topic', '#Consumer Group'));
    for (const row of result.rows) {
      out.line(format('%-20s  %-64s  %-64s', cut(row.clusterName, 20), cut(row.topic, 64), cut(row.consumerGroup, 64)));
    }
  }
}
