import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRunning, startTimeOf } from '../../../broker/process/process-identity.js';
import { makeRunDir, type RunFile, runningNodes, stateDir, writeRunFile } from '../../../broker/process/run-file.js';
import { channelPath, openStopChannel, requestStop } from '../../../broker/process/stop-channel.js';
import { stopNode } from '../../../broker/process/stop-node.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mqkit-run-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function runFile(fields: Partial<RunFile> = {}): Promise<RunFile> {
  return {
    kind: 'broker',
    pid: process.pid,
    startTime: await startTimeOf(process.pid),
    name: 'broker-a',
    address: '127.0.0.1:10911',
    listenPort: 10911,
    dir: '/data',
    logFile: null,
    channel: null,
    token: 'secret',
    ...fields,
  };
}

describe('the identity of a process', () => {
  it.skipIf(process.platform === 'win32')('is its start time, and there is none without the process', async () => {
    const mine = await startTimeOf(process.pid);
    expect(mine).not.toBeNull();
    expect(await startTimeOf(process.pid)).toBe(mine);
    expect(await isRunning(process.pid, mine)).toBe(true);
    expect(await isRunning(process.pid, 'another time')).toBe(false);
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.once('exit', resolve));
    expect(await isRunning(child.pid as number, null)).toBe(false);
  });

  it('cannot be asked for on Windows', async () => {
    expect(await startTimeOf(process.pid, 'win32')).toBeNull();
  });
});

describe('run files', () => {
  it('are for this user only, and those of processes that are gone are removed', async () => {
    writeRunFile(dir, await runFile());
    writeRunFile(dir, await runFile({ kind: 'namesrv', pid: 2 ** 22 + 1 }));
    writeFileSync(join(dir, 'run', 'broker-7.json'), '{"half');
    if (process.platform !== 'win32') expect(statSync(join(dir, 'run', `broker-${process.pid}.json`)).mode & 0o077).toBe(0);
    expect((await runningNodes(dir)).map((node) => node.pid)).toEqual([process.pid]);
    expect(existsSync(join(dir, 'run', `namesrv-${2 ** 22 + 1}.json`))).toBe(false);
  });

  it('are none where nothing ever ran', async () => {
    expect(await runningNodes(join(dir, 'absent'))).toEqual([]);
  });

  it('lie in MQKIT_STATE_DIR, else in the place of the platform', () => {
    expect(stateDir({ MQKIT_STATE_DIR: '/x' })).toBe('/x');
    expect(stateDir({})).toContain('mqkit');
  });
});

describe('the stop channel', () => {
  it('is a pipe on Windows, a socket elsewhere, and absent where the path is too long for one', () => {
    expect(channelPath('C:\\state', 5, 'win32')).toBe('\\\\.\\pipe\\mqkit-5');
    expect(channelPath('/s', 5, 'linux')).toBe(join('/s', 'run', '5.sock'));
    expect(channelPath(`/${'s'.repeat(120)}`, 5, 'linux')).toBeNull();
  });

  it('stops for the token only, whatever else is sent', async () => {
    makeRunDir(dir);
    const path = channelPath(dir, process.pid) as string;
    let stops = 0;
    const channel = await openStopChannel(path, 'secret', () => stops++);
    expect(await requestStop(path, 'guess')).toBe(false);
    expect(await requestStop(path, 'secret\nstop')).toBe(true);
    expect(await requestStop(path, 'x'.repeat(5000))).toBe(false);
    expect(stops).toBe(1);
    channel.close();
    expect(await requestStop(path, 'secret')).toBe(false);
  });

  it('takes the place of a socket that a killed node left behind', async () => {
    mkdirSync(join(dir, 'run'), { recursive: true });
    const path = channelPath(dir, process.pid) as string;
    if (process.platform !== 'win32') writeFileSync(path, '');
    const channel = await openStopChannel(path, 'secret', () => {});
    expect(await requestStop(path, 'secret')).toBe(true);
    channel.close();
  });
});

describe('stopNode', () => {
  it.skipIf(process.platform === 'win32')('reports a node that does not stop in time', async () => {
    const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)']);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const pid = child.pid as number;
    const outcome = await stopNode(dir, await runFile({ pid, startTime: await startTimeOf(pid) }), { waitMs: 100 });
    expect(outcome).toMatchObject({ by: 'signal', isStopped: false });
    child.kill('SIGKILL');
  });

  it('sends no signal where the start time is not known', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const outcome = await stopNode(dir, await runFile({ pid: child.pid as number, startTime: null }), { waitMs: 50 });
    expect(outcome).toMatchObject({ by: 'none', isStopped: false });
    expect(child.exitCode).toBeNull();
    child.kill('SIGKILL');
  });
});
