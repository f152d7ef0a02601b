/* Replication, cold data, containers: on nodes that have them, and what the bundled broker says instead. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { ARGUMENTS, FOR_OTHER_CLUSTERS, TO_ONE_BROKER } from './arguments.js';
import { type FullCluster, startFullCluster } from './full-cluster.js';
import { type CommandRun, runCommand } from './run-command.js';

let sandbox: Sandbox;
let full: FullCluster;

beforeAll(async () => {
  [sandbox, full] = await Promise.all([startSandbox({ brokerConfig: { brokerName: 'broker-a' } }), startFullCluster()]);
});

afterAll(async () => {
  await Promise.all([sandbox?.stop(), full?.stop()]);
});

function onFull(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, argv, { NAMESRV_ADDR: full.namesrv.addr });
}

function onBundled(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr });
}

const HA_TITLE =
  '#SlaveAddr                        #SlaveAckOffset             #Diff #TransferSpeed(KB/s)          #Status #TransferFromWhere';

describe('haStatus', () => {
  it('of a master lists its slaves', async () => {
    const run = await onFull('haStatus', '-b', full.masterA.addr);
    expect(run.stdout.split('\n')).toEqual([
      '',
      `#MasterAddr\t${full.masterA.addr}`,
      '#MasterCommitLogMaxOffset\t249',
      '#SlaveNum\t1',
      '#InSyncSlaveNum\t0',
      HA_TITLE,
      '127.0.0.1:42554                   200                            49             2.00      Fall Behind              249',
      '',
    ]);
    expect(run).toMatchObject({ stderr: '', exitCode: 0 });
  });

  it('of a slave shows what it has of its master', async () => {
    expect((await onFull('haStatus', '-b', full.slaveA.addr)).stdout.split('\n')).toEqual([
      '',
      `#MasterAddr\t${full.masterA.addr}`,
      '#CommitLogMaxOffset\t200',
      '#TransferSpeed(KB/s)\t0.50',
      '#LastReadTime\t2026-11-21 04:23:02,204',
      '#LastWriteTime\t2026-11-21 04:22:59,338',
      '#MasterFlushOffset\t0',
      '',
    ]);
  });

  it('of a cluster asks its masters', async () => {
    const { stdout } = await onFull('haStatus', '-c', 'DefaultCluster', '--json');
    const { brokers } = JSON.parse(stdout) as { brokers: { brokerAddr: string }[] };
    expect(brokers.map(({ brokerAddr }) => brokerAddr)).toEqual([full.masterA.addr, full.masterB.addr]);
  });

  it('of the bundled broker says that it has no slaves, again and again with -i', async () => {
    const run = await onBundled('haStatus', '-b', sandbox.brokerAddr, '-i', '1', '--rounds', '2');
    const one = `\n#MasterAddr\t${sandbox.brokerAddr}\n#MasterCommitLogMaxOffset\t0\n#SlaveNum\t0\n#InSyncSlaveNum\t0\n${HA_TITLE}\n`;
    expect(run).toEqual({ stdout: one + one, stderr: '', exitCode: 0 });
  });

  it('without a target is a usage error', async () => {
    expect(await onBundled('haStatus')).toMatchObject({ stdout: '', exitCode: 2 });
  });
});

describe('getBrokerEpoch', () => {
  it('shows the copies of a broker, the last entry up to the end of the log', async () => {
    const run = await onFull('getBrokerEpoch', '-b', 'broker-a');
    const block = (addr: string, id: number): string[] => [
      '',
      '#clusterName\tDefaultCluster',
      '#brokerName\tbroker-a',
      `#brokerAddr\t${addr}`,
      `#brokerId\t${id}`,
      '#Epoch: EpochEntry{epoch=1, startOffset=0, endOffset=100}',
      '#Epoch: EpochEntry{epoch=2, startOffset=100, endOffset=249}',
    ];
    expect(run.stdout.split('\n')).toEqual([...block(full.masterA.addr, 0), ...block(full.slaveA.addr, 2), '']);
  });

  it('names the brokers there are when the name is unknown', async () => {
    const run = await onFull('getBrokerEpoch', '-b', 'broker-x');
    expect(run).toMatchObject({ stdout: '', exitCode: 4 });
    expect(run.stderr).toMatch(/broker-x is not known to .*; brokers there: broker-a, broker-b\n$/);
  });
});

describe('cold data', () => {
  it('limits of groups are set, shown and removed on the masters', async () => {
    const set = await onFull('updateColdDataFlowCtrGroupConfig', '-c', 'DefaultCluster', '-g', 'GroupLag', '-v', '1048576');
    const lines = (text: string): string[] => [full.masterA, full.masterB].map(({ addr }) => `${text}, ${addr}`);
    expect(set.stdout.trimEnd().split('\n')).toEqual(lines('updateColdDataFlowCtrGroupConfig success'));
    expect(full.masterA.requestsOf(RequestCode.UPDATE_COLD_DATA_FLOW_CTR_CONFIG)[0]?.body).toBe('GroupLag=1048576\n');
    const [head, ...json] = (await onFull('getColdDataFlowCtrInfo', '-b', full.masterA.addr)).stdout.trimEnd().split('\n');
    expect(head).toBe(` ============${full.masterA.addr}============`);
    expect(json[0]).toBe('{');
    expect(JSON.parse(json.join('\n'))).toMatchObject({ cgColdReadThreshold: 3_145_728, configTable: { GroupLag: 1_048_576 } });
    const removed = await onFull('removeColdDataFlowCtrGroupConfig', '-c', 'DefaultCluster', '-g', 'GroupLag');
    expect(removed.stdout.trimEnd().split('\n')).toEqual(lines('remove broker cold read threshold success'));
    const { stdout } = await onFull('getColdDataFlowCtrInfo', '-c', 'DefaultCluster', '--json');
    const { brokers } = JSON.parse(stdout) as { brokers: unknown[] };
    expect(brokers).toMatchObject([
      { role: 'master', coldData: { configTable: {} } },
      { role: 'slave', masterAddr: full.masterA.addr },
      { role: 'master' },
    ]);
  });

  it('read ahead is set on slaves too, and only to a mode there is', async () => {
    const run = await onFull('setCommitLogReadAheadMode', '-c', 'DefaultCluster', '-m', '0');
    const answer = 'commitLog set readAhead mode rstStrset commitlog readahead mode success, mode: 0';
    expect(run.stdout.trimEnd().split('\n')).toEqual([
      ` ============Master: ${full.masterA.addr}============`,
      answer,
      ` ============My Master: ${full.masterA.addr}=====Slave: ${full.slaveA.addr}============`,
      answer,
      ` ============Master: ${full.masterB.addr}============`,
      answer,
    ]);
    const wrong = await onFull('setCommitLogReadAheadMode', '-c', 'DefaultCluster', '-m', '7');
    expect(wrong).toMatchObject({ stdout: '', exitCode: 2 });
    expect(wrong.stderr).toContain('set the read mode error; 0 is default, 1 random read');
  });
});

describe('a container', () => {
  it('starts and stops brokers', async () => {
    const { addr } = full.masterB;
    expect((await onFull('addBroker', '-c', addr, '-b', '/etc/b.conf')).stdout).toBe(`add broker to ${addr} success\n`);
    expect(full.masterB.requestsOf(RequestCode.ADD_BROKER)[0]?.extFields).toEqual({ configPath: '/etc/b.conf' });
    expect((await onFull('removeBroker', '-c', addr, '-b', 'DefaultCluster:broker-z:3')).stdout).toBe(
      `remove broker from ${addr} success\n`,
    );
    expect(full.masterB.requestsOf(RequestCode.REMOVE_BROKER)[0]?.extFields).toEqual({
      brokerClusterName: 'DefaultCluster',
      brokerName: 'broker-z',
      brokerId: '3',
    });
  });

  it.each(['DefaultCluster:broker-z:-1', 'DefaultCluster:broker-z:x', 'broker-z'])('is not asked to stop %s', async (identity) => {
    expect(await onFull('removeBroker', '-c', full.masterB.addr, '-b', identity)).toMatchObject({ stdout: '', exitCode: 2 });
  });

  it('is asked for nothing when the question is not answered with yes, or in a dry run', async () => {
    const before = full.masterB.requestsOf(RequestCode.REMOVE_BROKER).length;
    const argv = ['-c', full.masterB.addr, '-b', 'DefaultCluster:broker-z:3'];
    expect(await runCommand('removeBroker', argv, {}, 'n')).toMatchObject({ stdout: '', exitCode: 2 });
    expect((await onFull('removeBroker', ...argv, '--dry-run')).stdout).toMatch(/^dry run: /);
    expect(full.masterB.requestsOf(RequestCode.REMOVE_BROKER)).toHaveLength(before);
  });
});

it('resetMasterFlushOffset is taken by a slave, and by a master without effect', async () => {
  const run = await onFull('resetMasterFlushOffset', '-b', full.slaveA.addr, '-o', '7');
  expect(run).toEqual({ stdout: 'reset master flush offset to 7 success\n', stderr: '', exitCode: 0 });
  expect(full.slaveA.requestsOf(RequestCode.RESET_MASTER_FLUSH_OFFSET)[0]?.extFields).toEqual({ masterFlushOffset: '7' });
  expect(await onBundled('resetMasterFlushOffset', '-b', sandbox.brokerAddr, '-o', '0')).toMatchObject({ exitCode: 0 });
});

describe('the bundled broker says in one line what it lacks', () => {
  it.each([...FOR_OTHER_CLUSTERS])('for %s', async (name) => {
    const nowhere = (word: string): string => (word === '127.0.0.1:1' ? sandbox.brokerAddr : word);
    const direct = TO_ONE_BROKER[name];
    const words =
      direct === undefined
        ? ARGUMENTS[name]!.map((word) => (word === 'C' ? 'DefaultCluster' : word))
        : [...direct, '-b', nowhere('127.0.0.1:1')];
    const run = await onBundled(name, ...words.map(nowhere));
    expect(run).toMatchObject({ stdout: '', exitCode: 1 });
    expect(run.stderr).toMatch(/^[^\n]*(this broker|only for controllerMode)[^\n]*\n$/);
  });
});
