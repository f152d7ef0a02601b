import type { Readable, Writable } from 'node:stream';
import { detectTerminal, type Terminal } from './terminal.js';

/** The surroundings of a command; tests pass their own. */
export interface CommandIo {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: NodeJS.ProcessEnv;
  readonly terminal: Terminal;
}

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
  };
}
