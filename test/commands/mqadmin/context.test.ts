import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { type CommandRun, runCommand } from './run-command.js';

let sandbox: Sandbox;
let dir: string;
let file: string;

beforeAll(async () => {
  sandbox = await startSandbox();
  dir = mkdtempSync(join(tmpdir(), 'mqkit-contexts-'));
  file = join(dir, 'mqkit', 'contexts.json');
});
afterAll(async () => {
  await sandbox.stop();
  rmSync(dir, { recursive: true });
});
beforeEach(() => rmSync(file, { force: true }));

function run(line: string, env: NodeJS.ProcessEnv = {}): Promise<CommandRun> {
  const [name = '', ...argv] = line.split(' ');
  return runCommand(name, argv, { MQKIT_CONTEXTS: '', XDG_CONFIG_HOME: dir, ...env });
}

async function names(): Promise<string[]> {
  const { contexts } = JSON.parse((await run('context list --json')).stdout) as { contexts: { name: string; isCurrent: boolean }[] };
  return contexts.map(({ name, isCurrent }) => (isCurrent ? `*${name}` : name));
}

describe('contexts', () => {
  it('are added, used, shown and removed; the first is in use at once', async () => {
    expect(await run('context list')).toMatchObject({
      stdout: 'no contexts; add one: mqadmin context add NAME -n host:9876\n',
      exitCode: 0,
    });
    await run('context add dev -n 10.0.0.1:9876');
    await run('context add prod -n 10.0.1.1:9876;10.0.1.2:9876 --read-only --accessKey someone --secretKey a-long-secret');
    expect(await names()).toEqual(['*dev', 'prod']);
    expect(await run('context use prod')).toMatchObject({ stdout: 'context prod is in use\n', exitCode: 0 });
    const shown = await run('context show');
    expect(shown.stdout).toBe(`* ${'prod'.padEnd(16)} 10.0.1.1:9876;10.0.1.2:9876  (read-only, signs as someone)\n`);
    expect((await run('context list --json')).stdout).not.toContain('a-long-secret');
    await run('context -');
    expect(await names()).toEqual(['*dev', 'prod']);
    await run('context rm dev');
    expect(await names()).toEqual(['prod']);
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('that are not there, or no names, are refused in one line', async () => {
    await run('context add prod -n 10.0.0.1:9876');
    expect(await run('context use prd')).toMatchObject({ stderr: 'there is no context prd; did you mean prod?\n', exitCode: 4 });
    expect(await run('topicList --context staging')).toMatchObject({ stdout: '', exitCode: 4 });
    for (const line of [
      'context use',
      'context add a/b -n h:1',
      'context add x',
      'context fly',
      'context add x -n h:1 --map 1.2.3.4:5',
      'context -',
    ]) {
      expect(await run(line), line).toMatchObject({ stdout: expect.not.stringContaining('is'), exitCode: 2 });
    }
    writeFileSync(file, '{"contexts": 3}');
    const damaged = await run('topicList');
    expect(damaged.stderr).toMatch(/contexts\.json cannot be read: each context needs a namesrvAddr; mend it/);
    expect(damaged.exitCode).not.toBe(0);
  });

  it('are where commands without an address run; an address wins, and a context that is named over one of the environment', async () => {
    await run(`context add here -n ${sandbox.namesrvAddr}`);
    await run('context add gone -n 127.0.0.1:1');
    const env = { NAMESRV_ADDR: '127.0.0.1:1' };
    expect(await run('clusterList')).toMatchObject({ stderr: '', exitCode: 0 });
    expect(await run('clusterList', env)).toMatchObject({ exitCode: 3 });
    expect(await run('clusterList --context here', env)).toMatchObject({ stderr: '', exitCode: 0 });
    expect(await run('clusterList', { ...env, MQADMIN_CONTEXT: 'here' })).toMatchObject({ stderr: '', exitCode: 0 });
    expect(await run(`clusterList --context gone -n ${sandbox.namesrvAddr}`)).toMatchObject({ stderr: '', exitCode: 0 });
    expect(await run('clusterList --context gone')).toMatchObject({ exitCode: 3 });
  });

  it('that are read-only let nothing through that changes something', async () => {
    await run(`context add safe -n ${sandbox.namesrvAddr} --read-only`);
    const lines = [
      `updateTopic -b ${sandbox.brokerAddr} -t FromSafe`,
      `updateSubGroup -b ${sandbox.brokerAddr} -g FromSafe`,
      'sendMessage -t TBW102 -p hello',
      `updateBrokerConfig -b ${sandbox.brokerAddr} -k brokerPermission -v 4`,
      'updateKvConfig -s ns -k key -v value',
    ];
    for (const line of lines) {
      const refused = await run(line);
      expect(refused, line).toMatchObject({
        exitCode: 5,
        stderr: expect.stringMatching(/context safe is read-only: [A-Z_0-9]+ was not sent/),
      });
    }
    expect(await run('topicList')).toMatchObject({ stdout: expect.not.stringContaining('FromSafe'), exitCode: 0 });
    expect(await run(`updateTopic -b ${sandbox.brokerAddr} -t FromSafe --dry-run`)).toMatchObject({ exitCode: 0 });
    expect(await run(`brokerStatus -b ${sandbox.brokerAddr}`)).toMatchObject({ stderr: '', exitCode: 0 });
  });

  it('say where addresses are reached from here', async () => {
    const map = `--map 10.255.0.9:9876=${sandbox.namesrvAddr} --map 10.255.0.9:10911=${sandbox.brokerAddr}`;
    await run(`context add docker -n 10.255.0.9:9876 ${map}`);
    expect((await run('context list')).stdout).toContain(`10.255.0.9:10911 is reached at ${sandbox.brokerAddr}\n`);
    expect(await run('topicStatus -t TBW102')).toMatchObject({ stderr: '', exitCode: 0 });
    expect(await run('brokerStatus -b 10.255.0.9:10911')).toMatchObject({ stderr: '', exitCode: 0 });
  });
});
