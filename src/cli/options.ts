/**
 * The option table of a command: the one place where its options are written down. Parsing, typed values, usage text,
 * the generated manifest and the tests all read it.
 */

/** How a value is read. `boolean` takes the word true or false, as Apache's tool does; `flag` takes no value; `texts` may be given several times. */
export type OptionKind = 'text' | 'texts' | 'int' | 'long' | 'decimal' | 'duration' | 'boolean' | 'flag' | 'optionalText';

/** One option; its long name is its key in the table. */
export interface OptionSpec {
  readonly short?: string;
  readonly kind?: OptionKind;
  readonly required?: boolean;
  /** Options with the same group name exclude one another. */
  readonly group?: string;
  /** One option of the group must be given. */
  readonly groupRequired?: boolean;
  readonly default?: string | number | bigint | boolean;
  readonly min?: number;
  /** Of a duration: what a timer takes, unless another one is given. */
  readonly max?: number;
  /** Environment variable that is read when the option is absent. */
  readonly env?: string;
  /** One line for the usage text. */
  readonly text: string;
  /** Ours, not Apache's: shown apart in the usage text, and never a candidate of a prefix that an Apache option matches. */
  readonly own?: boolean;
  /** Where Apache's long name cannot be a key (it has a blank, say). */
  readonly long?: string;
}

export type OptionTable = { readonly [long: string]: OptionSpec };

/** What a command hands to the front, the help and the manifest. */
export interface CommandSpec {
  readonly id: string;
  readonly bin: string;
  readonly summary: string;
  readonly description?: string;
  readonly examples: readonly string[];
  readonly options: OptionTable;
  /** Words that may stand behind its name, with the kind of name that may follow each. */
  readonly words?: CommandWords;
}

/** Names that live in a cluster, or in the contexts. */
export type NameKind = 'topics' | 'groups' | 'clusters' | 'brokerNames' | 'brokerAddrs' | 'contexts';

/** By word, the kind of name that may follow it; null for none. */
export type CommandWords = Readonly<Record<string, NameKind | null>>;

type KindType<K> = K extends 'int' | 'decimal' | 'duration'
  ? number
  : K extends 'long'
    ? bigint
    : K extends 'boolean' | 'flag'
      ? boolean
      : K extends 'texts'
        ? readonly string[]
        : string;

type KindOf<S> = S extends { kind: infer K } ? K : 'text';

type IsSure<S> = S extends { required: true }
  ? true
  : S extends { default: string | number | bigint | boolean }
    ? true
    : KindOf<S> extends 'flag' | 'texts'
      ? true
      : false;

/** The typed values of a table: absent options without a default are undefined, absent `texts` none. */
export type OptionValues<T extends OptionTable> = {
  -readonly [L in keyof T]: IsSure<T[L]> extends true ? KindType<KindOf<T[L]>> : KindType<KindOf<T[L]>> | undefined;
};

/** Keeps the literal types of a table. */
export function defineOptions<const T extends OptionTable>(table: T): T {
  return table;
}

/** The long spelling of an option on the command line. */
export function longName(key: string, spec: OptionSpec): string {
  return spec.long ?? key;
}

/** Whether the next word is this option's value. */
export function takesValue(spec: OptionSpec): boolean {
  return spec.kind !== 'flag';
}

/** Options that every command has unless it says otherwise. */
export const COMMON_OPTIONS = defineOptions({
  help: { short: 'h', kind: 'flag', text: 'Print help' },
  namesrvAddr: {
    short: 'n',
    env: 'NAMESRV_ADDR',
    text: "Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'",
  },
  output: { own: true, text: 'How the result is printed: text, wide (a table of everything, nothing cut), json, yaml, csv or name' },
  context: {
    own: true,
    env: 'MQADMIN_CONTEXT',
    text: 'Name of the cluster in the contexts (mqadmin context list); without it and without -n the current one',
  },
  json: { kind: 'flag', own: true, text: 'The same as --output json' },
  outputSchema: {
    kind: 'flag',
    own: true,
    long: 'output-schema',
    text: 'Print the JSON Schema of what --json prints, and do nothing else',
  },
  watch: {
    kind: 'duration',
    own: true,
    text: 'Show it again and again, with such a pause, eg: 5s; Ctrl-C ends it with 0 (check, doctor: as the last round). --timeout limits each round',
  },
  rounds: { kind: 'int', min: 1, own: true, text: 'Stop after so many rounds of --watch' },
  timeout: { kind: 'duration', own: true, text: 'Limit of the whole command, eg: 10s, 500ms; a bare number is seconds' },
  accessKey: { own: true, env: 'ROCKETMQ_ACCESS_KEY', text: 'Sign requests with this key (default: conf/tools.yml of ROCKETMQ_HOME)' },
  secretKey: { own: true, env: 'ROCKETMQ_SECRET_KEY', text: 'Secret of the access key; better kept in the environment or in tools.yml' },
  securityToken: { own: true, env: 'ROCKETMQ_SECURITY_TOKEN', text: 'Token of a temporary access key' },
  debug: { kind: 'flag', own: true, text: 'Print frames and times of every request, and the stack of an error, on stderr' },
});

export type CommonOption = keyof typeof COMMON_OPTIONS;
export type CommonValues = Partial<OptionValues<typeof COMMON_OPTIONS>>;

/** Additional options of commands that change something. */
export const CHANGE_OPTIONS = defineOptions({
  dryRun: { kind: 'flag', own: true, long: 'dry-run', text: 'Say what would be done, and do nothing' },
});

/** Additional options of commands that delete something. */
export const DELETE_OPTIONS = defineOptions({
  ...CHANGE_OPTIONS,
  yes: { short: 'y', kind: 'flag', own: true, text: 'Do not ask before deleting' },
});
