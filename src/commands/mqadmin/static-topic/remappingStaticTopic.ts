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
  mapFile: { short: 'mf', text: 'The mapping data file name ' },
  forceReplace: { short: 'fr', text: 'Force replace the old mapping' },
  ...CHANGE_OPTIONS,
});

type Values = OptionValues<typeof options>;

/** Moves the queues of a static topic to other brokers. */
export default class RemappingStaticTopic extends AdminCommand<typeof options, StaticTopicDone> {
  static override summary = 'Remapping static topic.';
  static override description = [
    'Spreads the queues over the brokers given, with as few moves as that takes. The mappings before and after are kept in files of the folder for',
    'temporary files of this machine; both lines that name them begin alike, as in the Java tool.',
  ].join('\n');
  static override examples = [
    'mqadmin remappingStaticTopic -n 127.0.0.1:9876 -b broker-a -t StaticOrders --dry-run',
    'mqadmin remappingStaticTopic -n 127.0.0.1:9876 -b broker-a -t StaticOrders',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values): Promise<StaticTopicDone> {
    const { topic, dryRun } = values;
    const [{ remapStaticTopic }, { MappingKeeper }] = await Promise.all([
      import('../../../client/admin/static-topic-change.js'),
      import('../static-topic-files.js'),
    ]);
    const keeper = new MappingKeeper();
    const result = await remapStaticTopic(admin, {
      topic,
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
    if (result.moves.length === 0) {
      out.note(`note: the queues of ${result.topic} are spread over these brokers already: nothing was changed`);
    }
    if (result.dryRun) {
      printPlan(result, out);
    } else if (result.beforeFile !== null) {
      out.line(`The old mapping data is written to file ${result.beforeFile}`);
      out.line(`The old mapping data is written to file ${result.afterFile}`);
    }
  }
}
