/**
 * Reads option words by the rules that users of Apache's tool know: `-t X`, `-tX`, `-t=X`, `--topic X`, `--topic=X`,
 * `-topic X`, unambiguous prefixes, several flags in one word, a lone `--`, the first of a repeated option wins (unless it may be repeated).
 * Faults keep Apache's wording, because scripts look for it.
 */
import { UsageError } from '../common/errors.js';
import { longName, type OptionSpec, type OptionTable, takesValue } from './options.js';

interface NamedOption {
  readonly key: string;
  readonly long: string;
  readonly spec: OptionSpec;
}

/** A word of a command line, and the option that it names or is the value of. */
export interface GivenWord {
  readonly word: string;
  /** Table key; absent for a word that no option takes. Of several flags in one word, the last. */
  readonly key?: string;
  /** Where the option's value begins in the word; absent where the word has none. */
  readonly valueAt?: number;
}

/** The raw words of a command line, sorted to their options. */
export interface ParsedOptions {
  /** Values by table key; a flag has the text `true`, an option that may be repeated has its texts, one a line. */
  readonly values: ReadonlyMap<string, string>;
  /** Words that are no options, in order. */
  readonly words: readonly string[];
  /** Every word, in order. */
  readonly given: readonly GivenWord[];
  /** Options that were given another value after their first one, which counts; as they are called in messages. */
  readonly repeated: ReadonlySet<string>;
}

/** A fault found after `-h` was seen is no fault: the reader asked for help. */
export class HelpRequested extends Error {
  override readonly name = 'HelpRequested';
}

/** Sorts the words of `argv` by the table; throws {@link UsageError} with Apache's text, or {@link HelpRequested}. */
export function parseOptions(argv: readonly string[], table: OptionTable): ParsedOptions {
  const parser = new OptionParser(table);
  try {
    parser.parse(argv);
  } catch (error) {
    if (parser.helpSeen) {
      throw new HelpRequested('help');
    }
    throw error;
  }
  if (parser.helpSeen) {
    throw new HelpRequested('help');
  }
  return parser;
}

/** Name of an option in Apache's messages: the short one where there is one. */
function faultName(option: NamedOption): string {
  return option.spec.short ?? option.long;
}

function looksNumeric(word: string): boolean {
  return /^-(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[dDfF]?$/.test(word);
}

function withoutHyphens(word: string): string {
  return word.startsWith('--') ? word.slice(2) : word.startsWith('-') ? word.slice(1) : word;
}

/** Apache's parser takes one pair of quotes off a value that stands in a word of its own. */
function withoutQuotes(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') && !value.slice(1, -1).includes('"') ? value.slice(1, -1) : value;
}

class OptionParser implements ParsedOptions {
  readonly values = new Map<string, string>();
  readonly words: string[] = [];
  readonly given: GivenWord[] = [];
  readonly repeated = new Set<string>();
  helpSeen = false;
  readonly #options: NamedOption[];
  readonly #byShort = new Map<string, NamedOption>();
  readonly #byLong = new Map<string, NamedOption>();
  readonly #chosenOfGroup = new Map<string, NamedOption>();
  readonly #seen = new Set<NamedOption>();
  #waiting: NamedOption | null = null;
  /** What the word that is being read says so far. */
  #said: { key?: string; valueLength?: number } = {};

  constructor(table: OptionTable) {
    this.#options = Object.entries(table).map(([key, spec]) => ({ key, spec, long: longName(key, spec).trim() }));
    for (const option of this.#options) {
      this.#byLong.set(option.long, option);
      if (option.spec.short !== undefined) {
        this.#byShort.set(option.spec.short, option);
      }
    }
    // Where Apache's long name has a blank, the name without it will do too: --printMsg for "print msg".
    for (const option of this.#options) {
      if (!this.#byLong.has(option.key)) {
        this.#byLong.set(option.key, option);
      }
    }
  }

  parse(argv: readonly string[]): void {
    let onlyWords = false;
    for (const word of argv) {
      this.#said = {};
      if (onlyWords) {
        this.words.push(word);
      } else if (word === '--') {
        onlyWords = true;
      } else if (this.#waiting !== null && this.#isValue(word)) {
        this.#setValue(this.#waiting, withoutQuotes(word));
        this.#said.valueLength = word.length;
      } else if (word.startsWith('--')) {
        this.#longWord(word);
      } else if (word.startsWith('-') && word !== '-') {
        this.#shortOrLongWord(word);
      } else {
        this.#noOption(word);
      }
      const { key, valueLength } = this.#said;
      this.given.push({
        word,
        ...(key === undefined ? {} : { key }),
        ...(valueLength === undefined ? {} : { valueAt: word.length - valueLength }),
      });
    }
    this.#settleWaiting();
    this.#checkRequired();
  }

  #isValue(word: string): boolean {
    return !this.#isOption(word) || looksNumeric(word);
  }

  #isOption(word: string): boolean {
    if (!word.startsWith('-') || word.length === 1) {
      return false;
    }
    const name = withoutHyphens(nameIn(word));
    if (this.#longCandidates(name).length > 0) {
      return true;
    }
    if (word.startsWith('--')) {
      return false;
    }
    return this.#byShort.has(name) || (name.length > 0 && this.#byShort.has(name.charAt(0))) || this.#longWithValue(name) !== null;
  }

  /** Options a long name, or the beginning of one, can mean. Ours are meant where they are written in full, and no beginning of Apache's. */
  #longCandidates(name: string): NamedOption[] {
    if (name === '') {
      return [];
    }
    const exact = this.#byLong.get(name);
    if (exact !== undefined && exact.spec.own !== true) {
      return [exact];
    }
    const apache = this.#options.filter((option) => option.spec.own !== true && option.long.startsWith(name));
    return apache.length > 0 || exact === undefined ? apache : [exact];
  }

  /** Likewise behind a single hyphen, where `-output` is also the option `-o` of Apache's with a value. */
  #isLongWord(name: string): boolean {
    const [candidate] = name.length > 1 ? this.#longCandidates(name) : [];
    const short = this.#byShort.get(name.charAt(0));
    return candidate !== undefined && (candidate.spec.own !== true || short === undefined || short.spec.own === true);
  }

  /** `-topicX`: the longest long name that begins the word. */
  #longWithValue(word: string): NamedOption | null {
    for (let length = word.length - 1; length > 1; length--) {
      const option = this.#byLong.get(word.slice(0, length));
      if (option !== undefined && option.spec.own !== true) {
        return option;
      }
    }
    return null;
  }

  #longWord(word: string): void {
    const name = withoutHyphens(nameIn(word));
    const option = this.#onlyCandidate(name, word);
    if (option === null) {
      this.#noOption(word);
      return;
    }
    const value = valueIn(word);
    if (value === null) {
      this.#begin(option);
    } else if (takesValue(option.spec)) {
      this.#begin(option);
      this.#setValue(option, value);
    } else {
      this.#noOption(word);
    }
  }

  #onlyCandidate(name: string, word: string): NamedOption | null {
    const candidates = this.#longCandidates(name);
    if (candidates.length > 1) {
      const names = candidates.map((option) => `'${option.long}'`).join(', ');
      throw new UsageError(`Ambiguous option: '${nameIn(word)}'  (could be: ${names})`);
    }
    return candidates[0] ?? null;
  }

  #shortOrLongWord(word: string): void {
    const name = nameIn(word).slice(1);
    const value = valueIn(word);
    const short = this.#byShort.get(name);
    if (value === null) {
      if (short !== undefined) {
        this.#begin(short);
      } else if (this.#isLongWord(name)) {
        this.#longWord(word);
      } else if (name.length > 1) {
        this.#gluedWord(word, name);
      } else {
        this.#noOption(word);
      }
    } else if (short !== undefined && takesValue(short.spec)) {
      this.#begin(short);
      this.#setValue(short, value);
    } else if (this.#isLongWord(name)) {
      this.#longWord(word);
    } else if (name.length > 1) {
      this.#gluedWord(word, word.slice(1));
    } else {
      this.#noOption(word);
    }
  }

  /** `-topicX`, `-tX`, or several flags in one word (`-ax`, the last one may carry its value). */
  #gluedWord(word: string, name: string): void {
    const long = this.#longWithValue(name);
    if (long !== null && takesValue(long.spec)) {
      this.#begin(long);
      this.#setValue(long, name.slice(long.long.length));
      return;
    }
    for (let i = 0; i < name.length; i++) {
      const option = this.#byShort.get(name.charAt(i));
      if (option === undefined) {
        this.#noOption(word);
        return;
      }
      this.#begin(option);
      if (takesValue(option.spec) && i + 1 < name.length) {
        this.#setValue(option, name.slice(i + 1));
        return;
      }
    }
  }

  #noOption(word: string): void {
    if (word.startsWith('-') && word.length > 1) {
      throw new UsageError(`Unrecognized option: ${word}`);
    }
    this.words.push(word);
  }

  #begin(option: NamedOption): void {
    this.#settleWaiting();
    this.#said = { key: option.key };
    if (option.key === 'help') {
      this.helpSeen = true;
    }
    const group = option.spec.group;
    if (group !== undefined) {
      const chosen = this.#chosenOfGroup.get(group);
      if (chosen !== undefined && chosen !== option) {
        throw new UsageError(
          `The option '${faultName(option)}' was specified but an option from this group has already been selected: '${faultName(chosen)}'`,
        );
      }
      this.#chosenOfGroup.set(group, option);
    }
    this.#seen.add(option);
    if (takesValue(option.spec)) {
      this.#waiting = option;
    } else {
      this.values.set(option.key, 'true');
    }
  }

  #setValue(option: NamedOption, value: string): void {
    const before = this.values.get(option.key);
    if (before === undefined) {
      this.values.set(option.key, value);
    } else if (option.spec.kind === 'texts') {
      this.values.set(option.key, `${before}\n${value}`);
    } else if (before !== value) {
      this.repeated.add(`${option.spec.short === undefined ? '--' : '-'}${faultName(option)}`);
    }
    this.#waiting = null;
    this.#said = { key: option.key, valueLength: value.length };
  }

  #settleWaiting(): void {
    const option = this.#waiting;
    if (option === null) {
      return;
    }
    if (option.spec.kind === 'optionalText') {
      this.#setValue(option, '');
      return;
    }
    throw new UsageError(`Missing argument for option: ${faultName(option)}`);
  }

  #checkRequired(): void {
    const missing: string[] = [];
    const groups = new Set<string>();
    for (const option of this.#options) {
      const { group, groupRequired, required } = option.spec;
      if (group !== undefined && groupRequired === true && !this.#chosenOfGroup.has(group) && !groups.has(group)) {
        groups.add(group);
        missing.push(this.#groupText(group));
      } else if (required === true && !this.#seen.has(option)) {
        missing.push(faultName(option));
      }
    }
    if (missing.length > 0) {
      throw new UsageError(`Missing required option${missing.length === 1 ? '' : 's'}: ${missing.join(', ')}`);
    }
  }

  #groupText(group: string): string {
    const members = this.#options.filter((option) => option.spec.group === group);
    return `[${members.map((option) => `-${option.spec.short === undefined ? '-' : ''}${faultName(option)} ${option.spec.text}`).join(', ')}]`;
  }
}

function nameIn(word: string): string {
  const equals = word.indexOf('=');
  return equals < 0 ? word : word.slice(0, equals);
}

function valueIn(word: string): string | null {
  const equals = word.indexOf('=');
  return equals < 0 ? null : word.slice(equals + 1);
}
