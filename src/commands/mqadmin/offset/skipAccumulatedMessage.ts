import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ResetOffsetResult } from '../../../client/admin/reset-offset.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { ASKING_MOVE_OPTIONS, notePassed, printPreview, undoKeeper } from '../offset-move.js';
import { printCommitted, printNewOffsets } from '../reset-text.js';

const options = defineOptions({
  group: { short: 'g', required: true, text: 'set the consumer group' },
  topic: { short: 't', required: true, text: 'set the topic' },
  force: { short: 'f', kind: 'boolean', default: true, text: 'set the force rollback by timestamp switch[true|false]' },
  cluster: { short: 'c', text: 'Cluster name or lmq parent topic, lmq is used to find the route.' },
  ...ASKING_MOVE_OPTIONS,
});

type Result = ResetOffsetResult & { readonly undoFile?: string };

/** Moves a consumer group to the end of a topic. */
export default class SkipAccumulatedMessage extends AdminCommand<typeof options, Result> {
  static override summary = 'Skip all messages that are accumulated (not consumed) currently.';
  static override description = [
    'The group goes on with what comes from now on. --dry-run shows how many messages would be skipped. What was asked for is read back, and the',
    'offsets as they were are kept in a file: mqadmin undoOffsets -f FILE takes them back.',
  ].join('\n');
  static override examples = [
    'mqadmin skipAccumulatedMessage -n 127.0.0.1:9876 -g OrderPaidGroup -t OrderPaid --dry-run',
    'mqadmin skipAccumulatedMessage -n 127.0.0.1:9876 -g OrderPaidGroup -t OrderPaid --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>, context: CommandContext): Promise<Result> {
    const { group, topic, force, cluster: routeTopic, dryRun, undoFile } = values;
    const { NEWEST, resetOffsetByTime } = await import('../../../client/admin/reset-offset.js');
    const keeper = undoKeeper(undoFile, `skipAccumulatedMessage -g ${group} -t ${topic}`, context, values.yes);
    const { beforeChange } = keeper;
    return keeper.withPlace(await resetOffsetByTime(admin, { group, topic, timestamp: NEWEST, force, routeTopic, dryRun, beforeChange }));
  }

  protected override render(result: Result, out: Output): void {
    if (result.dryRun) {
      out.line(`dry run: would skip the messages that group[${result.group}] has not consumed of topic[${result.topic}]`);
      printPreview(result.queues, (line) => out.line(line));
      return;
    }
    notePassed(result.queues, out);
    if (result.way === 'commit') {
      printCommitted(result.queues, '#rollbackOffset', out);
    } else {
      printNewOffsets(result.queues, out);
    }
  }
}
