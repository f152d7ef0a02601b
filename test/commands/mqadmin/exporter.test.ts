import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient } from '../../../src/client/admin/admin-client.js';
import { type ClusterSample, ClusterSampler } from '../../../src/client/admin/cluster-sample.js';
import { nameFilter } from '../../../src/client/admin/name-filter.js';
import { CLUSTER_METRICS, EXPORTER_METRICS, exposition } from '../../../src/commands/mqadmin/exporter-metrics.js';
import { Exporter } from '../../../src/commands/mqadmin/exporter-server.js';
import type { Clock } from '../../../src/common/clock.js';
import { encodeConsumeStats } from '../../../src/remoting/bodies/consume-stats.js';
import { encodeClusterInfo } from '../../../src/remoting/bodies/route.js';
import { encodeSubscriptionGroupWrapper, newSubscriptionGroupConfig } from '../../../src/remoting/bodies/subscription-group.js';
import { encodeKVTable, encodeTopicConfigWrapper, encodeTopicStatsTable, newTopicConfig } from '../../../src/remoting/bodies/topic.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { RemotingServer } from '../../../src/remoting/server.js';
import { RawServer } from '../../raw-server.js';
import { launch, type Sandbox, startSandbox, until } from '../../sandbox.js';
import { parseExposition, type Series, sum, theValue } from './prometheus-text.js';
import { runCommand } from './run-command.js';

const HOST = '127.0.0.1';
/** A silent broker costs the round that has it so long. */
const LIMIT_MS = 1_500;

let sandbox: Sandbox;
let env: NodeJS.ProcessEnv;

async function json<R>(name: string, ...argv: string[]): Promise<R> {
  const run = await runCommand(name, [...argv, '--json'], env);
  expect(run).toMatchObject({ exitCode: 0 });
  return JSON.parse(run.stdout) as R;
}

async function exported(...argv: string[]): Promise<Series[]> {
  const run = await runCommand('exporter', ['--once', ...argv], env);
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  return parseExposition(run.stdout);
}

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 2 });
  env = { NAMESRV_ADDR: sandbox.namesrvAddr };
  const run = async (name: string, ...argv: string[]): Promise<void> =>
    expect(await runCommand(name, argv, env)).toMatchObject({ exitCode: 0 });
  await run('updateTopic', '-c', 'DefaultCluster', '-t', 'OrderPaid', '-r', '2', '-w', '2');
  await run('updateTopic', '-c', 'DefaultCluster', '-t', 'Empty', '-r', '1', '-w', '1');
  await run('updateSubGroup', '-c', 'DefaultCluster', '-g', 'OrderGroup');
  for (const [brokerName, queueId] of [
    ['broker-a', '0'],
    ['broker-a', '0'],
    ['broker-a', '1'],
    ['broker-b', '1'],
    ['broker-b', '1'],
  ] as const) {
    await run('sendMessage', '-t', 'OrderPaid', '-p', 'paid', '-b', brokerName, '-i', queueId);
  }
  const admin = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
  for (const { address } of sandbox.brokers) {
    const extFields = { consumerGroup: 'OrderGroup', topic: 'OrderPaid', queueId: '1', commitOffset: '1' };
    await admin.ask(address, { code: RequestCode.UPDATE_CONSUMER_OFFSET, extFields });
  }
  await admin.close();
});

afterAll(() => sandbox.stop());

describe('the metrics', () => {
  it('are in the text format, and say what the other commands say', async () => {
    const series = await exported();
    const progress = await json<{ diffTotal: number; queues: { brokerName: string; diff: number }[] }>(
      'consumerProgress',
      '-g',
      'OrderGroup',
    );
    const lag = { name: 'rocketmq_consumer_lag_messages', consumer_group: 'OrderGroup' };
    expect(sum(series, lag)).toBe(progress.diffTotal);
    for (const node_id of ['broker-a', 'broker-b']) {
      const its = progress.queues.filter(({ brokerName }) => brokerName === node_id);
      expect(sum(series, { ...lag, node_id })).toBe(its.reduce((total, { diff }) => total + diff, 0));
    }
    const { queues } = await json<{ queues: { maxOffset: number }[] }>('topicStatus', '-t', 'OrderPaid');
    const messages = { name: 'rocketmq_messages_in_total', topic: 'OrderPaid' };
    expect(sum(series, messages)).toBe(queues.reduce((total, { maxOffset }) => total + maxOffset, 0));
    const { brokers } = await json<{ brokers: { runtimeInfo: Record<string, string> }[] }>('brokerStatus', '-c', 'DefaultCluster');
    for (const [i, node_id] of ['broker-a', 'broker-b'].entries()) {
      const end = { name: 'rocketmq_brokeruntime_commitlog_maxoffset', cluster: 'DefaultCluster', node_type: 'broker', node_id };
      expect(theValue(series, end)).toBe(Number(brokers[i]?.runtimeInfo.commitLogMaxOffset));
      expect(theValue(series, { name: 'rocketmq_broker_up', node_id })).toBe(1);
      expect(theValue(series, { name: 'rocketmq_broker_permission', node_id })).toBe(6);
    }
    expect(
      theValue(series, { name: 'rocketmq_consumer_lag_latency_milliseconds', consumer_group: 'OrderGroup', node_id: 'broker-a' }),
    ).toBeGreaterThan(0);
    expect(theValue(series, { name: 'rocketmq_namesrv_up', node_id: sandbox.namesrvAddr })).toBe(1);
  });

  it('are 0 for what is empty and absent for what is unknown', async () => {
    const series = await exported('--topics', 'Empty');
    expect(theValue(series, { name: 'rocketmq_messages_in_total', topic: 'Empty', node_id: 'broker-a' })).toBe(0);
    expect(series.filter(({ name }) => name === 'rocketmq_topic_last_message_timestamp_seconds')).toEqual([]);
    expect(theValue(series, { name: 'rocketmq_consumer_connections', consumer_group: 'OrderGroup', node_id: 'broker-a' })).toBe(0);
  });

  it('are of the topics and groups that were asked for', async () => {
    const names = (series: readonly Series[], label: string): string[] =>
      [...new Set(series.flatMap(({ labels }) => labels[label] ?? []))].sort();
    const plain = await exported('--exclude-system');
    expect(names(plain, 'topic')).toEqual(['Empty', 'OrderPaid']);
    expect(names(plain, 'consumer_group')).toEqual(['OrderGroup']);
    expect(names(await exported('--topics', 'Order*,X', '--groups', 'Or?erGroup'), 'topic')).toEqual(['OrderPaid']);
    expect(names(await exported('--groups', 'Nobody'), 'consumer_group')).toEqual([]);
    expect(names(await exported(), 'consumer_group')).toContain('TOOLS_CONSUMER');
  });

  it('are JSON of the brokers when that is asked for', async () => {
    const sample = await json<ClusterSample>('exporter', '--once', '--groups', 'OrderGroup');
    expect(sample.brokers.map(({ brokerName, facts }) => [brokerName, facts?.groups.map(({ consumerGroup }) => consumerGroup)])).toEqual([
      ['broker-a', ['OrderGroup']],
      ['broker-b', ['OrderGroup']],
    ]);
  });

  it('have a row for each broker where rows are asked for', async () => {
    const rows = async (format: string): Promise<string> =>
      (await runCommand('exporter', ['--once', '--groups', 'OrderGroup', '--output', format], env)).stdout;
    expect(await rows('name')).toBe('broker-a\nbroker-b\n');
    expect(await rows('csv')).toMatch(/^[^\n]*brokerName/);
  });

  it('are those of docs/exporter.md', () => {
    const page = readFileSync(new URL('../../../docs/exporter.md', import.meta.url), 'utf8');
    const rows = page.split('\n').filter((line) => line.startsWith('| `'));
    const expected = [...CLUSTER_METRICS, ...EXPORTER_METRICS].map(
      ({ name, type, origin, labels, help }) => `| \`${name}\` | ${type} | ${origin} | ${labels.join(', ')} | ${help} |`,
    );
    expect(rows).toEqual(expected);
  });
});

describe('a cluster with brokers that do not answer', () => {
  const silent = new RawServer();
  let namesrv: RemotingServer;
  let namesrvAddr = '';

  beforeAll(async () => {
    await silent.listen();
    namesrv = new RemotingServer({ bindAddress: HOST, listenPort: 0 });
    const addrs = { 'broker-a': sandbox.brokerAddr, 'broker-dead': `${HOST}:1`, 'broker-silent': silent.addr };
    const body = encodeClusterInfo({
      clusterAddrTable: new Map([['DefaultCluster', Object.keys(addrs)]]),
      brokerAddrTable: new Map(
        Object.entries(addrs).map(([brokerName, addr]) => [
          brokerName,
          { cluster: 'DefaultCluster', brokerName, brokerAddrs: new Map([[0, addr]]), enableActingMaster: false },
        ]),
      ),
    });
    namesrv.register(RequestCode.GET_BROKER_CLUSTER_INFO, (connection, request) => {
      connection.respond(request, ResponseCode.SUCCESS, null, null, body);
    });
    namesrvAddr = `${HOST}:${(await namesrv.listen()).listenPort}`;
  });

  afterAll(async () => {
    await Promise.all([silent.close(), namesrv.close()]);
  });

  it('has the values of the others, and of those only that they are down; a name server that is gone does no harm', async () => {
    const admin = new AdminClient({ namesrvAddr });
    const wants = { ...nameFilter({}), topics: true, groups: true, clients: true, lagTimes: true, pullOffsets: true };
    // A machine with other work may need longer for the broker that does answer.
    let limitMs = LIMIT_MS;
    let sampler = new ClusterSampler(admin, { wants, limitMs });
    let sample = await sampler.sample();
    while (sample.brokers[0]?.facts === null && limitMs < 20_000) {
      limitMs *= 2;
      sampler = new ClusterSampler(admin, { wants, limitMs });
      sample = await sampler.sample();
    }
    await Promise.all([namesrv.close(), silent.close()]);
    const later = await sampler.sample();
    await admin.close();
    for (const [round, isNamesrvUp] of [
      [sample, 1],
      [later, 0],
    ] as const) {
      const { text } = await exposition(round, { gathers: 1, scrapes: 1, errors: 0, version: '0' });
      const series = parseExposition(text);
      const up = series.filter(({ name }) => name === 'rocketmq_broker_up').map(({ labels, value }) => [labels.node_id, value]);
      expect(up).toEqual([
        ['broker-a', 1],
        ['broker-dead', 0],
        ['broker-silent', 0],
      ]);
      const ofDown = series.filter(({ labels }) => labels.node_id === 'broker-dead' || labels.node_id === 'broker-silent');
      expect([...new Set(ofDown.map(({ name }) => name))].sort()).toEqual([
        'mqadmin_exporter_broker_duration_seconds',
        'rocketmq_broker_up',
      ]);
      expect(theValue(series, { name: 'rocketmq_namesrv_up' })).toBe(isNamesrvUp);
      expect(sum(series, { name: 'rocketmq_messages_in_total', topic: 'OrderPaid' })).toBe(3);
    }
    expect(sample.brokers.map(({ reason }) => reason)).toEqual([
      undefined,
      expect.stringContaining(':1'),
      expect.stringContaining('127.0.0.1'),
    ]);
  }, 120_000);
});

it('a broker gets at most 16 requests at once', async () => {
  const count = 60;
  const names = Array.from({ length: count }, (_, i) => `Name${i}`);
  let port = 0;
  let underWay = 0;
  let most = 0;
  const node = new RemotingServer({ bindAddress: HOST, listenPort: 0 });
  const answer = (code: number, body: () => Buffer): void =>
    node.register(code, (connection, request) => {
      most = Math.max(most, ++underWay);
      // So long that the exporter has time to ask as often as it may.
      setTimeout(() => {
        underWay--;
        connection.respond(request, ResponseCode.SUCCESS, null, null, body());
      }, 20);
    });
  const dataVersion = { stateVersion: 0, timestamp: 0, counter: 0 };
  answer(RequestCode.GET_BROKER_CLUSTER_INFO, () =>
    encodeClusterInfo({
      clusterAddrTable: new Map([['C', ['b']]]),
      brokerAddrTable: new Map([
        ['b', { cluster: 'C', brokerName: 'b', brokerAddrs: new Map([[0, `${HOST}:${port}`]]), enableActingMaster: false }],
      ]),
    }),
  );
  answer(RequestCode.GET_BROKER_RUNTIME_INFO, () => encodeKVTable({ table: new Map() }));
  answer(RequestCode.GET_BROKER_CONFIG, () => Buffer.from('brokerPermission=6\n'));
  answer(RequestCode.GET_ALL_TOPIC_CONFIG, () =>
    encodeTopicConfigWrapper({ topicConfigTable: new Map(names.map((name) => [name, newTopicConfig(name)])), dataVersion }),
  );
  answer(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, () =>
    encodeSubscriptionGroupWrapper({
      subscriptionGroupTable: new Map(names.map((name) => [name, newSubscriptionGroupConfig(name)])),
      forbiddenTable: {},
      dataVersion,
    }),
  );
  answer(RequestCode.GET_TOPIC_STATS_INFO, () => encodeTopicStatsTable({ offsetTable: [] }));
  answer(RequestCode.GET_CONSUME_STATS, () => encodeConsumeStats({ offsetTable: [], consumeTps: 0 }));
  port = (await node.listen()).listenPort;
  const admin = new AdminClient({ namesrvAddr: `${HOST}:${port}` });
  const wants = { ...nameFilter({}), topics: true, groups: true, clients: true, lagTimes: true, pullOffsets: true };
  const { brokers } = await new ClusterSampler(admin, { wants, limitMs: 20_000 }).sample();
  await Promise.all([admin.close(), node.close()]);
  expect(brokers[0]?.facts).toMatchObject({ topicCount: count, groupCount: count, producers: null });
  expect(brokers[0]?.facts?.groups).toHaveLength(count);
  // This node answers nothing about clients, which is no reason to be down.
  expect(brokers[0]?.facts?.groups[0]).toMatchObject({ clients: null });
  expect(most).toBe(16);
});

describe('scrapes', () => {
  const empty: ClusterSample = { time: 1, atMs: 1, tookMs: 1, namesrvs: [], brokers: [] };

  function exporterOf(clock: Clock, gather: () => Promise<ClusterSample>, notes: string[] = []): Exporter {
    return new Exporter({ gather, cacheMs: 1000, warnSeries: 1, version: '0', note: (text) => notes.push(text), clock });
  }

  it('at the same time share a round, and those soon after it too', async () => {
    let nowMs = 0;
    const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, monotonicNs: () => 0n };
    const waiting: ((sample: ClusterSample) => void)[] = [];
    const exporter = exporterOf(clock, () => new Promise((resolve) => waiting.push(resolve)));
    const answers = [exporter.metrics(), exporter.metrics(), exporter.metrics()];
    expect(waiting).toHaveLength(1);
    waiting[0]?.(empty);
    await Promise.all(answers);
    nowMs = 999;
    await exporter.metrics();
    expect(waiting).toHaveLength(1);
    nowMs = 1000;
    const next = exporter.metrics();
    expect(waiting).toHaveLength(2);
    waiting[1]?.(empty);
    expect((await next).text).toContain('mqadmin_exporter_scrapes_total 5');
  });

  it('warn of many values once, and again when they have doubled', async () => {
    let nowMs = 0;
    const notes: string[] = [];
    const namesrvs = (count: number): ClusterSample['namesrvs'] =>
      Array.from({ length: count }, (_, i) => ({ addr: `n:${i}`, isUp: true }));
    const counts = [2, 3, 5];
    const clock = { nowMs: () => 0, monotonicMs: () => (nowMs += 2000), monotonicNs: () => 0n };
    const exporter = exporterOf(clock, async () => ({ ...empty, namesrvs: namesrvs(counts.shift() ?? 0) }), notes);
    await exporter.metrics();
    await exporter.metrics();
    await exporter.metrics();
    expect(notes).toEqual([expect.stringMatching(/^2 values/), expect.stringMatching(/^5 values/)]);
  });
});

it('serves until SIGTERM, with the address that it says', async () => {
  const args = ['exporter', '-n', sandbox.namesrvAddr, '--listen', `${HOST}:0`, '--exclude-system'];
  const node = launch('mqadmin', args, { dir: sandbox.dir });
  await until(() => /serving http:\S+\n/.test(node.output()) || node.process.exitCode !== null, 60_000);
  const url = /serving (http:\S+)\n/.exec(node.output())?.[1] ?? node.output();
  const answer = await fetch(url);
  expect(answer.headers.get('content-type')).toContain('version=0.0.4');
  expect(theValue(parseExposition(await answer.text()), { name: 'rocketmq_broker_up', node_id: 'broker-a' })).toBe(1);
  const status = async (path: string, method = 'GET'): Promise<number> => (await fetch(new URL(path, url), { method })).status;
  expect([await status('/healthz'), await status('/-/healthy'), await status('/nothing'), await status('/metrics', 'POST')]).toEqual([
    200, 200, 404, 405,
  ]);
  expect(await node.stop()).toBe(0);
  expect(node.output()).toContain('served 1 scrapes');
});
