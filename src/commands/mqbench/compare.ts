import type { CompareResult, PairHooks } from '../../bench/judge/compare.js';
import { comparisonText } from '../../bench/judge/compare-text.js';
import { type CommandShape, commandSpec } from '../../cli/command-spec.js';
import {
  COMMON_OPTIONS,
  type CommonOption,
  type CommonValues,
  defineOptions,
  type OptionTable,
  type OptionValues,
} from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { parseOptions } from '../../cli/parse-options.js';
import { UsageError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { judgeOptions } from './judging.js';
import { commandWithoutSecrets } from './secrets.js';

const options = defineOptions({
  run: {
    own: true,
    text: "Command of the first side, eg: 'producer -t BenchmarkTest --duration 10s'; or any program that prints a result",
  },
  vs: { kind: 'texts', own: true, text: 'Second side: a command, as of --run; without --run the files of the second side' },
  pairs: { kind: 'int', own: true, default: 7, min: 1, max: 1000, text: 'With --run: runs of each side, in turn, Default: 7' },
  metric: { own: true, text: 'What the verdict is about, Default: the rate, of a paced load p99' },
  failOver: {
    kind: 'texts',
    own: true,
    long: 'fail-over',
    text: 'A loss that is proven to be larger ends with 99, eg: 10% (of rate and p99), p999:25%; several times',
  },
  seed: { kind: 'int', own: true, default: 1, text: 'Seed of the bootstrap intervals, Default: 1' },
  json: { kind: 'optionalText', own: true, text: 'Print the result as JSON, or write it to the file named' },
  ...judgeOptions,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

/** Differences that chance alone would show once in twenty comparisons. */
const ALPHA = 0.05;

/** `mqbench compare`. */
export default class CompareCommand extends BenchCommand<typeof options, CompareResult> {
  static override summary = 'Say whether one side is faster than another, and how sure that is';
  static override description =
    'With --run and --vs both commands run in turn (ABBA), each in a process of its own, and no shell expands them. Seven pairs find a loss\n' +
    'of 15 % where runs of one side differ by 5 %; what slows the machine for longer than a pair slows both. Files of several runs a side are\n' +
    'compared run by run. Of one file a side the seconds are compared: that says that these two runs differ, not that the next ones will.\n' +
    'Ratios are of medians, with bootstrap intervals; the verdict is that of a rank test at 5 %. Exit code 99 only for a proven loss over a limit.';
  static override examples = [
    'mqbench compare base.json new.json',
    'mqbench compare base-*.json --vs new-*.json --fail-over 10%',
    "mqbench compare --run 'producer -n 127.0.0.1:9876 -s 128 --duration 10s' --vs 'producer -n 127.0.0.1:9876 -s 1024 --duration 10s' --pairs 7",
  ];
  static override options = options;
  static override commonOptions: readonly CommonOption[] = ['timeout', 'debug'];
  static override extraWords = 'keep' as const;

  protected override async execute(values: Values, context: CommandContext): Promise<CompareResult> {
    const { parseLimit } = await import('../../bench/judge/limits.js');
    const how = {
      alpha: ALPHA,
      seed: values.seed,
      limits: values.failOver.map(parseLimit),
      ...(values.metric === undefined ? {} : { primary: values.metric }),
    };
    if (values.run !== undefined) {
      return this.#pairs(values, context, how);
    }
    const { base, vs } = this.#files(values, context.words);
    const { keepsInput, readResultFile } = await import('../../bench/judge/result-file.js');
    await keepsInput(values.json);
    const { compareFiles } = await import('../../bench/judge/compare.js');
    return compareFiles(await Promise.all(base.map(readResultFile)), await Promise.all(vs.map(readResultFile)), how);
  }

  /** Two files, or those before --vs against those after it. */
  #files(values: Values, words: readonly string[]): { base: readonly string[]; vs: readonly string[] } {
    if (values.vs.length === 0) {
      const [base, vs, ...others] = words;
      if (base === undefined || vs === undefined || others.length > 0) {
        throw new UsageError(`${words.length} files are given: compare takes two, or several before and after --vs`, {
          hint: "eg: mqbench compare base-1.json base-2.json --vs new-1.json new-2.json, or --run 'producer …' --vs 'producer …'",
        });
      }
      return { base: [base], vs: [vs] };
    }
    const at = this.argv.findIndex((word) => /^--?vs(=|$)/.test(word));
    const before = parseOptions(this.argv.slice(0, at), { ...COMMON_OPTIONS, ...options }).words.length;
    const base = words.slice(0, before);
    if (base.length === 0) {
      throw new UsageError('no files stand before --vs', { hint: "name them, or give a command with --run 'producer …'" });
    }
    return { base, vs: [...values.vs, ...words.slice(before)] };
  }

  async #pairs(
    values: Values,
    context: CommandContext,
    how: { alpha: number; seed: number; limits: readonly { metric?: string; lossPercent: number }[]; primary?: string },
  ): Promise<CompareResult> {
    const [vs, ...others] = values.vs;
    if (vs === undefined || others.length > 0 || context.words.length > 0) {
      throw new UsageError('--run takes one --vs with the command of the second side, and no files', {
        hint: "eg: --run 'producer -s 128' --vs 'producer -s 1024'",
      });
    }
    const [{ comparePairs }, { childCommand, runChild }, { commandWords }, { wholeNumber }] = await Promise.all([
      import('../../bench/judge/compare.js'),
      import('./child-run.js'),
      import('../../bench/judge/command-words.js'),
      import('../../bench/text.js'),
    ]);
    const isOwn = (word: string): boolean => this.config.findCommand(word) !== undefined;
    const commands = {
      base: childCommand('--run', commandWords(values.run ?? ''), isOwn),
      vs: childCommand('--vs', commandWords(vs), isOwn),
    };
    const interrupt = new AbortController();
    const quit = new AbortController();
    const onSignal = (): void => (interrupt.signal.aborted ? quit : interrupt).abort();
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    const signal = AbortSignal.any([context.signal, interrupt.signal]);
    const { directionsOf } = await import('../../bench/judge/metrics.js');
    const onPair: PairHooks['onPair'] = (pair, base, second) => {
      const rate = (result: typeof base): number => directionsOf(result)[0]?.[1].rate ?? 0;
      const change = (100 * (rate(second) / rate(base) - 1)).toFixed(1);
      context.out.note(
        `pair ${pair} of ${values.pairs}: base ${wholeNumber(rate(base))} msg/s, vs ${wholeNumber(rate(second))} msg/s (${change} %)`,
      );
    };
    try {
      const config = { run: this.shownValue('run', values.run ?? ''), vs: this.shownValue('vs', vs) };
      return await comparePairs(
        values.pairs,
        { signal, run: (side) => runChild(commands[side], { signal, quit: quit.signal }), onPair },
        { ...how, config },
      );
    } finally {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    }
  }

  /** Both sides are command lines, and may have keys in them. */
  protected override shownValue(key: string, value: string): string {
    return key === 'run' || key === 'vs' ? commandWithoutSecrets(value, (word) => this.#optionsOf(word)) : value;
  }

  /** What a command of this tool takes; undefined for any other program. */
  #optionsOf(word: string): OptionTable | undefined {
    const command: CommandShape | undefined = this.config.findCommand(word);
    return command === undefined ? undefined : commandSpec(command, { bin: this.config.bin, id: word }).options;
  }

  protected override renderText(result: CompareResult, out: Output): void {
    out.text(comparisonText(result.comparison));
  }
}
