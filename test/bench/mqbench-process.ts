import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../peers/index.js';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs mqbench and calls back with each piece of its output. */
export function mqbench(args: readonly string[], onOutput: (text: string) => void = () => undefined): Promise<Ended> {
  const child = spawn(process.execPath, [join(repositoryRoot, 'bin/mqbench.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const out = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      out[name] += text;
      onOutput(text);
    });
  }
  return new Promise((done) => child.once('close', (code) => done({ code, ...out })));
}
