/* What the export commands write, on bundled brokers; those about RocksDB and pop records on scripted ones too. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { type FullCluster, startFullCluster } from './full-cluster.js';
import { COMPACTION_LOG } from './message-records.js';
import { type CommandRun, runCommand } from './run-command.js';

let sandbox: Sandbox;
let full: FullCluster;
let dir: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'mqkit-exports-'));
  [sandbox, full] = await Promise.all([startSandbox({ brokers: 2 }), startFullCluster()]);
  await run('updateTopic', '-c', 'DefaultCluster', '-t', 'Both', '-r', '4', '-w', '3');
  await run('updateTopic', '-b', sandbox.brokers[0]!.address, '-t', 'OnlyA', '-r', '2', '-w', '2', '-a', '+message.type=FIFO');
  await run('updateTopic', '-b', sandbox.brokers[0]!.address, '-t', '%RETRY%Group', '-r', '1', '-w', '1');
  await run('updateSubGroup', '-c', 'DefaultCluster', '-g', 'Group');
});

afterAll(async () => {
  await Promise.all([sandbox?.stop(), full?.stop()]);
  rmSync(dir, { recursive: true, force: true });
});

function run(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr });
}

function written<T>(name: string): T {
  return JSON.parse(readFileSync(join(dir, name), 'utf8')) as T;
}

type Table = Record<string, Record<string, unknown>>;

describe('exportMetadata', () => {
  it('of a cluster adds the queues of its masters up', async () => {
    const done = await run('exportMetadata', '-c', 'DefaultCluster', '-f', dir);
    expect(done).toEqual({ stdout: `export ${dir}/metadata.json success\n`, stderr: '', exitCode: 0 });
    const { topicConfigTable, subscriptionGroupTable, exportTime } = written<Record<string, Table> & { exportTime: number }>(
      'metadata.json',
    );
    expect(Object.keys(topicConfigTable!)).toEqual(['Both', 'OnlyA']);
    expect(topicConfigTable).toMatchObject({
      Both: { topicName: 'Both', readQueueNums: 8, writeQueueNums: 6, perm: 6, topicFilterType: 'SINGLE_TAG', order: false },
      OnlyA: { readQueueNums: 2, attributes: { 'message.type': 'FIFO' } },
    });
    expect(subscriptionGroupTable).toMatchObject({ Group: { groupName: 'Group', retryQueueNums: 2, retryMaxTimes: 16 } });
    expect(Object.keys(subscriptionGroupTable!)).toEqual(['Group']);
    expect(exportTime).toBeGreaterThan(1_600_000_000_000);
  });

  it('with -t, -g and -s writes topics, groups, and retry topics too', async () => {
    await run('exportMetadata', '-c', 'DefaultCluster', '-t', '-s', '-f', dir);
    expect(Object.keys(written<Record<string, Table>>('topic.json').topicConfigTable!)).toContain('%RETRY%Group');
    await run('exportMetadata', '-c', 'DefaultCluster', '-g', '-f', dir);
    expect(Object.keys(written<object>('subscriptionGroup.json')).sort()).toEqual(['exportTime', 'subscriptionGroupTable']);
  });

  it('of one broker has the version of its table, and what -b alone means is both', async () => {
    await run('exportMetadata', '-b', sandbox.brokers[1]!.address, '-t', '-f', dir);
    const { topicConfigTable, dataVersion } = written<Record<string, Table>>('topic.json');
    expect(Object.keys(topicConfigTable!)).toEqual(['Both']);
    expect(dataVersion).toMatchObject({ stateVersion: 0 });
    expect((await run('exportMetadata', '-b', sandbox.brokers[1]!.address, '-f', dir)).stdout).toBe(
      `export ${dir}/metadata.json success\n`,
    );
  });

  it('prints the content as JSON, and says when the file cannot be written', async () => {
    const { stdout } = await run('exportMetadata', '-c', 'DefaultCluster', '-t', '-f', dir, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ file: `${dir}/topic.json`, content: { topicConfigTable: { Both: {} } } });
    writeFileSync(join(dir, 'file'), '');
    const failed = await run('exportMetadata', '-c', 'DefaultCluster', '-f', join(dir, 'file'));
    expect(failed).toMatchObject({ stdout: '', exitCode: 2 });
    expect(failed.stderr).toMatch(/^[^\n]*metadata\.json cannot be written \(E[A-Z]+\); [^\n]*\n$/);
  });

  it('of an unknown cluster writes nothing', async () => {
    rmSync(join(dir, 'metadata.json'), { force: true });
    expect(await run('exportMetadata', '-c', 'NoSuch', '-f', dir)).toMatchObject({ stdout: '', exitCode: 4 });
    expect(() => written('metadata.json')).toThrow(/ENOENT/);
  });
});

it('exportConfigs writes the settings that matter and the size of the cluster', async () => {
  expect((await run('exportConfigs', '-c', 'DefaultCluster', '-f', dir)).stdout).toBe(`export ${dir}/configs.json success\n`);
  const { brokerConfigs, clusterScale } = written<{ brokerConfigs: Table; clusterScale: object }>('configs.json');
  expect(clusterScale).toEqual({ masterBrokerSize: 2, namesrvSize: 1, slaveBrokerSize: 0 });
  expect(Object.keys(brokerConfigs)).toEqual(['broker-a', 'broker-b']);
  expect(brokerConfigs['broker-b']).toMatchObject({
    brokerId: '0',
    brokerRole: 'ASYNC_MASTER',
    flushDiskType: 'ASYNC_FLUSH',
    useTLS: 'false',
  });
});

it('exportMetrics writes the figures of each master and their sums', async () => {
  expect((await run('exportMetrics', '-c', 'DefaultCluster', '-f', dir)).stdout).toBe(`export ${dir}/metrics.json success\n`);
  const text = readFileSync(join(dir, 'metrics.json'), 'utf8');
  expect(text).toContain('"totalNormalInTps":0.0');
  const { evaluateReport, totalData } = JSON.parse(text) as { evaluateReport: Table; totalData: object };
  expect(Object.keys(evaluateReport)).toEqual(['broker-a', 'broker-b']);
  expect(evaluateReport['broker-a']).toMatchObject({
    runtimeQuota: { topicSize: 2, groupSize: 1, oneDayNum: { normalOneDayInNum: 0 }, tps: { transInTps: 0 } },
    runtimeVersion: { rocketmqVersion: 'V5_3_3', clientInfo: [] },
  });
  expect(totalData).toEqual({
    totalOneDayNum: { normalOneDayInNum: 0, normalOneDayOutNum: 0, scheduleOneDayInNum: 0, transOneDayInNum: 0 },
    totalTps: { totalNormalInTps: 0, totalNormalOutTps: 0, totalScheduleInTps: 0, totalTransInTps: 0 },
  });
});

describe('exportPopRecord', () => {
  it('is done without -d, and a dry run with -d true', async () => {
    const { addr } = full.masterA;
    const line = (dryRun: boolean): string => `Export broker records, brokerName=broker-a, brokerAddr=${addr}, dryRun=${dryRun}\n`;
    expect((await runCommand('exportPopRecord', ['-b', addr, '-d', 'true'])).stdout).toBe(line(true));
    expect(full.masterA.requestsOf(RequestCode.POP_ROLLBACK)).toHaveLength(0);
    expect((await runCommand('exportPopRecord', ['-b', addr])).stdout).toBe(line(false));
    expect(full.masterA.requestsOf(RequestCode.POP_ROLLBACK)).toHaveLength(1);
  });

  it('of a cluster tells slaves too, and the bundled broker takes it', async () => {
    const done = await runCommand('exportPopRecord', ['-n', full.namesrv.addr, '-c', 'DefaultCluster']);
    expect(done.stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(await run('exportPopRecord', '-c', 'DefaultCluster')).toMatchObject({ stderr: '', exitCode: 0 });
  });
});

describe('RocksDB', () => {
  it('brokers are told which tables to write', async () => {
    const done = await runCommand('rocksDBConfigToJson', ['-n', full.namesrv.addr, '-c', 'DefaultCluster']);
    expect(done).toEqual({
      stdout: 'Use [rpc mode] call all brokers in cluster to export to json file \nbroker export done.\n',
      stderr: '',
      exitCode: 0,
    });
    const requests = full.masterB.requestsOf(RequestCode.EXPORT_ROCKSDB_CONFIG_TO_JSON);
    expect(requests[0]?.extFields).toEqual({ configType: 'topics;subscriptionGroups;consumerOffsets;' });
    await runCommand('rocksDBConfigToJson', ['-b', full.masterB.addr, '-t', 'topics']);
    expect(requests.length).toBe(1);
    expect(full.masterB.requestsOf(RequestCode.EXPORT_ROCKSDB_CONFIG_TO_JSON)[1]?.extFields).toEqual({ configType: 'topics;' });
  });

  it('tables are read from the files that brokers write, and copied to another file', async () => {
    writeFileSync(join(dir, 'consumerOffset.json'), '{"offsetTable":{"T@G":{0:5,1:7}}}');
    const rows = await runCommand('rocksDBConfigToJson', ['-p', dir, '-t', 'consumerOffsets', '-j', 'false']);
    expect(rows.stdout).toBe('Use [local mode] load rocksdb to print or export file \n1, Key: T@G, Value: {"0":5,"1":7}\n');
    const target = join(dir, 'out', 'offsets.json');
    await runCommand('rocksDBConfigToJson', ['-p', dir, '-t', 'consumerOffsets', '-e', target]);
    await runCommand('rocksDBConfigToJson', ['-p', dir, '-t', 'consumerOffsets', '-e', target]);
    expect(JSON.parse(readFileSync(`${target}.bak`, 'utf8'))).toEqual({ offsetTable: { 'T@G': { 0: 5, 1: 7 } } });
    writeFileSync(join(dir, 'topics.json'), '{"dataVersion":{"counter":1},"topicConfigTable":{"T":{"topicName":"T"}}}');
    const one = await runCommand('exportMetadataInRocksDB', ['-p', dir, '-t', 'topics']);
    expect(one).toEqual({ stdout: '1, Key: T, Value: {"topicName":"T"}\n', stderr: '', exitCode: 0 });
    const json = await runCommand('exportMetadataInRocksDB', ['-p', dir, '-t', 'topics', '-j', 'true']);
    expect(JSON.parse(json.stdout)).toEqual({ topicConfigTable: { T: { topicName: 'T' } } });
  });

  it.each([
    ['rocksDBConfigToJson', ['-p', '/no/such/folder', '-t', 'topics'], /RocksDB path is invalid/],
    [
      'rocksDBConfigToJson',
      ['-p', '/', '-t', 'bogus'],
      /Invalid configType: bogus please input topics\/subscriptionGroups\/consumerOffsets/,
    ],
    ['rocksDBConfigToJson', ['-p', '/'], /local mode Invalid args, please input configType/],
    ['rocksDBConfigToJson', ['-n', '127.0.0.1:1'], /rpc mode Invalid args, please input cluster/],
    ['rocksDBConfigToJson', [], /Missing required option: \[-c cluster, -b brokerAddr, -p configPath\]/],
    ['exportMetadataInRocksDB', ['-p', '/no/such/folder', '-t', 'topics'], /RocksDB path is invalid/],
    ['exportMetadataInRocksDB', ['-p', '/', '-t', 'consumerOffsets'], /Options: topics,subscriptionGroups/],
  ] as const)('%s %j is a usage error', async (name, argv, message) => {
    const done = await runCommand(name, argv);
    expect(done).toMatchObject({ stdout: '', exitCode: 2 });
    expect(done.stderr).toMatch(message);
  });

  it('comparing consume queues begins at a time, and a broker that cannot is named', async () => {
    const argv = ['-n', full.namesrv.addr, '-c', 'DefaultCluster', '-t', 'PlainTopic', '-cf', '1700000000000'];
    const done = await runCommand('checkRocksdbCqWriteProgress', argv);
    const line = (name: string): string => `${name} check doing, please wait and get the result from log... \n`;
    expect(done).toEqual({ stdout: line('broker-a') + line('broker-b'), stderr: '', exitCode: 0 });
    const [request] = full.masterA.requestsOf(RequestCode.CHECK_ROCKSDB_CQ_WRITE_PROGRESS);
    expect(request?.extFields).toEqual({ topic: 'PlainTopic', checkStoreTime: '1700000000000' });
    full.masterB.answer(
      new Map([[RequestCode.CHECK_ROCKSDB_CQ_WRITE_PROGRESS, () => ({ body: { checkStatus: 3, checkResult: 'no store' } })]]),
    );
    const failed = await runCommand('checkRocksdbCqWriteProgress', argv);
    expect(failed.stdout).toBe(`${line('broker-a')}broker-b check error, please check log... errInfo: no store\n`);
    expect(failed).toMatchObject({ exitCode: 6, stderr: 'consume queues are not compared on broker-b (no store)\n' });
  });
});

describe('dumpCompactionLog', () => {
  it('prints the messages up to what is not written yet', async () => {
    const path = join(dir, 'compaction.log');
    writeFileSync(path, COMPACTION_LOG);
    const { stdout, exitCode } = await runCommand('dumpCompactionLog', ['-f', path]);
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(stdout).toMatch(
      /^MessageExt \[brokerName=null, queueId=0, storeSize=\d+, queueOffset=0, .*commitLogOffset=0, .*topic='Compacted'.*body=null, transactionId='null'}\]\n/,
    );
    const json = await runCommand('dumpCompactionLog', ['-f', path, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ messages: [{ keys: 'key', body: Buffer.from('one').toString('base64') }, {}] });
  });

  it('names the place of a broken record, after the messages before it', async () => {
    const path = join(dir, 'broken.log');
    const broken = Buffer.from(COMPACTION_LOG);
    broken.writeInt32BE(0x01020304, broken.readInt32BE(0) + 4);
    writeFileSync(path, broken);
    const done = await runCommand('dumpCompactionLog', ['-f', path]);
    expect(done.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(done.exitCode).toBe(1);
    expect(done.stderr).toMatch(new RegExp(`^file ${path} has no message at ${broken.readInt32BE(0)}: `));
  });

  it.each([
    [[], /miss dump log file name/],
    [['-f', '/no/such/file'], /file \/no\/such\/file not exist\./],
    [['-f', '/'], /file \/ is a directory\./],
  ] as const)('%j is a usage error', async (argv, message) => {
    const done = await runCommand('dumpCompactionLog', argv);
    expect(done).toMatchObject({ stdout: '', exitCode: 2 });
    expect(done.stderr).toMatch(message);
  });
});
