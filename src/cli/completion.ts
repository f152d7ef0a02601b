import type { CommandSpec, NameKind, OptionSpec } from './options.js';
import { longName, takesValue } from './options.js';
import { OUTPUT_FORMATS } from './output-formats.js';

/** What is asked for when an option of this key waits for its value. */
export const NAMES_OF: Readonly<Record<string, NameKind>> = {
  topic: 'topics',
  topicName: 'topics',
  'to-topic': 'topics',
  toTopic: 'topics',
  group: 'groups',
  groupName: 'groups',
  consumerGroup: 'groups',
  subGroup: 'groups',
  srcGroup: 'groups',
  destGroup: 'groups',
  cluster: 'clusters',
  clusterName: 'clusters',
  toCluster: 'clusters',
  brokerName: 'brokerNames',
  brokerAddr: 'brokerAddrs',
  context: 'contexts',
  'to-context': 'contexts',
  toContext: 'contexts',
};

/** What could stand in place of the last word. */
export interface Completion {
  /** Known without asking anybody. */
  readonly words: readonly string[];
  /** Names to ask for, beside the words. */
  readonly names: NameKind | null;
  /** Beginning of the word that the candidates must have. */
  readonly prefix: string;
}

/**
 * What may follow a command line whose last word is incomplete, and may be empty.
 * @param words without the name of the launcher
 * @param commands of the launcher
 */
export function complete(words: readonly string[], commands: readonly CommandSpec[]): Completion {
  const last = words.at(-1) ?? '';
  if (words.length <= 1) {
    return { words: ['help', ...commands.map(({ id }) => id)], names: null, prefix: last };
  }
  const [first = '', ...rest] = words;
  const isHelp = first.toLowerCase() === 'help';
  const command = commands.find(({ id }) => id.toLowerCase() === first.toLowerCase());
  if (isHelp || command === undefined) {
    return { words: isHelp && rest.length === 1 ? commands.map(({ id }) => id) : [], names: null, prefix: last };
  }
  const attached = /^--([\w-]+)=(.*)$/s.exec(last);
  if (attached !== null) {
    return valuesOf(optionOf(`--${attached[1]}`, command), attached[2] ?? '');
  }
  const before = optionOf(rest.at(-2) ?? '', command);
  if (before !== undefined && takesValue(before.spec)) {
    return valuesOf(before, last);
  }
  const isOption = last.startsWith('-') || last === '';
  const { words: own, names } = last.startsWith('-') ? { words: [], names: null } : behindName(rest.slice(0, -1), command);
  return { words: [...own, ...(isOption ? optionWords(command) : [])], names, prefix: last };
}

/** The words that a command knows beside its options: at first what it does, then what it does that to. */
function behindName(typed: readonly string[], { words = {} }: CommandSpec): Pick<Completion, 'words' | 'names'> {
  const [action, ...more] = typed;
  if (action === undefined) {
    return { words: Object.keys(words), names: null };
  }
  return { words: [], names: more.length === 0 && Object.hasOwn(words, action) ? (words[action] ?? null) : null };
}

interface FoundOption {
  readonly key: string;
  readonly spec: OptionSpec;
}

function optionOf(word: string, { options }: CommandSpec): FoundOption | undefined {
  const name = word.replace(/^--?/, '');
  if (name === word) {
    return undefined;
  }
  const entries = Object.entries(options);
  const found = entries.find(([key, spec]) => spec.short === name || longName(key, spec) === name);
  return found === undefined ? undefined : { key: found[0], spec: found[1] };
}

function valuesOf(option: FoundOption | undefined, prefix: string): Completion {
  const names = option === undefined ? undefined : NAMES_OF[option.key];
  const words =
    option?.spec.kind === 'boolean' ? ['true', 'false'] : option?.key === 'output' && option.spec.own === true ? OUTPUT_FORMATS : [];
  return { words, names: names ?? null, prefix };
}

function optionWords({ options }: CommandSpec): string[] {
  return Object.entries(options).flatMap(([key, spec]) => [
    `--${longName(key, spec).trim()}`,
    ...(spec.short === undefined ? [] : [`-${spec.short}`]),
  ]);
}

/** The candidates that begin as the word does, in any case, each once and in order. */
export function candidates({ words, prefix }: Completion, names: readonly string[]): string[] {
  const start = prefix.toLowerCase();
  return [...new Set([...words, ...names])].filter((word) => word.toLowerCase().startsWith(start)).sort();
}

/** Splits a command line as far as it is typed; quotes and backslashes keep blanks together. The last word may be empty. */
export function splitLine(line: string): string[] {
  const words: string[] = [];
  let word = '';
  let isWord = false;
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (quote === '' && /\s/.test(char)) {
      if (isWord) {
        words.push(word);
      }
      word = '';
      isWord = false;
      continue;
    }
    isWord = true;
    if (char === quote) {
      quote = '';
    } else if (quote === '' && (char === '"' || char === "'")) {
      quote = char;
    } else if (quote === '' && char === '\\') {
      i++;
      word += line.charAt(i);
    } else {
      word += char;
    }
  }
  return [...words, word];
}

/** Shells that completion is written for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What a shell reads at its start, so that it asks the launcher. */
export function completionScript(shell: Shell, bin: string): string {
  const ask = `${bin} completion words 2>/dev/null`;
  switch (shell) {
    case 'bash':
      return [
        `_${bin}_complete() {`,
        "  local IFS=$'\\n'",
        '  # The line up to the cursor; bash splits words at ":" and would cut addresses.',
        `  COMPREPLY=($(MQKIT_COMP_LINE="\${COMP_LINE:0:COMP_POINT}" MQKIT_COMP_BREAKS="$COMP_WORDBREAKS" ${ask}))`,
        '}',
        `complete -o default -F _${bin}_complete ${bin}`,
        '',
      ].join('\n');
    case 'zsh':
      return [
        `#compdef ${bin}`,
        `_${bin}() {`,
        '  local -a found',
        `  found=("\${(@f)$(MQKIT_COMP_WORDS="\${(F)words[2,CURRENT]}" ${ask})}")`,
        `  (( \${#found[1]} )) && compadd -a found`,
        '}',
        `if [ "$funcstack[1]" = "_${bin}" ]; then _${bin}; else compdef _${bin} ${bin}; fi`,
        '',
      ].join('\n');
    case 'fish':
      return [
        `function __${bin}_complete`,
        '  set -l typed (commandline -opc) (commandline -ct)',
        `  MQKIT_COMP_WORDS=(string join \\n -- $typed[2..-1] | string collect) ${ask}`,
        'end',
        `complete -c ${bin} -f -a '(__${bin}_complete)'`,
        '',
      ].join('\n');
  }
}
