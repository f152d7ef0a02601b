import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UpdateTopicListResult } from '../../../client/admin/update-topic-list.js';
import { AdminCommand } from '../admin-command.js';
import { readJsonList } from '../json-list.js';
import { printOutcomes, requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: 'create topic to which broker' },
  clusterName: { short: 'c', group: 'target', groupRequired: true, text: 'create topic to which cluster' },
  filename: { short: 'f', required: true, text: 'Path to a file with list of org.apache.rocketmq.common.TopicConfig in json format' },
  ...CHANGE_OPTIONS,
});

/** Creates topics from a file, or replaces their settings. */
export default class UpdateTopicList extends AdminCommand<typeof options, UpdateTopicListResult> {
  static override summary = 'create or update topic in batch';
  static override description = [
    'The file holds a JSON array of topics with topicName and, where the default is not meant, readQueueNums (16), writeQueueNums (16), perm (6),',
    'order and attributes ({"+message.type":"FIFO"}).',
  ].join('\n');
  static override examples = [
    'mqadmin updateTopicList -n 127.0.0.1:9876 -c DefaultCluster -f topics.json',
    'mqadmin updateTopicList -b 127.0.0.1:10911 -f topics.json --dry-run',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<UpdateTopicListResult> {
    const { toTopicConfig } = await import('../../../remoting/bodies/topic.js');
    const topics = await readJsonList(values.filename, 'topic', toTopicConfig);
    const { updateTopicList } = await import('../../../client/admin/update-topic-list.js');
    return updateTopicList(admin, { ...requireTarget(values), topics, dryRun: values.dryRun });
  }

  protected override render(result: UpdateTopicListResult, out: Output): void {
    printOutcomes(out, result.brokers, {
      done: (addr) => `submit batch of topic config to ${addr} success, please check the result later.`,
      planned: (addr) =>
        `would submit ${result.topics.length} topics to ${addr}: ${result.topics.map(({ topicName }) => topicName).join(', ')}`,
    });
  }
}
