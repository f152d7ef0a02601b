import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UndoOffsetsResult } from '../../../client/admin/undo-offsets.js';
import { UsageError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { ASKING_MOVE_OPTIONS, notePassed, printPreview, undoKeeper } from '../offset-move.js';

const options = defineOptions({
  file: { short: 'f', required: true, text: 'undo file that a command which moves offsets has written' },
  ...ASKING_MOVE_OPTIONS,
});

type Result = UndoOffsetsResult & { readonly undoFile?: string };

/** Puts the offsets of a consumer group back to where they were before a command moved them. */
export default class UndoOffsets extends AdminCommand<typeof options, Result> {
  static override summary = 'Put offsets back to where they were before a command moved them.';
  static override description = [
    'resetOffsetByTime, skipAccumulatedMessage, cloneGroupOffset, offsets import, retry purge and this command print the place of their undo file. Brokers are',
    'found by name where a name server is known, else at the addresses in the file. A queue without an offset before the change stays where it is.',
  ].join('\n');
  static override examples = [
    'mqadmin undoOffsets -n 127.0.0.1:9876 -f undo.json --dry-run',
    'mqadmin undoOffsets -n 127.0.0.1:9876 -f undo.json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>, context: CommandContext): Promise<Result> {
    const { file, dryRun, undoFile } = values;
    const [{ readFile }, { parseUndo, undoOffsets }] = await Promise.all([
      import('node:fs/promises'),
      import('../../../client/admin/undo-offsets.js'),
    ]);
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (cause) {
      throw new UsageError(`-f, --file: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, { cause });
    }
    const undo = parseUndo(text, `-f, --file: ${file}`);
    const keeper = undoKeeper(undoFile, `undoOffsets -f ${file}`, context, values.yes);
    return keeper.withPlace(await undoOffsets(admin, { undo, dryRun, beforeChange: keeper.beforeChange }));
  }

  protected override render(result: Result, out: Output): void {
    for (const { topic, brokerName, queueId } of result.left) {
      out.note(`note: ${topic}@${brokerName}@${queueId} stays where it is: the group had no offset there`);
    }
    if (result.movedSince.length > 0) {
      const places = result.movedSince.map(({ topic, brokerName, queueId }) => `${topic}@${brokerName}@${queueId}`);
      out.note(`note: not where the change had put them: ${places.join(', ')}`);
    }
    if (result.dryRun) {
      out.line(`dry run: would put back offsets of group[${result.group}]`);
      printPreview(result.queues, (line) => out.line(line));
      return;
    }
    notePassed(result.queues, out);
    out.line(`put back offsets of group[${result.group}]`);
    printPreview(
      result.queues.filter(({ state }) => state === 'done' || state === 'passed'),
      (line) => out.line(line),
    );
  }
}
