import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';

/** How much of a process's output is kept for messages and ready detection. */
const KEPT_OUTPUT_CHARS = 64 * 1024;
const STOP_TIMEOUT_MS = 30_000;

export interface PeerProcessOptions {
  /** What messages call it: `Apache 5.3.3 broker`. */
  name: string;
  command: string;
  args: string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Output that says the process serves; without it, spawn returns at once. */
  ready?: RegExp;
  readyTimeoutMs?: number;
  /** All output is appended here. */
  logFile?: string;
  /** Receives stdout line by line; stdout is then not searched for `ready`. */
  onLine?: (line: string) => void;
}

/** A process that a test started; it dies with the test process. */
export class PeerProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves with the exit code, or null after a signal. */
  readonly exited: Promise<number | null>;
  readonly child: ChildProcess;
  #output = '';
  #running = true;
  #watchers = new Set<() => void>();

  private constructor(options: PeerProcessOptions, child: ChildProcess) {
    this.name = options.name;
    this.child = child;
    this.pid = child.pid ?? -1;
    alive.add(this);
    this.exited = new Promise((resolve) => {
      const done = (code: number | null): void => {
        this.#running = false;
        alive.delete(this);
        for (const watcher of this.#watchers) watcher();
        resolve(code);
      };
      child.once('close', done);
      child.once('error', (error) => {
        this.#append(String(error), options.logFile);
        done(null);
      });
    });
    this.#capture(options);
  }

  /** Starts the process and waits until its output matches `ready`. */
  static async spawn(options: PeerProcessOptions): Promise<PeerProcess> {
    const child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const peer = new PeerProcess(options, child);
    if (options.ready) {
      try {
        await peer.#waitReady(options.ready, options.readyTimeoutMs ?? 120_000);
      } catch (error) {
        await peer.kill();
        throw error;
      }
    }
    return peer;
  }

  get running(): boolean {
    return this.#running;
  }

  /** The last output, stdout and stderr together. */
  get output(): string {
    return this.#output;
  }

  /** Asks with SIGTERM, waits for the end, and kills when that takes too long. Returns the exit code. */
  async stop(timeoutMs: number = STOP_TIMEOUT_MS): Promise<number | null> {
    if (!this.#running) return this.exited;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), timeoutMs);
    const code = await this.exited;
    clearTimeout(timer);
    return code;
  }

  /** kill -9, and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#running) this.child.kill('SIGKILL');
    await this.exited;
  }

  #capture({ onLine, logFile }: PeerProcessOptions): void {
    let rest = '';
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (!onLine) {
        this.#append(text, logFile);
        return;
      }
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#append(text, logFile));
    this.child.stdin?.on('error', () => undefined);
  }

  #append(text: string, logFile: string | undefined): void {
    this.#output = (this.#output + text).slice(-KEPT_OUTPUT_CHARS);
    if (logFile) appendFileSync(logFile, text);
    for (const watcher of this.#watchers) watcher();
  }

  #waitReady(ready: RegExp, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (error?: Error): void => {
        clearTimeout(timer);
        this.#watchers.delete(check);
        if (error) reject(error);
        else resolve();
      };
      const check = (): void => {
        if (ready.test(this.#output)) finish();
        else if (!this.#running) finish(new Error(`${this.name} ended before it was ready:\n${this.#output.slice(-4000)}`));
      };
      const timer = setTimeout(
        () => finish(new Error(`${this.name} was not ready after ${timeoutMs} ms:\n${this.#output.slice(-4000)}`)),
        timeoutMs,
      );
      this.#watchers.add(check);
      check();
    });
  }
}

const alive = new Set<PeerProcess>();
process.on('exit', () => {
  for (const peer of alive) peer.child.kill('SIGKILL');
});
