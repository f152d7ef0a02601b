import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UpdateTopicListResult } from '../../../client/admin/update-topic-list.js';
import { UsageError } from '../../../common/errors.js';
import type { TopicConfig } from '../../../remoting/bodies/topic.js';
import { AdminCommand } from '../admin-command.js';
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
    const topics = await readTopics(values.filename);
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

async function readTopics(path: string): Promise<TopicConfig[]> {
  const [{ readFile }, { parseFastjson }, { toTopicConfig }] = await Promise.all([
    import('node:fs/promises'),
    import('../../../common/fastjson.js'),
    import('../../../remoting/bodies/topic.js'),
  ]);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`-f, --filename: ${path} cannot be read (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, { cause });
  }
  try {
    const list = parseFastjson(text);
    if (!Array.isArray(list)) {
      throw new UsageError('it is no array');
    }
    return list.map((entry) => {
      if (typeof entry !== 'object' || entry === null || Array.isArray(entry) || entry instanceof Map) {
        throw new UsageError(`${JSON.stringify(entry)} is no topic`);
      }
      return toTopicConfig(entry);
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`-f, --filename: ${path} is not a JSON array of topics: ${why}`, { cause });
  }
}
