import { writeSync } from 'node:fs';

/** Exit codes that stand for a signal, which a shell sees only when the process ends by it: a loop in a script ends with its command then. */
const SIGNALS: Readonly<Record<number, NodeJS.Signals>> = { 130: 'SIGINT', 143: 'SIGTERM' };

/** `exit`, by the signal that the code stands for where it stands for one. */
export async function exitLikeCommand(code: number): Promise<never> {
  const signal = SIGNALS[code];
  if (signal !== undefined && process.platform !== 'win32') {
    await Promise.all([drained(process.stdout), drained(process.stderr)]);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
  return exit(code);
}

/**
 * The one place besides `bin/` that ends the process. Waits until what was written to stdout and stderr has left,
 * because a pipe is written asynchronously and an early end would cut it.
 */
export async function exit(code: number): Promise<never> {
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  process.exit(code);
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.errored !== null && faultCode !== null) {
    // What listens to the error comes first.
    return new Promise((resolve) => setImmediate(resolve));
  }
  if (stream.destroyed || stream.writableLength === 0) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    stream.write('', () => resolve());
    stream.once('error', () => resolve());
  });
}

/** What the process ends with by a fault, where a command has a code of its own for that. */
let faultCode: number | null = null;

/** From now on the process ends with this code where it cannot write or nobody catches an error: for commands whose small codes are results. */
export function endFaultsWith(code: number): void {
  faultCode = code;
  process.on('uncaughtException', (error) => {
    try {
      writeSync(2, `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    } catch {
      // The code says it all the same.
    }
    process.exit(code);
  });
}

/** What becomes of a command whose output has no reader any more: it ends with this code, or goes on without one. */
let unread: number | 'goes on' = 0;

/** Says what becomes of the command from now on when the reader of its output goes away; what changes something goes on to its end. */
export function whenUnread(end: number | 'goes on'): void {
  unread = end;
}

/** A reader that went away (`mqadmin topicList | head -1`) ends the command quietly; see {@link whenUnread}. */
export function endOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') {
        if (faultCode !== null || unread !== 'goes on') {
          process.exit(faultCode ?? Number(unread));
        }
        return;
      }
      try {
        writeSync(2, `cannot write the output: ${error.message}\n`);
      } catch {
        // Both streams are gone; the exit code is all that is left.
      }
      process.exit(faultCode ?? 1);
    });
  }
}
