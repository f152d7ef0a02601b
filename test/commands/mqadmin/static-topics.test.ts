/* Static topics, on scripted brokers that keep the mappings they are given. */
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  logicalBrokerName,
  logicalOffset,
  nextLogicOffset,
  remapped,
  type StaticTopicConfig,
  widened,
} from '../../../src/client/admin/static-topic.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { type FullCluster, type FullNode, startFullCluster } from './full-cluster.js';
import { type CommandRun, runCommand } from './run-command.js';

const TOPIC = `Static${process.pid}`;

let full: FullCluster;
let sandbox: Sandbox;
const files: string[] = [];

beforeAll(async () => {
  [full, sandbox] = await Promise.all([startFullCluster(), startSandbox()]);
});

afterAll(async () => {
  await Promise.all([full?.stop(), sandbox?.stop()]);
  for (const file of files) {
    rmSync(file, { force: true });
  }
});

function run(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, argv, { NAMESRV_ADDR: full.namesrv.addr });
}

interface Detail {
  readonly bname: string;
  readonly epoch: number;
  readonly totalQueues: number;
  readonly scope: string;
  readonly hostedQueues: Record<string, { gen: number; queueId: number; bname: string; logicOffset: number }[]>;
}

function writes(node: FullNode): { fields: Readonly<Record<string, string>>; detail: Detail }[] {
  return node.requestsOf(RequestCode.UPDATE_AND_CREATE_STATIC_TOPIC).map(({ extFields, body }) => ({
    fields: extFields,
    detail: JSON.parse(body.replace(/([{,])(\d+):/g, '$1"$2":')) as Detail,
  }));
}

function written(run: CommandRun): string[] {
  const paths = Array.from(run.stdout.matchAll(/written to file (\S+)\n/g), (match) => match[1] ?? '');
  files.push(...paths);
  return paths;
}

describe('updateStaticTopic', () => {
  it('spreads new queues over the brokers and keeps both mappings in files', async () => {
    const done = await run('updateStaticTopic', '-c', 'DefaultCluster', '-t', TOPIC, '-qn', '4');
    const [before = '', after = ''] = written(done);
    expect(done.stdout).toBe(`The old mapping data is written to file ${before}\nThe new mapping data is written to file ${after}\n`);
    expect([before, after].map((path) => path.replace(/\d+(?=\.(before|after)$)/, '#'))).toEqual([
      join(tmpdir(), `${TOPIC}-#.before`),
      join(tmpdir(), `${TOPIC}-#.after`),
    ]);
    const [a] = writes(full.masterA);
    expect(a?.fields).toMatchObject({
      topic: TOPIC,
      defaultTopic: 'TBW102',
      readQueueNums: '2',
      writeQueueNums: '2',
      perm: '6',
      force: 'false',
    });
    expect(a?.detail).toMatchObject({ bname: 'broker-a', totalQueues: 4, scope: '__global__' });
    expect(Object.keys(a?.detail.hostedQueues ?? {})).toEqual(['0', '2']);
    expect(a?.detail.hostedQueues[2]).toMatchObject([{ gen: 0, queueId: 1, bname: 'broker-a', logicOffset: 0 }]);
    expect(JSON.parse(readFileSync(after, 'utf8').replace(/([{,])(\d+):/g, '$1"$2":'))).toMatchObject({
      topic: TOPIC,
      type: 'CREATE_OR_UPDATE',
      epoch: a?.detail.epoch,
      brokerConfigMap: { 'broker-a': { mappingDetail: { hostedQueues: { 0: [{}], 2: [{}] } } }, 'broker-b': {} },
    });
  });

  it('adds queues to those there are, and never takes one away', async () => {
    written(await run('updateStaticTopic', '-b', 'broker-b', '-t', TOPIC, '-qn', '5'));
    const last = writes(full.masterA).at(-1);
    expect(last?.detail.totalQueues).toBe(5);
    expect(last?.detail.epoch).toBeGreaterThan(writes(full.masterA)[0]!.detail.epoch);
    for (const [count, message] of [
      ['5', /equal the existed queue num/],
      ['3', /Cannot decrease the queue num for static topic 3 < 5/],
    ] as const) {
      const refused = await run('updateStaticTopic', '-c', 'DefaultCluster', '-t', TOPIC, '-qn', count);
      expect(refused).toMatchObject({ stdout: '', exitCode: 2 });
      expect(refused.stderr).toMatch(message);
    }
  });

  it('with an unknown broker writes nothing, and says that the file options are not read', async () => {
    const unknown = await run('updateStaticTopic', '-b', 'no-broker', '-t', 'S2', '-qn', '2');
    expect(unknown).toMatchObject({ stdout: '', exitCode: 4 });
    expect(unknown.stderr).toMatch(/broker no-broker is not known to .*; brokers there: broker-a, broker-b\n$/);
    const plan = await run('updateStaticTopic', '-b', 'broker-a', '-t', 'S2', '-qn', '2', '-mf', 'x', '-fr', 'true', '--dry-run');
    expect(plan.stdout).toBe('dry run: broker-a would have 2 of 2 queues of S2\ndry run: broker-b would have 0 of 2 queues of S2\n');
    expect(plan.stderr).toMatch(/^note: -mf and -fr are not read/);
    expect(full.masterB.requestsOf(RequestCode.UPDATE_AND_CREATE_STATIC_TOPIC).some(({ extFields }) => extFields.topic === 'S2')).toBe(
      false,
    );
  });
});

describe('remappingStaticTopic', () => {
  it('opens the new places, closes the old ones, and then says where the new ones begin', async () => {
    const before = { a: writes(full.masterA).length, b: writes(full.masterB).length };
    const done = await run('remappingStaticTopic', '-b', 'broker-a', '-t', TOPIC);
    expect(written(done)).toHaveLength(2);
    expect(done.stdout.replace(/file \S+/g, 'file')).toBe('The old mapping data is written to file\n'.repeat(2));
    const [toA, toB] = [writes(full.masterA).slice(before.a), writes(full.masterB).slice(before.b)];
    expect([toA.length, toB.length]).toEqual([2, 1]);
    const moved = Object.keys(toB[0]!.detail.hostedQueues);
    expect(moved).toEqual(['1', '3']);
    for (const queueId of moved) {
      const [opened, closed, begun] = [toA[0], toB[0], toA[1]].map((write) => write?.detail.hostedQueues[queueId]?.at(-1));
      expect(opened).toMatchObject({ gen: 1, bname: 'broker-a', logicOffset: -1 });
      expect(closed).toMatchObject({ gen: 1, bname: 'broker-a', logicOffset: -1 });
      expect(begun).toMatchObject({ gen: 1, bname: 'broker-a', logicOffset: 10_000 });
    }
  });

  it('does nothing where the queues are spread already', async () => {
    const before = writes(full.masterA).length;
    const done = await run('remappingStaticTopic', '-b', 'broker-a', '-t', TOPIC);
    expect(done).toMatchObject({ stdout: '', exitCode: 0 });
    expect(done.stderr).toMatch(/spread over these brokers already/);
    expect(writes(full.masterA)).toHaveLength(before);
  });

  it('of an ordinary topic, and of none, is an error', async () => {
    await runCommand('updateTopic', ['-b', sandbox.brokerAddr, '-t', 'Plain', '-r', '2', '-w', '2']);
    const env = { NAMESRV_ADDR: sandbox.namesrvAddr };
    const plain = await runCommand('remappingStaticTopic', ['-c', 'DefaultCluster', '-t', 'Plain'], env);
    expect(plain).toMatchObject({ stdout: '', exitCode: 2 });
    expect(plain.stderr).toMatch(/^topic Plain is no static topic: Mapping info should not be null in broker broker-a\n$/);
    expect(await runCommand('remappingStaticTopic', ['-c', 'DefaultCluster', '-t', 'None'], env)).toMatchObject({
      stdout: '',
      exitCode: 4,
    });
    expect(await runCommand('remappingStaticTopic', ['-c', 'NoSuch', '-t', 'None'], env)).toMatchObject({ stdout: '', exitCode: 4 });
  });
});

describe('the plan', () => {
  const leads = (configs: ReadonlyMap<string, StaticTopicConfig>): Record<string, number> =>
    Object.fromEntries(
      [...configs].map(([name, { hostedQueues }]) => [
        name,
        [...hostedQueues.values()].filter((places) => places.at(-1)?.bname === name).length,
      ]),
    );

  const complete = (configs: Map<string, StaticTopicConfig>, totalQueues: number): Map<string, StaticTopicConfig> =>
    new Map([...configs].map(([name, config]) => [name, { ...config, totalQueues, epoch: 1 }]));

  it('moves as few queues as an even spread takes, and no broker both gets and gives', () => {
    const made = complete(widened('T', new Map(), { totalQueues: 7, brokerNames: ['a', 'b'] }), 7);
    expect(leads(made)).toEqual({ a: 4, b: 3 });
    const { configs, moves } = remapped('T', made, ['a', 'b', 'c']);
    expect(leads(configs)).toEqual({ a: 3, b: 2, c: 2 });
    expect(moves.map(({ to }) => to)).toEqual(['c', 'c']);
    const back = remapped('T', complete(configs, 7), ['b']);
    expect(leads(back.configs)).toEqual({ a: 0, b: 7, c: 0 });
    expect(back.moves).toHaveLength(5);
  });

  it.each([
    [0, 10_000],
    [4_999, 10_000],
    [5_000, 20_000],
    [10_001, 20_000],
    [15_000, 30_000],
  ])('a queue that ends at %i goes on at %i', (maxOffset, logicOffset) => {
    const place = { gen: 0, queueId: 0, bname: 'a', logicOffset: 0, startOffset: 0, endOffset: -1, timeOfStart: -1, timeOfEnd: -1 };
    expect(nextLogicOffset(place, maxOffset)).toBe(logicOffset);
  });

  it.each([
    [{ logicOffset: -1, startOffset: 0, endOffset: -1 }, 7, -1],
    [{ logicOffset: 10_000, startOffset: 0, endOffset: -1 }, 7, 10_007],
    [{ logicOffset: 10_000, startOffset: 5, endOffset: -1 }, 7, 10_002],
    [{ logicOffset: 10_000, startOffset: 5, endOffset: -1 }, 3, 10_000],
    [{ logicOffset: 0, startOffset: 0, endOffset: 4 }, 7, 4],
  ])('at %j the offset %i is the logical %i', (part, offset, logical) => {
    const place = { gen: 0, queueId: 0, bname: 'a', timeOfStart: -1, timeOfEnd: -1, ...part };
    expect(logicalOffset(place, offset)).toBe(logical);
  });

  it('logical queues are shown below a name of their scope', () => {
    expect([logicalBrokerName('__global__'), logicalBrokerName('mine')]).toEqual(['__syslo__global__', '__syslo__mine']);
  });
});
