/* Checks for monitoring on bundled nodes: limits, formats, and an exit code table of their own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckResult } from '../../../src/client/admin/check/index.js';
import { parseRange } from '../../../src/client/admin/check/index.js';
import { isAlert } from '../../../src/client/admin/check/range.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { type CommandRun, runCommand } from './run-command.js';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 2 });
  await mqadmin('updateTopic', '-c', 'DefaultCluster', '-t', 'Orders', '-r', '2', '-w', '2');
  await mqadmin('updateSubGroup', '-c', 'DefaultCluster', '-g', 'Billing');
  await mqadmin('checkMsgSendRT', '-t', 'Orders', '-a', '12');
  await mqadmin('resetOffsetByTime', '-g', 'Billing', '-t', 'Orders', '-s', '0');
});

afterAll(() => sandbox?.stop());

function mqadmin(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr });
}

function check(...argv: string[]): Promise<CommandRun> {
  return mqadmin('check', ...argv);
}

async function checked(...argv: string[]): Promise<CheckResult & { exitCode: number }> {
  const { stdout, exitCode } = await check(...argv, '--json');
  return { ...(JSON.parse(stdout) as CheckResult), exitCode };
}

describe('a range', () => {
  it.each([
    ['10', [0, 10], [-1, 10.5]],
    ['10:', [10, 11], [9]],
    ['~:10', [-99, 10], [11]],
    ['10:20', [10, 20], [9, 21]],
    ['@10:20', [9, 21], [10, 15, 20]],
    ['0.5', [0.5], [0.6]],
  ])('%s tells good values from bad ones', (text, good, bad) => {
    const range = parseRange(text, '--warning');
    expect([good.map((value) => isAlert(range, value)), bad.map((value) => isAlert(range, value))]).toEqual([
      good.map(() => false),
      bad.map(() => true),
    ]);
  });

  it.each(['', 'x', '20:10', ':', '1:2:3', '@'])('%s is none', (text) => {
    expect(() => parseRange(text, '--warning')).toThrow('--warning');
  });
});

describe('lag', () => {
  it.each([
    [[], 0, 'OK'],
    [['--warning', '11'], 1, 'WARNING'],
    [['--warning', '5', '--critical', '11'], 2, 'CRITICAL'],
    [['--critical', '12'], 0, 'OK'],
    [['--metric', 'retry'], 0, 'OK'],
    [['--metric', 'dlq'], 0, 'OK'],
  ])('with %j ends with %i', async (argv, exitCode, status) => {
    const run = await check('lag', '-g', 'Billing', ...argv);
    expect(run).toMatchObject({ exitCode, stderr: '' });
    expect(run.stdout).toMatch(new RegExp(`^${status} lag `));
  });

  it('is the same in every format', async () => {
    const limits = ['-g', 'Billing', '--warning', '5', '--critical', '50'];
    const { stdout } = await check('lag', ...limits, '--format', 'nagios');
    expect(stdout).toBe("LAG WARNING - lag messages of group Billing: 12 | 'Billing'=12;5;50;0 'Orders'=12\n");
    const metrics = await check('lag', ...limits, '--format', 'prometheus');
    expect(metrics.stdout).toContain('mqadmin_check_status{check="lag",target="group Billing"} 1\n');
    expect(metrics.stdout).toContain(
      'mqadmin_check_value{check="lag",target="group Billing",metric="messages",name="Billing",unit=""} 12\n',
    );
    expect(metrics.exitCode).toBe(1);
    const json = await check('lag', ...limits, '--format', 'json');
    expect(JSON.parse(json.stdout)).toEqual(JSON.parse((await check('lag', ...limits, '--output', 'json')).stdout));
    expect(await checked('lag', ...limits)).toMatchObject({ status: 'WARNING', values: [{ name: 'Billing', value: 12 }], exitCode: 1 });
  });
});

it('brokers, disks and the cluster are read of all nodes, of one, or of a cluster', async () => {
  const generous = ['--warning', '~:999999', '--critical', '~:999999'];
  for (const [kind, names] of [
    ['broker', ['broker-a', 'broker-b']],
    ['disk', ['broker-a', 'broker-b']],
    ['cluster', ['unreachable']],
  ] as const) {
    const { values, exitCode } = await checked(kind, '-c', 'DefaultCluster', ...generous);
    expect(values.map(({ name }) => name).sort()).toEqual(names);
    expect(exitCode).toBe(0);
  }
  expect((await checked('broker', '-b', 'broker-b', ...generous)).values).toHaveLength(1);
  expect((await checked('broker', '-b', sandbox.brokerAddr, '--metric', 'pageCache', ...generous)).exitCode).toBe(0);
});

it('a topic has as many queues as can be used, and an age', async () => {
  expect(await checked('topic', '-t', 'Orders', '--critical', '4:')).toMatchObject({ exitCode: 0, values: [{ value: 4 }] });
  expect(await checked('topic', '-t', 'Orders', '--critical', '5:')).toMatchObject({ exitCode: 2 });
  expect(await checked('topic', '-t', 'Orders', '--metric', 'age')).toMatchObject({ exitCode: 0, unit: 's' });
});

it('a slave that nobody has is not known to be well', async () => {
  expect(await check('slave')).toMatchObject({
    exitCode: 3,
    stdout: expect.stringContaining('UNKNOWN slave bytes of all brokers: there is no slave'),
  });
});

it('send stores one message and says so', async () => {
  const before = await checked('lag', '-g', 'Billing');
  const run = await check('send', '-t', 'Orders', '--warning', '60000', '--critical', '60000');
  expect(run.exitCode).toBe(0);
  expect(run.stdout).toMatch(
    /^OK send rt of topic Orders: broker-[ab] [\d.]+ ms .*\n {2}a message of 128 bytes was stored in Orders, queue \d of broker-[ab]: [0-9A-F]{32}\n$/,
  );
  expect((await checked('lag', '-g', 'Billing')).values[0]?.value).toBe((before.values[0]?.value ?? 0) + 1);
});

describe('exit code 3, and nothing else, is for', () => {
  it.each([
    ['a check that is none', ['lags', '-g', 'G']],
    ['no check', []],
    ['an option that is missing', ['lag']],
    ['an option that is none', ['lag', '--nonsense']],
    ['a range that is none', ['lag', '-g', 'Billing', '--warning', 'many']],
    ['a metric that is none', ['lag', '-g', 'Billing', '--metric', 'weight']],
    ['a format that is none', ['lag', '-g', 'Billing', '--format', 'xml']],
    ['formats that contradict', ['lag', '-g', 'Billing', '--format', 'nagios', '--json']],
    ['a group that is not there', ['lag', '-g', 'Nobody']],
    ['a topic that is not there', ['send', '-t', 'Nothing']],
    ['a broker that is not there', ['broker', '-b', 'broker-z']],
    ['a name server that is not there', ['cluster', '-n', '127.0.0.1:1']],
  ])('%s', async (_, argv) => {
    const run = await check(...argv);
    expect(run.exitCode).toBe(3);
    expect(run.stderr.trim().split('\n')).toHaveLength(1);
  });

  it.each([
    ['a name that ends as a format', ['lag', '-g', 'team-nagios', '-n', '127.0.0.1:1'], /^$/],
    ['a check in capitals', ['CLUSTER', '-n', '127.0.0.1:1', '--format', 'nagios'], /^CLUSTER UNKNOWN - /],
    [
      'a name that is a check',
      ['lag', '-g', 'disk', '-n', '127.0.0.1:1', '--format', 'prometheus'],
      /\{check="lag",target="group disk"\} 3\n/,
    ],
    ['options that cannot be read', ['-g', 'disk', 'lag', '--nonsense', '--format=nagios'], /^LAG UNKNOWN - .*nonsense/m],
    ['a missing option', ['lag', '--format', 'prometheus'], /\{check="lag",target=""\} 3\n/],
  ])('%s, which monitoring takes for nothing else', async (_, argv, stdout) => {
    const run = await check(...argv);
    expect(run.exitCode).toBe(3);
    expect(run.stdout).toMatch(stdout);
  });

  it('and monitoring gets it on stdout', async () => {
    const run = await check('cluster', '-n', '127.0.0.1:1', '--format', 'nagios');
    expect(run.stdout).toMatch(/^CLUSTER UNKNOWN - .*127\.0\.0\.1:1.*\n$/);
    const metrics = await check('cluster', '-n', '127.0.0.1:1', '--format=prometheus');
    expect(metrics.stdout).toContain('mqadmin_check_status{check="cluster",target="all brokers"} 3\n');
  });
});

it('a broker that is gone is critical for itself and its cluster', async () => {
  const { address } = sandbox.brokers[1]!;
  await sandbox.brokers[1]!.shutdown();
  expect(await check('broker', '-b', address)).toMatchObject({ exitCode: 2, stdout: expect.stringContaining(address) });
  expect(await checked('cluster', '--metric', 'masters', '--critical', '2:')).toMatchObject({ exitCode: 2 });
});
