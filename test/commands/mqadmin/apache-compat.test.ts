/* MQADMIN_COMPAT=apache: the recorded failures of Apache's tool end as they did, for scripts that depend on it. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { type FullCluster, startFullCluster } from './full-cluster.js';
import { runCommand } from './run-command.js';

interface Recorded {
  readonly seq: number;
  readonly command: readonly string[];
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

const recorded = new Map(
  ['./vectors/recorded.jsonl', './vectors/auth.jsonl', '../../cli/vectors/07-help-errors.jsonl']
    .flatMap((name) =>
      readFileSync(new URL(name, import.meta.url), 'utf8')
        .trim()
        .split('\n'),
    )
    .map((line) => JSON.parse(line) as Recorded)
    .map((run) => [run.seq, run]),
);

const COMPAT = { MQADMIN_COMPAT: 'apache' };

let sandbox: Sandbox;
let full: FullCluster;

beforeAll(async () => {
  [sandbox, full] = await Promise.all([startSandbox({ brokers: 2 }), startFullCluster({ slave: false })]);
  const env = { NAMESRV_ADDR: sandbox.namesrvAddr };
  await runCommand('updateTopic', ['-c', 'DefaultCluster', '-t', 'PlainTopic', '-r', '4', '-w', '4'], env);
  await runCommand('updateTopic', ['-b', sandbox.brokers[0]?.address ?? '', '-t', 'TopicOnA', '-p', '4'], env);
});

afterAll(async () => {
  await sandbox?.stop();
  await full?.stop();
});

async function replay(seq: number, addrs = [sandbox.namesrvAddr, ...sandbox.brokers.map(({ address }) => address)]) {
  const run = recorded.get(seq);
  const pairs = ['127.0.0.1:49876', '127.0.0.1:50911', '127.0.0.1:52911'].map((theirs, i) => [theirs, addrs[i] ?? ''] as const);
  const toOurs = (text: string): string => pairs.reduce((result, [theirs, ours]) => result.replaceAll(theirs, ours), text);
  const toTheirs = (text: string): string => pairs.reduce((result, [theirs, ours]) => result.replaceAll(ours, theirs), text);
  const [name = '', ...argv] = (run?.command ?? []).map(toOurs);
  const now = await runCommand(name, argv, COMPAT);
  return { was: run, stdout: toTheirs(now.stdout), stderr: toTheirs(now.stderr), exitCode: now.exitCode };
}

function titled(seqs: readonly number[]): [string, number][] {
  return seqs.map((seq) => [`${seq} ${recorded.get(seq)?.command.join(' ')}`, seq]);
}

/** `CODE: 17`, `RemotingConnectException` or nothing: what scripts look for. */
function causeOf(stderr: string): string {
  const code = [...stderr.matchAll(/CODE: \d+ {2}DESC: /g)].at(-1)?.[0];
  // Apache's tool does not know any more which name server it was.
  return code ?? /Remoting\w+Exception: connect to (?=\S+ failed)/.exec(stderr)?.[0] ?? '';
}

describe('failures', () => {
  it.each(
    titled([
      34, 37, 58, 65, 70, 72, 75, 104, 119, 124, 178, 183, 185, 186, 190, 191, 193, 194, 209, 210, 237, 244, 248, 293, 323, 340, 342,
    ]),
  )('%s: exit code 0, and the code of the response on stderr', async (_, seq) => {
    const { was, stdout, stderr, exitCode } = await replay(seq);
    expect(exitCode).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^org\.apache\.rocketmq\.tools\.command\.SubCommandException: \w+ command failed\nCaused by: [^\n]+\n$/);
    expect(causeOf(stderr)).toBe(causeOf(was?.stderr ?? ''));
  });

  it.each(titled([184, 187, 188, 231, 257, 265, 311, 343]))('%s: exit code 0 and the exception', async (_, seq) => {
    const { stdout, stderr, exitCode } = await replay(seq);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 0 });
    expect(stderr).toMatch(/^org\.apache\.rocketmq\.tools\.command\.SubCommandException: \w+ command failed\nCaused by: java[^\n]+\n$/);
  });

  it.each(titled([48, 57, 94, 95, 96, 97, 135, 206, 208, 211, 227, 300, 324, 325, 344]))(
    '%s: what is said is on stdout',
    async (_, seq) => {
      const { was, stdout, stderr, exitCode } = await replay(seq);
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      // In the place of "false" the reason.
      const said =
        seq === 300 ? '[error] Make sure the specified clusterName exists or the name server connected to is correct.' : was?.stdout;
      expect(stdout.trimEnd()).toBe(said?.trimEnd());
    },
  );

  it.each(titled([182, 207, 242]))('%s: an unknown cluster is an [error] on stdout', async (_, seq) => {
    const { was, stdout, stderr, exitCode } = await replay(seq);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(was?.stdout.startsWith(stdout.trimEnd())).toBe(true);
  });

  it.each(titled([51, 79, 113]))('%s: nothing at all', async (_, seq) => {
    const { stdout, stderr, exitCode } = await replay(seq);
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  });

  it.each(titled([161, 162, 163, 179, 180, 181, 437, 439, 440, 442]))('%s: exit code 1 for a line that cannot be read', async (_, seq) => {
    const { was, stdout, stderr, exitCode } = await replay(seq);
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: was?.stdout, stderr: was?.stderr, exitCode: was?.exit });
  });
});

describe('quirks', () => {
  it.each(titled([138, 139]))('%s: -d true exports, -d false does not', async (_, seq) => {
    const { was, stdout, exitCode } = await replay(seq);
    expect({ lines: stdout.split('\n').sort(), exitCode }).toEqual({ lines: was?.stdout.split('\n').sort(), exitCode: 0 });
  });

  it.each(titled([284, 297]))('%s: an unknown key is sent and a success', async (_, seq) => {
    const { was, stdout, exitCode } = await replay(seq);
    expect({ stdout: stdout.trimEnd(), exitCode }).toEqual({ stdout: was?.stdout.trimEnd(), exitCode: 0 });
  });

  it.each(titled([226]))('%s: an unknown type makes a user of type Normal', async (_, seq) => {
    const { was, stdout, exitCode } = await replay(seq, [full.namesrv.addr, full.masterA.addr, full.masterB.addr]);
    expect({ stdout, exitCode }).toEqual({ stdout: was?.stdout, exitCode: 0 });
  });

  it.each(titled([245]))('%s: an unknown user is nothing', async (_, seq) => {
    const { stdout, stderr, exitCode } = await replay(seq, [full.namesrv.addr, full.masterA.addr, full.masterB.addr]);
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  });
});

it('remarks that Apache’s tool does not make are left out', async () => {
  const argv = ['-c', 'DefaultCluster', '-t', 'NeverExisted', '-n', sandbox.namesrvAddr];
  expect(await runCommand('deleteTopic', argv)).toMatchObject({ stderr: expect.stringContaining('was not known'), exitCode: 0 });
  expect(await runCommand('deleteTopic', argv, COMPAT)).toMatchObject({ stderr: '', exitCode: 0 });
});

describe('what stays ours', () => {
  it('a success', async () => {
    const env = { ...COMPAT, NAMESRV_ADDR: sandbox.namesrvAddr };
    expect(await runCommand('topicClusterList', ['-t', 'PlainTopic'], env)).toEqual({
      stdout: 'DefaultCluster\n',
      stderr: '',
      exitCode: 0,
    });
  });

  it('the end of a command whose output was asked for in a form of ours', async () => {
    const env = { ...COMPAT, NAMESRV_ADDR: sandbox.namesrvAddr };
    const run = await runCommand('topicRoute', ['-t', 'NoSuchTopic', '--json'], env);
    expect(run).toMatchObject({ stdout: '', exitCode: 4 });
    expect(JSON.parse(run.stderr)).toMatchObject({ error: { code: 'TOPIC_NOT_EXIST', exitCode: 4 } });
  });

  it('commands of ours, and limits of ours', async () => {
    expect(await runCommand('context', ['use', 'no-such'], COMPAT)).toMatchObject({ exitCode: 4 });
    const late = await runCommand('clusterList', ['-i', '1', '--timeout', '100ms', '-n', sandbox.namesrvAddr], COMPAT);
    expect(late).toMatchObject({ exitCode: 3 });
  });

  it('another value of the variable', async () => {
    const run = await runCommand('topicRoute', ['-t', 'NoSuchTopic', '-n', sandbox.namesrvAddr], { MQADMIN_COMPAT: 'no' });
    expect(run).toMatchObject({ exitCode: 4 });
  });
});
