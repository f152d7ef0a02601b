import { UsageError } from '../common/errors.js';
import { detectTerminal } from './terminal.js';

/** Asks before something is deleted. Only on terminals; in a pipe or under CI the command was meant as it stands. */
export async function confirmDeletion(what: string, options: { yes: boolean; signal?: AbortSignal }): Promise<void> {
  if (options.yes || !detectTerminal().asks) {
    return;
  }
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${what}? [y/N] `, options.signal === undefined ? {} : { signal: options.signal });
    if (!/^y(es)?$/i.test(answer.trim())) {
      throw new UsageError('nothing was deleted: the question was not answered with yes', { code: 'NOT_CONFIRMED' });
    }
  } finally {
    terminal.close();
  }
}
