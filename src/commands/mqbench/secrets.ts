/** Keys and tokens never leave a command: its result shows the command line without them. */
import { commandWords } from '../../bench/judge/command-words.js';
import type { OptionTable } from '../../cli/options.js';
import { type GivenWord, parseOptions } from '../../cli/parse-options.js';

/** Options whose values never leave the command. */
const SECRET_OPTIONS: readonly string[] = ['accessKey', 'secretKey', 'securityToken', 'token'];
const SECRET_LETTERS: readonly string[] = ['ak', 'sk'];
/** Names a file, and is no secret. */
const TOKEN_FILE = 'token-file';
const MIN_PREFIX = 2;
/** `ROCKETMQ_SECRET_KEY=…` before a command. */
const SECRET_VARIABLE = /^\w*(ACCESS_KEY|SECRET_KEY|TOKEN)=/;

const BLANK = /\s/;

/** Shows a value that is a command line itself without the keys in it. */
export type ShownValue = (key: string, value: string) => string;

/** The words of a command line but its keys and tokens, as the options' own parser tells them. */
export function withoutSecrets(argv: readonly string[], options: OptionTable, shown: ShownValue = (_, value) => value): string[] {
  let given: readonly GivenWord[];
  try {
    ({ given } = parseOptions(argv, options));
  } catch {
    return withoutLikelySecrets(argv);
  }
  return given.flatMap(({ word, key, valueAt }) => {
    if (key === undefined || valueAt === undefined) {
      return key !== undefined && SECRET_OPTIONS.includes(key) ? [] : [word];
    }
    return SECRET_OPTIONS.includes(key) ? [] : [word.slice(0, valueAt) + shown(key, word.slice(valueAt))];
  });
}

/** A command line in one text without its keys. Of a program whose options are not known, everything that looks like a key is left out. */
export function commandWithoutSecrets(text: string, optionsOf: (command: string) => OptionTable | undefined): string {
  let words: string[];
  try {
    words = commandWords(text);
  } catch {
    return BLANK.test(text) ? '…' : text;
  }
  const at = words[0] === 'mqbench' ? 1 : 0;
  const options = optionsOf(words[at] ?? '');
  const head = words.slice(0, options === undefined ? 0 : at + 1);
  const rest = words.slice(head.length);
  const kept = [...head, ...(options === undefined ? withoutLikelySecrets(rest) : withoutSecrets(rest, options))];
  return kept.length === words.length && kept.every((word, i) => word === words[i]) ? text : kept.map(quoted).join(' ');
}

function withoutLikelySecrets(argv: readonly string[]): string[] {
  const kept = argv.filter((word, i) => !isLikelySecret(word) && !(isLikelySecret(argv[i - 1] ?? '') && isNameAlone(argv[i - 1] ?? '')));
  // A shell's own command line is one word.
  return kept.map((word) => (BLANK.test(word) ? commandWithoutSecrets(word, () => undefined) : word));
}

function isLikelySecret(word: string): boolean {
  const name = /^--?([^=]+)/.exec(word)?.[1];
  if (name === undefined) {
    return SECRET_VARIABLE.test(word);
  }
  if (name === TOKEN_FILE) {
    return false;
  }
  return (
    SECRET_LETTERS.includes(name) ||
    SECRET_OPTIONS.some((key) => name.startsWith(key) || (name.length >= MIN_PREFIX && key.startsWith(name)))
  );
}

/** Whether the word is an option whose value comes after it, and not in it. */
function isNameAlone(word: string): boolean {
  const name = word.replace(/^--?/, '');
  return !word.includes('=') && !SECRET_OPTIONS.some((key) => name.length > key.length && name.startsWith(key));
}

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
