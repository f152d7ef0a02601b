import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../common/clock.js';
import { ConfigError, InterruptedError, UsageError } from '../common/errors.js';
import { dateTime } from './format.js';
import type { CommandIo } from './io.js';
import type { Output } from './output.js';

/** Moves to the upper left corner and clears what is below: what was there before stays until the new output is complete. */
const REDRAW = '\u001b[H\u001b[J';

/** What `--watch` needs to know of a command. */
export interface WatchOptions {
  readonly everyMs: number;
  /** Number of rounds; without it until a signal comes. */
  readonly rounds: number | undefined;
  readonly io: CommandIo;
  readonly out: Output;
  /** What is watched, for the line above it. */
  readonly title: string;
  /** Whether what is printed is for people, who want to see the time and nothing older. */
  readonly isText: boolean;
  /** Turns an error into the line that is shown of it. */
  readonly report: (error: unknown) => string;
}

/**
 * Runs something again and again, with a pause after each round. On a terminal every round takes the place of the one before it; in a pipe text
 * rounds stand one after the other, each below a line with its time. An error of a round is shown on stderr, and the next round comes all the same;
 * that of the last round is thrown, and so are faults of the command line. Ctrl-C ends it as well done.
 */
export async function watchRounds(options: WatchOptions, round: () => Promise<void>): Promise<void> {
  const { everyMs, rounds, io } = options;
  const stop = new AbortController();
  // A second signal ends the process as if nobody listened.
  const forget = io.onSignal?.(() => {
    stop.abort();
    forget?.();
  });
  try {
    for (let done = 1; !stop.signal.aborted; done++) {
      await oneRound(options, round, done === rounds);
      if (done === rounds) {
        return;
      }
      await sleep(everyMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  } catch (error) {
    if (!(error instanceof InterruptedError)) {
      throw error;
    }
  } finally {
    forget?.();
  }
}

async function oneRound(options: WatchOptions, round: () => Promise<void>, isLast: boolean): Promise<void> {
  const { io, out, title, isText, everyMs } = options;
  const time = dateTime(systemClock.nowMs());
  const isScreen = (io.stdout as { isTTY?: boolean }).isTTY === true && io.env.TERM !== 'dumb';
  const header = isScreen ? `${REDRAW}Every ${everyMs / 1000}s: ${title}  ${time}\n\n` : `# ${time}\n`;
  out.beginWith(isText ? header : '');
  try {
    await round();
  } catch (error) {
    const isHopeless = error instanceof UsageError || error instanceof ConfigError || error instanceof InterruptedError;
    if (isLast || isHopeless) {
      throw error;
    }
    out.note(options.report(error));
  }
}
