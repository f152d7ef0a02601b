/* Everything that takes something away, in one table: it asks on terminals, can be tried, and leaves a line in the audit file. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../../src/cli/audit.js';
import { isApacheCommand } from '../../../src/cli/command-order.js';
import { confirmDeletion } from '../../../src/cli/confirm.js';
import { detectTerminal } from '../../../src/cli/terminal.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { type FullCluster, startFullCluster } from './full-cluster.js';
import { type CommandRun, commandNames, runCommand, specOf } from './run-command.js';

interface Destructive {
  /** The command line; BROKER and CONTROLLER stand for addresses. */
  readonly line: string;
  /** What its audit entry has. */
  readonly request: string;
  /** Makes what is taken away. */
  readonly before?: readonly string[];
  /** On the nodes that answer what bundled ones refuse. */
  readonly onOthers?: boolean;
}

/** Commands of Apache's tool that take something away: they ask on terminals alone. `undoOffsets` moves offsets as three of those do. */
const DESTRUCTIVE: readonly Destructive[] = [
  { line: 'deleteTopic -c DefaultCluster -t Gone', request: 'DELETE_TOPIC_IN_BROKER', before: ['updateTopic -b BROKER -t Gone'] },
  { line: 'deleteSubGroup -c DefaultCluster -g Gone', request: 'DELETE_SUBSCRIPTIONGROUP', before: ['updateSubGroup -b BROKER -g Gone'] },
  { line: 'deleteKvConfig -s NS -k k', request: 'DELETE_KV_CONFIG', before: ['updateKvConfig -s NS -k k -v v'] },
  { line: 'cleanExpiredCQ -b BROKER', request: 'CLEAN_EXPIRED_CONSUMEQUEUE' },
  { line: 'cleanUnusedTopic -b BROKER', request: 'CLEAN_UNUSED_TOPIC' },
  { line: 'deleteExpiredCommitLog -b BROKER', request: 'DELETE_EXPIRED_COMMITLOG' },
  { line: 'skipAccumulatedMessage -g Far -t Kept', request: 'INVOKE_BROKER_TO_RESET_OFFSET' },
  { line: 'resetOffsetByTime -g Far -t Kept -s 0', request: 'INVOKE_BROKER_TO_RESET_OFFSET' },
  { line: 'cloneGroupOffset -s Near -d Far -t Kept --only-topic', request: 'UPDATE_CONSUMER_OFFSET' },
  { line: 'undoOffsets -f UNDO', request: 'INVOKE_BROKER_TO_RESET_OFFSET' },
  {
    line: 'deleteUser -c DefaultCluster -u alice',
    request: 'AUTH_DELETE_USER',
    before: ['createUser -c DefaultCluster -u alice -p x'],
    onOthers: true,
  },
  {
    line: 'deleteAcl -c DefaultCluster -s User:alice',
    request: 'AUTH_DELETE_ACL',
    before: ['createUser -c DefaultCluster -u alice -p x', 'createAcl -c DefaultCluster -s User:alice -r Topic:T -a Pub -d Allow'],
    onOthers: true,
  },
  {
    line: 'deleteAclConfig -c DefaultCluster -a AccessKey',
    request: 'DELETE_ACL_CONFIG',
    before: ['updateAclConfig -c DefaultCluster -a AccessKey -s SecretKey'],
    onOthers: true,
  },
  { line: 'removeBroker -c BROKER -b DefaultCluster:broker-b:0', request: 'REMOVE_BROKER', onOthers: true },
  { line: 'cleanBrokerMetadata -a CONTROLLER -bn broker-c -c DefaultCluster -b 3', request: 'CLEAN_BROKER_DATA', onOthers: true },
  { line: 'removeColdDataFlowCtrGroupConfig -b BROKER -g G', request: 'REMOVE_COLD_DATA_FLOW_CTR_CONFIG', onOthers: true },
];

let sandbox: Sandbox;
let other: FullCluster;
let dir: string;
let moves = 0;

beforeAll(async () => {
  // The first import of every command takes a slow machine long.
  await Promise.all(commandNames.map(specOf));
  [sandbox, other, dir] = [await startSandbox(), await startFullCluster(), mkdtempSync(join(tmpdir(), 'mqkit-destructive-'))];
  const env = { NAMESRV_ADDR: sandbox.namesrvAddr };
  const at = ['-b', sandbox.brokerAddr];
  await runCommand('updateTopic', [...at, '-t', 'Kept', '-r', '1', '-w', '1'], env);
  for (const group of ['Near', 'Far']) {
    await runCommand('updateSubGroup', [...at, '-g', group], env);
  }
  await until(async () => (await runCommand('topicRoute', ['-t', 'Kept'], env)).exitCode === 0, 10_000);
  for (let i = 0; i < 3; i++) {
    await runCommand('sendMessage', ['-t', 'Kept', '-p', 'x'], env);
  }
  await moveTo('Near', 1);
  await moveTo('Far', 1);
  await moveTo('Far', 2, join(dir, 'undo.json'));
});

afterAll(async () => {
  await sandbox.stop();
  await other.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function moveTo(group: string, offset: number, undoFile = join(dir, `undo-${group}-${offset}.json`)): Promise<void> {
  const argv = ['-g', group, '-t', 'Kept', '-s', 'now', '-b', sandbox.brokerAddr, '-q', '0', '-o', String(offset), '--undo-file', undoFile];
  const run = await runCommand('resetOffsetByTime', argv, { NAMESRV_ADDR: sandbox.namesrvAddr });
  expect(run).toMatchObject({ exitCode: 0 });
}

/** Before a command that moves offsets, the group is somewhere else. */
async function moveBack(line: string): Promise<void> {
  if (/Offset|^skip/.test(line)) {
    await moveTo('Far', 2, join(dir, `back-${moves++}.json`));
  }
}

function run(line: string, onOthers: boolean | undefined, answer: string | null, audit = 'off'): Promise<CommandRun> {
  const [name = '', ...argv] = line
    .replace('BROKER', onOthers ? other.masterA.addr : sandbox.brokerAddr)
    .replace('CONTROLLER', other.controller.addr)
    .replace('UNDO', join(dir, 'undo.json'))
    .split(' ');
  const namesrvAddr = onOthers ? other.namesrv.addr : sandbox.namesrvAddr;
  return runCommand(name, argv, { NAMESRV_ADDR: namesrvAddr, MQADMIN_AUDIT: audit, XDG_STATE_HOME: dir }, answer);
}

function entriesOf(file: string): AuditEntry[] {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Nothing was written.
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEntry);
}

describe.each(DESTRUCTIVE)('$line', ({ line, request, before = [], onOthers }) => {
  const file = (): string => join(dir, `${line.split(' ')[0]}.jsonl`);

  it('asks on a terminal, can be tried, and is done in a pipe and with --yes, which the audit file has', async () => {
    for (const first of before) {
      expect(await run(first, onOthers, null)).toMatchObject({ exitCode: 0 });
    }
    await moveBack(line);
    const refused = await run(line, onOthers, 'n', file());
    expect(refused).toMatchObject({ stdout: '', exitCode: 2 });
    expect(refused.stderr).toMatch(/\? \[y\/N\] nothing was (deleted|moved): the question was not answered with yes\n$/);
    const tried = await run(`${line} --dry-run`, onOthers, 'n', file());
    expect(tried).toMatchObject({ stdout: expect.stringContaining('would'), exitCode: 0 });
    expect(entriesOf(file())).toEqual([]);
    expect(await run(line, onOthers, null, file())).toMatchObject({ stderr: expect.not.stringContaining('[y/N]'), exitCode: 0 });
    for (const first of before) {
      await run(first, onOthers, null);
    }
    await moveBack(line);
    expect(await run(`${line} --yes`, onOthers, 'n', file())).toMatchObject({ stderr: expect.not.stringContaining('[y/N]'), exitCode: 0 });
    const entries = entriesOf(file());
    expect(entries.map(({ command, outcome }) => [command, outcome])).toEqual([
      [line.split(' ')[0], 'done'],
      [line.split(' ')[0], 'done'],
    ]);
    expect(entries.flatMap(({ changes }) => changes.map((change) => change.request))).toContain(request);
  });
});

it('the table has every command of Apache that asks, and all that ask can be tried', async () => {
  const inTable = DESTRUCTIVE.map(({ line }) => line.split(' ')[0] ?? '');
  const specs = await Promise.all(commandNames.map(async (name) => ({ name, ...(await specOf(name)) })));
  const asking = specs.filter(({ options }) => 'yes' in options);
  expect(asking.filter(({ options }) => !('dryRun' in options)).map(({ name }) => name)).toEqual([]);
  expect(asking.map(({ name }) => name)).toEqual(expect.arrayContaining(inTable));
  expect(inTable).toEqual(expect.arrayContaining(asking.map(({ name }) => name).filter(isApacheCommand)));
});

it('who does not answer in time has not said yes', async () => {
  const [stdin, stderr] = [new PassThrough(), new PassThrough()];
  const io = { stdin, stderr, stdout: new PassThrough(), env: {}, terminal: { colour: false, asks: true, animates: false } };
  const error = await confirmDeletion('delete everything', { yes: false, io, waitMs: 30 }).catch((failure: unknown) => failure);
  expect(error).toMatchObject({ exitCode: 2, message: 'nothing was done: the question was not answered within 0.03 s' });
  expect(String(stderr.read())).toMatch(/^delete everything\? \[y\/N\] /);
});

it.each([
  [{}, true, true, true],
  [{}, false, true, false],
  [{}, true, false, false],
  [{ CI: 'true' }, true, true, false],
  [{ CI: '' }, true, true, false],
] as const)('with the environment %j, stdin a terminal: %s, stderr: %s, a question is asked: %s', (env, stdin, stderr, asks) => {
  const streams = { stdin: { isTTY: stdin }, stderr: { isTTY: stderr } } as Parameters<typeof detectTerminal>[1];
  expect(detectTerminal(env, streams).asks).toBe(asks);
});
