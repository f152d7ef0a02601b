import { Command } from '@oclif/core';
import type { ApacheEnd } from '../cli/apache-compat.js';
import { isApacheCommand } from '../cli/command-order.js';
import { commandSpec, DEFAULT_COMMON } from '../cli/command-spec.js';
import { whenUnread } from '../cli/exit.js';
import { type CommandIo, type EndSignal, processIo, wantsApacheCompat } from '../cli/io.js';
import type { CommandSpec, CommandWords, CommonOption, CommonValues, OptionTable, OptionValues } from '../cli/options.js';
import { Output, toJson } from '../cli/output.js';
import type { OutputFormat } from '../cli/output-formats.js';
import { type GivenWord, HelpRequested, type ParsedOptions, parseOptions } from '../cli/parse-options.js';
import { readValues } from '../cli/read-values.js';
import { reportError } from '../cli/report.js';
import { helpText, usageText } from '../cli/usage.js';
import { InterruptedError, MQError, TimeoutError, UsageError } from '../common/errors.js';

/** What a command gets beside its options. */
export interface CommandContext {
  /** Aborts when `--timeout` has passed. */
  readonly signal: AbortSignal;
  readonly out: Output;
  readonly io: CommandIo;
  /** Words that are no options; empty unless the command keeps them. */
  readonly words: readonly string[];
  /** The command line as it was read. */
  readonly given: readonly GivenWord[];
  /** Whether scripts written for Apache's tool are to find what they depend on, wrong as it may be (MQADMIN_COMPAT). */
  readonly apacheCompat: boolean;
  /** Whether the result is printed as data (JSON, YAML, CSV, …): `execute` then prints nothing but by `out.data`. */
  readonly json: boolean;
}

/**
 * Base of all commands. A command says its options in a table, does its work in `execute`, whose result is the JSON output,
 * and shows the result as text in `render`. Parsing, time-out, errors and exit codes are done here.
 */
export abstract class MqCommand<T extends OptionTable = OptionTable, R = unknown> extends Command {
  static override strict = false;
  static options: OptionTable = {};
  static commonOptions: readonly CommonOption[] = DEFAULT_COMMON;
  /** Whether `render` knows `--output wide`; without it all fields are printed as a table. */
  static rendersWide = false;
  /** What becomes of words that belong to no option: Apache's tool ignores them. */
  static extraWords: 'ignore' | 'keep' = 'ignore';
  /** Words that a command which keeps them knows, for completion. */
  static words: CommandWords = {};

  /** Does the work; prints nothing but progress. */
  protected abstract execute(values: OptionValues<T> & CommonValues, context: CommandContext): Promise<R>;

  /** Puts around the work what has to be there while it goes on, and to go when it ends; may hand it other values. */
  protected surround(
    values: OptionValues<T> & CommonValues,
    _context: CommandContext,
    work: (values: OptionValues<T> & CommonValues) => Promise<R>,
  ): Promise<R> {
    return work(values);
  }

  /** Whether a signal ends the command with an error that says so; without it the process ends at once, or the command sees to it. */
  protected readonly endsBySignal: boolean = false;

  /** What has happened so far, for the line of a command that is ended from outside: `: 2 changes made`. */
  protected soFar(): string {
    return '';
  }

  /** Is waited for when the work is done, failed, or was ended from outside; never throws. */
  protected ended(_error: unknown, _context: CommandContext): Promise<void> {
    return Promise.resolve();
  }

  /** What the rows are in formats that have rows: the first list in it. */
  protected rowsIn(result: R): unknown {
    return result;
  }

  /** Prints the result as text. */
  protected abstract render(result: R, out: Output, values: OptionValues<T> & CommonValues): void;

  /** oclif's entry. */
  override async run(): Promise<void> {
    this.parsed = true;
    process.exitCode = await this.main(processIo());
  }

  /** Runs the command in the surroundings given and answers its exit code; never throws. */
  async main(io: CommandIo): Promise<number> {
    const command = this.ctor as unknown as typeof MqCommand & { id: string | undefined };
    const spec = commandSpec(command, { bin: this.config.bin, id: this.id ?? lowerFirst(command.name) });
    const out = new Output(io.stdout, io.stderr);
    // What is half done is worse than what nobody reads; commands that change something have --dry-run.
    whenUnread(spec.options.dryRun === undefined ? 0 : 'goes on');
    let parsed: ParsedOptions | null = null;
    try {
      if (spec.options.outputSchema !== undefined && this.argv.includes('--output-schema')) {
        const { readOutputSchema } = await import('../cli/output-schema.js');
        out.text(readOutputSchema(this.config.root, spec.id));
        return 0;
      }
      parsed = this.#parse(spec, out);
      if (parsed === null) {
        return 0;
      }
      const apacheCompat = this.#isAsApache(spec, parsed, io);
      if (apacheCompat) {
        out.muteNotes();
      }
      await this.#execute(spec, parsed, { out, io, apacheCompat, keepWords: command.extraWords === 'keep' });
      return 0;
    } catch (error) {
      const end = this.#isAsApache(spec, parsed, io) ? await apacheEnd(error, spec, parsed === null) : null;
      if (end !== null) {
        out.text(end.stdout);
        io.stderr.write(end.stderr);
        return end.exitCode;
      }
      const report = reportError(error, {
        json: this.#wantsJson(parsed),
        debug: parsed === null ? this.argv.includes('--debug') : parsed.values.has('debug'),
        colour: io.terminal.colour,
      });
      io.stderr.write(`${report.text}\n`);
      return report.exitCode;
    }
  }

  /** Whether errors are told in JSON; a line that could not be parsed is asked word by word. */
  #wantsJson(parsed: ParsedOptions | null): boolean {
    if (parsed !== null) {
      return parsed.values.has('json') || parsed.values.get('output') === 'json';
    }
    return this.argv.some(
      (word, i) => word === '--json' || word === '--output=json' || (word === '--output' && this.argv[i + 1] === 'json'),
    );
  }

  /** Whether the command is to behave as Apache's: never with options of ours for the output. */
  #isAsApache(spec: CommandSpec, parsed: ParsedOptions | null, io: CommandIo): boolean {
    const isOurs = parsed === null ? this.argv.includes('--json') : parsed.values.has('json') || parsed.values.has('output');
    return wantsApacheCompat(io.env) && isApacheCommand(spec.id) && !isOurs;
  }

  /** Null when help was asked for and printed. */
  #parse(spec: CommandSpec, out: Output): ParsedOptions | null {
    try {
      return parseOptions(this.argv, spec.options);
    } catch (error) {
      if (error instanceof HelpRequested) {
        out.text(helpText(spec));
        return null;
      }
      if (error instanceof UsageError && !this.#wantsJson(null)) {
        out.text(usageText(spec));
      }
      throw error;
    }
  }

  /** @throws UsageError */
  async #outputFormat(values: ReadonlyMap<string, string>): Promise<OutputFormat> {
    if (values.has('json')) {
      const other = values.get('output') ?? 'json';
      if (values.get('json') === 'true' && other !== 'json') {
        throw new UsageError(`--json and --output ${other} contradict one another`, { hint: 'give one of them' });
      }
      return 'json';
    }
    const word = values.get('output') ?? 'text';
    if (word === 'text') {
      return 'text';
    }
    const { readOutputFormat } = await import('../cli/data-printer.js');
    const format = readOutputFormat(word);
    return format === 'wide' && (this.ctor as unknown as typeof MqCommand).rendersWide ? 'text' : format;
  }

  async #execute(
    spec: CommandSpec,
    parsed: ParsedOptions,
    surroundings: { out: Output; io: CommandIo; apacheCompat: boolean; keepWords: boolean },
  ): Promise<void> {
    const { out, io, apacheCompat, keepWords } = surroundings;
    const values = readValues(spec.options, parsed.values, io.env) as OptionValues<T> & CommonValues;
    if (!keepWords && parsed.words.length > 0) {
      out.note(`note: ignored ${parsed.words.map((word) => `"${word}"`).join(' ')}: no option takes it`);
    }
    for (const option of parsed.repeated) {
      out.note(`note: ${option} is given more than once: its first value counts`);
    }
    const format = await this.#outputFormat(parsed.values);
    // With a file named behind --json the result is shown as text as well.
    const isFile = parsed.values.has('json') && parsed.values.get('json') !== 'true';
    if (format !== 'text' && format !== 'json') {
      const { DataPrinter } = await import('../cli/data-printer.js');
      const printer = await DataPrinter.open(format, (text) => out.text(text));
      out.printDataBy((value) => printer.print(format === 'yaml' ? value : this.rowsIn(value as R)));
    }
    const json = format !== 'text';
    const show = (result: R): void => {
      if (json && !isFile) {
        out.data(result);
      } else {
        this.render(result, out, values);
      }
    };
    const its = { out, io, json, given: parsed.given, apacheCompat, words: keepWords ? parsed.words : [] };
    const { watch, rounds } = this.#watchOf(values);
    if (watch !== undefined && format === 'json') {
      out.printDataBy((value) => out.line(toJson(value, 0)));
    }
    if (watch === undefined || this.#watchesItself) {
      return this.#once(spec, values, { ...its, show, endsBySignal: this.endsBySignal }).catch((error: unknown) => {
        // To end a watch is no failure.
        if (watch === undefined || !(error instanceof InterruptedError)) {
          throw error;
        }
      });
    }
    const [{ watchRounds }, { auditedWords }] = await Promise.all([import('../cli/watch.js'), import('../cli/audit.js')]);
    const { debug = false } = values;
    const { colour } = io.terminal;
    await watchRounds(
      {
        everyMs: watch,
        rounds,
        io,
        out,
        title: [spec.bin, spec.id, ...auditedWords(parsed.given, spec.options)].join(' '),
        isText: format === 'text' || format === 'wide',
        report: (error) => reportError(error, { json: format === 'json', debug, colour }).text,
      },
      () => this.#once(spec, values, { ...its, show, endsBySignal: true }),
    );
  }

  get #watchesItself(): boolean {
    return (this.ctor as unknown as typeof MqCommand).options.watch !== undefined;
  }

  /** @throws UsageError */
  #watchOf(values: OptionValues<T> & CommonValues): { watch: number | undefined; rounds: number | undefined } {
    const { watch, rounds } = values as CommonValues;
    const isOwn = (this.ctor as unknown as typeof MqCommand).options.rounds !== undefined;
    if (rounds !== undefined && watch === undefined && !isOwn) {
      throw new UsageError('--rounds counts the rounds of --watch, which is not given');
    }
    return { watch, rounds };
  }

  async #once(
    spec: CommandSpec,
    values: OptionValues<T> & CommonValues,
    surroundings: Omit<CommandContext, 'signal'> & { show: (result: R) => void; endsBySignal: boolean },
  ): Promise<void> {
    const { show, endsBySignal, ...its } = surroundings;
    const { onSignal } = its.io;
    const ends = new EndFromOutside({ timeoutMs: values.timeout, onSignal: endsBySignal ? onSignal : undefined }, spec, () => this.soFar());
    const context: CommandContext = { signal: ends.signal, ...its };
    let failure: unknown = null;
    try {
      show(await ends.race(() => this.surround(values, context, (used) => this.execute(used, context))));
    } catch (error) {
      failure = error;
      if (error instanceof MQError && error.context.result !== undefined) {
        // What did succeed is shown before the error says what did not.
        show(error.context.result as R);
      }
      throw error;
    } finally {
      ends.clear();
      await this.ended(failure, context);
    }
  }
}

/** What ends a command before its work is done: its time limit, or a signal. */
class EndFromOutside {
  readonly #controller = new AbortController();
  readonly #causes: { readonly timeoutMs: number | undefined; readonly onSignal: CommandIo['onSignal'] };
  readonly #name: string;
  readonly #soFar: () => string;
  #timer: NodeJS.Timeout | undefined;
  #forgetSignals: () => void = () => undefined;

  constructor(causes: { timeoutMs: number | undefined; onSignal: CommandIo['onSignal'] }, spec: CommandSpec, soFar: () => string) {
    this.#causes = causes;
    this.#name = `${spec.bin} ${spec.id}`.trim();
    this.#soFar = soFar;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async race<V>(work: () => Promise<V>): Promise<V> {
    const { timeoutMs, onSignal } = this.#causes;
    const ended = new Promise<never>((_, reject) => {
      const end = (error: MQError): void => {
        reject(error);
        this.#controller.abort(error);
      };
      if (timeoutMs !== undefined) {
        this.#timer = setTimeout(() => end(this.#expired(timeoutMs)), timeoutMs);
      }
      if (onSignal !== undefined) {
        // A second signal ends the process as if nobody listened.
        this.#forgetSignals = onSignal((signal) => {
          this.#forgetSignals();
          end(this.#interrupted(signal));
        });
      }
    });
    const running = work();
    // The work's own failure after its end is of no interest to anybody.
    running.catch(() => undefined);
    return Promise.race([running, ended]);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#forgetSignals();
  }

  #expired(timeoutMs: number): TimeoutError {
    return new TimeoutError(`${this.#name} did not finish within ${timeoutMs} ms${this.#soFar()}`, {
      code: 'COMMAND_TIMEOUT',
      hint: 'give it more with --timeout',
    });
  }

  #interrupted(signal: EndSignal): InterruptedError {
    return new InterruptedError(`${this.#name} was ended by ${signal}${this.#soFar()}`, { signal });
  }
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

async function apacheEnd(error: unknown, spec: CommandSpec, isParseFault: boolean): Promise<ApacheEnd | null> {
  return (await import('../cli/apache-compat.js')).apacheEnd(error, spec, isParseFault);
}
