/**
 * What stands between the words a user typed and oclif: command names are matched in any case, `help <command>` and a
 * missing command are answered as Apache's tool does, an unknown command is a usage error with a suggestion.
 */
import { UsageError } from '../common/errors.js';
import { suggest } from '../common/suggest.js';

/** What to do with a command line. */
export type FrontResult =
  /** Hand these words to oclif; the first is the command's id as it is registered. */
  | { readonly kind: 'run'; readonly argv: readonly string[] }
  | { readonly kind: 'list' }
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly id: string };

/** The names of a launcher's commands. */
export interface CommandNames {
  readonly bin: string;
  /** Ids in the order they are listed. */
  readonly ids: readonly string[];
  /** Other names by id. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
  /** The launcher is one command; there is no command word. */
  readonly single?: boolean;
}

/** Finds the command and puts its registered id in front; options stay as they are, the command reads them. */
export function normalizeArgv(argv: readonly string[], table: CommandNames): FrontResult {
  const first = argv[0];
  if (table.single === true) {
    return first === '--version' ? { kind: 'version' } : { kind: 'run', argv };
  }
  if (first === undefined || ((first === '-h' || first === '--help') && argv.length === 1)) {
    return { kind: 'list' };
  }
  if (first === '--version' || first === '-V') {
    return { kind: 'version' };
  }
  const exactHelp = first.toLowerCase() === 'help' && !table.ids.includes('help');
  if (exactHelp) {
    const name = argv[1];
    return name === undefined ? { kind: 'list' } : { kind: 'help', id: findCommand(name, table) };
  }
  return { kind: 'run', argv: [findCommand(first, table), ...argv.slice(1)] };
}

function findCommand(word: string, table: CommandNames): string {
  const wanted = word.toLowerCase();
  for (const id of table.ids) {
    if (id.toLowerCase() === wanted || table.aliases?.[id]?.some((alias) => alias.toLowerCase() === wanted)) {
      return id;
    }
  }
  const near = suggest(word, table.ids);
  throw new UsageError(`The sub command ${word} not exist.`, {
    code: 'UNKNOWN_COMMAND',
    hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : `see the list: ${table.bin}`,
  });
}
