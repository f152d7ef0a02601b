import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { candidates, complete, completionScript, SHELLS, splitLine } from '../../src/cli/completion.js';
import { runCommand, specOf } from '../commands/mqadmin/run-command.js';
import { type Sandbox, startSandbox } from '../sandbox.js';

const BIN = fileURLToPath(new URL('../../bin/mqadmin.js', import.meta.url));
const commands = await Promise.all(
  ['topicRoute', 'topicStatus', 'updateTopic', 'consumerProgress', 'context', 'dlq', 'doctor'].map(specOf),
);

function offered(...words: string[]): string[] {
  return candidates(complete(words, commands), []);
}

describe('the word to complete', () => {
  it('is a command, in any case, at first and behind help', () => {
    expect(offered('topic')).toEqual(['topicRoute', 'topicStatus']);
    expect(offered('TOPICR')).toEqual(['topicRoute']);
    expect(offered('help', 'con')).toEqual(['consumerProgress', 'context']);
    expect(offered('')).toContain('help');
  });

  it('is an option where no value is awaited', () => {
    expect(offered('topicRoute', '--t')).toEqual(['--timeout', '--topic']);
    expect(offered('topicRoute', '-t', 'Orders', '')).toContain('--namesrvAddr');
    expect(offered('topicRoute', 'word')).toEqual([]);
    expect(offered('nosuch', '-')).toEqual([]);
  });

  it('is what a command does, and what it does that to', () => {
    expect(offered('dlq', 'p')).toEqual(['purge']);
    expect(offered('dlq', '')).toEqual(expect.arrayContaining(['list', 'resend', '--group']));
    expect(offered('dlq', 'list', 'p')).toEqual([]);
    expect(offered('doctor', '--t')).not.toContain('topic');
    expect(complete(['doctor', 'topic', 'Ord'], commands)).toMatchObject({ names: 'topics', prefix: 'Ord' });
    expect(complete(['doctor', 'topic', 'Orders', ''], commands)).toMatchObject({ names: null });
    expect(complete(['context', 'use', ''], commands)).toMatchObject({ names: 'contexts' });
  });

  it('is a value of the option before it', () => {
    expect(complete(['topicRoute', '-t', 'Ord'], commands)).toMatchObject({ names: 'topics', prefix: 'Ord' });
    expect(complete(['consumerProgress', '--groupName=G'], commands)).toMatchObject({ names: 'groups', prefix: 'G' });
    expect(complete(['updateTopic', '-b', ''], commands)).toMatchObject({ names: 'brokerAddrs' });
    expect(complete(['topicRoute', '--context', ''], commands)).toMatchObject({ names: 'contexts' });
    expect(complete(['dlq', 'resend', '--to-topic', 'O'], commands)).toMatchObject({ names: 'topics', prefix: 'O' });
    expect(offered('topicRoute', '--output', 'y')).toEqual(['yaml']);
    expect(offered('updateTopic', '-o', '')).toEqual(['false', 'true']);
    expect(offered('topicRoute', '--json', '--o')).toEqual(['--output', '--output-schema']);
  });

  it('is found in a line with quotes and blanks', () => {
    expect(splitLine('mqadmin  topicRoute -t ')).toEqual(['mqadmin', 'topicRoute', '-t', '']);
    expect(splitLine('mqadmin sendMessage -p "two words" -t Or\\ der')).toEqual([
      'mqadmin',
      'sendMessage',
      '-p',
      'two words',
      '-t',
      'Or der',
    ]);
    expect(splitLine('mqadmin -t ""')).toEqual(['mqadmin', '-t', '']);
    expect(splitLine('')).toEqual(['']);
  });
});

describe('mqadmin completion', () => {
  let sandbox: Sandbox;
  let dir: string;
  beforeAll(async () => {
    sandbox = await startSandbox();
    dir = mkdtempSync(join(tmpdir(), 'mqkit-completion-'));
    const env = { NAMESRV_ADDR: sandbox.namesrvAddr };
    await runCommand('updateTopic', ['-c', 'DefaultCluster', '-t', 'OrderPaid'], env);
    await runCommand('updateSubGroup', ['-c', 'DefaultCluster', '-g', 'OrderGroup'], env);
  });
  afterAll(async () => {
    await sandbox.stop();
    // A refresh in the background may still write.
    rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  });

  /** What bash offers for a line. */
  function inBash(line: string): Promise<{ offered: string[]; stderr: string }> {
    const script = [
      'set -eu',
      `mqadmin() { "${process.execPath}" "${BIN}" "$@"; }`,
      'eval "$SCRIPT"',
      `COMP_LINE="$LINE" COMP_POINT=\${#LINE} COMP_WORDBREAKS=":= "`,
      '_mqadmin_complete',
      `printf "%s\\n" "\${COMPREPLY[@]-}"`,
    ].join('\n');
    const SCRIPT = completionScript('bash', 'mqadmin');
    const env = {
      PATH: process.env.PATH,
      SCRIPT,
      LINE: line,
      NAMESRV_ADDR: sandbox.namesrvAddr,
      XDG_CACHE_HOME: dir,
      XDG_CONFIG_HOME: dir,
    };
    const child = spawn('bash', ['-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', () => resolve({ offered: stdout.split('\n').filter((word) => word !== ''), stderr }));
    });
  }

  /** What bash offers once it offers something. */
  async function offeredOnce(line: string): Promise<string[]> {
    const deadline = performance.now() + 60_000;
    let words = (await inBash(line)).offered;
    while (words.length === 0 && performance.now() < deadline) {
      // Each try starts a refresh, which needs the machine for itself.
      await delay(1_000);
      words = (await inBash(line)).offered;
    }
    return words;
  }

  it('prints a script for each shell, and names the others', async () => {
    for (const shell of SHELLS) {
      expect(await runCommand('completion', [shell])).toMatchObject({ stdout: completionScript(shell, 'mqadmin'), exitCode: 0 });
    }
    expect(await runCommand('completion', ['tcsh'])).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^completion tcsh: /) });
    expect(await runCommand('completion', [])).toMatchObject({ exitCode: 2 });
  });

  it.skipIf(process.platform === 'win32')(
    'offers commands, options and the names of the cluster in bash',
    async () => {
      expect(await inBash('mqadmin topicR')).toEqual({ offered: ['topicRoute'], stderr: '' });
      expect((await inBash('mqadmin dlq pu')).offered).toEqual(['purge']);
      expect((await inBash('mqadmin topicRoute --nam')).offered).toEqual(['--namesrvAddr']);
      // The first time the name server may be too slow for somebody who types; it is asked in the background then.
      expect(await offeredOnce('mqadmin topicRoute -t Order')).toEqual(['OrderPaid']);
      expect((await inBash(`mqadmin topicStatus --clusterName Def`)).stderr).toBe('');
      expect(await offeredOnce('mqadmin updateSubGroup -c Def')).toEqual(['DefaultCluster']);
      const port = sandbox.brokerAddr.split(':')[1] ?? '';
      expect(await offeredOnce(`mqadmin brokerStatus -b 127.0.0.1:${port.slice(0, 2)}`)).toContain(port);
      expect(readdirSync(join(dir, 'mqkit', 'completion')).filter((name) => name.endsWith('.json'))).toHaveLength(1);
    },
    240_000,
  );
});
