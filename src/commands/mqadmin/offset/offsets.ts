import { dateTime, format } from '../../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { OffsetsExport } from '../../../client/admin/export-offsets.js';
import type { ImportOffsetsResult, ImportRow } from '../../../client/admin/import-offsets.js';
import { systemClock } from '../../../common/clock.js';
import { ConfigError, NotFoundError, UsageError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { actionOf, wordsOf } from '../actions.js';
import { AdminCommand } from '../admin-command.js';
import { ASKING_MOVE_OPTIONS, notePassed, printPreview, type UndoKeeper, undoKeeper } from '../offset-move.js';

const options = defineOptions({
  group: { short: 'g', own: true, text: 'Only this consumer group' },
  topic: { short: 't', own: true, text: 'Only this topic' },
  cluster: { short: 'c', own: true, text: 'export: only the brokers of this cluster' },
  by: {
    own: true,
    text: 'offset, or time, which can be carried to another cluster; import takes the times where all offsets have one',
  },
  file: {
    short: 'f',
    own: true,
    text: 'export: file that is written, as JSON, YAML (.yaml, .yml) or CSV (.csv); import: file that is read, - for stdin',
  },
  skipUnknown: { kind: 'flag', own: true, long: 'skip-unknown', text: 'import: leave out groups, topics and queues that are not there' },
  clamp: { kind: 'flag', own: true, text: 'import: go to the nearest end of a queue where an offset lies outside of it' },
  ...ASKING_MOVE_OPTIONS,
});

const ACTIONS = {
  export: ['group', 'topic', 'cluster', 'by', 'file'],
  import: ['group', 'topic', 'by', 'file', 'skipUnknown', 'clamp', 'undoFile', 'dryRun', 'yes'],
};

type Values = OptionValues<typeof options> & CommonValues;

type Result = (OffsetsExport & { readonly file?: string }) | (ImportOffsetsResult & { readonly undoFiles: readonly string[] });

/** Writes offsets of groups to a file, and sets them from one. */
export default class Offsets extends AdminCommand<typeof options, Result> {
  static override summary = 'Offsets of consumer groups to a file (JSON, YAML, CSV) and back';
  static override description = [
    'mqadmin offsets export | import.',
    'export: where groups are on every queue; with --by time also the store times that belong to the offsets, and no retry topics. import: puts groups',
    'there. By time a group goes to the first message of that time or later, on all queues to the earliest time where the topic has other queues than the',
    'file. All of the file is looked at first: groups, topics and queues that are not there, and offsets outside of a queue, are refused before anything is',
    'changed, unless --skip-unknown or --clamp is given. --dry-run shows every move. What was asked for is read back, and the offsets as they were are kept in',
    'a file for each group: mqadmin undoOffsets -f FILE takes them back.',
  ].join('\n');
  static override examples = [
    'mqadmin offsets export -n 127.0.0.1:9876 -g OrderPaidGroup --by time',
    'mqadmin offsets export -n 127.0.0.1:9876 -f /var/tmp/offsets.csv',
    'mqadmin offsets import -n 127.0.0.1:9876 -f /var/tmp/offsets.csv -g OrderPaidGroup --dry-run',
    'mqadmin offsets import -n 127.0.0.1:9876 -f /var/tmp/offsets.csv -g OrderPaidGroup -t OrderPaid --yes',
  ];
  static override options = options;
  static override extraWords = 'keep' as const;
  static override words = wordsOf(Object.keys(ACTIONS));

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    const action = actionOf('offsets', context.words, values, { actions: ACTIONS, options });
    if (values.by !== undefined && values.by !== 'offset' && values.by !== 'time') {
      throw new UsageError(`--by ${values.by}: expected offset or time`);
    }
    return action === 'export' ? exportTo(admin, values) : importFrom(admin, values, context);
  }

  protected override render(result: Result, out: Output): void {
    if ('queues' in result) {
      printImport(result, out);
    } else if (result.file !== undefined) {
      out.line(`exported ${result.offsets.length} offsets to ${result.file}`);
    } else {
      printExport(result, out);
    }
  }
}

async function exportTo(admin: AdminClient, { group, topic, cluster, by, file }: Values): Promise<Result> {
  const { exportOffsets } = await import('../../../client/admin/export-offsets.js');
  const nowMs = systemClock.nowMs();
  const exported = await exportOffsets(admin, { group, topic, clusterName: cluster, withTimes: by === 'time', nowMs });
  if (file === undefined) {
    return exported;
  }
  const [{ DataPrinter }, { writeFileWhole }] = await Promise.all([
    import('../../../cli/data-printer.js'),
    import('../../../common/whole-file.js'),
  ]);
  const ending = /\.(ya?ml|csv)$/i.exec(file)?.[1]?.toLowerCase();
  let text = '';
  const printer = await DataPrinter.open(ending === undefined ? 'json' : ending === 'csv' ? 'csv' : 'yaml', (part) => {
    text += part;
  });
  printer.print(exported);
  try {
    writeFileWhole(file, text);
  } catch (cause) {
    throw new ConfigError(`-f, --file: ${file} cannot be written (${String((cause as NodeJS.ErrnoException).code ?? cause)})`, { cause });
  }
  return { ...exported, file };
}

async function importFrom(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
  const { file, group, topic, skipUnknown, clamp, dryRun, undoFile } = values;
  if (file === undefined) {
    throw new UsageError('offsets import needs a file: -f, --file', { hint: 'write one: mqadmin offsets export -f FILE' });
  }
  const [{ parseOffsets }, { importOffsets }] = await Promise.all([
    import('../offsets-file.js'),
    import('../../../client/admin/import-offsets.js'),
  ]);
  const place = file === '-' ? 'stdin' : `-f, --file: ${file}`;
  const all = await parseOffsets(await textOf(file, context), place);
  const rows = all.filter((row) => (group === undefined || row.group === group) && (topic === undefined || row.topic === topic));
  if (rows.length === 0) {
    const what = [group === undefined ? '' : `group ${group}`, topic === undefined ? '' : `topic ${topic}`].filter((word) => word !== '');
    throw new NotFoundError(`${place} has no offsets of ${what.join(' and ')}`, { code: 'NO_OFFSETS' });
  }
  const groups = new Set(rows.map((row) => row.group));
  if (undoFile !== undefined && groups.size > 1) {
    throw new UsageError(`--undo-file is for one group, and ${place} has offsets of ${groups.size}`, { hint: 'choose one with -g' });
  }
  const by = wayOf(values.by, rows, place);
  if (!dryRun) {
    const { requireSomebody } = await import('../../../cli/confirm.js');
    requireSomebody(`move the offsets of ${groups.size} group${groups.size === 1 ? '' : 's'}`, { yes: values.yes, io: context.io });
  }
  const keepers: UndoKeeper[] = [];
  const result = await importOffsets(admin, {
    rows,
    by,
    skipUnknown,
    clamp,
    dryRun,
    beforeChange: (its, moves) => {
      const keeper = undoKeeper(undoFile, `offsets import -f ${file} -g ${its}`, context, values.yes);
      keepers.push(keeper);
      return keeper.beforeChange(its, moves);
    },
  });
  return { ...result, undoFiles: keepers.flatMap((keeper) => keeper.withPlace({}).undoFile ?? []) };
}

/** Offsets of another cluster mean nothing here: times are taken where the file has them. */
function wayOf(by: string | undefined, rows: readonly ImportRow[], place: string): 'offset' | 'time' {
  const way = by === 'offset' || by === 'time' ? by : rows.every((row) => row.timestamp !== undefined) ? 'time' : 'offset';
  const field = way === 'time' ? 'timestamp' : 'offset';
  const without = rows.filter((row) => row[field] === undefined || (way === 'offset' && row.offset === null));
  if (without.length > 0) {
    throw new UsageError(`${place}: ${without.length} of ${rows.length} offsets have no ${field}`, {
      hint: way === 'time' ? 'export with --by time' : 'import with --by time',
    });
  }
  return way;
}

async function textOf(file: string, { io }: CommandContext): Promise<string> {
  if (file === '-') {
    const { text } = await import('node:stream/consumers');
    return text(io.stdin);
  }
  const { readFile } = await import('node:fs/promises');
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`-f, --file: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, { cause });
  }
}

const COLUMNS = '%-32s  %-32s  %-20s  %-4s  %-16s  %s';

function printExport({ offsets }: OffsetsExport, out: Output): void {
  const hasTimes = offsets.some(({ timestamp }) => timestamp !== undefined);
  out.line(format(COLUMNS, '#Group', '#Topic', '#Broker Name', '#QID', '#Offset', hasTimes ? '#Time' : '').trimEnd());
  for (const { group, topic, brokerName, queueId, offset, timestamp } of offsets) {
    const time = !hasTimes ? '' : timestamp === null || timestamp === undefined ? 'unknown' : dateTime(timestamp);
    out.line(format(COLUMNS, group, topic, brokerName, queueId, offset, time).trimEnd());
  }
}

function printImport({ dryRun, by, queues, problems }: ImportOffsetsResult, out: Output): void {
  for (const { kind, text } of problems) {
    out.note(`note: ${text}: ${kind === 'unknown' ? 'left out' : 'its nearest end is taken'}`);
  }
  for (const group of new Set(queues.map((queue) => queue.group))) {
    const own = queues.filter((queue) => queue.group === group);
    out.line(`${dryRun ? 'dry run: would set' : 'set'} offsets of group[${group}] by ${by}`);
    notePassed(own, out);
    printPreview(
      own.filter(({ state }) => state === 'done' || state === 'passed' || state === 'planned'),
      (line) => out.line(line),
    );
  }
}
