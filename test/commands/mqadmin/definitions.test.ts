import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { AdminClient } from '../../../src/client/admin/admin-client.js';
import { applyPlan, planOf } from '../../../src/client/admin/definitions/apply.js';
import { compareDefinitions } from '../../../src/client/admin/definitions/compare.js';
import { KINDS } from '../../../src/client/admin/definitions/kinds.js';
import { parseDefinitions } from '../../../src/client/admin/definitions/parse.js';
import { readLive } from '../../../src/client/admin/definitions/read-live.js';
import { definitionsSchema } from '../../../src/client/admin/definitions/schema.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { type FullCluster, startFullCluster } from './full-cluster.js';
import { type CommandRun, runCommand } from './run-command.js';

let sandbox: Sandbox;
/** Keeps users, rules and accounts, which the bundled brokers do not have. */
let full: FullCluster;
let file = '';

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 2 });
  full = await startFullCluster({ slave: false });
  file = join(sandbox.dir, 'cluster.yaml');
});

afterAll(async () => {
  await sandbox.stop();
  await full.stop();
});

function run(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, ['-n', sandbox.namesrvAddr, ...argv]);
}

async function ok(name: string, ...argv: string[]): Promise<string> {
  const result = await run(name, ...argv);
  expect(result).toMatchObject({ exitCode: 0 });
  return result.stdout;
}

function declare(...lines: string[]): string {
  writeFileSync(file, `${['definitions: 1', ...lines].join('\n')}\n`);
  return file;
}

async function exported(...argv: string[]): Promise<Record<string, Record<string, Record<string, unknown>>>> {
  return JSON.parse(await ok('export', '--json', ...argv));
}

describe('export, diff and apply', () => {
  it('make what a file declares, have nothing to do a second time, and find a change of hand', async () => {
    declare(
      'topics:',
      '  Declared: { writeQueueNums: 4, readQueueNums: 4, order: true, attributes: { message.type: FIFO } }',
      '  Uneven: { perm: 4, brokers: { broker-b: { perm: 6 } } }',
      '  OnOne: { onlyOn: [broker-a] }',
      'groups:',
      '  DeclaredGroup: { retryMaxTimes: 3, groupRetryPolicy: { type: CUSTOMIZED, customizedRetryPolicy: { next: [1000, 5000] } } }',
      'orderConf: { Declared: "broker-a:4;broker-b:4" }',
      'kv: { shop: { "region one": north } }',
    );
    const dry = await run('apply', '-f', file, '--dry-run');
    expect(dry).toMatchObject({ exitCode: 0, stderr: '' });
    expect(dry.stdout).toContain('+ topic Declared on broker-a, broker-b\n');
    expect(dry.stdout).toMatch(/cluster DefaultCluster: 6 to create\ndry run: nothing was changed\n$/);
    expect(await run('apply', '-f', file)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--yes') });
    const applied = await run('apply', '-f', file, '--yes');
    expect(applied).toMatchObject({ exitCode: 0, stderr: '' });
    expect(applied.stdout).toMatch(/done: topic OnOne\n[\s\S]*all done, and read back: 6 created\n$/);
    expect(await run('apply', '-f', file, '--yes')).toMatchObject({
      exitCode: 0,
      stdout: `nothing to do: cluster DefaultCluster is as ${file}\n`,
    });
    expect(await run('diff', '-f', file)).toMatchObject({ exitCode: 0, stdout: `cluster DefaultCluster is as ${file}\n`, stderr: '' });
    const { topics, groups, kv, orderConf } = await exported('--kvNamespace', 'shop');
    expect(topics).toMatchObject({
      Declared: { readQueueNums: 4, writeQueueNums: 4, perm: 6, order: true, attributes: { 'message.type': 'FIFO' } },
      Uneven: { perm: 4, brokers: { 'broker-b': { perm: 6 } } },
      OnOne: { onlyOn: ['broker-a'] },
    });
    expect(Object.keys(topics ?? {})).toEqual(['Declared', 'OnOne', 'Uneven']);
    expect(groups).toMatchObject({
      DeclaredGroup: { retryMaxTimes: 3, groupRetryPolicy: { customizedRetryPolicy: { next: [1000, 5000] } } },
    });
    expect({ kv, orderConf }).toEqual({ kv: { shop: { 'region one': 'north' } }, orderConf: { Declared: 'broker-a:4;broker-b:4' } });

    await ok('updateTopicPerm', '-b', sandbox.brokerAddr, '-t', 'Uneven', '-p', '2');
    const diff = await run('diff', '-f', file);
    expect(diff.exitCode).toBe(7);
    expect(diff.stdout).toBe('~ topic Uneven on broker-a\n    perm: 2 -> 4\n');
    expect(diff.stderr).toMatch(/is not as .*: 1 difference \(1 to change\)/);
    const json = await run('diff', '-f', file, '--json');
    expect(json.exitCode).toBe(7);
    expect(JSON.parse(json.stdout)).toMatchObject({ isSame: false, changes: [{ action: 'update', kind: 'topic', name: 'Uneven' }] });
    await ok('apply', '-f', file, '--yes');
    await ok('diff', '-f', file);
  });

  it('refuse fewer queues where nobody is asked, and prune only when told', async () => {
    declare('topics:', '  Declared: { writeQueueNums: 2, readQueueNums: 2 }', '  Missing:');
    const refused = await run('apply', '-f', file, '--yes');
    expect(refused.exitCode).toBe(2);
    expect(refused.stdout).toContain(
      '    ! fewer queues on broker-a, broker-b: readQueueNums 4 -> 2: what is in queues 2 to 3 is not consumed any more\n',
    );
    expect(refused.stderr).toMatch(/note: 2 more in cluster DefaultCluster[\s\S]*nothing was changed: .*; give --allow-shrink/);
    expect((await exported()).topics).not.toHaveProperty('Missing');
    await ok('apply', '-f', file, '--yes', '--allow-shrink');
    expect((await exported()).topics).toMatchObject({ Declared: { writeQueueNums: 2 }, Missing: { readQueueNums: 8 }, Uneven: {} });
    const pruned = await ok('apply', '-f', file, '--yes', '--prune');
    expect(pruned).toContain('- topic Uneven on broker-a, broker-b\n');
    expect(pruned).toContain('read back: 2 deleted\n');
    const { topics, groups } = await exported();
    expect(Object.keys(topics ?? {})).toEqual(['Declared', 'Missing']);
    // A section that the file does not have is not touched.
    expect(Object.keys(groups ?? {})).toEqual(['DeclaredGroup']);
  });

  it('do not prune all of a section that is empty', async () => {
    for (const section of ['topics:', 'topics: {}']) {
      declare(section);
      const refused = await run('apply', '-f', file, '--yes', '--prune');
      expect(refused).toMatchObject({
        exitCode: 2,
        stderr: expect.stringMatching(/the section topics is empty: --prune would delete all 2 /),
      });
      expect(await ok('apply', '-f', file, '--yes')).toContain('nothing to do');
    }
    expect(Object.keys((await exported()).topics ?? {})).toEqual(['Declared', 'Missing']);
  });

  it('ask on a terminal, and change nothing without a yes', async () => {
    declare('groups:', '  DeclaredGroup: { retryMaxTimes: 4 }');
    const argv = ['-n', sandbox.namesrvAddr, '-f', file];
    expect(await runCommand('apply', argv, {}, 'n')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('nothing was changed') });
    const yes = await runCommand('apply', argv, {}, 'y');
    expect(yes).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('change cluster DefaultCluster so (1 to change)? [y/N]') });
    // What the file does not name stays.
    expect((await exported()).groups).toMatchObject({
      DeclaredGroup: { retryMaxTimes: 4, consumeEnable: true, groupRetryPolicy: { type: 'CUSTOMIZED' } },
    });
  });

  it('say what was done on which broker when one refuses, and do the rest', async () => {
    await ok('updateTopic', '-b', sandbox.brokerAddr, '-t', 'Odd', '-a', '+queue.type=BatchCQ');
    declare('topics:', '  Odd: { attributes: { queue.type: SimpleCQ } }', '  Plain: {}');
    const applied = await run('apply', '-f', file, '--yes');
    expect(applied.exitCode).toBe(6);
    expect(applied.stdout).toMatch(/^in part: topic Odd$/m);
    expect(applied.stdout).toMatch(/^done: topic Plain$/m);
    expect(applied.stderr).toMatch(/1 of 2 changes done; in part: topic Odd \(broker-a: .*queue\.type.*\); run it again/);
    const again = await run('apply', '-f', file, '--yes', '--json');
    expect(again).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('queue.type') });
    await ok('deleteTopic', '-c', 'DefaultCluster', '-t', 'Odd');
    await ok('apply', '-f', file, '--yes');
  });

  it('go on where they were ended', async () => {
    const text = ['definitions: 1', 'topics:', ...Array.from({ length: 30 }, (_, i) => `  Many${i}: {}`)].join('\n');
    const wanted = parseDefinitions(text, 'many.yaml');
    const admin = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
    try {
      const live = await readLive(admin, { clusterName: 'DefaultCluster', kinds: ['topic'], namespaces: [] });
      const plan = planOf(compareDefinitions(wanted, live), { prune: false });
      const end = new AbortController();
      const { changes } = await applyPlan(admin, { plan, wanted, live }, { signal: end.signal, onChange: () => end.abort() });
      const count = (outcome: string): number => changes.filter((change) => change.outcome === outcome).length;
      expect(count('done') + count('waiting')).toBe(30);
      expect(count('done')).toBeGreaterThan(0);
      expect(count('waiting')).toBeGreaterThan(0);
      writeFileSync(file, text);
      expect(await ok('apply', '-f', file, '--yes')).toContain(`read back: ${count('waiting')} created\n`);
    } finally {
      await admin.close();
    }
  });

  it('compare two clusters', async () => {
    const other = await startSandbox();
    try {
      const diff = await run('diff', '--to-namesrv', other.namesrvAddr, '--kind', 'topics');
      expect(diff).toMatchObject({
        exitCode: 7,
        stdout: expect.stringContaining('- topic Missing on broker-a, broker-b\n'),
      });
      expect(await run('diff', '--to-namesrv', sandbox.namesrvAddr)).toMatchObject({
        exitCode: 0,
        stderr: expect.stringMatching(/^(note: not compared: .*\n)*$/),
      });
    } finally {
      await other.stop();
    }
  });
});

describe('access rules', () => {
  it('are exported without secrets, compared, and applied', async () => {
    const on = (name: string, ...argv: string[]): Promise<CommandRun> => runCommand(name, ['-n', full.namesrv.addr, ...argv]);
    const kinds = ['--kind', 'users,acls,accounts'];
    declare(
      'users:',
      '  alice: { password: secret-1, userType: Super }',
      'acls:',
      '  "User:alice":',
      '    "Topic:Orders": { actions: [Pub, Sub], decision: Allow, sourceIps: [10.0.0.1] }',
      '    "Group:*": { actions: [Sub], decision: Allow }',
      'accounts:',
      '  RocketMQ: { secretKey: "12345678", topicPerms: [Orders=PUB] }',
    );
    const applied = await on('apply', '-f', file, '--yes');
    expect(applied).toMatchObject({ exitCode: 0, stderr: '' });
    expect(applied.stdout).not.toContain('secret-1');
    expect(await on('apply', '-f', file, '--yes')).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('nothing to do') });
    const target = join(sandbox.dir, 'access.yaml');
    expect(await on('export', ...kinds, '-f', target)).toMatchObject({
      exitCode: 0,
      stdout: `cluster DefaultCluster is in ${target}: user 1, acl 2, account 1\n`,
    });
    const text = readFileSync(target, 'utf8');
    expect(text).not.toMatch(/secret-1|12345678/);
    expect(parse(text)).toMatchObject({ users: { alice: { password: '******', userType: 'Super' } } });
    expect(await on('diff', '-f', target)).toMatchObject({ exitCode: 0 });
    chmodSync(target, 0o644);
    await on('export', ...kinds, '-f', target);
    expect((statSync(target).mode & 0o777).toString(8)).toBe('644');
    await on('export', ...kinds, '-f', target, '--secrets');
    expect((statSync(target).mode & 0o777).toString(8)).toBe('600');
    expect(parse(readFileSync(target, 'utf8'))).toMatchObject({
      users: { alice: { password: 'secret-1' } },
      accounts: { RocketMQ: { secretKey: '12345678' } },
    });
    const signed = { ROCKETMQ_ACCESS_KEY: 'alice', ROCKETMQ_SECRET_KEY: 'secret-1' };
    declare('users: {}');
    expect(await runCommand('apply', ['-n', full.namesrv.addr, '-f', file, '--yes', '--prune'], signed)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('user alice signs these requests'),
    });
    declare('users:', '  bob: { password: "******" }');
    expect(await on('apply', '-f', file, '--yes')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(`${file}:3: user bob is new and needs its password`),
    });
  });

  it('are left out of the export of a cluster that has none, and refused where a file has some', async () => {
    expect(await exported()).not.toHaveProperty('users');
    declare('users:', '  alice: { password: x }');
    expect(await run('diff', '-f', file)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(`${file}:3: users: this cluster keeps none`),
    });
  });
});

describe('a file', () => {
  it.each([
    ['topics: {}', /:1: the key definitions is missing/],
    ['definitions: 2', /:1: definitions: this program reads version 1/],
    ['definitions: 1\ntopics:\n  T: { perm: 9 }', /:3: T: perm: expected a whole number from 0 to 7, got 9/],
    ['definitions: 1\ntopics:\n  T:\n    readQueueNum: 9', /:4: readQueueNum is not a key here; did you mean readQueueNums\?/],
    ['definitions: 1\ntopics:\n  "a b":', /:3: the specified topic a b contains the illegal character/],
    ['definitions: 1\ntopics:\n  T:\n  T:', /:4: T is there twice, the first time in line 3/],
    ['definitions: 1\ntopics: [', /:2: /],
    ['definitions: 1\nacls:\n  User:a:\n    Topic:T: { actions: [Pub] }', /:4: User:a Topic:T: decision is missing/],
    ['definitions: 1\ntopics:\n  A: &a { perm: 6 }\n  B: *a', /:4: anchors and aliases are not read/],
  ])('with %j names the line of what is wrong', async (text, message) => {
    writeFileSync(file, text);
    const result = await run('diff', '-f', file);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toMatch(message);
    expect(result.stderr.split('\n')).toHaveLength(2);
  });

  it('that an export writes is valid by the schema, as those that are refused are not', async () => {
    const validate = new Ajv({ allowUnionTypes: true }).compile(JSON.parse(await ok('export', '--schema')));
    const data = await exported('--kvNamespace', 'shop', '--system');
    expect([validate(data), validate.errors]).toEqual([true, null]);
    for (const wrong of [
      { topics: {} },
      { definitions: 1, topics: { T: { perm: 9 } } },
      { definitions: 1, acls: { a: { b: { actions: [] } } } },
    ]) {
      expect(validate(wrong)).toBe(false);
    }
  });

  it('that cannot be read or written ends with one line', async () => {
    expect(await run('apply', '-f', join(sandbox.dir, 'no.yaml'))).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('ENOENT'),
    });
    expect(await run('export', '-f', join(file, 'x'))).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('cannot be written') });
  });

  it('as in docs/declarative.md is one that is read, and the commands there work', async () => {
    const page = readFileSync(new URL('../../../docs/declarative.md', import.meta.url), 'utf8');
    const blocks = (language: string): string[] =>
      Array.from(page.matchAll(/```(\w+)\n([\s\S]*?)```/g), ([, its, text]) => (its === language ? (text ?? '') : ''));
    const yaml = blocks('yaml').join('');
    expect([...parseDefinitions(yaml, 'page').kinds.keys()].sort()).toEqual([...KINDS].sort());
    expect(new Ajv({ allowUnionTypes: true }).compile(definitionsSchema())(parse(yaml))).toBe(true);
    const commands = blocks('sh').join('').trim().split(/\n+/);
    expect(commands.length).toBeGreaterThan(5);
    for (const command of commands) {
      const words = command
        .replaceAll('cluster.yaml', join(sandbox.dir, 'page.yaml'))
        .replaceAll('127.0.0.1:9876', sandbox.namesrvAddr)
        .split(' ');
      const result = await runCommand(words[1] ?? '', words.slice(2), { NAMESRV_ADDR: sandbox.namesrvAddr });
      expect({ command, ...result }).toMatchObject({ command, exitCode: 0 });
    }
  });
});
