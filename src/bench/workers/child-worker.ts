import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConnectError, type MQError } from '../../common/errors.js';
import type { IntervalSnapshot } from '../recorder.js';
import { WorkerInbox, type WorkerRun } from './inbox.js';
import type { FromWorker, ToWorker, WorkerJob, WorkerOutcome } from './protocol.js';

export interface ChildWorkerOptions {
  /** As errors name it. */
  readonly name: string;
  readonly job: WorkerJob;
  readonly onProgress: (snapshot: IntervalSnapshot) => void;
}

/** The build's file of the worker's process. */
const MAIN = 'bench-worker.js';
/** How long a worker that told its result may take to end by itself. */
const END_LIMIT_MS = 2000;

/** An error with its stack fits. */
const LAST_WORDS_LENGTH = 8192;

/** Process ids of the workers that run. */
const running = new Set<number>();

export function startedWorkers(): number[] {
  return [...running];
}

/** A worker in a process of this machine. Its job goes through a channel that no other process sees. */
export class ChildWorker implements WorkerRun {
  readonly #inbox: WorkerInbox;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  constructor({ name, job, onProgress }: ChildWorkerOptions) {
    this.#inbox = new WorkerInbox(onProgress);
    this.#child = fork(mainFile(), [], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const { pid } = this.#child;
    if (pid !== undefined) {
      running.add(pid);
    }
    let lastWords = '';
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-LAST_WORDS_LENGTH);
    });
    this.#child.on('message', (message) => this.#inbox.receive(message as FromWorker));
    this.#exited = new Promise((resolve) => {
      const onEnd = (how: string): void => {
        if (!this.#inbox.ended) {
          const words = reasonIn(lastWords);
          this.#inbox.fail(
            new ConnectError(`worker ${name} ended with ${how}${words === '' ? '' : `: ${words}`}`, { code: 'WORKER_DIED' }),
          );
        }
        running.delete(pid ?? 0);
        resolve();
      };
      // Not `exit`: what it said last may not have been read by then.
      this.#child.once('close', (code, signal) => onEnd(signal ?? `exit code ${code}`));
      this.#child.once('error', (error) => onEnd(error.message));
    });
    this.#send({ type: 'job', job });
  }

  get ready(): Promise<void> {
    return this.#inbox.ready;
  }

  get result(): Promise<WorkerOutcome> {
    return this.#inbox.result;
  }

  start(): void {
    this.#send({ type: 'start' });
  }

  stop(): void {
    this.#send({ type: 'stop' });
  }

  abandon(error: MQError): void {
    this.#inbox.fail(error);
    this.#child.kill('SIGKILL');
  }

  async close(): Promise<void> {
    if (!this.#inbox.ended) {
      this.#child.kill('SIGKILL');
    }
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_LIMIT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #send(message: ToWorker): void {
    if (this.#child.connected) {
      // A worker that has just gone is noticed by its end.
      this.#child.send(message, () => undefined);
    }
  }
}

/** The line of a process's last words that says why it ended; behind an uncaught error are its stack and the version of Node. */
function reasonIn(lastWords: string): string {
  const lines = lastWords
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.find((line) => /^(\[?\w*(Error|Exception)\b|FATAL ERROR)/.test(line)) ?? lines.at(-1) ?? '';
}

/** Beside this file or above it in the build; in `dist` when this is a source file. */
function mainFile(): string {
  for (let dir = path.dirname(fileURLToPath(import.meta.url)); ; dir = path.dirname(dir)) {
    const found = [path.join(dir, MAIN), path.join(dir, 'dist', MAIN)].find((file) => existsSync(file));
    if (found !== undefined) {
      return found;
    }
    if (dir === path.dirname(dir)) {
      throw new ConnectError(`${MAIN} is not there`, { code: 'WORKER_MISSING', hint: 'build it: npm run build' });
    }
  }
}
