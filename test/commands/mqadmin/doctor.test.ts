/* The doctor on bundled nodes that are well, and on some where things were broken on purpose. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ConsumerConnectionResult } from '../../../src/client/admin/connections.js';
import type { DoctorReport } from '../../../src/client/admin/doctor/index.js';
import { PushConsumer } from '../../../src/client/consumer/push-consumer.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { type CommandRun, runCommand } from './run-command.js';

let sandbox: Sandbox;
/** Limits that the disk and the load of the machine do not reach. */
const CALM = ['--disk-warning', '101', '--disk-critical', '101', '--interval', '300ms'];

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 2 });
  await mqadmin('updateTopic', '-c', 'DefaultCluster', '-t', 'Orders', '-r', '2', '-w', '2');
  await mqadmin('updateSubGroup', '-c', 'DefaultCluster', '-g', 'Billing');
});

afterAll(() => sandbox?.stop());

function mqadmin(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr });
}

/** What the doctor finds, and the exit code; any that it may have where a machine that is busy adds findings of its own. */
async function doctor(...argv: string[]): Promise<DoctorReport & { exitCodes: readonly number[]; short: string[] }> {
  const { stdout, stderr, exitCode } = await mqadmin('doctor', ...argv, ...CALM, '--json');
  expect(stderr).toBe('');
  const report = JSON.parse(stdout) as DoctorReport;
  // How long the machine lets requests wait is no matter of these tests.
  const findings = report.findings.filter(({ id }) => !/-busy$/.test(id));
  const isBusy = findings.length < report.findings.length;
  const exitCodes = isBusy ? [0, 8, 9] : [exitCode];
  return { ...report, findings, exitCodes, short: findings.map(({ severity, id, name }) => `${severity} ${id} ${name}`) };
}

it('a cluster that is well has no findings, and what was looked at is counted', async () => {
  const { short, looked } = await doctor();
  expect(short).toEqual([]);
  expect(looked).toMatchObject({ namesrvs: 1, brokers: 2, topics: 1, groups: 1 });
});

it('a topic that cannot be written is critical, and the command that comes with it mends it', async () => {
  await mqadmin('updateTopicPerm', '-c', 'DefaultCluster', '-t', 'Orders', '-p', '4');
  const broken = await doctor('topic', 'Orders');
  expect(broken.short).toEqual(['critical topic-not-writable Orders']);
  expect(broken.exitCodes).toContain(9);
  const { stdout } = await mqadmin('doctor', 'topic', 'Orders', ...CALM);
  expect(stdout).toContain('CRITICAL  topic Orders cannot be written anywhere\n');
  const [bin, name = '', ...argv] = broken.findings[0]?.fix?.split(' ') ?? [];
  expect(bin).toBe('mqadmin');
  expect((await mqadmin(name, ...argv)).exitCode).toBe(0);
  expect(await doctor('topic', 'Orders')).toMatchObject({ short: [] });
});

it('a group that is behind has lag without a consumer, and with two that subscribe differently a mismatch', async () => {
  await mqadmin('checkMsgSendRT', '-t', 'Orders', '-a', '12');
  await mqadmin('resetOffsetByTime', '-g', 'Billing', '-t', 'Orders', '-s', '0');
  const offline = await doctor('group', 'Billing', '--lag-warning', '10');
  expect(offline.short).toEqual(['warning lag-no-consumer Billing']);
  expect(offline.exitCodes).toContain(8);
  expect(offline.findings[0]?.evidence).toMatchObject({ lag: 12, topics: ['Orders'], consumers: 0 });
  expect((await doctor('group', 'Billing', '--lag-warning', '10', '--fail-on', 'critical')).exitCodes).toContain(0);

  const consumers = ['*', 'Paid'].map((expression) => {
    const consumer = new PushConsumer({ namesrvAddr: sandbox.namesrvAddr, consumerGroup: 'Billing', heartbeatBrokerIntervalMs: 200 });
    consumer.subscribe('Orders', expression);
    consumer.onMessage(() => 'CONSUME_SUCCESS');
    return consumer;
  });
  await Promise.all(consumers.map((consumer) => consumer.start()));
  try {
    await until(async () => (await doctor('group', 'Billing')).short.includes('critical subscription-mismatch Billing'), 60_000);
    expect((await doctor('client')).short).toEqual(['critical subscription-mismatch Billing']);
    const { connections } = JSON.parse((await mqadmin('consumerConnection', '-g', 'Billing', '--json')).stdout) as ConsumerConnectionResult;
    expect((await doctor('client', connections[0]?.clientId ?? '')).short).toEqual(['critical subscription-mismatch Billing']);
    expect(await mqadmin('doctor', 'client', 'nobody')).toMatchObject({ exitCode: 4 });
  } finally {
    await Promise.all(consumers.map((consumer) => consumer.shutdown()));
  }
});

it('a group whose consumer is online and hangs has nothing consumed', async () => {
  await mqadmin('updateSubGroup', '-c', 'DefaultCluster', '-g', 'Slow');
  await mqadmin('resetOffsetByTime', '-g', 'Slow', '-t', 'Orders', '-s', '0');
  let goOn = (): void => undefined;
  const hanging = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const consumer = new PushConsumer({ namesrvAddr: sandbox.namesrvAddr, consumerGroup: 'Slow', heartbeatBrokerIntervalMs: 200 });
  consumer.subscribe('Orders', '*');
  consumer.onMessage(() => hanging.then(() => 'CONSUME_SUCCESS' as const));
  await consumer.start();
  try {
    const slow = (): Promise<Awaited<ReturnType<typeof doctor>>> => doctor('group', 'Slow', '--lag-warning', '10');
    // Before it is assigned its queues they are without a consumer.
    await until(async () => (await slow()).short.join() === 'warning lag-nothing-consumed Slow', 60_000);
    const { findings } = await slow();
    expect(findings[0]?.evidence).toMatchObject({ lag: 12, consumers: 1, consumedPerSecond: 0 });
  } finally {
    goOn();
    await consumer.shutdown();
  }
});

it('of a topic that is named its own lag is told, not that of other topics of the same groups', async () => {
  await mqadmin('updateSubGroup', '-c', 'DefaultCluster', '-g', 'Ledger');
  await mqadmin('updateTopic', '-c', 'DefaultCluster', '-t', 'Refunds', '-r', '1', '-w', '1');
  await mqadmin('checkMsgSendRT', '-t', 'Refunds', '-a', '3');
  for (const topic of ['Orders', 'Refunds']) {
    await mqadmin('resetOffsetByTime', '-g', 'Ledger', '-t', topic, '-s', '0');
  }
  const { findings } = await doctor('topic', 'Refunds', '--lag-warning', '10');
  expect(findings).toMatchObject([{ id: 'lag-no-consumer', severity: 'info', evidence: { lag: 3, topics: ['Refunds'] } }]);
});

it('what is not there is told with what is near', async () => {
  for (const [scope, name, near] of [
    ['topic', 'Order', 'Orders'],
    ['group', 'Biling', 'Billing'],
    ['broker', 'broker-c', 'broker-a'],
    ['cluster', 'Defaultcluster', 'DefaultCluster'],
  ] as const) {
    const run = await mqadmin('doctor', scope, name);
    expect(run).toMatchObject({ exitCode: 4, stdout: '', stderr: expect.stringContaining(near) });
  }
  expect(await mqadmin('doctor', 'topics')).toMatchObject({ exitCode: 2 });
  expect(await mqadmin('doctor', 'topic', 'Orders', 'more')).toMatchObject({ exitCode: 2 });
  expect(await mqadmin('doctor', '--lag-warning', '10', '--lag-critical', '5')).toMatchObject({ exitCode: 2 });
});

it('every command of docs/health.md looks and answers', async () => {
  const page = readFileSync(new URL('../../../docs/health.md', import.meta.url), 'utf8');
  const lines = Array.from(page.matchAll(/```sh\n(.*?)```/gs), ([, block = '']) => block.trim().split('\n')).flat();
  expect(lines.length).toBeGreaterThan(10);
  for (const line of lines) {
    const [, name = '', ...argv] = line.replaceAll('OrderPaidGroup', 'Billing').replaceAll('OrderPaid', 'Orders').split(' ');
    const { stdout, stderr, exitCode } = await mqadmin(name, ...argv, ...(name === 'doctor' ? CALM : []));
    expect({ line, stderr, isAnswered: stdout !== '' }).toEqual({ line, stderr: '', isAnswered: true });
    expect(name === 'doctor' ? [0, 8, 9] : [0, 1, 2]).toContain(exitCode);
  }
});

it('a broker that stopped while its name server still has it is unreachable', async () => {
  const { address } = sandbox.brokers[1]!;
  await sandbox.brokers[1]!.shutdown();
  // The name server keeps what is said of it.
  const { RemotingClient } = await import('../../../src/remoting/client.js');
  const { RequestCode } = await import('../../../src/remoting/codes.js');
  const remoting = new RemotingClient({ connectTimeoutMs: 3_000 });
  try {
    const extFields = {
      brokerName: 'broker-b',
      brokerAddr: address,
      clusterName: 'DefaultCluster',
      haServerAddr: address,
      brokerId: '0',
      compressed: 'false',
      bodyCrc32: '0',
    };
    await remoting.invoke(sandbox.namesrvAddr, { code: RequestCode.REGISTER_BROKER, extFields }, 5_000);
    const { short } = await doctor('cluster');
    expect(short).toEqual(['critical broker-unreachable broker-b']);
    const { stdout } = await mqadmin('doctor', 'broker', '--output', 'name', ...CALM);
    expect(stdout).toContain('broker-b\n');
  } finally {
    await remoting.close();
  }
});
