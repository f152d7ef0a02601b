import type { IntervalSnapshot } from '../../bench/recorder.js';
import { liveLine } from '../../bench/text.js';

/** A line on stderr that is drawn anew with each snapshot. */
export interface LiveLine {
  show(snapshot: IntervalSnapshot): void;
  end(): void;
}

/** Draws on stderr; the terminal keeps stdout for the result. */
export async function startLiveLine(verb: string): Promise<LiveLine> {
  const { default: ora } = await import('ora');
  // Ctrl-C must reach the command: it ends the run and shows the result so far.
  const spinner = ora({ stream: process.stderr, discardStdin: false, text: 'starting' }).start();
  const beganMs = performance.now();
  return {
    show: (snapshot) => {
      spinner.text = liveLine(snapshot, verb, performance.now() - beganMs);
    },
    end: () => {
      spinner.stop();
    },
  };
}
