import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** What a Node process printed, and what it used. */
export interface ProcessUsage {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly wallMs: number;
  /** User and system time. */
  readonly cpuMs: number;
  readonly maxRssMiB: number;
}

/** Runs Node to its end. */
export async function runNode(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ProcessUsage> {
  const beganMs = performance.now();
  const child = spawn(process.execPath, ['--require', join(import.meta.dirname, 'print-usage.cjs'), ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  const exitCode = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const wallMs = performance.now() - beganMs;
  const usage = /\nUSAGE (.*)\n$/.exec(texts.stderr);
  if (usage?.[1] === undefined) {
    throw new Error(`node ${args.join(' ')} did not say what it used: ${texts.stderr}`);
  }
  const { cpuMs, maxRssMiB } = JSON.parse(usage[1]) as { cpuMs: number; maxRssMiB: number };
  return { stdout: texts.stdout, stderr: texts.stderr.slice(0, usage.index), exitCode, wallMs, cpuMs, maxRssMiB };
}
