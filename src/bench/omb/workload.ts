/**
 * Workload files of the OpenMessaging Benchmark: its keys with its defaults, the lists of its template tool, and a few keys of our own.
 */
import { ConfigError } from '../../common/errors.js';
import { type KeySpec, readYamlKeys, type YamlKeys, type YamlValue } from './yaml-keys.js';

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** This rate and more is written as `max-rate` in names. */
const MAX_RATE = 10_000_000;
const MAX_WORKLOADS = 1000;
const DEFAULT_NAME_FORMAT =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: placeholders of the template tool
  '${topics}-topics-${partitionsPerTopic}-partitions-${messageSize}b-${producersPerTopic}p-${consumerPerSubscription}c-${producerRate}';

export type KeyDistributor = 'NO_KEY' | 'KEY_ROUND_ROBIN' | 'RANDOM_NANO';

/** One workload; names and meanings are the OpenMessaging Benchmark's. */
export interface Workload {
  readonly name: string;
  readonly topics: number;
  readonly partitionsPerTopic: number;
  readonly keyDistributor: KeyDistributor;
  readonly messageSize: number;
  readonly useRandomizedPayloads: boolean;
  readonly randomBytesRatio: number;
  readonly randomizedPayloadPoolSize: number;
  readonly payloadFile?: string;
  readonly subscriptionsPerTopic: number;
  readonly producersPerTopic: number;
  readonly consumerPerSubscription: number;
  /** Of all producers together; 0 searches the highest that is consumed as well. */
  readonly producerRate: number;
  readonly consumerBacklogSizeGB: number;
  readonly backlogDrainRatio: number;
  readonly testDurationMinutes: number;
  readonly warmupDurationMinutes: number;
  /** Ours: `testDuration: 90s` and `warmupDuration` take the place of the minutes. */
  readonly testDurationMs: number;
  readonly warmupDurationMs: number;
  readonly seed?: number;
  /** Messages get one of so many tags in turn. */
  readonly tags?: number;
  /** Tag expression of all subscriptions. */
  readonly filter?: string;
  readonly delayLevel?: number;
  /** Every message is a transaction that is committed. */
  readonly transaction?: boolean;
  /** Messages of a producer go to one queue, and listeners get them in order. */
  readonly ordered?: boolean;
  /** Of throw-away nodes. */
  readonly flush?: 'ASYNC_FLUSH' | 'SYNC_FLUSH';
}

const count = (min: number): KeySpec => ({ kind: 'int', min, max: 10_000_000, list: true });

const KEYS = {
  name: { kind: 'text' },
  nameFormat: { kind: 'text' },
  topics: count(1),
  partitionsPerTopic: { ...count(1), max: 65_536 },
  keyDistributor: { kind: 'text', choices: ['NO_KEY', 'KEY_ROUND_ROBIN', 'RANDOM_NANO'] },
  messageSize: { ...count(1), max: MAX_MESSAGE_BYTES },
  useRandomizedPayloads: { kind: 'boolean' },
  randomBytesRatio: { kind: 'decimal', min: 0, max: 1 },
  randomizedPayloadPoolSize: { kind: 'int', min: 0, max: 1_000_000 },
  payloadFile: { kind: 'text' },
  subscriptionsPerTopic: count(0),
  producersPerTopic: count(1),
  consumerPerSubscription: count(0),
  producerRate: { kind: 'decimal', min: 0, max: 1_000_000_000, list: true },
  consumerBacklogSizeGB: { kind: 'decimal', min: 0, max: 1_000_000 },
  backlogDrainRatio: { kind: 'decimal', min: 0, max: 1 },
  testDurationMinutes: { kind: 'decimal', min: 0, max: 100_000 },
  warmupDurationMinutes: { kind: 'decimal', min: 0, max: 100_000 },
  testDuration: { kind: 'duration' },
  warmupDuration: { kind: 'duration' },
  seed: { kind: 'int', min: 0 },
  tags: { kind: 'int', min: 0, max: 10_000 },
  filter: { kind: 'text' },
  delayLevel: { kind: 'int', min: 0, max: 18 },
  transaction: { kind: 'boolean' },
  ordered: { kind: 'boolean' },
  flush: { kind: 'text', choices: ['ASYNC_FLUSH', 'SYNC_FLUSH'] },
} satisfies Record<string, KeySpec>;

const REQUIRED = ['topics', 'partitionsPerTopic', 'messageSize'] as const;

/** What a workload file holds: one workload, or those of a template. */
export interface WorkloadFile {
  readonly workloads: readonly Workload[];
  readonly warnings: readonly string[];
}

/** Reads a workload file or a template. @throws ConfigError that names file, line and key, also for what cannot be run. */
export function parseWorkloads(text: string, file: string): WorkloadFile {
  const keys = readYamlKeys(text, file, KEYS);
  for (const key of REQUIRED) {
    if (!keys.values.has(key)) throw new ConfigError(`${file}: ${key} is missing`);
  }
  if (!keys.values.has('testDurationMinutes') && !keys.values.has('testDuration')) {
    throw new ConfigError(`${file}: testDurationMinutes is missing`);
  }
  const isTemplate = keys.values.has('nameFormat') || [...keys.values.values()].some(({ isList }) => isList);
  const combinations = combine(keys, file);
  const workloads = combinations.map((values) => workloadOf(values, isTemplate ? undefined : file));
  for (const workload of workloads) requirePossible(workload, keys, file);
  return { workloads, warnings: keys.warnings };
}

/** Every combination of the lists, in the order of the keys. */
function combine(keys: YamlKeys, file: string): Map<string, YamlValue>[] {
  let combinations: Map<string, YamlValue>[] = [new Map()];
  for (const [key, { values, line }] of keys.values) {
    combinations = combinations.flatMap((chosen) => values.map((value) => new Map(chosen).set(key, value)));
    if (combinations.length === 0) throw new ConfigError(`${file}:${line}: ${key}: the list is empty`);
    if (combinations.length > MAX_WORKLOADS) throw new ConfigError(`${file}:${line}: ${key}: more than ${MAX_WORKLOADS} workloads`);
  }
  return combinations;
}

function workloadOf(values: ReadonlyMap<string, YamlValue>, file: string | undefined): Workload {
  const number = (key: string, otherwise: number): number => (values.get(key) as number | undefined) ?? otherwise;
  const optional = (key: string): object => (values.has(key) ? { [key]: values.get(key) } : {});
  const testMs = values.get('testDuration') as number | undefined;
  const warmupMs = values.get('warmupDuration') as number | undefined;
  const workload = {
    name: String(values.get('name') ?? ''),
    topics: number('topics', 1),
    partitionsPerTopic: number('partitionsPerTopic', 1),
    keyDistributor: (values.get('keyDistributor') as KeyDistributor | undefined) ?? 'NO_KEY',
    messageSize: number('messageSize', 1),
    useRandomizedPayloads: values.get('useRandomizedPayloads') === true,
    randomBytesRatio: number('randomBytesRatio', 0),
    randomizedPayloadPoolSize: number('randomizedPayloadPoolSize', 0),
    ...optional('payloadFile'),
    subscriptionsPerTopic: number('subscriptionsPerTopic', 0),
    producersPerTopic: number('producersPerTopic', 1),
    consumerPerSubscription: number('consumerPerSubscription', 0),
    producerRate: number('producerRate', 0),
    consumerBacklogSizeGB: number('consumerBacklogSizeGB', 0),
    backlogDrainRatio: number('backlogDrainRatio', 1),
    testDurationMinutes: testMs === undefined ? number('testDurationMinutes', 0) : testMs / 60_000,
    warmupDurationMinutes: warmupMs === undefined ? number('warmupDurationMinutes', 1) : warmupMs / 60_000,
    testDurationMs: testMs ?? number('testDurationMinutes', 0) * 60_000,
    warmupDurationMs: warmupMs ?? number('warmupDurationMinutes', 1) * 60_000,
    ...optional('seed'),
    ...optional('tags'),
    ...optional('filter'),
    ...optional('delayLevel'),
    ...optional('transaction'),
    ...optional('ordered'),
    ...optional('flush'),
  };
  const format = String(values.get('nameFormat') ?? DEFAULT_NAME_FORMAT);
  return { ...workload, name: workload.name || (file === undefined ? nameFrom(format, workload) : baseName(file)) };
}

function baseName(file: string): string {
  return (file.split(/[\\/]/).at(-1) ?? file).replace(/\.ya?ml$/i, '');
}

/** `${topics}` and the other keys, sizes with a suffix. */
function nameFrom(format: string, workload: Readonly<Record<string, unknown>>): string {
  return format.replace(/\$\{(\w+)\}/g, (whole, key: string) => {
    const value = Object.hasOwn(workload, key) ? workload[key] : undefined;
    if (value === undefined) return whole;
    if (key === 'producerRate' && Number(value) >= MAX_RATE) return 'max-rate';
    return typeof value === 'number' && !key.endsWith('Minutes') && Number.isInteger(value) ? withSuffix(value) : String(value);
  });
}

function withSuffix(value: number): string {
  for (const [unit, suffix] of [
    [1e9, 'g'],
    [1e6, 'm'],
    [1e3, 'k'],
  ] as const) {
    if (value >= unit) return `${Math.floor(value / unit)}${suffix}`;
  }
  return String(value);
}

/** @throws ConfigError with the line of the key that makes it impossible. */
function requirePossible(workload: Workload, keys: YamlKeys, file: string): void {
  const refuse = (key: string, why: string): never => {
    const line = keys.values.get(key)?.line;
    throw new ConfigError(`${file}${line === undefined ? '' : `:${line}`}: ${key}: ${why}`);
  };
  const consumers = workload.subscriptionsPerTopic * workload.consumerPerSubscription;
  if (workload.consumerBacklogSizeGB > 0 && workload.producerRate === 0) {
    refuse('consumerBacklogSizeGB', 'a backlog needs a producerRate; 0 searches one, which a backlog would mislead');
  }
  if (workload.consumerBacklogSizeGB > 0 && consumers === 0) refuse('consumerBacklogSizeGB', 'there are no consumers to drain a backlog');
  if (workload.producerRate === 0 && consumers === 0)
    refuse('producerRate', '0 searches the rate that consumers keep up with; there are none');
  if (workload.subscriptionsPerTopic > 0 && workload.consumerPerSubscription === 0) {
    refuse('consumerPerSubscription', `${workload.subscriptionsPerTopic} subscriptions need a consumer each at least`);
  }
  if (workload.transaction === true && (workload.ordered === true || (workload.delayLevel ?? 0) > 0)) {
    refuse('transaction', 'a transaction can be neither ordered nor delayed');
  }
  if (workload.useRandomizedPayloads && workload.randomizedPayloadPoolSize === 0) {
    refuse('useRandomizedPayloads', 'random payloads need a randomizedPayloadPoolSize of at least 1');
  }
  if (workload.topics * Math.max(workload.producersPerTopic, consumers) > 1_000_000) {
    refuse(
      'topics',
      `${workload.topics} topics with ${Math.max(workload.producersPerTopic, consumers)} members each are more than one million`,
    );
  }
}
