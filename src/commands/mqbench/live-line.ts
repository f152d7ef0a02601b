import { LiveText, type RunGoal } from '../../bench/live-text.js';
import type { IntervalSnapshot } from '../../bench/recorder.js';

/** A line on stderr that is drawn anew with each snapshot. */
export interface LiveLine {
  show(snapshot: IntervalSnapshot): void;
  end(): void;
}

/** Beside the text: the spinner and a blank, and one column that stays free. */
const SPINNER_COLUMNS = 3;
const DEFAULT_COLUMNS = 80;

/** Draws on stderr; the terminal keeps stdout for the result. */
export async function startLiveLine(verb: string, goal: RunGoal): Promise<LiveLine> {
  const { default: ora } = await import('ora');
  // Ctrl-C must reach the command: it ends the run and shows the result so far.
  const spinner = ora({ stream: process.stderr, discardStdin: false, text: 'starting' }).start();
  const text = new LiveText(verb, goal);
  const beganMs = performance.now();
  return {
    show: (snapshot) => {
      spinner.text = text.line(snapshot, performance.now() - beganMs, (process.stderr.columns ?? DEFAULT_COLUMNS) - SPINNER_COLUMNS);
    },
    end: () => {
      spinner.stop();
    },
  };
}
