import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RemotingClient } from '../../../src/remoting/client.js';
import { freePortBlock } from '../../ports.js';
import { launch, type SpawnedNode, spawnBroker, spawnNamesrv, until } from '../../sandbox.js';

let dir: string;
let nodes: Omit<SpawnedNode, 'address'>[];
let client: RemotingClient;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mqkit-'));
  nodes = [];
  client = new RemotingClient();
});
afterEach(async () => {
  await client.close();
  for (const node of nodes) if (node.process.exitCode === null && node.process.signalCode === null) await node.kill();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

function keep<N extends Omit<SpawnedNode, 'address'>>(node: N): N {
  nodes.push(node);
  return node;
}

async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = keep(launch('mqbroker', args, { dir }));
  return { code: await child.exited, output: child.output() };
}

async function config(address: string): Promise<string> {
  return (await client.invoke(address, { code: 26 }, 5000)).body?.toString() ?? '';
}

describe('mqbroker', () => {
  it('registers, prints where, and unregisters at a clean stop', async () => {
    const namesrv = keep(await spawnNamesrv(dir));
    const broker = keep(await spawnBroker(dir, { args: ['-n', namesrv.address] }));
    expect(broker.output()).toContain(
      `The broker[broker-a, ${broker.address}] boot success. serializeType=JSON and name server is ${namesrv.address}`,
    );
    const info = async (): Promise<string> => (await client.invoke(namesrv.address, { code: 106 }, 5000)).body?.toString() ?? '';
    await until(async () => (await info()).includes(broker.address), 60_000);
    expect(await broker.stop()).toBe(0);
    expect(await info()).not.toContain('broker-a');
    expect(broker.output()).toContain('stopped');
  });

  it('waits for a name server that is absent at start, says so, and registers when it comes', async () => {
    const port = await freePortBlock();
    const broker = keep(await spawnBroker(dir, { args: ['-n', `127.0.0.1:${port}`] }));
    await until(() => broker.output().includes(`127.0.0.1:${port}`));
    const namesrv = keep(await spawnNamesrv(dir, { settings: { listenPort: port } }));
    const info = async (): Promise<string> => (await client.invoke(namesrv.address, { code: 106 }, 5000)).body?.toString() ?? '';
    await until(async () => (await info()).includes(broker.address), 60_000);
  }, 120_000);

  it('reads file and arguments, changes what can be changed, and keeps it', async () => {
    const file = join(dir, 'broker.conf');
    writeFileSync(file, 'brokerClusterName=c1\nmaxMessageSize=4800\nmapedFileSizeCommitLog=1\n');
    const broker = keep(await spawnBroker(dir, { args: ['-c', file], settings: { defaultTopicQueueNums: 3 } }));
    expect(broker.output()).toContain(`${file}:3: mapedFileSizeCommitLog is ignored`);
    expect(await config(broker.address)).toContain('defaultTopicQueueNums=3\n');
    const update = (text: string): Promise<{ code: number; remark: string | null }> =>
      client.invoke(broker.address, { code: 25, body: Buffer.from(text) }, 5000);
    expect((await update('maxMessageSize=9600')).code).toBe(0);
    expect(await update('haListenPort=20999')).toMatchObject({ code: 0, remark: expect.stringContaining('after restart') });
    expect((await update('brokerConfigPath=/x')).code).toBe(16);
    expect(await config(broker.address)).toContain('maxMessageSize=9600\n');
    expect(readFileSync(file, 'latin1')).toContain('maxMessageSize=9600\n');
    expect(readFileSync(`${file}.bak`, 'latin1')).toContain('=');
  });

  it('prints its configuration: all, important, with sources', async () => {
    const all = await run('-p', 'brokerName=b');
    expect([all.code, all.output]).toEqual([0, expect.stringContaining('maxMessageSize=4194304\n')]);
    const important = await run('-m', '-n', '1.2.3.4:9876');
    expect(important.output).toContain('namesrvAddr=1.2.3.4:9876\n');
    expect(important.output).not.toContain('maxMessageSize');
    expect((await run('--print-config', 'brokerName=b')).output).toContain('# argument brokerName\nbrokerName=b\n');
  });

  it.each([
    [['brokerRole=SLAVE'], 'replication is not built yet'],
    [['authenticationEnabled=true'], 'authentication is not built yet'],
    [['-n', 'nonsense'], 'namesrvAddr=nonsense'],
    [['maxMessageSize=4M'], 'maxMessageSize=4M is not a whole number'],
  ])('ends with exit code 2 and one line for %j', async (args, text) => {
    const { code, output } = await run(...args, 'bindAddress=127.0.0.1', `storePathRootDir=${join(dir, 'store')}`);
    expect(code).toBe(2);
    expect(output).toContain(text);
    expect(output.trim().split('\n')).toHaveLength(1);
  });

  it('ends with one line when a port is taken, and leaves the store free', async () => {
    const port = await freePortBlock();
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(port, '127.0.0.1', resolve));
    const store = `storePathRootDir=${join(dir, 'store')}`;
    const { code, output } = await run('bindAddress=127.0.0.1', store, `listenPort=${port}`);
    expect(code).toBe(2);
    expect(output.trim().split('\n').at(-1)).toContain(String(port));
    await new Promise((resolve) => blocker.close(resolve));
    keep(await spawnBroker(dir));
  });

  it('refuses a store that another broker has open', async () => {
    keep(await spawnBroker(dir));
    const port = await freePortBlock();
    const { code, output } = await run('bindAddress=127.0.0.1', `storePathRootDir=${join(dir, 'store')}`, `listenPort=${port}`);
    expect(code).toBe(1);
    expect(output.trim().split('\n').at(-1)).toContain('is in use by another broker');
  });
});
