import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { TopicClustersResult } from '../../../client/admin/topic-clusters.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'topic name' },
});

/** Lists the clusters that serve a topic. */
export default class TopicClusterList extends AdminCommand<typeof options, TopicClustersResult> {
  static override summary = 'Get cluster info for topic.';
  static override examples = ['mqadmin topicClusterList -n 127.0.0.1:9876 -t OrderPaid'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<TopicClustersResult> {
    const { topicClusters } = await import('../../../client/admin/topic-clusters.js');
    return topicClusters(admin, values.topic);
  }

  protected override render(result: TopicClustersResult, out: Output): void {
    for (const cluster of result.clusters) {
      out.line(cluster);
    }
  }
}
