/* The commands that speak with a controller, on a scripted one; outputs are those of the recorded runs of the Java tool. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestCode } from '../../../src/remoting/codes.js';
import { type FullCluster, startFullCluster } from './full-cluster.js';
import { type CommandRun, runCommand } from './run-command.js';

let full: FullCluster;

beforeAll(async () => {
  full = await startFullCluster();
});

afterAll(() => full?.stop());

function run(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, ['-a', full.controller.addr, ...argv]);
}

it('getControllerMetaData shows the leader and the members, of the first address of a list', async () => {
  const { addr } = full.controller;
  const done = await runCommand('getControllerMetaData', ['-a', `${addr};127.0.0.1:1`]);
  const members = `#Peer:\tn0:${addr}\n#Peer:\tn1:127.0.0.1:49879\n`;
  const stdout = `\n#ControllerGroup\tgroup1\n#ControllerLeaderId\tn0\n#ControllerLeaderAddress\t${addr}\n${members}`;
  expect(done).toEqual({ stdout, stderr: '', exitCode: 0 });
});

it('getControllerConfig prints keys sorted, updateControllerConfig changes one', async () => {
  const { addr } = full.controller;
  expect((await run('updateControllerConfig', '-k', 'notifyBrokerRoleChanged', '-v', 'false')).stdout).toBe(
    `update controller config success![${addr}]\nnotifyBrokerRoleChanged : false\n`,
  );
  expect((await run('getControllerConfig')).stdout).toBe(
    [
      `============${addr}============`,
      'enableElectUncleanMaster                          =  false',
      'notifyBrokerRoleChanged                           =  false',
      '',
    ].join('\n'),
  );
  const refused = await run('updateControllerConfig', '-k', 'configStorePath', '-v', '/data/x');
  expect(refused).toMatchObject({ stdout: '', exitCode: 5 });
  expect(refused.stderr).toContain('Can not update config in black list.');
});

describe('getSyncStateSet', () => {
  const block = (addr: string): string[] => [
    '',
    '#brokerName\tbroker-c',
    '#MasterBrokerId\t1',
    `#MasterAddr\t${addr}`,
    '#MasterEpoch\t1',
    '#SyncStateSetEpoch\t2',
    '#SyncStateSetNums\t1',
    '',
    `InSyncReplica:\tReplicaIdentity{brokerName='broker-c', brokerId=1, brokerAddress='127.0.0.1:54911', alive=true}`,
    '',
    `NotInSyncReplica:\tReplicaIdentity{brokerName='broker-c', brokerId=2, brokerAddress='127.0.0.1:55911', alive=false}`,
    '',
  ];

  it('shows copies in step and out of step', async () => {
    const done = await run('getSyncStateSet', '-b', 'broker-c');
    expect(done.stdout.split('\n')).toEqual(block('127.0.0.1:54911'));
    expect(done).toMatchObject({ stderr: '', exitCode: 0 });
  });

  it('of a cluster asks for the names of its brokers', async () => {
    const done = await run('getSyncStateSet', '-c', 'DefaultCluster', '-n', full.namesrv.addr);
    expect(JSON.parse(full.controller.requestsOf(RequestCode.CONTROLLER_GET_SYNC_STATE_DATA).at(-1)?.body ?? '')).toEqual([
      'broker-a',
      'broker-b',
    ]);
    expect(done).toMatchObject({ stdout: '', exitCode: 4 });
    expect(done.stderr).toContain('broker broker-a, broker-b is not known to the controller');
  });

  it('needs a broker or a cluster', async () => {
    expect(await run('getSyncStateSet')).toMatchObject({ stdout: '', exitCode: 2 });
  });
});

describe('electMaster', () => {
  it.each([
    ['1', 2011, /The old master 1 is still alive/],
    ['9', 2012, /Failed to elect a new master/],
  ])('of %s is refused with %i', async (brokerId, code, message) => {
    const done = await run('electMaster', '-b', brokerId, '-bn', 'broker-c', '-c', 'DefaultCluster');
    expect(done).toMatchObject({ stdout: '', exitCode: 1 });
    expect(done.stderr).toMatch(message);
    expect(done.stderr).toContain(String(code));
  });

  it('says who is master now, and who else there is', async () => {
    expect((await run('electMaster', '-b', '2', '-bn', 'broker-c', '-c', 'DefaultCluster', '--dry-run')).stdout).toBe(
      'dry run: would make 2 the master of broker-c\n',
    );
    const done = await run('electMaster', '-b', '2', '-bn', 'broker-c', '-c', 'DefaultCluster');
    expect(done.stdout.split('\n')).toEqual([
      '',
      '#ClusterName\tDefaultCluster',
      '#BrokerName\tbroker-c',
      '#BrokerMasterAddr\t127.0.0.1:55911',
      '#MasterEpoch\t2',
      '#SyncStateSetEpoch\t3',
      '\t#Broker\t0\t127.0.0.1:55911',
      '\t#Broker\t1\t127.0.0.1:54911',
      '',
    ]);
    expect(full.controller.requestsOf(RequestCode.CONTROLLER_ELECT_MASTER).at(-1)?.extFields).toEqual({
      clusterName: 'DefaultCluster',
      brokerName: 'broker-c',
      brokerId: '2',
      designateElect: 'true',
    });
  });
});

describe('cleanBrokerMetadata', () => {
  const CLEANED = 'clear broker broker-c metadata from controller success! \n';

  it('has copies forgotten that are not up', async () => {
    expect((await run('cleanBrokerMetadata', '-bn', 'broker-c', '-c', 'DefaultCluster', '-b', '9;10')).stdout).toBe(CLEANED);
    const fields = {
      brokerName: 'broker-c',
      clusterName: 'DefaultCluster',
      brokerControllerIdsToClean: '9;10',
      isCleanLivingBroker: 'false',
    };
    expect(full.controller.requestsOf(RequestCode.CLEAN_BROKER_DATA).at(-1)?.extFields).toEqual(fields);
  });

  it('is refused for one that is up, unless it is asked for', async () => {
    const refused = await run('cleanBrokerMetadata', '-bn', 'broker-c', '-c', 'DefaultCluster', '-b', '2');
    expect(refused).toMatchObject({ stdout: '', exitCode: 1 });
    expect(refused.stderr).toContain('still alive, clean up failure');
    expect((await run('cleanBrokerMetadata', '-bn', 'broker-c', '-b', '2', '-l')).stdout).toBe(CLEANED);
  });

  it.each([
    [['-bn', 'broker-c'], /clusterName option can not be empty/],
    [['-bn', 'broker-c', '-c', 'C', '-b', '1;x'], /expects ids with ; between them/],
  ] as const)('%j is a usage error', async (argv, message) => {
    const done = await run('cleanBrokerMetadata', ...argv);
    expect(done).toMatchObject({ stdout: '', exitCode: 2 });
    expect(done.stderr).toMatch(message);
  });
});

it.each([
  ['getControllerMetaData', []],
  ['getControllerConfig', []],
  ['updateControllerConfig', ['-k', 'k', '-v', 'v']],
  ['getSyncStateSet', ['-b', 'B']],
  ['electMaster', ['-b', '1', '-bn', 'B', '-c', 'C']],
  ['cleanBrokerMetadata', ['-bn', 'B', '-c', 'C']],
] as const)('%s names the controller that is not there', async (name, argv) => {
  const done = await runCommand(name, ['-a', '127.0.0.1:1', ...argv]);
  expect(done).toMatchObject({ stdout: '', exitCode: 3 });
  expect(done.stderr).toMatch(/^[^\n]*127\.0\.0\.1:1[^\n]*\n$/);
});
