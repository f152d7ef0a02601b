import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePortBlock, holdUsualPorts, takePort } from '../../ports.js';
import { launch, until } from '../../sandbox.js';

let dir: string;
let cluster: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mqkit-'));
  cluster = join(dir, 'cluster');
});
afterEach(async () => {
  await mqadmin('stopCluster', '-d', cluster);
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

async function mqadmin(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = launch('mqadmin', args, { dir });
  return { code: await child.exited, output: child.output() };
}

async function json(...args: string[]): Promise<Record<string, never>> {
  const { code, output } = await mqadmin(...args, '--json');
  expect(code, output).toBe(0);
  return JSON.parse(output.slice(output.indexOf('{'))) as Record<string, never>;
}

/** Starts the cluster on ports that were free a moment ago; on others when somebody was faster. */
async function startOnFreePorts(...args: string[]): Promise<Record<string, never>> {
  for (let attempt = 1; ; attempt++) {
    const ports = ['--namesrvPort', `${await freePortBlock()}`, '--brokerPort', `${await freePortBlock()}`];
    const { code, output } = await mqadmin('startCluster', '-d', cluster, ...args, ...ports, '--json');
    if (code === 0 || attempt >= 5 || !/\btaken\b/.test(output)) {
      expect(code, output).toBe(0);
      return JSON.parse(output.slice(output.indexOf('{'))) as Record<string, never>;
    }
    await mqadmin('stopCluster', '-d', cluster);
  }
}

describe('startCluster, clusterStatus, stopCluster', () => {
  it('start both nodes in the background, show them, and stop them', async () => {
    const [namesrvPort, brokerPort] = [await freePortBlock(), await freePortBlock()];
    const ports = ['--namesrvPort', `${namesrvPort}`, '--brokerPort', `${brokerPort}`];
    expect(await json('startCluster', '-d', cluster, ...ports, '--dry-run')).toMatchObject({
      namesrvAddr: `127.0.0.1:${namesrvPort}`,
      pids: null,
    });
    expect(await mqadmin('clusterStatus', '-d', cluster)).toMatchObject({ code: 4 });
    expect(await json('startCluster', '-d', cluster, ...ports)).toMatchObject({
      clusterName: 'DefaultCluster',
      namesrvAddr: `127.0.0.1:${namesrvPort}`,
      brokerAddr: `127.0.0.1:${brokerPort}`,
      dir: cluster,
    });
    await until(async () => (await mqadmin('clusterStatus', '-d', cluster)).code === 0, 60_000);
    const status = await json('clusterStatus', '-d', cluster);
    expect(status.nodes).toMatchObject([
      { kind: 'broker', name: 'broker-a', isAnswering: true },
      { kind: 'namesrv', isAnswering: true },
    ]);
    expect((await mqadmin('clusterStatus', '-d', cluster)).output).toContain('answers');
    expect(await mqadmin('startCluster', '-d', cluster)).toMatchObject({ code: 2, output: expect.stringContaining('is running') });
    const again = await mqadmin('quickstart', '-d', cluster);
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining(`export NAMESRV_ADDR=127.0.0.1:${namesrvPort}`) });
    expect(again.output.match(/ran already/g)).toHaveLength(2);
    const belowFile = join(cluster, 'conf', 'broker.conf', 'x');
    expect(await mqadmin('startCluster', '-d', belowFile)).toMatchObject({
      code: 2,
      output: expect.stringMatching(/^folder .* cannot be made: ENOTDIR.*; -d names another folder\n$/),
    });
    expect((await mqadmin('stopCluster', '-d', cluster, '--dry-run')).output).toContain('would stop broker broker-a');
    const stopped = await mqadmin('stopCluster', '-d', cluster);
    expect(stopped).toMatchObject({ code: 0, output: expect.stringContaining('broker broker-a') });
    expect(await mqadmin('clusterStatus', '-d', cluster)).toMatchObject({ code: 4 });
    expect(await mqadmin('stopCluster', '-d', cluster)).toMatchObject({ code: 4 });
  }, 240_000);

  it('use names of the first start again, and keep the files', async () => {
    await startOnFreePorts('-b', 'broker-x', '-c', 'C1');
    await json('stopCluster', '-d', cluster);
    expect(readFileSync(join(cluster, 'conf', 'broker.conf'), 'latin1')).toContain('brokerName=broker-x\n');
    expect(await startOnFreePorts()).toMatchObject({ brokerName: 'broker-x', clusterName: 'C1' });
  }, 240_000);

  it('know two masters: one that was killed is seen, started again by one of two starts, and has its messages', async () => {
    expect(await mqadmin('startCluster', '-d', cluster, '--topology', '2m-2s-async')).toMatchObject({
      code: 2,
      output: expect.stringContaining('--topology 2m-2s-async: the bundled brokers have no slaves'),
    });
    const started: unknown = await startOnFreePorts('--topology', '2m', '--namesrvs', '2');
    const { nodes, namesrvAddr } = started as { nodes: { name: string; pid: number }[]; namesrvAddr: string };
    expect(nodes).toMatchObject([{ name: 'namesrv' }, { name: 'namesrv-b' }, { name: 'broker-a' }, { name: 'broker-b' }]);
    expect(await mqadmin('updateTopic', '-n', namesrvAddr, '-c', 'DefaultCluster', '-t', 'Kept')).toMatchObject({ code: 0 });
    expect(await mqadmin('startCluster', '-d', cluster)).toMatchObject({ code: 2, output: expect.stringContaining('is running') });
    process.kill(nodes.find(({ name }) => name === 'broker-b')?.pid ?? 0, 'SIGKILL');
    let down: Awaited<ReturnType<typeof mqadmin>> = { code: null, output: '' };
    await until(async () => {
      down = await mqadmin('clusterStatus', '-d', cluster);
      return down.code === 6;
    }, 90_000);
    expect([down.code, down.output]).toEqual([6, expect.stringMatching(/broker broker-b +127\.0\.0\.1:\d+ +pid - +does not run/)]);
    const starts = await Promise.all([mqadmin('startCluster', '-d', cluster), mqadmin('startCluster', '-d', cluster)]);
    expect(starts.map(({ code }) => code).sort(), JSON.stringify(starts)).toEqual([0, 2]);
    // A node that has just come back may be slow to answer.
    await until(async () => (await mqadmin('clusterStatus', '-d', cluster)).code === 0, 60_000);
    expect((await json('clusterStatus', '-d', cluster)).nodes).toHaveLength(4);
    expect((await mqadmin('topicRoute', '-n', namesrvAddr, '-t', 'Kept')).output).toContain('broker-b');
    expect(await mqadmin('startCluster', '-d', cluster, '--topology', 'single')).toMatchObject({ code: 2 });
    const stopped = await mqadmin('stopCluster', '-d', cluster);
    expect(stopped.output.match(/ stopped after /g), stopped.output).toHaveLength(4);
    // The folder knows how it was started, and its ports.
    expect(await json('startCluster', '-d', cluster, '--dry-run')).toMatchObject({ topology: '2m', namesrvAddr });
  }, 240_000);

  it('refuse a wanted port that is taken', async () => {
    const port = await freePortBlock();
    const server = await takePort(port);
    const { code, output } = await mqadmin('startCluster', '-d', cluster, '--namesrvPort', `${port}`);
    expect([code, output]).toEqual([2, expect.stringContaining(`cannot listen on ${port}`)]);
    server?.close();
  });

  it('take free ports when the usual ones are taken, and say so', async () => {
    const giveBack = await holdUsualPorts();
    const servers = [await takePort(9876), await takePort(10911)];
    const { code, output } = await mqadmin('startCluster', '-d', cluster);
    expect(code, output).toBe(0);
    expect(output).toMatch(/port 9876 is taken: the name server listens on \d+/);
    expect(output).toMatch(/port 10911 is taken: the broker listens on \d+/);
    for (const server of servers) server?.close();
    giveBack();
  }, 600_000);
});
