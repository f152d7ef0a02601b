import { COMMON_OPTIONS, type CommandSpec, type CommandWords, type CommonOption, type OptionTable } from './options.js';

/** The static side of a command, or its entry in the generated manifest: what parsing, help and tests read. */
export interface CommandShape {
  readonly summary?: string | undefined;
  readonly description?: string | undefined;
  readonly examples?: unknown;
  readonly options?: OptionTable;
  readonly commonOptions?: readonly CommonOption[];
  readonly words?: CommandWords;
}

/** Everything the front and the help need to know of a command; `id` is empty where the launcher is the command. */
export function commandSpec(command: CommandShape, name: { bin: string; id: string }): CommandSpec {
  return {
    id: name.id === '.' || name.id.includes('SINGLE_COMMAND') ? '' : name.id,
    bin: name.bin,
    summary: command.summary ?? '',
    ...(command.description === undefined ? {} : { description: command.description }),
    examples: Array.isArray(command.examples) ? command.examples.map(String) : [],
    options: tableOf(command, name),
    ...(command.words === undefined ? {} : { words: command.words }),
  };
}

/** The common options a command has unless it says otherwise. */
export const DEFAULT_COMMON = (Object.keys(COMMON_OPTIONS) as CommonOption[]).filter(
  (key) => !['help', 'outputSchema', 'watch', 'rounds'].includes(key),
);

/** Commands that change nothing in a cluster and are not watched: they go on by themselves, or write a file or offsets. */
const NOT_WATCHED: ReadonlySet<string> = new Set([
  ...['consumeMessage', 'context', 'export', 'exportConfigs', 'exportMetadata', 'exportMetadataInRocksDB', 'exportMetrics', 'exporter'],
  ...['rocksDBConfigToJson', 'startMonitoring', 'tail', 'top'],
]);

/** A command's own options over the common ones: the same name or the same letter is the command's. */
function tableOf(command: CommandShape, { bin, id }: { bin: string; id: string }): OptionTable {
  const own = command.options ?? {};
  const letters = new Set(Object.values(own).map((option) => option.short));
  const table: Record<string, OptionTable[string]> = {};
  const common = command.commonOptions ?? DEFAULT_COMMON;
  // Every command of mqadmin that has --json has a schema of it.
  const hasData = bin === 'mqadmin' && common.includes('json');
  const isWatched = hasData && own.dryRun === undefined && !NOT_WATCHED.has(id);
  const more = [...(hasData ? (['outputSchema'] as const) : []), ...(isWatched ? (['watch', 'rounds'] as const) : [])];
  for (const key of ['help', ...common, ...more] as const) {
    const { short, ...rest }: OptionTable[string] = COMMON_OPTIONS[key];
    table[key] = short === undefined || letters.has(short) ? rest : { short, ...rest };
  }
  return { ...table, ...own };
}
