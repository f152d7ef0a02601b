import type { Readable, Writable } from 'node:stream';
import { detectTerminal, type Terminal } from './terminal.js';

/** The surroundings of a command; tests pass their own. */
export interface CommandIo {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: NodeJS.ProcessEnv;
  readonly terminal: Terminal;
  /** Has a listener told of Ctrl-C and of a wish to end, in place of the process ending at once; answers what takes it back. */
  readonly onSignal?: (listener: (signal: EndSignal) => void) => () => void;
}

/** Whether the environment asks for the ways of Apache's tool. */
export function wantsApacheCompat(env: NodeJS.ProcessEnv): boolean {
  return env.MQADMIN_COMPAT === 'apache';
}

/** Signals that ask a process to end. */
export type EndSignal = 'SIGINT' | 'SIGTERM';

/** Streams and environment of this process. */
export function processIo(): CommandIo {
  return {
    // Opened only when a question is asked.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    terminal: detectTerminal(),
    onSignal: (listener) => {
      const both = listener as NodeJS.SignalsListener;
      process.on('SIGINT', both).on('SIGTERM', both);
      return () => void process.off('SIGINT', both).off('SIGTERM', both);
    },
  };
}
