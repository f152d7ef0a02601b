/* Users and access rules: the recorded runs of the Java tool, in their order, against scripted brokers that keep users and rules. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestCode } from '../../../src/remoting/codes.js';
import { type FullCluster, startFullCluster } from './full-cluster.js';
import { type CommandRun, runCommand } from './run-command.js';

interface Recorded {
  readonly seq: number;
  readonly command: readonly string[];
  readonly stdout: string;
}

const recorded = readFileSync(new URL('./vectors/auth.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);

/** What ends with an error here; the Java tool ends with 0 after a stack trace, or after nothing at all. */
const EXIT_CODES: Readonly<Record<number, number>> = {
  222: 5,
  245: 4,
  247: 2,
  256: 5,
  260: 4,
  271: 2,
  273: 2,
  278: 6,
  282: 5,
  299: 4,
  312: 5,
};

/** Which master of a cluster comes first is a matter of hashes there, of names here. */
const FIRST_MASTER = new Set([233, 258]);

let cluster: FullCluster;

beforeAll(async () => {
  cluster = await startFullCluster({ slave: false });
});

afterAll(() => cluster?.stop());

function pairs(): [string, string][] {
  return [
    ['127.0.0.1:49876', cluster.namesrv.addr],
    ['127.0.0.1:50911', cluster.masterA.addr],
    ['127.0.0.1:52911', cluster.masterB.addr],
  ];
}

async function replay({ command }: Recorded): Promise<CommandRun> {
  const [name = '', ...argv] = command.map((word) => pairs().reduce((text, [theirs, ours]) => text.replaceAll(theirs, ours), word));
  const run = await runCommand(name, argv);
  return { ...run, stdout: pairs().reduce((text, [theirs, ours]) => text.replaceAll(ours, theirs), run.stdout) };
}

const lines = (text: string): string[] => text.replace(/\n+$/, '').split('\n').sort();

describe('recorded', () => {
  it.each(recorded.map((entry) => [`${entry.seq} ${entry.command.join(' ')}`, entry] as const))('%s', async (_, entry) => {
    const run = await replay(entry);
    if (entry.seq === 226) {
      // A type that brokers do not know becomes Normal there.
      expect(run).toMatchObject({ exitCode: 2, stderr: '-t, --userType expects Super, Normal, got "Bogus"\n' });
      await runCommand('createUser', ['-b', cluster.masterA.addr, '-u', 'eve', '-p', 'e']);
      return;
    }
    if (entry.seq === 268) {
      // The Java tool stops at the first broker, which does not know the user; the other one knows it.
      expect(run).toMatchObject({ stdout: 'create acl to 127.0.0.1:50911 success.\n', exitCode: 6 });
      await runCommand('deleteAcl', ['-b', cluster.masterA.addr, '-s', 'User:alice']);
      return;
    }
    if (FIRST_MASTER.has(entry.seq)) {
      expect(run.stdout.split('\n')[0]).toBe(entry.stdout.split('\n')[0]);
      expect(run.stdout).toContain('bob ');
      expect(run.exitCode).toBe(0);
      return;
    }
    const exitCode = EXIT_CODES[entry.seq] ?? 0;
    const expected = exitCode !== 0 && entry.seq !== 299 ? '' : entry.stdout;
    expect(lines(run.stdout)).toEqual(lines(expected));
    expect(run.exitCode).toBe(exitCode);
    if (exitCode !== 0) expect(run.stderr).toMatch(/^[^\n]+\n$/);
    else expect(run.stderr).toBe(entry.seq === 321 ? 'user nobody was not known to any of these brokers\n' : '');
  });
});

describe('on a cluster', () => {
  it('what one broker refuses is told apart from what the others took', async () => {
    await runCommand('createUser', ['-b', cluster.masterA.addr, '-u', 'twice', '-p', 'x']);
    const run = await runCommand('createUser', ['-n', cluster.namesrv.addr, '-c', 'DefaultCluster', '-u', 'twice', '-p', 'x']);
    expect(run.stdout).toBe(`create user to ${cluster.masterB.addr} success.\n`);
    expect(run).toMatchObject({ exitCode: 6 });
    expect(run.stderr).toMatch(/The user is existed/);
  });

  it('a dry run and a question that is not answered with yes change nothing', async () => {
    const before = cluster.masterA.requestsOf(RequestCode.AUTH_DELETE_USER).length;
    const argv = ['-b', cluster.masterA.addr, '-u', 'twice'];
    expect((await runCommand('deleteUser', [...argv, '--dry-run'])).stdout).toBe(
      `dry run: would delete user twice from ${cluster.masterA.addr}\n`,
    );
    expect(await runCommand('deleteUser', argv, {}, 'n')).toMatchObject({ stdout: '', exitCode: 2 });
    expect(cluster.masterA.requestsOf(RequestCode.AUTH_DELETE_USER)).toHaveLength(before);
  });
});

it('rules travel with their subject in the header, and fields that were not given are left out', async () => {
  const argv = ['-b', cluster.masterA.addr, '-s', 'User:twice', '-r', 'Topic:A*, Group:B', '-a', 'pub,SUB', '-d', 'allow'];
  expect(await runCommand('createAcl', argv)).toMatchObject({ exitCode: 0 });
  const request = cluster.masterA.requestsOf(RequestCode.AUTH_CREATE_ACL).at(-1);
  expect(request?.extFields).toEqual({ subject: 'User:twice' });
  const rule = { actions: ['Pub', 'Sub'], decision: 'Allow' };
  const entries = [
    { ...rule, resource: 'Topic:A*' },
    { ...rule, resource: 'Group:B' },
  ];
  expect(JSON.parse(request?.body ?? '')).toEqual({ subject: 'User:twice', policies: [{ entries }] });
});

it.each([['-p x -t Super'], ['-s disable -p x'], ['']])('updateUser changes exactly one thing: not "%s"', async (words) => {
  const run = await runCommand('updateUser', ['-b', cluster.masterA.addr, '-u', 'twice', ...words.split(' ').filter(Boolean)]);
  expect(run.exitCode).toBe(2);
  expect(run.stdout).toMatch(/^usage: mqadmin updateUser /);
});
