import { UsageError } from '../common/errors.js';
import type { CommandIo } from './io.js';

interface AskOptions {
  readonly yes: boolean;
  readonly signal?: AbortSignal;
  readonly io: CommandIo;
  /** What was not done without a yes: `deleted` when absent. */
  readonly undone?: string;
  /** How long an answer is waited for, ms. */
  readonly waitMs?: number;
}

/** Who has not answered by then is not there. */
const ANSWER_LIMIT_MS = 60_000;

/** Asks before something is deleted, or changed as badly. Only on terminals; in a pipe or under CI the command was meant as it stands. */
export async function confirmDeletion(what: string, options: AskOptions): Promise<void> {
  if (options.yes || !options.io.terminal.asks) {
    return;
  }
  if (!(await isAnsweredYes(what, options))) {
    throw new UsageError(`nothing was ${options.undone ?? 'deleted'}: the question was not answered with yes`, { code: 'NOT_CONFIRMED' });
  }
}

/** Asks before a change that no script of old makes: where nobody can be asked, it needs `--yes`. */
export async function confirmChange(what: string, options: AskOptions): Promise<void> {
  if (options.yes) {
    return;
  }
  requireSomebody(what, options);
  if (!(await isAnsweredYes(what, options))) {
    throw new UsageError('nothing was changed: the question was not answered with yes', { code: 'NOT_CONFIRMED' });
  }
}

/** @throws UsageError when there is neither `--yes` nor a terminal with somebody to ask. */
export function requireSomebody(what: string, { yes, io }: Pick<AskOptions, 'yes' | 'io'>): void {
  if (!yes && !io.terminal.asks) {
    throw new UsageError(`nothing was changed: nobody can be asked here whether to ${what}`, {
      code: 'NOT_CONFIRMED',
      hint: 'give --yes to do it, or --dry-run to see what would be done',
    });
  }
}

/** @throws UsageError when nobody answers */
async function isAnsweredYes(what: string, { signal, io, waitMs = ANSWER_LIMIT_MS }: AskOptions): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: io.stdin, output: io.stderr });
  const noAnswer = AbortSignal.timeout(waitMs);
  try {
    // A closed input is no answer, and no answer is no.
    const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
    const ended = signal === undefined ? noAnswer : AbortSignal.any([signal, noAnswer]);
    const answer = await Promise.race([terminal.question(`${what}? [y/N] `, { signal: ended }), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (noAnswer.aborted) {
      throw new UsageError(`nothing was done: the question was not answered within ${waitMs / 1000} s`, {
        code: 'NOT_CONFIRMED',
        hint: 'give --yes where nobody can answer',
        cause: error,
      });
    }
    throw error;
  } finally {
    terminal.close();
  }
}
