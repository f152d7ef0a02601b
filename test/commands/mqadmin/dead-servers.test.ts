import { createServer, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ARGUMENTS, TO_ONE_BROKER, WITHOUT_NAMESRV } from './arguments.js';
import { type CommandRun, commandNames, runCommand } from './run-command.js';

/** Accepts connections and says nothing. */
let silent: Server;
const sockets = new Set<Socket>();
let silentAddr = '';
/** Nothing listens there. */
let refusedAddr = '';

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)));
}

beforeAll(async () => {
  silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  silentAddr = `127.0.0.1:${await listen(silent)}`;
  const closed = createServer();
  refusedAddr = `127.0.0.1:${await listen(closed)}`;
  await new Promise((resolve) => closed.close(resolve));
  // What all commands share is loaded before their times are taken.
  await runCommand('topicList', ['-n', refusedAddr]);
});

afterAll(async () => {
  for (const socket of sockets) {
    socket.destroy();
  }
  await new Promise((resolve) => silent.close(resolve));
});

async function timed(name: string, argv: readonly string[]): Promise<CommandRun & { tookMs: number }> {
  const begin = performance.now();
  const run = await runCommand(name, argv);
  return { ...run, tookMs: performance.now() - begin };
}

function expectOneLine(run: CommandRun, exitCode: number): void {
  expect(run.stdout).toBe('');
  expect(run.stderr).toMatch(/^[^\n]+\n$/);
  expect(run.exitCode).toBe(exitCode);
}

it('has arguments for every command', () => {
  expect(Object.keys(ARGUMENTS).sort()).toEqual(commandNames);
});

describe('a name server', () => {
  const asking = commandNames.filter((name) => !WITHOUT_NAMESRV.has(name));

  it.each(asking)('that refuses the connection ends %s at once with the address', async (name) => {
    const run = await timed(name, [...ARGUMENTS[name]!, '-n', refusedAddr]);
    expectOneLine(run, 3);
    expect(run.stderr).toContain(refusedAddr);
    // Nobody waits for the request time-out of 5 s.
    expect(run.tookMs).toBeLessThan(4500);
  });

  it.each(asking)('that does not answer ends %s when --timeout has passed', async (name) => {
    const run = await timed(name, [...ARGUMENTS[name]!, '-n', silentAddr, '--timeout', '50ms']);
    expectOneLine(run, 3);
    expect(run.stderr).toContain('50 ms');
    expect(run.tookMs).toBeGreaterThan(30);
    // Nobody waits for the request time-out of 5 s.
    expect(run.tookMs).toBeLessThan(4500);
  });

  it.each(asking)('that is not given ends %s with a hint', async (name) => {
    const run = await timed(name, ARGUMENTS[name]!);
    expectOneLine(run, 2);
    expect(run.stderr).toContain('-n');
    expect(run.stderr).toContain('NAMESRV_ADDR');
  });

  it('that does not answer ends a command after the request time-out of 5 s', async () => {
    const run = await timed('topicList', ['-n', silentAddr]);
    expectOneLine(run, 3);
    expect(run.stderr).toContain(silentAddr);
    expect(run.tookMs).toBeGreaterThan(4500);
    expect(run.tookMs).toBeLessThan(20_000);
  });

  it('and the next one that refuse are both named', async () => {
    const run = await timed('topicList', ['-n', `${refusedAddr};127.0.0.1:1`]);
    expectOneLine(run, 3);
    expect(run.stderr).toContain(refusedAddr);
    expect(run.stderr).toContain('127.0.0.1:1');
  });
});

describe('a broker', () => {
  it.each(Object.keys(TO_ONE_BROKER))('that refuses the connection ends %s -b without a name server', async (name) => {
    const run = await timed(name, [...TO_ONE_BROKER[name]!, '-b', refusedAddr]);
    expectOneLine(run, 3);
    expect(run.stderr).toContain(refusedAddr);
  });

  it.each(Object.keys(TO_ONE_BROKER))('that does not answer ends %s -b when --timeout has passed', async (name) => {
    expectOneLine(await timed(name, [...TO_ONE_BROKER[name]!, '-b', silentAddr, '--timeout', '50ms']), 3);
  });
});

it('an error is one line of JSON for a program that asks for JSON', async () => {
  const run = await runCommand('topicList', ['-n', refusedAddr, '--json']);
  expect(run.stdout).toBe('');
  expect(JSON.parse(run.stderr)).toMatchObject({ error: { category: 'connect', exitCode: 3 } });
});
