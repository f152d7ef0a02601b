import type { ReadStream, WriteStream } from 'node:tty';
import type { TopRound } from '../../client/admin/top-round.js';
import { type Clock, systemClock } from '../../common/clock.js';
import { MQError } from '../../common/errors.js';
import { keysOf, onKey, type ScreenLine, screenLines, type TopState } from './top-state.js';
import type { TopView } from './top-tables.js';

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
/** Terminals that know it show what is between at once; others ignore it. */
const [BEGIN_DRAW, END_DRAW] = ['\x1b[?2026h', '\x1b[?2026l'];
const STYLES: Readonly<Record<ScreenLine['kind'], string>> = {
  plain: '',
  row: '',
  title: '\x1b[7m',
  bad: '\x1b[31m',
  footer: '\x1b[2m',
};
const RESET = '\x1b[0m';
const DEFAULT_SIZE = { width: 80, height: 24 };

export interface TopScreenOptions {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
  readonly colour: boolean;
  readonly state: TopState;
  /** Asks the brokers for what the view shows. */
  readonly ask: (view: TopView) => Promise<TopRound>;
  /** Ends it from outside. */
  readonly signal: AbortSignal;
  /** Ends it after so many rounds. */
  readonly rounds: number | undefined;
  readonly clock?: Clock;
}

/** The live view on a terminal, which is as it was when this ends, however it ends. */
export class TopScreen {
  readonly #options: TopScreenOptions;
  readonly #clock: Clock;
  #state: TopState;
  #round: TopRound | null = null;
  #problem: string | null = null;
  #isOn = false;
  #isOver = false;
  /** Ends the pause between two rounds. */
  #wake: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #asked = false;

  constructor(options: TopScreenOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#state = options.state;
  }

  /** @returns the last round. */
  async run(): Promise<TopRound> {
    const { stdin, stdout, signal } = this.#options;
    const onData = (input: Buffer | string): void => this.#onInput(input.toString());
    const onResize = (): void => this.#draw();
    const onExit = (): void => this.#leave();
    const onContinue = (): void => {
      this.#enter();
      this.#draw();
    };
    const ended = new Promise<void>((resolve) => {
      this.#end = resolve;
    });
    const onEnd = (): void => {
      // Before an error is printed, which belongs on the usual screen.
      this.#leave();
      this.#end();
    };
    this.#enter();
    stdin.on('data', onData);
    stdout.on('resize', onResize);
    process.on('SIGINT', onEnd).on('SIGTERM', onEnd).on('SIGHUP', onEnd).on('SIGCONT', onContinue).on('exit', onExit);
    signal.addEventListener('abort', onEnd, { once: true });
    try {
      this.#draw();
      await Promise.race([this.#rounds(), ended]);
    } finally {
      this.#isOver = true;
      this.#wake();
      stdin.off('data', onData).pause();
      stdout.off('resize', onResize);
      process.off('SIGINT', onEnd).off('SIGTERM', onEnd).off('SIGHUP', onEnd).off('SIGCONT', onContinue).off('exit', onExit);
      this.#leave();
    }
    return this.#round ?? NO_ROUND;
  }

  #end: () => void = () => undefined;

  async #rounds(): Promise<void> {
    for (let count = 1; !this.#isOver; count++) {
      const begunMs = this.#clock.monotonicMs();
      this.#asked = false;
      try {
        this.#round = await this.#options.ask(this.#state.view);
        this.#problem = null;
      } catch (error) {
        if (this.#round === null || !(error instanceof MQError)) {
          throw error;
        }
        this.#problem = error.message;
      }
      if (this.#isOver) {
        return;
      }
      this.#draw();
      if (count === this.#options.rounds) {
        return;
      }
      await this.#pause(begunMs);
    }
  }

  /** Until the next round is due, or asked for. */
  async #pause(begunMs: number): Promise<void> {
    while (!this.#asked && !this.#isOver) {
      const restMs = this.#state.isPaused ? Number.POSITIVE_INFINITY : begunMs + this.#state.intervalMs - this.#clock.monotonicMs();
      if (restMs <= 0) {
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#timer = setTimeout(resolve, Math.min(restMs, 2 ** 30));
      });
      clearTimeout(this.#timer);
    }
  }

  #onInput(input: string): void {
    for (const key of keysOf(input)) {
      const { state, action } = onKey(this.#state, key);
      this.#state = state;
      if (action === 'quit') {
        this.#end();
        return;
      }
      if (action === 'suspend') {
        this.#suspend();
        return;
      }
      this.#asked ||= action === 'refresh';
    }
    this.#wake();
    this.#draw();
  }

  #suspend(): void {
    if (process.platform === 'win32') {
      return;
    }
    this.#leave();
    process.kill(process.pid, 'SIGTSTP');
    // It goes on here: where nobody stops the process, at once.
    this.#enter();
    this.#draw();
  }

  #draw(): void {
    if (!this.#isOn) {
      return;
    }
    const { stdout, colour } = this.#options;
    const size = { width: stdout.columns || DEFAULT_SIZE.width, height: stdout.rows || DEFAULT_SIZE.height };
    const { lines, offset } = screenLines({ round: this.#round, problem: this.#problem }, this.#state, size);
    this.#state = { ...this.#state, offset };
    const drawn = lines.map(({ text, kind }) => {
      const style = kind === 'bad' && !colour ? '' : STYLES[kind];
      const padded = kind === 'title' ? text.padEnd(size.width) : text;
      return style === '' ? padded : `${style}${padded}${RESET}`;
    });
    // Written over what is there, each line to its end: a cleared screen would flicker.
    stdout.write(`${BEGIN_DRAW}\x1b[H${drawn.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J${END_DRAW}`);
  }

  #enter(): void {
    if (!this.#isOn) {
      this.#isOn = true;
      this.#options.stdin.setRawMode(true);
      this.#options.stdin.resume();
      this.#options.stdout.write(ENTER);
    }
  }

  #leave(): void {
    if (this.#isOn) {
      this.#isOn = false;
      this.#options.stdout.write(LEAVE);
      this.#options.stdin.setRawMode(false);
    }
  }
}

const NO_ROUND: TopRound = {
  time: 0,
  tookMs: 0,
  clusterNames: [],
  totals: { brokers: 0, brokersDown: 0, namesrvsDown: 0, inTps: 0, outTps: 0, lag: null, topics: null, groups: null, diskRatio: null },
  brokers: [],
  topics: [],
  groups: [],
};
