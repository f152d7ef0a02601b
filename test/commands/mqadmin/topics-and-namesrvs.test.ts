/* Commands of topics, name servers and clusters: what they change, what they leave alone, and what --dry-run does. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestCode } from '../../../src/remoting/codes.js';
import { RawClient } from '../../broker/kit.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { GROUPS_FILE, TOPICS_FILE } from './arguments.js';
import { type CommandRun, runCommand } from './run-command.js';

let sandbox: Sandbox;
let brokerA = '';
let brokerB = '';

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 2 });
  [brokerA = '', brokerB = ''] = sandbox.brokers.map((broker) => broker.address);
}, 120_000);

afterAll(() => sandbox.stop());

function run(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr });
}

async function json<T>(name: string, ...argv: string[]): Promise<T> {
  const done = await run(name, ...argv, '--json');
  expect(done).toMatchObject({ exitCode: 0 });
  return JSON.parse(done.stdout) as T;
}

interface QueueData {
  brokerName: string;
  readQueueNums: number;
  writeQueueNums: number;
  perm: number;
}

async function queuesOf(topic: string): Promise<QueueData[]> {
  const { queueDatas } = await json<{ queueDatas: QueueData[] }>('topicRoute', '-t', topic);
  return queueDatas.sort((a, b) => (a.brokerName < b.brokerName ? -1 : 1));
}

describe('updateTopicPerm', () => {
  beforeAll(async () => {
    await run('updateTopic', '-b', brokerA, '-t', 'Perms', '-r', '2', '-w', '1', '-a', '+message.type=FIFO');
    await run('updateTopic', '-b', brokerB, '-t', 'Perms', '-r', '5', '-w', '5');
  });

  it('changes the permission on every broker, and nothing else', async () => {
    const done = await run('updateTopicPerm', '-c', 'DefaultCluster', '-t', 'Perms', '-p', '4');
    expect(done).toEqual({
      stdout: `update topic perm from 6 to 4 in ${brokerA} success.\nupdate topic perm from 6 to 4 in ${brokerB} success.\n`,
      stderr: '',
      exitCode: 0,
    });
    expect(await queuesOf('Perms')).toMatchObject([
      { brokerName: 'broker-a', readQueueNums: 2, writeQueueNums: 1, perm: 4 },
      { brokerName: 'broker-b', readQueueNums: 5, writeQueueNums: 5, perm: 4 },
    ]);
    expect(sandbox.brokers[0]?.parts.topics.config('Perms')?.attributes).toEqual({ 'message.type': 'FIFO' });
  });

  it('says when there is nothing to change, and --dry-run changes nothing', async () => {
    expect((await run('updateTopicPerm', '-b', brokerA, '-t', 'Perms', '-p', '4')).stdout).toBe('new perm equals to the old one!\n');
    const plan = await run('updateTopicPerm', '-b', brokerA, '-t', 'Perms', '-p', '6', '--dry-run');
    expect(plan.stdout).toBe(`dry run: would update topic perm from 4 to 6 in ${brokerA}\n`);
    expect((await queuesOf('Perms'))[0]?.perm).toBe(4);
  });

  it('names the masters of the topic when the address is none', async () => {
    const done = await run('updateTopicPerm', '-b', '127.0.0.1:9', '-t', 'Perms', '-p', '6');
    expect(done).toMatchObject({ stdout: '', exitCode: 4 });
    expect(done.stderr).toContain(brokerA);
  });
});

describe('updateTopicList', () => {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-topics-'));

  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('creates all topics of the file on all masters', async () => {
    const plan = await run('updateTopicList', '-c', 'DefaultCluster', '-f', TOPICS_FILE, '--dry-run');
    expect(plan.stdout).toContain(`dry run: would submit 2 topics to ${brokerA}: BatchTopic1, BatchTopic2\n`);
    expect((await run('topicRoute', '-t', 'BatchTopic1')).exitCode).toBe(4);
    expect(await run('updateTopicList', '-c', 'DefaultCluster', '-f', TOPICS_FILE)).toMatchObject({ stderr: '', exitCode: 0 });
    expect(await queuesOf('BatchTopic2')).toMatchObject([{ readQueueNums: 3 }, { readQueueNums: 3 }]);
  });

  it.each([
    ['no JSON', '[{]', /is not a JSON array of topics/],
    ['an object', '{"topicName":"T"}', /it is no array/],
    ['an array of words', '["T"]', /"T" is no topic/],
    ['no topic', '[]', /the list of topics is empty/],
    ['an illegal name', '[{"topicName":"a b"}]', /topic "a b" cannot be used/],
  ])('refuses a file with %s', async (_, text, reason) => {
    const path = join(dir, 'topics.json');
    writeFileSync(path, text);
    const done = await run('updateTopicList', '-b', brokerA, '-f', path);
    expect(done).toMatchObject({ stdout: '', exitCode: 2 });
    expect(done.stderr).toMatch(reason);
  });
});

it('updateSubGroupList creates all groups of the file on all masters', async () => {
  const group = (name: string) => sandbox.brokers.map((broker) => broker.parts.groups.peek(name)?.retryMaxTimes);
  const plan = await run('updateSubGroupList', '-b', brokerB, '-f', GROUPS_FILE, '--dry-run');
  expect(plan.stdout).toBe(`dry run: would submit 2 groups to ${brokerB}: BatchGroup1, BatchGroup2\n`);
  expect(group('BatchGroup2')).toEqual([undefined, undefined]);
  expect(await run('updateSubGroupList', '-c', 'DefaultCluster', '-f', GROUPS_FILE)).toMatchObject({ stderr: '', exitCode: 0 });
  expect([group('BatchGroup1'), group('BatchGroup2')]).toEqual([
    [16, 16],
    [3, 3],
  ]);
  expect(await run('updateSubGroupList', '-b', brokerA, '-f', TOPICS_FILE)).toMatchObject({ stdout: '', exitCode: 2 });
});

it('topicClusterList names the clusters of the brokers that serve the topic', async () => {
  await run('updateTopic', '-b', brokerB, '-t', 'OnB');
  expect(await run('topicClusterList', '-t', 'OnB')).toEqual({ stdout: 'DefaultCluster\n', stderr: '', exitCode: 0 });
  expect(await run('topicClusterList', '-t', 'NoSuchTopic')).toMatchObject({ stdout: '', exitCode: 4 });
});

it('updateOrderConf writes, reads and deletes; only what is meant is changed', async () => {
  const set = ['-t', 'Ordered', '-v', 'broker-a:3;broker-b:2'];
  const plan = await run('updateOrderConf', '-m', 'put', ...set, '--dry-run');
  expect(plan.stdout).toMatch(/^dry run: would put orderConf on \S+\. topic=\[Ordered\], orderConf=\[broker-a:3;broker-b:2\]\n$/);
  expect(await run('updateOrderConf', '-m', 'get', '-t', 'Ordered')).toMatchObject({ stdout: '', exitCode: 4 });
  expect(await run('updateOrderConf', '-m', 'put', ...set)).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await json('updateOrderConf', '-m', 'get', '-t', 'Ordered')).toMatchObject({ orderConf: 'broker-a:3;broker-b:2' });
  expect(await run('updateOrderConf', '-m', 'delete', '-t', 'Ordered')).toMatchObject({ stderr: '', exitCode: 0 });
  expect((await run('updateOrderConf', '-m', 'delete', '-t', 'Ordered')).stderr).toBe('topic Ordered had no order configuration\n');
  expect(await run('updateOrderConf', '-m', 'put', '-t', 'Ordered', '-v', 'broker-a')).toMatchObject({ stdout: '', exitCode: 2 });
});

it('updateKvConfig and deleteKvConfig change nothing with --dry-run', async () => {
  const entry = ['-s', 'NS', '-k', 'colour'];
  await run('updateKvConfig', ...entry, '-v', 'red', '--dry-run');
  expect((await run('deleteKvConfig', ...entry)).stderr).toBe('colour of namespace NS was not known to any name server\n');
  await run('updateKvConfig', ...entry, '-v', 'red');
  expect((await run('deleteKvConfig', ...entry, '--dry-run')).stdout).toMatch(/^dry run: would delete colour of namespace NS on \S+\n$/);
  expect(await run('deleteKvConfig', ...entry)).toEqual({ stdout: 'delete kv config from namespace success.\n', stderr: '', exitCode: 0 });
});

describe('the write permission of a broker', () => {
  it('is taken from all its topics and given back', async () => {
    await run('updateTopic', '-c', 'DefaultCluster', '-t', 'Wiped', '-r', '1', '-w', '1');
    const perms = async (): Promise<number[]> => (await queuesOf('Wiped')).map(({ perm }) => perm);
    const plan = await run('wipeWritePerm', '-b', 'broker-b', '--dry-run');
    expect(plan.stdout).toBe(`dry run: would wipe write perm of broker[broker-b] in name server[${sandbox.namesrvAddr}]\n`);
    expect(await perms()).toEqual([6, 6]);
    const { namesrvs } = await json<{ namesrvs: { topicCount: number }[] }>('wipeWritePerm', '-b', 'broker-b');
    expect(namesrvs[0]?.topicCount).toBeGreaterThan(5);
    expect(await perms()).toEqual([6, 4]);
    expect(await run('addWritePerm', '-b', 'broker-b')).toMatchObject({ stderr: '', exitCode: 0 });
    expect(await perms()).toEqual([6, 6]);
  });

  it.each(['wipeWritePerm', 'addWritePerm'])('is nothing that %s changes for an address or an unknown name', async (name) => {
    const done = await run(name, '-b', brokerB);
    expect(done).toMatchObject({ exitCode: 4 });
    expect(done.stderr).toContain('nothing was changed');
  });
});

describe('the configuration of name servers', () => {
  it('is printed and changed, and read back', async () => {
    expect((await run('getNamesrvConfig')).stdout).toMatch(
      new RegExp(`^============${sandbox.namesrvAddr}============\\n[\\s\\S]*^orderMessageEnable {32}= {2}(true|false)$`, 'm'),
    );
    const current = async (): Promise<string | undefined> =>
      (await json<{ namesrvs: { config: Record<string, string> }[] }>('getNamesrvConfig')).namesrvs[0]?.config.orderMessageEnable;
    const next = (await current()) === 'true' ? 'false' : 'true';
    const words = ['-k', 'orderMessageEnable', '-v', next];
    expect((await run('updateNamesrvConfig', ...words, '--dry-run')).stdout).toBe(
      `dry run: would set orderMessageEnable=${next} on ${sandbox.namesrvAddr}\n`,
    );
    expect(await current()).not.toBe(next);
    expect(await run('updateNamesrvConfig', ...words)).toMatchObject({
      stdout: `update name server config success![${sandbox.namesrvAddr}]\norderMessageEnable : ${next}\n`,
      exitCode: 0,
    });
    expect(await current()).toBe(next);
  });

  it('has no key that a name server does not list', async () => {
    const done = await run('updateNamesrvConfig', '-k', 'orderMesageEnable', '-v', 'true');
    expect(done).toMatchObject({ stdout: '', exitCode: 4 });
    expect(done.stderr).toContain('did you mean orderMessageEnable?');
  });
});

it('brokerConsumeStats counts what each group has to go on the broker', async () => {
  await run('updateTopic', '-b', brokerA, '-t', 'Lagging', '-r', '1', '-w', '1');
  await run('updateSubGroup', '-b', brokerA, '-g', 'Laggard');
  const raw = new RawClient(brokerA);
  try {
    for (let i = 0; i < 7; i++) {
      await raw.send({ topic: 'Lagging' });
    }
    const commit = { consumerGroup: 'Laggard', topic: 'Lagging', queueId: '0', commitOffset: '2' };
    await raw.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, commit);
  } finally {
    await raw.close();
  }
  const row = { topic: 'Lagging', consumerGroup: 'Laggard', queueId: 0, brokerOffset: 7, consumerOffset: 2, diff: 5 };
  expect(await json('brokerConsumeStats', '-b', brokerA, '-l', '1')).toMatchObject({ rows: [row], diffTotal: 5 });
  expect(await json('brokerConsumeStats', '-b', brokerA, '-l', '6')).toMatchObject({ rows: [], diffTotal: 5 });
  expect(await json('brokerConsumeStats', '-b', brokerA, '-o', 'true')).toMatchObject({ rows: [], diffTotal: 0 });
  expect(await json('brokerConsumeStats', '-b', brokerB, '-l', '1')).toMatchObject({ rows: [], diffTotal: 0 });
});

it('producer lists the clients of every group', async () => {
  const raw = new RawClient(brokerA);
  try {
    await raw.heartbeat({ clientId: 'c1', producerGroup: 'Makers' });
    const { groups } = await json<{ groups: { producerGroup: string; instances: { clientId: string; version: number }[] }[] }>(
      'producer',
      '-b',
      brokerA,
    );
    expect(groups.find(({ producerGroup }) => producerGroup === 'Makers')?.instances).toMatchObject([
      { clientId: 'c1', language: 'OTHER' },
    ]);
  } finally {
    await raw.close();
  }
});

describe('clusterRT', () => {
  it('sends to every broker of the cluster and prints a row for each', async () => {
    const done = await run('clusterRT', '-a', '3', '-i', '0', '--rounds', '2');
    expect(done).toMatchObject({ stderr: '', exitCode: 0 });
    const row = (name: string): string => `DefaultCluster            ${name}                  N         3                 0               `;
    expect(done.stdout.replace(/\d+\.\d\d {1,6}/g, 'N         ').split('\n')).toEqual([
      '#Cluster Name             #Broker Name              #RT   #successCount  #failCount',
      ...[row('broker-a'), row('broker-b'), row('broker-a'), row('broker-b')],
      '',
    ]);
  });

  it('prints log lines', async () => {
    const done = await run('clusterRT', '-a', '2', '-c', 'DefaultCluster', '-p', 'true', '-m', 'room1', '--rounds', '1');
    expect(done.stdout).toMatch(/^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\|room1\|DefaultCluster\|broker-[ab]\|\d+\n){2}$/);
  });

  it('refuses an unknown cluster and only speaks with --dry-run', async () => {
    expect(await run('clusterRT', '-c', 'NoSuch', '--rounds', '1')).toMatchObject({ stdout: '', exitCode: 4 });
    expect((await run('clusterRT', '--dry-run')).stdout).toBe(
      'dry run: would send 100 messages of 128 bytes to each of 2 brokers in each round\n',
    );
  });
});
