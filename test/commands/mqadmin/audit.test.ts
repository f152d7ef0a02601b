/* The audit file: what is written, by whom, and what keeps it from growing or from being lost. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AUDIT_FILE_BYTES, type AuditEntry, writeAudit } from '../../../src/cli/audit.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { type CommandRun, runCommand } from './run-command.js';

let sandbox: Sandbox;
let dir: string;
let file: string;

beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.stop());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mqkit-audit-'));
  file = join(dir, 'mqkit', 'audit.jsonl');
  return () => rmSync(dir, { recursive: true, force: true });
});

function run(line: string, env: NodeJS.ProcessEnv = {}): Promise<CommandRun> {
  const [name = '', ...argv] = line.split(' ');
  return runCommand(name, argv, { MQADMIN_AUDIT: '', XDG_STATE_HOME: dir, NAMESRV_ADDR: sandbox.namesrvAddr, ...env });
}

function entries(from = file): AuditEntry[] {
  return readFileSync(from, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditEntry);
}

describe('the audit file', () => {
  it('has a line for each command that changed something, with what was asked of each node', async () => {
    expect(await run('updateTopic -c DefaultCluster -t Audited')).toMatchObject({ stderr: '', exitCode: 0 });
    expect(await run('deleteTopic -c DefaultCluster -t Audited')).toMatchObject({ stderr: '', exitCode: 0 });
    const [created, deleted] = entries();
    expect(created).toMatchObject({
      context: null,
      command: 'updateTopic',
      arguments: ['-c', 'DefaultCluster', '-t', 'Audited'],
      namesrvAddr: sandbox.namesrvAddr,
      accessKey: null,
      outcome: 'done',
      exitCode: 0,
      error: null,
      changes: [{ request: 'UPDATE_AND_CREATE_TOPIC', target: sandbox.brokerAddr, what: 'topic Audited', outcome: 'done', count: 1 }],
    });
    expect(created?.user).not.toBe('');
    expect(created?.host).not.toBe('');
    expect(Math.abs(Date.parse(created?.time ?? '') - Date.now())).toBeLessThan(600_000);
    expect(deleted?.changes.map(({ request, target }) => [request, target])).toEqual([
      ['DELETE_TOPIC_IN_BROKER', sandbox.brokerAddr],
      ['DELETE_TOPIC_IN_NAMESRV', sandbox.namesrvAddr],
    ]);
    if (process.platform !== 'win32') {
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(join(dir, 'mqkit')).mode & 0o777).toBe(0o700);
    }
  });

  it('has nothing of commands that read, of dry runs, and of what was refused before a request was sent', async () => {
    await run('topicList');
    await run('updateTopic -c DefaultCluster -t Audited --dry-run');
    await run('updateTopic -c DefaultCluster -t a/b');
    await run('updateTopic -c NoSuchCluster -t Audited');
    expect(existsSync(file)).toBe(false);
    expect(await run('audit')).toMatchObject({ stdout: `nothing was changed yet by what ${file} knows of\n`, stderr: '', exitCode: 0 });
  });

  it('says what failed, what may have been done, and how the command ended', async () => {
    expect(await run('updateTopic -b 127.0.0.1:1 -t Audited')).toMatchObject({ exitCode: 3 });
    expect(await run(`updateTopic -c DefaultCluster -t Audited`, { NAMESRV_ADDR: `127.0.0.1:1;${sandbox.namesrvAddr}` })).toMatchObject({
      exitCode: 0,
    });
    const partial = await run('deleteTopic -c DefaultCluster -t Audited', { NAMESRV_ADDR: `127.0.0.1:1;${sandbox.namesrvAddr}` });
    expect(partial.exitCode).toBe(6);
    const [failed, , last] = entries();
    expect(failed).toMatchObject({ outcome: 'failed', exitCode: 3, changes: [{ target: '127.0.0.1:1', outcome: 'failed' }] });
    expect(failed?.error).toContain('127.0.0.1:1');
    expect(last).toMatchObject({ outcome: 'partial', exitCode: 6 });
    expect(last?.changes.map(({ target, outcome }) => `${target} ${outcome}`).sort()).toEqual(
      [`${sandbox.brokerAddr} done`, '127.0.0.1:1 failed', `${sandbox.namesrvAddr} done`].sort(),
    );
  });

  it('has the requests of a producer, counted by broker', async () => {
    await run('updateTopic -c DefaultCluster -t Counted -r 2 -w 2');
    const lines = join(dir, 'lines.txt');
    writeFileSync(lines, 'x\n'.repeat(100));
    expect(await run(`produce -t Counted --from ${lines}`)).toMatchObject({ exitCode: 0 });
    const last = entries().at(-1);
    expect(last).toMatchObject({ command: 'produce', outcome: 'done' });
    // Alone, or several in a request.
    const sends = ['SEND_MESSAGE_V2', 'SEND_BATCH_MESSAGE'];
    expect(last?.changes.length).toBeGreaterThan(0);
    expect(last?.changes.filter((change) => !sends.includes(change.request) || change.target !== sandbox.brokerAddr)).toEqual([]);
    expect(last?.changes.every(({ outcome, count }) => outcome === 'done' && count > 0)).toBe(true);
  });

  it('masks what is secret, however it is spelled, and names who signed', async () => {
    const at = `-b ${sandbox.brokerAddr}`;
    await run(`createUser ${at} -u alice -p pass-of-alice`);
    await run(`createUser ${at} -u alice -ppass-of-alice --secretKey=key-of-bob --accessKey bob`);
    await run(`updateAclConfig ${at} -a alice-of-sales --secretKey pass-of-alice`);
    await run('updateKvConfig -s ns -k tls.password -v pass-of-alice');
    await run(`updateTopic ${at} -t Audited --securityToken token-of-bob`, {
      ROCKETMQ_ACCESS_KEY: 'bob',
      ROCKETMQ_SECRET_KEY: 'key-of-bob',
    });
    const text = readFileSync(file, 'utf8');
    expect(text).not.toMatch(/pass-of-alice|key-of-bob|token-of-bob/);
    expect(entries().map(({ arguments: words }) => words.filter((word) => word.includes('***')))).toEqual([
      ['***'],
      ['-p***', '--secretKey=***'],
      ['***'],
      ['***'],
      ['***'],
    ]);
    expect(entries().at(-1)?.accessKey).toBe('bob');
    expect(entries()[0]?.changes[0]?.what).toBe('user alice');
  });

  it('lies where MQADMIN_AUDIT says, or nowhere', async () => {
    const other = join(dir, 'deep', 'changes.log');
    await run('updateKvConfig -s ns -k a -v b', { MQADMIN_AUDIT: other });
    expect(entries(other)).toHaveLength(1);
    await run('updateKvConfig -s ns -k a -v b', { MQADMIN_AUDIT: 'off' });
    expect(existsSync(file)).toBe(false);
    expect(await run('audit', { MQADMIN_AUDIT: 'off' })).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('switched off') });
  });

  it('that cannot be written is a line on stderr; the command goes on', async () => {
    writeFileSync(join(dir, 'mqkit'), 'a file where the folder would be');
    const told = await run('updateKvConfig -s ns -k a -v b');
    expect(told).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('success') });
    expect(told.stderr).toMatch(
      /^note: no audit entry: .*audit\.jsonl cannot be written \(E\w+\); name another file with MQADMIN_AUDIT, .*\n$/,
    );
  });

  it('is put aside when it is full; the newest ones stay', async () => {
    await run('updateKvConfig -s ns -k first -v b');
    for (let i = 0; i < 11; i++) {
      truncateSync(file, AUDIT_FILE_BYTES);
      await run(`updateKvConfig -s ns -k next-${i} -v b`);
      expect(entries()).toHaveLength(1);
    }
    expect(readdirSync(join(dir, 'mqkit')).length).toBe(10);
    expect(existsSync(file)).toBe(true);
  });

  it('has the entry also when the full file cannot be put aside', async () => {
    await run('updateKvConfig -s ns -k first -v b');
    const [entry] = entries();
    truncateSync(file, AUDIT_FILE_BYTES);
    mkdirSync(join(dir, 'mqkit', `audit-20010909T014640000Z-${process.pid}.jsonl`));
    expect(writeAudit(entry as AuditEntry, { MQADMIN_AUDIT: file }, 1_000_000_000_000)).toBeNull();
    expect(readFileSync(file, 'utf8').slice(AUDIT_FILE_BYTES)).toBe(`${JSON.stringify(entry)}\n`);
  });

  it('is read by mqadmin audit, the newest entries last; half a line is left out with a note', async () => {
    for (const key of ['a', 'b', 'c']) {
      await run(`updateKvConfig -s ns -k ${key} -v 1`);
    }
    const { entries: shown } = JSON.parse((await run('audit --last 2 --json')).stdout) as { entries: AuditEntry[] };
    expect(shown).toEqual(entries().slice(1));
    const text = await run('audit');
    expect(text.stderr).toBe('');
    expect(text.stdout.split('\n')[1]).toBe(`    done  PUT_KV_CONFIG  ${sandbox.namesrvAddr}  namespace ns, key a`);
    expect(text.stdout.split('\n')[0]).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}\S+@\S+ {2}127\S+ {2}done \(0\) {2}updateKvConfig -s ns -k a -v 1$/,
    );
    writeFileSync(file, `${readFileSync(file, 'utf8')}{"time":"2026-11`);
    const broken = await run('audit --output name');
    expect(broken).toMatchObject({ stderr: `note: ${file}: line 4 is no entry and left out\n`, exitCode: 0 });
    expect((await run('audit --output csv')).stdout.split('\n')).toHaveLength(5);
  });
});
