import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const FOLDER = join(import.meta.dirname, 'scripts');
const BIN = resolve(import.meta.dirname, '../../bin');

/** Scripts of the folder, without what they share. */
export const scriptNames: readonly string[] = readdirSync(FOLDER)
  .map((file) => file.replace(/\.sh$/, ''))
  .filter((name) => name !== 'lib')
  .sort();

let dir: string | null = null;

/** A folder with `mqadmin` in it, as an installed package has it, and a home without settings. */
function place(): string {
  if (dir === null) {
    dir = mkdtempSync(join(tmpdir(), 'mqkit-scripts-'));
    mkdirSync(join(dir, 'bin'));
    symlinkSync(join(BIN, 'mqadmin.js'), join(dir, 'bin', 'mqadmin'));
    symlinkSync(process.execPath, join(dir, 'bin', 'node'));
  }
  return dir;
}

/** Runs a script against a cluster as a user does: in bash, with `mqadmin` on the PATH. */
export function runScript(name: string, namesrvAddr: string): Promise<{ exitCode: number | null; output: string }> {
  const home = place();
  const env = {
    PATH: `${join(home, 'bin')}:${process.env.PATH}`,
    HOME: home,
    NAMESRV_ADDR: namesrvAddr,
    NO_COLOR: '1',
    MQKIT_CONTEXTS: join(home, 'contexts.json'),
  };
  const child = spawn('bash', [join(FOLDER, `${name}.sh`)], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (exitCode) => done({ exitCode, output }));
  });
}

/** Removes what the scripts left. */
export function endScripts(): void {
  if (dir !== null) {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    dir = null;
  }
}
