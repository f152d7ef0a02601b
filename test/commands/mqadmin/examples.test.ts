/* Every example in a command's help is run as it stands, against a cluster that has what the examples speak of. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PushConsumer } from '../../../src/client/consumer/push-consumer.js';
import { Producer } from '../../../src/client/producer/producer.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { CLUSTER_FILE, FOR_OTHER_CLUSTERS, GROUPS_FILE, LINES_FILE, TOPICS_FILE, UNDO_FILE } from './arguments.js';
import { type FullCluster, startFullCluster } from './full-cluster.js';
import { COMPACTION_LOG } from './message-records.js';
import { commandNames, runCommand, specOf } from './run-command.js';

let sandbox: Sandbox;
/** Has what the bundled nodes do not have. */
let other: FullCluster;
let producer: Producer;
let consumer: PushConsumer;
/** Ids of the message that the examples show. */
const ids = { msgId: '', offsetMsgId: '' };

beforeAll(async () => {
  other = await startFullCluster();
  sandbox = await startSandbox({ brokerConfig: { longPollingEnable: false, traceTopicEnable: true } });
  // Where commands leave files of their own accord.
  vi.stubEnv('TMPDIR', sandbox.dir);
  for (const [name, ...argv] of [
    ['createUser', '-c', 'DefaultCluster', '-u', 'bob', '-p', 'bob123'],
    ['updateStaticTopic', '-c', 'DefaultCluster', '-t', 'StaticOrders', '-qn', '4'],
    ['updateAclConfig', '-c', 'DefaultCluster', '-a', 'RocketMQ', '-s', '12345678'],
    ['createAcl', '-c', 'DefaultCluster', '-s', 'User:bob', '-r', 'Topic:OrderPaid', '-a', 'Pub', '-d', 'Allow'],
  ] as const) {
    await runCommand(name, argv, { NAMESRV_ADDR: other.namesrv.addr });
  }
  const env = { NAMESRV_ADDR: sandbox.namesrvAddr };
  await runCommand('updateTopic', ['-c', 'DefaultCluster', '-t', 'OrderPaid', '-r', '4', '-w', '4'], env);
  await runCommand('updateTopic', ['-c', 'DefaultCluster', '-t', 'OrderAudit', '-r', '4', '-w', '4'], env);
  await runCommand('updateSubGroup', ['-c', 'DefaultCluster', '-g', 'OrderAuditGroup'], env);
  await runCommand('updateSubGroup', ['-c', 'DefaultCluster', '-g', 'OrderFailGroup'], env);
  for (const topic of ['%DLQ%OrderFailGroup', '%RETRY%OrderFailGroup']) {
    await runCommand('updateTopic', ['-c', 'DefaultCluster', '-t', topic, '-r', '1', '-w', '1'], env);
  }
  mkdirSync(join(sandbox.dir, 'config'));
  writeFileSync(join(sandbox.dir, 'config', 'topics.json'), '{"dataVersion":{},"topicConfigTable":{"T":{"topicName":"T"}}}');
  writeFileSync(join(sandbox.dir, 'compaction.log'), COMPACTION_LOG);
  const common = { namesrvAddr: sandbox.namesrvAddr, heartbeatBrokerIntervalMs: 300, persistConsumerOffsetIntervalMs: 100 };
  producer = new Producer({ ...common, producerGroup: 'OrderPaidProducer' });
  await producer.start(['OrderPaid']);
  const failed = { body: Buffer.from('failed'), tags: 'TagA', properties: new Map([['RETRY_TOPIC', 'OrderPaid']]) };
  await producer.send({ topic: '%DLQ%OrderFailGroup', ...failed });
  // The trace of a send is stored when its producer is shut down.
  const traced = new Producer({ ...common, producerGroup: 'OrderTracedProducer', enableMsgTrace: true });
  await traced.start();
  const queue = { topic: 'OrderPaid', brokerName: 'broker-a', queueId: 0 };
  const sent = await traced.send({ topic: 'OrderPaid', body: Buffer.from('paid'), keys: 'order-1' }, { queue });
  Object.assign(ids, sent);
  await traced.shutdown();
  consumer = new PushConsumer({ ...common, consumerGroup: 'OrderPaidGroup', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
  consumer.subscribe('OrderPaid', '*');
  consumer.onMessage(() => 'CONSUME_SUCCESS');
  await consumer.start();
  const works = async (name: string, ...argv: string[]): Promise<boolean> => (await runCommand(name, argv, env)).exitCode === 0;
  await until(() => works('producerConnection', '-g', 'OrderPaidProducer', '-t', 'OrderPaid'), 30_000);
  await until(() => works('consumerProgress', '-g', 'OrderPaidGroup', '-t', 'OrderPaid'), 30_000);
});

afterAll(async () => {
  await Promise.all([producer.shutdown(), consumer.shutdown()]);
  vi.unstubAllEnvs();
  await sandbox.stop();
  await other.stop();
});

/** The words of an example, with the addresses and ids of this cluster. */
function wordsOf(example: string, isForOthers: boolean): string[] {
  const here = example
    .replaceAll('127.0.0.1:9876', isForOthers ? other.namesrv.addr : sandbox.namesrvAddr)
    .replace('127.0.0.1:9878', other.controller.addr)
    .replace('127.0.0.1:10911', isForOthers ? other.masterA.addr : sandbox.brokerAddr)
    .replace('127.0.0.1:20911', other.masterB.addr)
    .replace('topics.json', TOPICS_FILE)
    .replace('lines.txt', LINES_FILE)
    .replace('groups.json', GROUPS_FILE)
    .replace('undo.json', UNDO_FILE)
    .replace('cluster.yaml', CLUSTER_FILE)
    .replace('/var/tmp', sandbox.dir)
    .replace('7F00000100002A9F0000000000000000', ids.offsetMsgId)
    .replace('7F0000010001000000000000000000A1', ids.msgId);
  return Array.from(here.matchAll(/"([^"]*)"|(\S+)/g), (match) => match[1] ?? match[2] ?? '');
}

/** Exit codes of findings. */
const HEALTH_EXIT_CODES: Readonly<Record<string, readonly number[]>> = { check: [1, 2, 3], doctor: [8, 9] };

/** Options beside which an example is not run with --json as well. */
const SHOWN_OTHERWISE = ['--output', '--rounds', '--watch', '--follow'];

// What deletes comes last.
const order = [...commandNames].sort((a, b) => Number(a.startsWith('delete')) - Number(b.startsWith('delete')));

describe.each(order)('%s', (name) => {
  it('has a summary and examples that work', async () => {
    const { summary, examples, options } = await specOf(name);
    const isRead = options.outputSchema !== undefined && options.dryRun === undefined;
    expect(summary).not.toBe('');
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const [bin, command, ...argv] = wordsOf(example, FOR_OTHER_CLUSTERS.has(name) || name === 'remappingStaticTopic');
      expect([bin, command]).toEqual(['mqadmin', name]);
      const env = {
        XDG_STATE_HOME: sandbox.dir,
        MQADMIN_AUDIT: '',
        MQKIT_CONTEXTS: join(sandbox.dir, 'contexts.json'),
      };
      const run = await runCommand(name, argv, env);
      // Commands of health answer by their exit code how the machine of the tests is.
      expect({ example, ...run }).toMatchObject({ example, exitCode: HEALTH_EXIT_CODES[name] === undefined ? 0 : expect.any(Number) });
      expect([0, ...(HEALTH_EXIT_CODES[name] ?? [])]).toContain(run.exitCode);
      // What sends messages says on stderr how many.
      expect(name === 'produce' ? run.stdout + run.stderr : run.stdout).not.toBe('');
      if (argv.includes('--json')) {
        expect(() => JSON.parse(run.stdout)).not.toThrow();
      } else if (isRead && name !== 'tail' && !SHOWN_OTHERWISE.some((option) => argv.includes(option))) {
        // What is read is shown as JSON, too; runCommand checks it against the command's schema.
        await runCommand(name, [...argv, '--json'], env);
      }
    }
  });
});
