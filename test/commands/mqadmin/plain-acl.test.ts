/* The access configuration of 4.x, on scripted brokers that keep one. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RequestCode } from '../../../src/remoting/codes.js';
import { type FullCluster, startFullCluster } from './full-cluster.js';
import { type CommandRun, runCommand, specOf } from './run-command.js';

let full: FullCluster;

beforeAll(async () => {
  full = await startFullCluster({ slave: false });
});

afterAll(() => full?.stop());

function run(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, argv, { NAMESRV_ADDR: full.namesrv.addr });
}

it('an account is made on all brokers, listed and deleted', async () => {
  const account = ['-a', 'RocketMQ', '-s', '12345678', '-t', 'topicA=DENY,topicB=PUB|SUB', '-i', 'DENY', '-m', 'false'];
  const made = await run('updateAclConfig', '-c', 'DefaultCluster', ...account);
  expect(made.stdout.split('\n')).toEqual([
    `create or update plain access config to ${full.masterA.addr} success.`,
    `create or update plain access config to ${full.masterB.addr} success.`,
    'PlainAccessConfig [accessKey=RocketMQ, whiteRemoteAddress=null, admin=false, defaultTopicPerm=DENY, defaultGroupPerm=null, topicPerms=[topicA=DENY, topicB=PUB|SUB], groupPerms=null]',
    '',
  ]);
  expect(full.masterB.requestsOf(RequestCode.UPDATE_AND_CREATE_ACL_CONFIG)[0]?.extFields).toEqual({
    accessKey: 'RocketMQ',
    secretKey: '12345678',
    admin: 'false',
    defaultTopicPerm: 'DENY',
    topicPerms: 'topicA=DENY,topicB=PUB|SUB',
  });
  await run('updateGlobalWhiteAddr', '-b', full.masterA.addr, '-g', '10.10.103.*,192.168.0.*');
  expect((await run('getAclConfig', '-b', full.masterA.addr)).stdout.split('\n')).toEqual([
    '',
    'globalWhiteRemoteAddresses: [10.10.103.*, 192.168.0.*]',
    '',
    'accounts:',
    '  accessKey         : RocketMQ',
    '  secretKey         : 12345678',
    '  whiteRemoteAddress: ',
    '  admin             : false',
    '  defaultTopicPerm  : DENY',
    '  defaultGroupPerm  : ',
    '  topicPerms        : [topicA=DENY, topicB=PUB|SUB]',
    '  groupPerms        : ',
    '',
    '',
  ]);
  const deleted = await run('deleteAclConfig', '-c', 'DefaultCluster', '-a', 'RocketMQ');
  expect(deleted.stdout.split('\n')).toEqual([
    `delete plain access config account from ${full.masterA.addr} success.`,
    `delete plain access config account from ${full.masterB.addr} success.`,
    `account's accesskey is:RocketMQ`,
    '',
  ]);
});

it('versions of the files are one row each, with a title for a cluster', async () => {
  const row = (name: string, addr: string, counter: number): string =>
    `DefaultCluster    ${name.padEnd(22)}  ${addr.padEnd(22)}  /etc/rocketmq/plain_acl.yml  ${String(counter).padEnd(22)}  2026-11-21 04:05:06   `;
  const done = await run('clusterAclConfigVersion', '-c', 'DefaultCluster');
  expect(done.stdout.split('\n')).toEqual([
    '#Cluster Name     #Broker Name            #Broker Addr            #AclFilePath          #AclConfigVersionNum    #AclLastUpdateTime    ',
    row('broker-a', full.masterA.addr, 2),
    row('broker-b', full.masterB.addr, 1),
    "get cluster's plain access config version success.",
    '',
  ]);
  const one = await run('clusterAclConfigVersion', '-b', full.masterB.addr);
  expect(one.stdout).toBe(`${row('broker-b', full.masterB.addr, 1)}\nget broker's plain access config version success.\n`);
});

it('the keys of the account that is changed do not sign the request; those of the environment do', async () => {
  const argv = ['-b', full.masterA.addr, '--accessKey', 'Account', '--secretKey', 'secretOfAccount'];
  const plain = await run('updateAclConfig', ...argv);
  expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
  expect(full.masterA.requestsOf(RequestCode.UPDATE_AND_CREATE_ACL_CONFIG).at(-1)?.extFields).not.toHaveProperty('Signature');
  await runCommand('updateAclConfig', argv, { ROCKETMQ_ACCESS_KEY: 'Operator', ROCKETMQ_SECRET_KEY: 'secretOfOperator' });
  const signed = full.masterA.requestsOf(RequestCode.UPDATE_AND_CREATE_ACL_CONFIG).at(-1)?.extFields;
  expect(signed).toMatchObject({ AccessKey: 'Operator', accessKey: 'Account', secretKey: 'secretOfAccount' });
  expect(signed?.Signature).toMatch(/.{20,}/);
  expect((await specOf('updateAclConfig')).options).not.toHaveProperty('securityToken');
});

it('keys that brokers do not take, and a question not answered with yes, change nothing', async () => {
  const before = full.masterA.seen.length;
  expect(await run('updateAclConfig', '-b', full.masterA.addr, '-a', 'short', '-s', '12345678')).toMatchObject({ stdout: '', exitCode: 2 });
  expect(await runCommand('deleteAclConfig', ['-b', full.masterA.addr, '-a', 'Account'], {}, 'n')).toMatchObject({
    stdout: '',
    exitCode: 2,
  });
  expect((await run('updateGlobalWhiteAddr', '-b', full.masterA.addr, '-g', '10.*', '--dry-run')).stdout).toMatch(/^dry run: /);
  expect(full.masterA.seen).toHaveLength(before);
});

it('an account that is not there is an error of the broker', async () => {
  const run2 = await run('deleteAclConfig', '-b', full.masterB.addr, '-a', 'NoSuchAccount');
  expect(run2).toMatchObject({ stdout: '', exitCode: 1 });
  expect(run2.stderr).toMatch(/^[^\n]*The accesskey is not exist[^\n]*\n$/);
});
