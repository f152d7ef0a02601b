import type { CommandIo } from '../../cli/io.js';
import { systemClock } from '../../common/clock.js';

/** Between two changes of the line, ms. */
const PERIOD_MS = 100;

/** One line of progress that is written over; nothing where nobody looks at stderr. */
export class LiveLine {
  readonly #io: CommandIo;
  #shownAtMs = Number.NEGATIVE_INFINITY;
  #isShown = false;

  constructor(io: CommandIo) {
    this.#io = io;
  }

  show(text: string): void {
    const nowMs = systemClock.monotonicMs();
    if (this.#io.terminal.animates && nowMs - this.#shownAtMs >= PERIOD_MS) {
      this.#shownAtMs = nowMs;
      this.#isShown = true;
      this.#io.stderr.write(`\r\u001b[K${text}`);
    }
  }

  clear(): void {
    if (this.#isShown) {
      this.#isShown = false;
      this.#io.stderr.write('\r\u001b[K');
    }
  }
}
