import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UpdateTopicListResult } from '../../../client/admin/update-topic-list.js';
import type { TopicConfig } from '../../../remoting/bodies/topic.js';
import type { BrokerOrCluster } from '../targets.js';
import { UpdateListCommand, updateListOptions } from '../update-list-command.js';

/** Creates topics from a file, or replaces their settings. */
export default class UpdateTopicList extends UpdateListCommand<TopicConfig, UpdateTopicListResult> {
  static override summary = 'create or update topic in batch';
  static override description = [
    'The file holds a JSON array of topics with topicName and, where the default is not meant, readQueueNums (16), writeQueueNums (16), perm (6),',
    'order and attributes ({"+message.type":"FIFO"}).',
  ].join('\n');
  static override examples = [
    'mqadmin updateTopicList -n 127.0.0.1:9876 -c DefaultCluster -f topics.json',
    'mqadmin updateTopicList -b 127.0.0.1:10911 -f topics.json --dry-run',
  ];
  static override options = updateListOptions('topic', 'Path to a file with list of org.apache.rocketmq.common.TopicConfig in json format');
  protected override readonly noun = 'topic';

  protected override async decoder() {
    const { toTopicConfig } = await import('../../../remoting/bodies/topic.js');
    return toTopicConfig;
  }

  protected override async update(admin: AdminClient, topics: readonly TopicConfig[], target: BrokerOrCluster & { dryRun: boolean }) {
    const { updateTopicList } = await import('../../../client/admin/update-topic-list.js');
    return updateTopicList(admin, { ...target, topics });
  }

  protected override names(result: UpdateTopicListResult): string[] {
    return result.topics.map(({ topicName }) => topicName);
  }

  protected override submitted(): string {
    return 'topic';
  }
}
