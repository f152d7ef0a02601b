import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { channelPath, requestStop } from '../../../broker/process/stop-channel.js';
import { isReachableFromOutside } from '../../../src/commands/nodes/node-command.js';
import { RemotingClient } from '../../../src/remoting/client.js';
import { freePortBlock } from '../../ports.js';
import { launch, type SpawnedNode, spawnNamesrv, until } from '../../sandbox.js';

let dir: string;
let nodes: Omit<SpawnedNode, 'address'>[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mqkit-'));
  nodes = [];
});
afterEach(async () => {
  for (const node of nodes) if (node.process.exitCode === null && node.process.signalCode === null) await node.kill();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

async function start(settings: Record<string, string | number> = {}, args: string[] = []): Promise<SpawnedNode> {
  const node = await spawnNamesrv(dir, { settings, args });
  nodes.push(node);
  return node;
}

async function run(bin: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = launch(bin, args, { dir });
  nodes.push(child);
  return { code: await child.exited, output: child.output() };
}

function runFiles(): string[] {
  const folder = join(dir, 'state', 'run');
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
}

describe('mqnamesrv', () => {
  it('serves, prints what it listens on, and stops cleanly on SIGTERM', async () => {
    const node = await start();
    expect(node.output()).toContain(`The Name Server boot success. serializeType=JSON, address ${node.address}`);
    const client = new RemotingClient();
    expect((await client.invoke(node.address, { code: 106 }, 5000)).code).toBe(0);
    await client.close();
    expect(runFiles()).toHaveLength(1);
    expect(await node.stop()).toBe(0);
    expect(node.output()).toContain('stopping: SIGTERM');
    expect(runFiles()).toEqual([]);
    const log = readdirSync(join(dir, 'state', 'logs')).map((name) => readFileSync(join(dir, 'state', 'logs', name), 'utf8'))[0] ?? '';
    const lines = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; msg: string });
    expect(lines.at(-1)).toMatchObject({ level: 'info', msg: 'stopped' });
  });

  it('warns about keys it does not know, with file and line, and about being reachable from outside', async () => {
    const file = join(dir, 'namesrv.properties');
    writeFileSync(file, '# mine\nlistenport=1\ndefaultThreadPoolNums=4\n');
    const node = await start({ bindAddress: '0.0.0.0' }, ['-c', file]);
    await until(() => node.output().includes('log file'));
    expect(node.output()).toContain(`${file}:2: unknown key listenport is ignored; did you mean listenPort?`);
    expect(node.output()).toContain('accepted without effect here: defaultThreadPoolNums');
    await until(() => /WARN .*reachable from other machines/.test(node.output()) || !isReachableFromOutside('0.0.0.0'));
  });

  it('serves without a log file where the usual folder cannot be written, but not without one that was asked for', async () => {
    writeFileSync(join(dir, 'plain'), '');
    const state = join(dir, 'plain', 'state');
    const node = await spawnNamesrv(dir, { env: { MQKIT_STATE_DIR: state } });
    nodes.push(node);
    expect(node.output()).toContain('no log file');
    expect(await node.stop()).toBe(0);
    expect(await run('mqnamesrv', '--log-dir', state, 'bindAddress=127.0.0.1', `listenPort=${await freePortBlock()}`)).toMatchObject({
      code: 2,
    });
  });

  it('goes on when its terminal or the reader of its output goes away', async () => {
    const node = await start();
    node.process.kill('SIGHUP');
    await until(() => node.output().includes('SIGHUP is ignored'));
    node.process.stdout?.destroy();
    node.process.kill('SIGHUP');
    const client = new RemotingClient();
    for (let request = 0; request < 3; request++) expect((await client.invoke(node.address, { code: 106 }, 5000)).code).toBe(0);
    await client.close();
    expect((await run('mqshutdown', 'namesrv')).code).toBe(0);
  });

  it('ends with one line and exit code 2 when the port is taken', async () => {
    const first = await start();
    const port = first.address.split(':')[1];
    const second = await run('mqnamesrv', 'bindAddress=127.0.0.1', `listenPort=${port}`, `kvConfigPath=${join(dir, 'kv2.json')}`);
    expect(second.code).toBe(2);
    expect(second.output).toContain(`${port}`);
    expect(second.output.trim().split('\n')).toHaveLength(1);
  });

  it.each([
    [['-c', '/nowhere/x.properties'], 'there is no such file'],
    [['listenPort=abc'], 'listenPort=abc is not a whole number'],
    [['listenPort'], 'key=value'],
  ])('ends with exit code 2 for %j', async (args, text) => {
    const { code, output } = await run('mqnamesrv', ...args);
    expect(code).toBe(2);
    expect(output).toContain(text);
  });

  it('prints its configuration', async () => {
    const all = await run('mqnamesrv', '-p', 'listenPort', '=', '9875');
    expect(all.code).toBe(0);
    expect(all.output).toContain('listenPort=9875\n');
    expect((await run('mqnamesrv', '--print-config')).output).toContain('# default\nlistenPort=9876\n');
  });
});

describe('mqshutdown', () => {
  it('stops what this user started, and says so', async () => {
    const node = await start();
    expect((await run('mqshutdown', 'namesrv', '--dry-run')).output).toContain(`would stop name server (${node.address}`);
    const { code, output } = await run('mqshutdown', 'namesrv');
    expect(output).toMatch(new RegExp(`name server \\(${node.address}, pid ${node.process.pid}\\) stopped after \\d+ ms`));
    expect(code).toBe(0);
    expect(await node.exited).toBe(0);
    expect(node.output()).toContain('stopping: asked by mqshutdown');
  });

  it('falls back to a signal when the node does not answer, but never for a process that started at another time', async () => {
    const node = await start();
    const [name = ''] = runFiles();
    const file = join(dir, 'state', 'run', name);
    const run_ = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...run_, startTime: 'another time', channel: null }));
    expect((await run('mqshutdown', 'namesrv')).code).toBe(4);
    expect(node.process.exitCode).toBeNull();
    writeFileSync(file, JSON.stringify({ ...run_, channel: null }));
    expect((await run('mqshutdown', 'namesrv', '--json')).output).toContain('"by": "signal"');
    expect(await node.exited).toBe(0);
  });

  it('cannot be imitated without the token', async () => {
    const node = await start();
    const channel = channelPath(join(dir, 'state'), node.process.pid as number) as string;
    expect(await requestStop(channel, 'guess')).toBe(false);
    expect(node.process.exitCode).toBeNull();
  });

  it('says that there is nothing to stop, also after a crash', async () => {
    const node = await start();
    await node.kill();
    expect(runFiles()).toHaveLength(1);
    const { code, output } = await run('mqshutdown', 'namesrv');
    expect([code, output]).toEqual([4, expect.stringContaining('no name server of this user is running')]);
    expect(runFiles()).toEqual([]);
    expect((await run('mqshutdown')).code).toBe(2);
    expect((await run('mqshutdown', 'everything')).code).toBe(2);
  });
});
