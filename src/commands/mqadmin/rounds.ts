import { setTimeout as sleep } from 'node:timers/promises';
import { defineOptions } from '../../cli/options.js';
import { MQError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';

/** Stops a command that shows something again and again. */
export const ROUNDS_OPTION = defineOptions({
  rounds: { kind: 'int', min: 1, own: true, text: 'Stop after so many rounds; without it, when the command is stopped' },
});

/** Options of the commands that show their result every so many seconds when they are told to. */
export const INTERVAL_OPTIONS = defineOptions({
  interval: { short: 'i', kind: 'int', min: 1, text: 'the interval(second) of get info' },
  ...ROUNDS_OPTION,
});

/** Asks once, or with an interval again and again; `show` prints the result of every round but the last as text. */
export function atIntervals<R>(
  { interval, rounds }: { interval: number | undefined; rounds: number | undefined },
  context: CommandContext,
  ask: () => Promise<R>,
  show: (result: R) => void,
): Promise<R> {
  if (interval === undefined) {
    return ask();
  }
  return everyRound({ rounds, intervalMs: interval * 1000, context }, ask, (result) =>
    context.json ? context.out.data(result) : show(result),
  );
}

/**
 * Does something again and again, with a pause after each round. What goes wrong in a round between two others is said on stderr.
 * @param work gets what the round before it answered
 * @param show is called with what each round but the last answered
 * @returns what the last round answered
 */
export async function everyRound<R>(
  { rounds, intervalMs, context }: { rounds: number | undefined; intervalMs: number; context: CommandContext },
  work: (former: R | undefined) => Promise<R>,
  show: (result: R) => void,
): Promise<R> {
  let former: R | undefined;
  for (let round = 1; ; round++) {
    try {
      const result = await work(former);
      if (round === rounds) {
        return result;
      }
      show(result);
      former = result;
    } catch (error) {
      if (!(error instanceof MQError) || round === 1 || round === rounds || context.signal.aborted) {
        throw error;
      }
      context.out.note(error.message);
    }
    await sleep(intervalMs, undefined, { signal: context.signal });
  }
}
