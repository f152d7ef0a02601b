import type { RunGoal } from '../../bench/live-text.js';
import type { BenchHooks } from '../../bench/progress.js';
import type { IntervalSnapshot } from '../../bench/recorder.js';
import type { BenchResult } from '../../bench/result.js';
import { closingLines } from '../../bench/text.js';
import { commandSpec, DEFAULT_COMMON } from '../../cli/command-spec.js';
import type { CommonOption, CommonValues, OptionTable, OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { type CommandContext, MqCommand } from '../base.js';
import { completed, type HdrFiles, withHdrFiles } from './complete.js';
import type { EmbeddedValues } from './embedded.js';
import { type JudgeValues, withVerdicts } from './judging.js';
import { type LiveLine, startLiveLine } from './live-line.js';
import { runLength } from './shared-options.js';

/** Words for the lines of a run. */
export interface RunTexts {
  /** `sending to topic …`. */
  readonly opening: string;
  /** `sent`, `consumed`. */
  readonly verb: string;
  /** What the run is about; the lines of the other direction are tagged in an interval log. Absent: sends. */
  readonly direction?: 'send' | 'receive';
  /** One line an interval when nothing can be redrawn. */
  readonly plainLine: (snapshot: IntervalSnapshot) => string;
  readonly plainIntervalMs: number;
  /** Prints the lines of Apache's tool and nothing else, also on a terminal. */
  readonly classic?: boolean;
}

/** What both kinds of runs share: the opening line, progress, Ctrl-C, and where the result goes. */
export abstract class BenchCommand<T extends OptionTable, R extends BenchResult> extends MqCommand<T, R> {
  /** Results are nested and go to files: as JSON, with --json. */
  static override commonOptions: readonly CommonOption[] = DEFAULT_COMMON.filter((option) => option !== 'output' && option !== 'context');
  #hdrFiles: HdrFiles = {};
  #goal: RunGoal = {};

  /** With `--embedded` the work has nodes of its own. What comes of it is judged, and written to the files that are named. */
  protected override async surround(
    values: OptionValues<T> & CommonValues,
    context: CommandContext,
    work: (values: OptionValues<T> & CommonValues) => Promise<R>,
  ): Promise<R> {
    const { checkEmbedded, withEmbedded } = await import('./embedded.js');
    const { env } = context.io;
    const wanted: OptionValues<T> & CommonValues & EmbeddedValues & HdrFiles = values;
    checkEmbedded(wanted, env);
    this.#hdrFiles = wanted;
    this.#goal = goalOf(values);
    const name = `${this.config.bin} ${this.id}`;
    const { options } = commandSpec(this.ctor as unknown as typeof MqCommand, { bin: this.config.bin, id: this.id ?? '' });
    const shown = (key: string, value: string): string => this.shownValue(key, value);
    const run = { name, argv: this.argv, options, shown, context };
    return withVerdicts({ name, values: wanted as unknown as JudgeValues, context }, () =>
      completed(run, () => (wanted.embedded === true ? withEmbedded(wanted, env, work) : work(values))),
    );
  }

  /** The value of an option as the result shows it in the command line that repeats the run. */
  protected shownValue(_key: string, value: string): string {
    return value;
  }

  /** Runs with progress on stderr (terminal) or as plain lines. */
  protected async runBench(
    texts: RunTexts,
    context: CommandContext,
    options: { readonly jsonFile: string | undefined; readonly run: (hooks: BenchHooks) => Promise<R> },
  ): Promise<R> {
    const interrupt = new AbortController();
    let live: LiveLine | null = null;
    // The listener stays (not `once`): the live line restores the cursor at a signal, and then ends the process where nobody else listens.
    // A second Ctrl-C ends it at once.
    const onSignal = (signal: NodeJS.Signals): void => {
      if (interrupt.signal.aborted) {
        process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
        process.kill(process.pid, signal);
      }
      live?.end();
      context.out.note('ending the run, to show the result so far; Ctrl-C again quits at once');
      interrupt.abort();
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    const toStdout = !isJsonOnStdout(options.jsonFile);
    const say = (line: string): void => (toStdout ? context.out.line(line) : context.out.note(line));
    if (texts.opening !== '') {
      say(texts.opening);
    }
    live = context.io.terminal.animates && texts.classic !== true ? await startLiveLine(texts.verb, this.#goal) : null;
    const hooks: BenchHooks = {
      signal: AbortSignal.any([context.signal, interrupt.signal]),
      intervalMs: live === null ? texts.plainIntervalMs : 500,
      onInterval: (snapshot) => (live === null ? say(texts.plainLine(snapshot)) : live.show(snapshot)),
    };
    try {
      return await withHdrFiles(this.#hdrFiles, texts.direction ?? 'send', (onPoint) =>
        options.run(onPoint === undefined ? hooks : { ...hooks, onPoint }),
      );
    } finally {
      live?.end();
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    }
  }

  protected override render(result: R, out: Output, values: OptionValues<T> & CommonValues): void {
    const { json } = values as { json?: unknown };
    if (json === '') {
      out.data(result);
    } else {
      this.renderText(result, out, values);
      if ((values as { classic?: boolean }).classic !== true) {
        out.text(closingLines(result));
      }
    }
  }

  protected abstract renderText(result: R, out: Output, values: OptionValues<T> & CommonValues): void;
}

/** What the options say of the end of a run; nothing where a kind has an end of its own. */
function goalOf(values: object): RunGoal {
  const { duration, messageQuantity, warmup } = values as { duration?: number; messageQuantity?: number; warmup?: number };
  return 'duration' in values ? { warmupMs: warmup ?? 0, ...runLength({ duration, messageQuantity }) } : {};
}

/** `--json` without a file name. */
function isJsonOnStdout(jsonFile: string | undefined): boolean {
  return jsonFile === '';
}
