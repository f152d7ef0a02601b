/* Static topics of 5.3 and access configurations of 4.9, which the bundled nodes do not have: our tool beside Apache's, on Apache's brokers. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apache, type ClientDriver, javaClient, runLauncher } from '../peers/index.js';
import { until } from '../sandbox.js';
import { type Outcome, runAll, type Tool } from './mqadmin-tools.js';
import { interop } from './support.js';

interop('static topics of two brokers', 'java', () => {
  const cleanups: (() => unknown)[] = [];
  let cluster: apache.ApacheCluster;
  let java: ClientDriver;

  beforeAll(async () => {
    cluster = await apache.startCluster({ version: '5.3.3' });
    cleanups.push(() => cluster.stop());
    const { namesrvAddr } = cluster;
    const second = await apache.startBroker({ version: '5.3.3', namesrvAddr, config: { brokerName: 'broker-b' } });
    cleanups.push(() => second.stop());
    java = await javaClient('5.3.3');
    cleanups.push(() => java.close());
    await until(async () => (await ours('clusterList')).stdout.includes('broker-b'), 30_000);
  });
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  const ours = (...args: string[]) => runLauncher('mqadmin', args, { namesrvAddr: cluster.namesrvAddr });
  const theirs = (...args: string[]) => java.mqadmin(cluster.namesrvAddr, args);
  const removeFiles = (stdout: string): number => {
    const files = Array.from(stdout.matchAll(/written to file (\S+)/g), (match) => match[1] ?? '');
    for (const file of files) rmSync(file, { force: true });
    return files.length;
  };
  /** The logical queues, as Apache's tool sees the topic. */
  const logicalQueues = async (topic: string): Promise<string[]> => {
    const { stdout } = await theirs('topicStatus', '-t', topic);
    const rows = (text: string): string[] =>
      text
        .trimEnd()
        .split(/\r?\n/)
        .map((line) => line.trimEnd());
    expect(rows((await ours('topicStatus', '-t', topic)).stdout)).toEqual(rows(stdout));
    return Array.from(stdout.matchAll(/^(__syslo__\S+) +(\d+) +\d+ +\d+/gm), (match) => `${match[1]} ${match[2]}`).sort();
  };

  it('a topic that one tool made is widened by the other, and moved by both', async () => {
    expect(removeFiles((await ours('updateStaticTopic', '-t', 'Static', '-qn', '2', '-c', 'DefaultCluster')).stdout)).toBe(2);
    expect(removeFiles((await theirs('updateStaticTopic', '-t', 'Static', '-qn', '4', '-c', 'DefaultCluster')).stdout)).toBe(2);
    const widened = await ours('updateStaticTopic', '-t', 'Static', '-qn', '6', '-b', 'broker-a,broker-b');
    expect(widened.stderr).toBe('');
    expect(removeFiles(widened.stdout)).toBe(2);
    const six = [0, 1, 2, 3, 4, 5].map((queueId) => `__syslo__global__ ${queueId}`);
    expect(await logicalQueues('Static')).toEqual(six);
    const moved = await ours('remappingStaticTopic', '-t', 'Static', '-b', 'broker-a');
    expect(moved.stderr).toBe('');
    expect(removeFiles(moved.stdout)).toBe(2);
    expect(await logicalQueues('Static')).toEqual(six);
    const back = await theirs('remappingStaticTopic', '-t', 'Static', '-b', 'broker-a,broker-b');
    expect(back.stderr).not.toContain('Exception');
    expect(removeFiles(back.stdout)).toBe(2);
    const plan = JSON.parse((await ours('remappingStaticTopic', '-t', 'Static', '-b', 'broker-a,broker-b', '--dry-run', '--json')).stdout);
    expect(plan).toMatchObject({ totalQueues: 6, moves: [], brokers: { 'broker-a': 3, 'broker-b': 3 } });
  });
});

interop('access configurations of 4.9.7', 'java', () => {
  const cleanups: (() => unknown)[] = [];
  let broker: apache.ApacheBroker;
  let java: ClientDriver;
  let namesrvAddr: string;

  beforeAll(async () => {
    const dir = mkdtempSync(join(tmpdir(), 'mqkit-others-'));
    cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
    mkdirSync(join(dir, 'conf', 'acl'), { recursive: true });
    writeFileSync(
      join(dir, 'conf', 'plain_acl.yml'),
      'globalWhiteRemoteAddresses:\n- 127.0.0.1\naccounts:\n- accessKey: RocketMQ\n  secretKey: 12345678\n  admin: true\n',
    );
    const namesrv = await apache.startNamesrv({ version: '4.9.7' });
    cleanups.push(() => namesrv.stop());
    namesrvAddr = namesrv.address;
    broker = await apache.startBroker({ version: '4.9.7', namesrvAddr, dir, config: { aclEnable: true } });
    cleanups.push(() => broker.stop());
    java = await javaClient('4.9.7');
    cleanups.push(() => java.close());
  });
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  it('both tools print the same, but for the object behind a change', async () => {
    const ours: Tool = (args) => runLauncher('mqadmin', args, { namesrvAddr });
    const theirs: Tool = (args) => java.mqadmin(namesrvAddr, args);
    const steps = [
      'updateAclConfig -b %addr -a Account%mark -s secret%mark -t topicA=DENY,topicB=PUB -i DENY -u SUB -m false',
      'updateGlobalWhiteAddr -b %addr -g 127.0.0.1,10.10.*.*',
      'getAclConfig -b %addr',
      'clusterAclConfigVersion -b %addr',
      'deleteAclConfig -b %addr -a Account%mark',
      'deleteAclConfig -b %addr -a NoSuch%mark',
    ];
    const target = { namesrvAddr, broker };
    const shape = (list: Outcome[]): unknown =>
      list.map(({ lines, failed }) => ({
        failed,
        lines: lines
          .map((line) => line.replace(/.*PlainAccessConfig.*/, 'OBJECT').replace(/ \d+ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, ' N TIME'))
          .map((line) => line.replace(/\S*plain_acl\.yml/, 'FILE'))
          .sort(),
      }));
    const java49 = await runAll(theirs, steps, { target, mark: 'JT' });
    const mqkit = await runAll(ours, steps, { target, mark: 'OT' });
    expect(shape(mqkit)).toEqual(shape(java49));
    expect(mqkit[2]?.lines).toContain(' accessKey : Account');
    expect(mqkit[2]?.lines).toContain(' topicPerms : [topicA=DENY, topicB=PUB]');
  });
});
