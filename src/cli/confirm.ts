import { UsageError } from '../common/errors.js';
import type { CommandIo } from './io.js';

/** Asks before something is deleted. Only on terminals; in a pipe or under CI the command was meant as it stands. */
export async function confirmDeletion(what: string, options: { yes: boolean; signal?: AbortSignal; io: CommandIo }): Promise<void> {
  const { yes, signal, io } = options;
  if (yes || !io.terminal.asks) {
    return;
  }
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: io.stdin, output: io.stderr });
  try {
    // A closed input is no answer, and no answer is no.
    const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
    const answer = await Promise.race([terminal.question(`${what}? [y/N] `, signal === undefined ? {} : { signal }), closed]);
    if (!/^y(es)?$/i.test(answer.trim())) {
      throw new UsageError('nothing was deleted: the question was not answered with yes', { code: 'NOT_CONFIRMED' });
    }
  } finally {
    terminal.close();
  }
}
