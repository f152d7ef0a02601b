import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import { systemClock } from '../../../common/clock.js';
import { AdminCommand } from '../admin-command.js';
import { noteUnread, printPlan, type StaticTopicDone } from '../static-topic-files.js';
import { wordList } from '../word-list.js';

const options = defineOptions({
  clusters: { short: 'c', group: 'target', groupRequired: true, text: 'remapping static topic to clusters, comma separated' },
  brokers: { short: 'b', group: 'target', groupRequired: true, text: 'remapping static topic to brokers, comma separated' },
  topic: { short: 't', required: true, text: 'topic name' },
  totalQueueNum: { short: 'qn', kind: 'int', min: 1, max: 65_535, required: true, text: 'total queue num' },
  mapFile: { short: 'mf', text: 'The mapping data file name' },
  forceReplace: { short: 'fr', text: 'Force replace the old mapping' },
  ...CHANGE_OPTIONS,
});

type Values = OptionValues<typeof options>;

/** Makes a static topic, or adds queues to it. */
export default class UpdateStaticTopic extends AdminCommand<typeof options, StaticTopicDone> {
  static override summary = 'Update or create static topic, which has fixed number of queues.';
  static override description = [
    'Brokers are named, not addressed. The mappings before and after the change are kept in files of the folder for temporary files of this machine.',
    'The bundled broker has no static topics.',
  ].join('\n');
  static override examples = [
    'mqadmin updateStaticTopic -n 127.0.0.1:9876 -c DefaultCluster -t OrderPaid -qn 4 --dry-run',
    'mqadmin updateStaticTopic -n 127.0.0.1:9876 -b broker-a,broker-b -t OrderPaid -qn 4',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values): Promise<StaticTopicDone> {
    const { topic, totalQueueNum, dryRun } = values;
    const [{ updateStaticTopic }, { MappingKeeper }] = await Promise.all([
      import('../../../client/admin/static-topic-change.js'),
      import('../static-topic-files.js'),
    ]);
    const keeper = new MappingKeeper();
    const result = await updateStaticTopic(admin, {
      topic,
      totalQueues: totalQueueNum,
      brokers: values.brokers === undefined ? undefined : wordList(values.brokers),
      clusters: values.clusters === undefined ? undefined : wordList(values.clusters),
      nowMs: systemClock.nowMs(),
      dryRun,
      beforeChange: keeper.beforeChange,
    });
    return keeper.withFiles(result);
  }

  protected override render(result: StaticTopicDone, out: Output, values: Values): void {
    noteUnread(values, out);
    if (result.dryRun) {
      printPlan(result, out);
    } else {
      out.line(`The old mapping data is written to file ${result.beforeFile}`);
      out.line(`The new mapping data is written to file ${result.afterFile}`);
    }
  }
}
