import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { CloneGroupOffsetResult } from '../../../client/admin/clone-group-offset.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { ASKING_MOVE_OPTIONS, notePassed, printPreview, undoKeeper } from '../offset-move.js';

const options = defineOptions({
  srcGroup: { short: 's', required: true, text: 'set source consumer group' },
  destGroup: { short: 'd', required: true, text: 'set destination consumer group' },
  topic: { short: 't', required: true, text: 'set the topic' },
  offline: { short: 'o', text: 'the group or the topic is offline' },
  onlyTopic: { long: 'only-topic', kind: 'flag', own: true, text: 'Leave the other topics of the source group alone' },
  ...ASKING_MOVE_OPTIONS,
});

type Result = CloneGroupOffsetResult & { readonly undoFile?: string };

/** Gives a consumer group the offsets of another. */
export default class CloneGroupOffset extends AdminCommand<typeof options, Result> {
  static override summary = 'Clone offset from other group.';
  static override description = [
    'As with the Java tool every topic of the source group is copied, on the brokers of -t; --only-topic copies -t alone. -o has no effect. Offsets of',
    'an online group are moved at the broker, where it can do that. --dry-run shows where every queue is and would go. What was asked for is read',
    'back, and the offsets as they were are kept in a file: mqadmin undoOffsets -f FILE takes them back.',
  ].join('\n');
  static override examples = [
    'mqadmin cloneGroupOffset -n 127.0.0.1:9876 -s OrderPaidGroup -d OrderAuditGroup -t OrderPaid --dry-run',
    'mqadmin cloneGroupOffset -n 127.0.0.1:9876 -s OrderPaidGroup -d OrderAuditGroup -t OrderPaid --only-topic',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>, context: CommandContext): Promise<Result> {
    const { srcGroup, destGroup, topic, onlyTopic, dryRun, undoFile } = values;
    const { cloneGroupOffset } = await import('../../../client/admin/clone-group-offset.js');
    const keeper = undoKeeper(undoFile, `cloneGroupOffset -s ${srcGroup} -d ${destGroup} -t ${topic}`, context, values.yes);
    const { beforeChange } = keeper;
    return keeper.withPlace(await cloneGroupOffset(admin, { srcGroup, destGroup, topic, onlyTopic, dryRun, beforeChange }));
  }

  protected override render(result: Result, out: Output): void {
    const names = `srcGroup[${result.srcGroup}], destGroup=[${result.destGroup}], topic[${result.topic}]`;
    if (result.dryRun) {
      out.line(`dry run: would clone group offset. ${names}`);
      printPreview(result.queues, (line) => out.line(line));
      return;
    }
    notePassed(result.queues, out);
    if (result.queues.every(({ state }) => state === 'done' || state === 'passed')) {
      out.line(`clone group offset success. ${names}`);
    }
  }
}
