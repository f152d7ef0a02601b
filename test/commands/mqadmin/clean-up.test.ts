/* What brokers are told to remove is gone afterwards, and nothing else. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BrokerNode } from '../../../broker/broker.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { RawClient } from '../../broker/kit.js';
import { brokerConfig, onFreePorts, type Sandbox, startSandbox, until } from '../../sandbox.js';
import { type CommandRun, runCommand } from './run-command.js';

const FILE_BYTES = 64 * 1024;

let sandbox: Sandbox;
let broker: BrokerNode;
let raw: RawClient;

async function start(): Promise<void> {
  // An hour that is not now: files go only when they are asked to.
  const deleteWhen = String((new Date().getHours() + 12) % 24).padStart(2, '0');
  broker = await onFreePorts((listenPort) => {
    const place = { listenPort, namesrvAddr: sandbox.namesrvAddr, brokerName: 'broker-a', storePathRootDir: join(sandbox.dir, 'a') };
    return BrokerNode.start(
      brokerConfig({ ...place, mappedFileSizeCommitLog: FILE_BYTES, deleteWhen, fileReservedTime: 0, cleanResourceInterval: 200 }),
    );
  });
  raw = new RawClient(broker.address);
}

async function stop(): Promise<void> {
  await raw?.close();
  await broker?.shutdown();
}

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 0 });
  await start();
  for (const topic of ['Gone', 'Followed', 'Filler', 'Dropped']) {
    await run('updateTopic', '-c', 'DefaultCluster', '-t', topic, '-r', '1', '-w', '1');
  }
  await run('updateSubGroup', '-c', 'DefaultCluster', '-g', 'Follower');
  const commit = { consumerGroup: 'Follower', topic: 'Followed', queueId: '0', commitOffset: '1' };
  expect((await raw.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, commit)).code).toBe(ResponseCode.SUCCESS);
  for (const [topic, count] of [
    ['Gone', 1],
    ['Followed', 1],
    ['Filler', 40],
    ['Dropped', 1],
  ] as const) {
    for (let i = 0; i < count; i++) {
      expect((await raw.send({ topic, body: 'x'.repeat(5000) })).code).toBe(ResponseCode.SUCCESS);
    }
  }
}, 120_000);

afterAll(async () => {
  await stop();
  await sandbox?.stop();
});

function run(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr });
}

async function minOffset(): Promise<number> {
  const { stdout } = await run('brokerStatus', '-b', broker.address);
  return Number(/^commitLogMinOffset +: (\d+)$/m.exec(stdout)?.[1]);
}

function queueFolder(topic: string): string {
  return join(sandbox.dir, 'a', 'consumequeue', topic);
}

describe('with --dry-run', () => {
  it.each(['deleteExpiredCommitLog', 'cleanExpiredCQ', 'cleanUnusedTopic'])('%s only says on which brokers', async (name) => {
    const done = await run(name, '-c', 'DefaultCluster', '--dry-run');
    expect(done.stdout).toMatch(new RegExp(`^dry run: would delete [^\\n]+ on ${broker.address}\\n$`));
    expect(done).toMatchObject({ stderr: '', exitCode: 0 });
  });
});

it('on a terminal the deletion is asked for, and no answer is no', async () => {
  const env = { NAMESRV_ADDR: sandbox.namesrvAddr };
  const done = await runCommand('deleteExpiredCommitLog', ['-b', broker.address], env, 'n');
  expect(done).toMatchObject({ stdout: '', exitCode: 2 });
  expect(done.stderr).toContain(`delete commit log files older than fileReservedTime on ${broker.address}? [y/N] `);
});

it('a cluster that does not exist is an error, without a cluster all brokers are told', async () => {
  expect(await run('cleanExpiredCQ', '-c', 'NoSuch')).toMatchObject({ stdout: '', exitCode: 4 });
  const all = await run('cleanExpiredCQ', '--json');
  expect(JSON.parse(all.stdout)).toEqual({ dryRun: false, brokers: [{ addr: broker.address, outcome: 'done' }] });
});

it('deleteExpiredCommitLog has old files go whatever the hour', async () => {
  expect(await run('deleteExpiredCommitLog', '-b', broker.address)).toEqual({ stdout: 'success\n', stderr: '', exitCode: 0 });
  await until(async () => (await minOffset()) >= 2 * FILE_BYTES, 15_000);
});

it('cleanExpiredCQ removes queues without messages, but none that a group follows', async () => {
  await until(async () => (await minOffset()) > 0, 15_000);
  expect([existsSync(queueFolder('Gone')), existsSync(queueFolder('Followed'))]).toEqual([true, true]);
  expect(await run('cleanExpiredCQ', '-b', broker.address)).toEqual({ stdout: 'success\n', stderr: '', exitCode: 0 });
  expect(existsSync(join(queueFolder('Gone'), '0'))).toBe(false);
  expect(existsSync(join(queueFolder('Followed'), '0'))).toBe(true);
  const status = async (topic: string): Promise<unknown[]> =>
    (JSON.parse((await run('topicStatus', '-t', topic, '--json')).stdout) as { queues: unknown[] }).queues;
  expect(await status('Gone')).toMatchObject([{ minOffset: 0, maxOffset: 0 }]);
  expect(await status('Followed')).toMatchObject([{ minOffset: 1, maxOffset: 1 }]);
  expect((await raw.send({ topic: 'Gone' })).extFields?.queueOffset).toBe('0');
  expect((await raw.send({ topic: 'Followed' })).extFields?.queueOffset).toBe('1');
});

it('cleanUnusedTopic removes the queues of topics that the broker does not know any more', async () => {
  await stop();
  const path = join(sandbox.dir, 'a', 'config', 'topics.json');
  const table = JSON.parse(readFileSync(path, 'utf8')) as { topicConfigTable: Record<string, unknown> };
  delete table.topicConfigTable.Dropped;
  writeFileSync(path, JSON.stringify(table));
  rmSync(`${path}.bak`, { force: true });
  await start();
  expect(existsSync(queueFolder('Dropped'))).toBe(true);
  expect(await run('cleanUnusedTopic', '-b', broker.address)).toEqual({ stdout: 'success\n', stderr: '', exitCode: 0 });
  expect(existsSync(queueFolder('Dropped'))).toBe(false);
  expect([existsSync(queueFolder('Filler')), existsSync(queueFolder('Followed'))]).toEqual([true, true]);
});
