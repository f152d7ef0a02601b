import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDriver } from '../../../src/bench/omb/driver.js';
import { payloadsOf } from '../../../src/bench/omb/payload.js';
import { parseWorkloads } from '../../../src/bench/omb/workload.js';
import { seededRandom } from '../../../src/common/clock.js';

const FOLDER = resolve(import.meta.dirname, '../../../src/bench/omb/workloads');
const SIZES = ['100b', '1kb', '64kb'];

/** Names of the OpenMessaging Benchmark whose files come with the package. */
const NAMES = [
  'simple-workload',
  '1-topic-1-partition-100b',
  '1-topic-1-partition-1kb',
  '1-topic-16-partition-100b',
  '1-topic-16-partitions-1kb',
  '1-topic-3-partition-100b-3producers',
  '1-topic-100-partitions-1kb-4p-4c-200k',
  '1-topic-100-partitions-1kb-4p-4c-500k',
  '1-topic-100-partitions-1kb-4p-4c-200k-backlog',
  '100-topics-1-partitions-1kb',
  '100-topic-1kb-4p-4c-500k',
  '1k-topic-1kb-4p-4c-100k',
  'backlog-1-topic-1-partition-1kb',
  'backlog-1-topic-16-partitions-1kb',
  ...SIZES.map((size) => `max-rate-1-topic-1-partition-1p-1c-${size}`),
  'max-rate-1-topic-16-partitions-100b',
  'max-rate-1-topic-16-partitions-1kb',
  ...SIZES.flatMap((size) => [`max-rate-1-topic-10-partitions-10p-10c-${size}`, `max-rate-1-topic-10-partitions-1p-1c-${size}`]),
  ...SIZES.map((size) => `max-rate-1-topic-100-partitions-100p-100c-${size}`),
  ...['100b', '1kb'].flatMap((size) => [`max-rate-1-topic-100-partitions-${size}`, `max-rate-1-topic-100-partitions-1p-1c-${size}`]),
  ...SIZES.flatMap((size) => [`max-rate-10-topics-1-partition-${size}`, `max-rate-100-topics-1-partition-${size}`]),
];

const read = (name: string) => parseWorkloads(readFileSync(join(FOLDER, `${name}.yaml`), 'utf8'), `${name}.yaml`);

/** The least that can be run, with further lines. */
const text = (...lines: string[]): string =>
  [
    'topics: 1',
    'partitionsPerTopic: 4',
    'messageSize: 100',
    'testDurationMinutes: 1',
    'subscriptionsPerTopic: 1',
    'consumerPerSubscription: 1',
  ]
    .filter((line) => !lines.some((own) => own.startsWith(`${line.split(':')[0]}:`)))
    .concat(lines)
    .join('\n');

describe('workload files', () => {
  it.each(NAMES)('%s and its -mini twin are there and can be run', (name) => {
    const { workloads, warnings } = read(name);
    expect(workloads).toHaveLength(1);
    expect(warnings).toEqual([]);
    const mini = read(`${name}-mini`).workloads[0];
    expect((mini?.testDurationMs ?? 0) + (mini?.warmupDurationMs ?? 0)).toBeLessThanOrEqual(30_000);
    expect(mini?.messageSize).toBe(workloads[0]?.messageSize);
    expect(payloadsOf(workloads[0]!, undefined, seededRandom(1))[0]).toHaveLength(workloads[0]!.messageSize);
  });

  it('nothing else is there', () => {
    const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));
    expect(files.sort()).toEqual(NAMES.flatMap((name) => [`${name}.yaml`, `${name}-mini.yaml`]).sort());
  });

  it('keep the numbers of the OpenMessaging Benchmark', () => {
    expect(read('simple-workload').workloads[0]).toMatchObject({
      name: 'Simple Workload 1 producer on 1 topic',
      ...{ topics: 1, partitionsPerTopic: 10, messageSize: 1024, producerRate: 10_000, keyDistributor: 'NO_KEY', backlogDrainRatio: 1 },
      ...{ testDurationMinutes: 5, testDurationMs: 300_000, warmupDurationMs: 60_000, payloadFile: 'payload/payload-1Kb.data' },
    });
    expect(read('1-topic-100-partitions-1kb-4p-4c-200k-backlog').workloads[0]).toMatchObject({
      consumerBacklogSizeGB: 512,
      producersPerTopic: 4,
    });
    expect(read('100-topics-1-partitions-1kb').workloads[0]).toMatchObject({ subscriptionsPerTopic: 3, testDurationMinutes: 240 });
  });

  it('make every combination of a template, named by its format', () => {
    const { workloads } = parseWorkloads(
      text(
        // biome-ignore lint/suspicious/noTemplateCurlyInString: placeholders of the template tool
        'nameFormat: "${topics}-topics-${messageSize}b-${producersPerTopic}p-${producerRate}"',
        'topics: [1, 2]',
        'messageSize: [100, 10000]',
        'producersPerTopic: [1]',
        'producerRate: [50000, 10000000]',
      ),
      'template.yaml',
    );
    expect(workloads.map(({ name }) => name)).toEqual([
      ...['1-topics-100b-1p-50k', '1-topics-100b-1p-max-rate', '1-topics-10kb-1p-50k', '1-topics-10kb-1p-max-rate'],
      ...['2-topics-100b-1p-50k', '2-topics-100b-1p-max-rate', '2-topics-10kb-1p-50k', '2-topics-10kb-1p-max-rate'],
    ]);
  });

  it('take our additions', () => {
    const own = text(
      'testDuration: 90s',
      'warmupDuration: 500ms',
      'seed: 7',
      'tags: 3',
      'filter: tag0 || tag1',
      'delayLevel: 2',
      'ordered: true',
      'flush: SYNC_FLUSH',
    );
    expect(parseWorkloads(own, 'w.yaml').workloads[0]).toMatchObject({
      ...{
        testDurationMs: 90_000,
        warmupDurationMs: 500,
        seed: 7,
        tags: 3,
        filter: 'tag0 || tag1',
        delayLevel: 2,
        ordered: true,
        flush: 'SYNC_FLUSH',
      },
    });
  });

  it('name a key that nobody knows in a warning', () => {
    expect(parseWorkloads(text('producerRat: 5', 'producerRate: 5'), 'w.yaml').warnings).toEqual([
      'w.yaml:7: producerRat is not a key that is known; it has no effect',
    ]);
  });

  it.each([
    [text('producerRate: fast'), 'w.yaml:7: producerRate: fast is not a number from 0 to 1000000000'],
    [text('messageSize: -1'), 'w.yaml:6: messageSize: -1 is not a whole number from 1 to 4194304'],
    [text('keyDistributor: SOME'), 'w.yaml:7: keyDistributor: SOME is not one of NO_KEY, KEY_ROUND_ROBIN, RANDOM_NANO'],
    [text('testDuration: soon'), 'w.yaml:7: testDuration: soon is not a duration, eg 90s or 5m'],
    [text('testDurationMinutes: -5'), 'w.yaml:6: testDurationMinutes: -5 is not a number from 0 to 100000'],
    [text('useRandomizedPayloads: maybe'), 'w.yaml:7: useRandomizedPayloads: maybe is not true or false'],
    [
      text('useRandomizedPayloads: true'),
      'w.yaml:7: useRandomizedPayloads: random payloads need a randomizedPayloadPoolSize of at least 1',
    ],
    [
      text('producerRate: 0', 'consumerBacklogSizeGB: 1'),
      'w.yaml:8: consumerBacklogSizeGB: a backlog needs a producerRate; 0 searches one, which a backlog would mislead',
    ],
    [
      text('producerRate: 0', 'subscriptionsPerTopic: 0'),
      'w.yaml:6: producerRate: 0 searches the rate that consumers keep up with; there are none',
    ],
    [
      text('consumerPerSubscription: 0', 'producerRate: 9'),
      'w.yaml:6: consumerPerSubscription: 1 subscriptions need a consumer each at least',
    ],
    [text('randomBytesRatio: [1]'), 'w.yaml:7: randomBytesRatio: a list is not possible here'],
    [text('topics: []'), 'w.yaml:6: topics: the list is empty'],
    ['topics: 1\npartitionsPerTopic: 1\ntestDurationMinutes: 1', 'w.yaml: messageSize is missing'],
    ['topics: 1\nname: [\n', /^w\.yaml:\d: \S/],
    [text('transaction: true', 'delayLevel: 3'), 'w.yaml:7: transaction: a transaction can be neither ordered nor delayed'],
    ['- 1', 'w.yaml:1: expected keys with values'],
  ])('refuse what cannot be: %s', (content, message) => {
    expect(() => parseWorkloads(content, 'w.yaml')).toThrow(message);
  });

  it('refuse a payload of another size than messageSize', () => {
    const workload = parseWorkloads(text('payloadFile: workload.test.ts'), 'w.yaml').workloads[0]!;
    expect(() => payloadsOf(workload, join(import.meta.dirname, 'w.yaml'), seededRandom(1))).toThrow(
      /^payloadFile workload\.test\.ts has \d+ bytes, but messageSize is 100/,
    );
    expect(() => payloadsOf({ ...workload, payloadFile: 'absent' }, undefined, seededRandom(1))).toThrow('payloadFile absent is not there');
  });

  it('give the same payloads for the same seed', () => {
    const workload = parseWorkloads(text('useRandomizedPayloads: true', 'randomBytesRatio: 0.5', 'randomizedPayloadPoolSize: 3'), 'w.yaml')
      .workloads[0]!;
    const payloads = payloadsOf(workload, undefined, seededRandom(5));
    expect(payloads).toHaveLength(3);
    expect(payloads[0]?.subarray(50)).toEqual(Buffer.alloc(50));
    expect(payloadsOf(workload, undefined, seededRandom(5))).toEqual(payloads);
  });
});

describe('driver files', () => {
  it('are read with all their keys', () => {
    const file = join(FOLDER, 'driver', 'rocketmq.yaml');
    expect(parseDriver(readFileSync(file, 'utf8'), file)).toEqual({
      driver: {
        ...{ name: 'RocketMQ', clusterName: 'DefaultCluster', namesrvAddr: '127.0.0.1:9876', batchCQ: true, autoBatch: true },
        ...{ enableBackpressure: true, backpressureConcurrency: 1024 },
      },
      warnings: [],
    });
    expect(parseDriver('accessKey: a\nsecretKey: b\nbatchMaxBytes: 5\nvipChannelEnabled: true', 'd.yaml')).toMatchObject({
      driver: { credentials: { accessKey: 'a', secretKey: 'b' }, batchMaxBytes: 5 },
      warnings: [expect.stringContaining('d.yaml:4: vipChannelEnabled has no effect')],
    });
    expect(() => parseDriver('batchMaxDelayMs: 0', 'd.yaml')).toThrow('d.yaml:1: batchMaxDelayMs: 0 is not a whole number from 1 to 30000');
  });
});
