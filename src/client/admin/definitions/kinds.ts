/** What a file of definitions declares: kinds of things, and their fields. Parser, JSON Schema, comparison and export read these tables. */

/** A value of a field, as in the file. */
export type FieldValue = string | number | boolean | readonly FieldValue[] | { readonly [key: string]: FieldValue };
export type Fields = Readonly<Record<string, FieldValue>>;

export interface FieldSpec {
  /** `words` is one of a list, `texts` a list whose order has no meaning, `map` a table of text, `object` is kept as it is. */
  readonly type: 'int' | 'boolean' | 'text' | 'words' | 'texts' | 'map' | 'object';
  readonly min?: number;
  readonly max?: number;
  readonly words?: readonly string[];
  readonly required?: boolean;
  /** Written as {@link MASK} unless it is asked for. */
  readonly secret?: boolean;
  /** What a new thing gets, and what a broker counts as having that does not know the field. */
  readonly default?: FieldValue;
  readonly text: string;
}

/** Stands for a secret that was left out of a file: it is not compared, and left as it is. */
export const MASK = '******';

/** In the order in which they are made. */
export const KINDS = ['user', 'acl', 'account', 'whiteAddrs', 'kv', 'orderConf', 'topic', 'group'] as const;
export type Kind = (typeof KINDS)[number];

const INT_MAX = 2_147_483_647;

const TOPIC: Readonly<Record<string, FieldSpec>> = {
  readQueueNums: { type: 'int', min: 0, max: 65_535, default: 8, text: 'Queues that consumers read' },
  writeQueueNums: { type: 'int', min: 0, max: 65_535, default: 8, text: 'Queues that producers write to' },
  perm: { type: 'int', min: 0, max: 7, default: 6, text: '2 write, 4 read, 6 both' },
  order: { type: 'boolean', default: false, text: 'Whether clients are told the number of queues by the order configuration' },
  topicFilterType: { type: 'words', words: ['SINGLE_TAG', 'MULTI_TAG'], default: 'SINGLE_TAG', text: 'Tags a message may have' },
  topicSysFlag: { type: 'int', min: 0, max: INT_MAX, default: 0, text: 'Unit flags' },
  attributes: { type: 'map', default: {}, text: 'Attributes of 5.x, eg: message.type: FIFO; those that are not there are taken away' },
};

const GROUP: Readonly<Record<string, FieldSpec>> = {
  consumeEnable: { type: 'boolean', default: true, text: 'Whether the group may consume' },
  consumeFromMinEnable: { type: 'boolean', default: true, text: 'Whether it may begin at the oldest message' },
  consumeBroadcastEnable: { type: 'boolean', default: true, text: 'Whether its members may broadcast' },
  consumeMessageOrderly: { type: 'boolean', default: false, text: 'Whether POP consumption is in order' },
  retryQueueNums: { type: 'int', min: 0, max: 65_535, default: 1, text: 'Queues of its retry topic' },
  retryMaxTimes: { type: 'int', min: -1, max: INT_MAX, default: 16, text: 'Retries before a message is dead' },
  groupRetryPolicy: { type: 'object', default: { type: 'CUSTOMIZED' }, text: 'Pauses between retries, as updateSubGroup -p takes them' },
  brokerId: { type: 'int', min: 0, max: INT_MAX, default: 0, text: 'Broker it reads from' },
  whichBrokerWhenConsumeSlowly: { type: 'int', min: 0, max: INT_MAX, default: 1, text: 'Broker it reads from when it is slow' },
  notifyConsumerIdsChangedEnable: { type: 'boolean', default: true, text: 'Whether members hear of one another at once' },
  groupSysFlag: { type: 'int', min: 0, max: INT_MAX, default: 0, text: 'Unit flags' },
  consumeTimeoutMinute: { type: 'int', min: 0, max: INT_MAX, default: 15, text: 'Minutes that a message may take' },
  attributes: { type: 'map', default: {}, text: 'Attributes of 5.x; those that are not there are taken away' },
};

const PERMS = ['DENY', 'PUB', 'SUB', 'PUB|SUB', 'SUB|PUB', 'ANY'];

/** What the fields of each kind are; a kind whose things are one value each has the field `value`. */
export const FIELDS: Readonly<Record<Kind, Readonly<Record<string, FieldSpec>>>> = {
  topic: TOPIC,
  group: GROUP,
  orderConf: { value: { type: 'text', required: true, text: 'Brokers with numbers of queues, eg: broker-a:4;broker-b:4' } },
  kv: { value: { type: 'text', required: true, text: 'Value of the key' } },
  user: {
    password: { type: 'text', secret: true, text: `Password; ${MASK} leaves it as it is` },
    userType: { type: 'words', words: ['Super', 'Normal'], default: 'Normal', text: 'Super or Normal' },
    userStatus: { type: 'words', words: ['enable', 'disable'], default: 'enable', text: 'enable or disable' },
  },
  acl: {
    actions: { type: 'texts', required: true, text: 'All, Pub, Sub, Create, Update, Delete, Get or List' },
    decision: { type: 'words', words: ['Allow', 'Deny'], required: true, text: 'Allow or Deny' },
    sourceIps: { type: 'texts', default: [], text: 'Addresses it holds for; from everywhere without it' },
  },
  account: {
    secretKey: { type: 'text', secret: true, text: `Secret key; ${MASK} leaves it as it is` },
    whiteRemoteAddress: { type: 'text', default: '', text: 'Addresses that need no key' },
    admin: { type: 'boolean', default: false, text: 'Whether it may administrate' },
    defaultTopicPerm: { type: 'words', words: PERMS, default: '', text: 'Permission for topics that are not listed' },
    defaultGroupPerm: { type: 'words', words: PERMS, default: '', text: 'Permission for groups that are not listed' },
    topicPerms: { type: 'texts', default: [], text: 'Permissions for topics, eg: OrderPaid=PUB|SUB' },
    groupPerms: { type: 'texts', default: [], text: 'Permissions for groups, eg: OrderPaidGroup=SUB' },
  },
  whiteAddrs: { value: { type: 'texts', required: true, text: 'Addresses that need no key' } },
};

/** How the section of a kind is called, and what it looks like. */
export interface SectionSpec {
  readonly key: string;
  readonly text: string;
  /**
   * `entries`: names with fields; `values`: names with one value; `nested`: two names, and fields or a value below them; `value`: the whole
   * section is one value.
   */
  readonly shape: 'entries' | 'values' | 'nestedEntries' | 'nestedValues' | 'value';
  /** Whether single brokers may differ from the others. */
  readonly perBroker: boolean;
}

export const SECTIONS: Readonly<Record<Kind, SectionSpec>> = {
  topic: { key: 'topics', shape: 'entries', perBroker: true, text: 'Topics by name' },
  group: { key: 'groups', shape: 'entries', perBroker: true, text: 'Consumer groups by name' },
  orderConf: { key: 'orderConf', shape: 'values', perBroker: false, text: 'Order configurations by topic, eg: broker-a:4;broker-b:4' },
  kv: { key: 'kv', shape: 'nestedValues', perBroker: false, text: 'Entries of the name servers by namespace and key' },
  user: { key: 'users', shape: 'entries', perBroker: false, text: 'Users of 5.x by name' },
  acl: { key: 'acls', shape: 'nestedEntries', perBroker: false, text: 'Rules of 5.x by subject and resource' },
  account: { key: 'accounts', shape: 'entries', perBroker: false, text: 'Accounts of 4.x (plain_acl.yml) by access key' },
  whiteAddrs: { key: 'globalWhiteAddrs', shape: 'value', perBroker: false, text: 'Addresses of 4.x that need no key' },
};

/** What stands between the two names of a nested section in the name of a thing. */
export const NAME_SEPARATOR = ' ';
/** The name of what a section of one value is. */
export const WHOLE = 'all';

/** One declared thing. */
export interface Entry {
  readonly fields: Fields;
  /** What is different on single brokers. */
  readonly brokers: ReadonlyMap<string, Fields>;
  /** The brokers that are to have it; null when all are. */
  readonly onlyOn: ReadonlySet<string> | null;
  /** Where it stands in the file. */
  readonly line?: number | undefined;
}

/** What a file declares, or what was found on a cluster. A kind without a section is not spoken of at all. */
export interface Definitions {
  readonly clusterName?: string | undefined;
  readonly kinds: ReadonlyMap<Kind, ReadonlyMap<string, Entry>>;
}

/** A value in the form in which equal ones have equal text. */
function canonical(spec: FieldSpec | undefined, value: FieldValue | undefined): string {
  if (value === undefined) {
    return '';
  }
  if (spec?.type === 'texts' && Array.isArray(value)) {
    return JSON.stringify([...(value as readonly string[])].sort());
  }
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

export function sameValue(kind: Kind, field: string, left: FieldValue | undefined, right: FieldValue | undefined): boolean {
  if (left === right) {
    return true;
  }
  const spec = FIELDS[kind][field];
  return canonical(spec, left ?? spec?.default) === canonical(spec, right ?? spec?.default);
}

/** Text that is the same for settings that are the same. */
export function settingsKey(kind: Kind, fields: Fields): string {
  return Object.entries(FIELDS[kind])
    .map(([field, spec]) => canonical(spec, fields[field] ?? spec.default))
    .join('\n');
}

export function isSecret(kind: Kind, field: string): boolean {
  return FIELDS[kind][field]?.secret === true;
}
