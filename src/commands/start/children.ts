import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Where commands are, where their files go, and their environment. */
export interface ChildContext {
  readonly root: string;
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
}

const STOP_LIMIT_MS = 15_000;

/** A process of this project that runs beside us; its output is in a file. */
export class Child {
  readonly bin: string;
  readonly #process: ChildProcess;
  readonly #outFile: string;
  readonly #ended: Promise<void>;
  #exit: { code: number | null } | null = null;

  constructor(bin: string, args: readonly string[], context: ChildContext) {
    this.bin = bin;
    this.#outFile = path.join(context.dir, `${bin}-${args[0]?.replace(/\W/g, '')}.out`);
    const out = openSync(this.#outFile, 'a');
    this.#process = spawn(process.execPath, [binFile(bin, context), ...args], {
      cwd: context.dir,
      env: context.env,
      stdio: ['ignore', out, out],
      // Ctrl-C in the terminal is for us; we stop the nodes in order.
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    closeSync(out);
    this.#ended = new Promise((resolve) => {
      const onEnd = (code: number | null): void => {
        this.#exit = { code };
        resolve();
      };
      this.#process.once('exit', onEnd).once('error', () => onEnd(null));
    });
  }

  get hasExited(): boolean {
    return this.#exit !== null;
  }

  get exitCode(): number | null {
    return this.#exit?.code ?? null;
  }

  /** The end of what it printed. */
  lastWords(): string {
    return readFileSync(this.#outFile, 'utf8').trim().split('\n').slice(-3).join(' | ');
  }

  /** Asks it to end, and waits; kills it when it does not. */
  async stop(): Promise<void> {
    if (this.#exit === null) {
      this.#process.kill('SIGTERM');
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_LIMIT_MS);
      await this.#ended;
      clearTimeout(timer);
    }
  }
}

function binFile(bin: string, context: ChildContext): string {
  return path.join(context.root, 'bin', `${bin}.js`);
}

/** Runs a command in the foreground; throws when it fails, or takes longer than the limit. */
export function run(bin: string, args: readonly string[], context: ChildContext, limitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [binFile(bin, context), ...args], { env: context.env, stdio: ['ignore', 'inherit', 'inherit'] });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, limitMs);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) {
        resolve();
      } else {
        reject(
          new Error(
            `${bin} ${args[0] ?? ''} ${isLate ? `did not end within ${limitMs / 1000} s` : `ended with ${signal ?? `exit code ${code}`}`}`,
          ),
        );
      }
    });
  });
}
