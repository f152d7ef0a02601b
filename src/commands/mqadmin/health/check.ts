import { Writable } from 'node:stream';
import { endFaultsWith } from '../../../cli/exit.js';
import type { CommandIo } from '../../../cli/io.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import { detectTerminal } from '../../../cli/terminal.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import { CHECK_STATUSES, type CheckResult } from '../../../client/admin/check/check.js';
import { CHECKS, type CheckKind, targetOf } from '../../../client/admin/check/kinds.js';
import { InterruptedError, UsageError } from '../../../common/errors.js';
import { suggest } from '../../../common/suggest.js';
import type { CommandContext } from '../../base.js';
import { wordsOf } from '../actions.js';
import { AdminCommand } from '../admin-command.js';
import { CHECK_FORMATS, type CheckFormat, checkText, nagiosText, prometheusText } from '../check-text.js';

const options = defineOptions({
  group: { short: 'g', own: true, text: 'Consumer group, for lag' },
  topic: { short: 't', own: true, text: 'Topic, for topic and send; with messages and seconds of lag only this one' },
  broker: { short: 'b', own: true, text: 'Name or address of one broker, for broker, disk and slave' },
  clusterName: { short: 'c', own: true, text: 'Only the brokers of this cluster' },
  metric: { own: true, text: 'What is read; see below' },
  warning: { own: true, text: 'Highest value that is well, or a range: 10:, ~:10, 10:20, @10:20' },
  critical: { own: true, text: 'Likewise for critical' },
  format: { own: true, text: 'text, nagios, prometheus or json | default text' },
});

type Values = OptionValues<typeof options> & CommonValues;

/** Exit codes are those of monitoring plug-ins; a shell's own for signals stay. */
const UNKNOWN_CODE = CHECK_STATUSES.indexOf('UNKNOWN');
const FIRST_SIGNAL_CODE = 128;

const METRIC_LINES = Object.entries(CHECKS).flatMap(([check, metrics]) =>
  Object.entries(metrics).map(([metric, { unit, warning, critical, text }], i) => {
    const limits = `${warning ?? '-'} / ${critical ?? '-'}${unit === '' ? '' : ` ${unit}`}`;
    return `  ${(i === 0 ? check : '').padEnd(8)} ${metric.padEnd(15)} ${limits.padEnd(24)} ${text}`;
  }),
);

interface Asked {
  readonly check: string;
  readonly target: string;
  readonly format: CheckFormat;
}

/** What a command line is about that could not be read. */
function guess(argv: readonly string[]): Asked {
  const at = argv.indexOf('--format');
  const word = at === -1 ? argv.find((given) => given.startsWith('--format='))?.slice('--format='.length) : argv[at + 1];
  const kinds = Object.keys(CHECKS);
  // A word behind an option is most likely its value.
  const [first] = argv.filter((given, i) => kinds.includes(given.toLowerCase()) && argv[i - 1]?.startsWith('-') !== true);
  return { check: first?.toLowerCase() ?? 'check', target: '', format: CHECK_FORMATS.find((its) => its === word) ?? 'text' };
}

/** Holds one figure against limits. */
export default class Check extends AdminCommand<typeof options, CheckResult> {
  static override summary = 'Hold one figure of a cluster against limits, for monitoring.';
  static override description = [
    `mqadmin check ${Object.keys(CHECKS).join('|')}: exit code 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. Wrong options, connections that fail and all other errors are 3 too.`,
    'Limits are ranges as in monitoring plug-ins: a value is bad above 10, below 10:, outside of 10:20, inside of @10:20.',
    'What is read, by the first metric of each check unless --metric names another one, and its limits of warning and critical:',
    ...METRIC_LINES,
  ].join('\n');
  static override examples = [
    'mqadmin check lag -n 127.0.0.1:9876 -g OrderPaidGroup --warning 1000 --critical 50000',
    'mqadmin check lag -n 127.0.0.1:9876 -g OrderPaidGroup --metric seconds --format nagios',
    'mqadmin check broker -b 127.0.0.1:10911',
    'mqadmin check cluster -n 127.0.0.1:9876 -c DefaultCluster --format prometheus',
    'mqadmin check topic -n 127.0.0.1:9876 -t OrderPaid --critical 4:',
    'mqadmin check disk -n 127.0.0.1:9876 --warning 70 --critical 80 --json',
    'mqadmin check slave -n 127.0.0.1:9876 -c DefaultCluster',
    'mqadmin check send -n 127.0.0.1:9876 -t OrderPaid --warning 200',
  ];
  static override options = options;
  static override extraWords = 'keep' as const;
  static override words = wordsOf(Object.keys(CHECKS));

  #status: number | null = null;
  #colour = false;
  /** What was asked for, once the command line could be read. */
  #asked: Asked | null = null;

  override async run(): Promise<void> {
    endFaultsWith(UNKNOWN_CODE);
    return super.run();
  }

  override async main(io: CommandIo): Promise<number> {
    const told: string[] = [];
    const stderr = new Writable({
      write(chunk: Buffer, _encoding, done) {
        told.push(chunk.toString('utf8'));
        io.stderr.write(chunk);
        done();
      },
    });
    // Whatever else the surroundings have stays as it is, unopened where it is not open.
    const exitCode = await super.main(Object.create(io, { stderr: { value: stderr } }) as CommandIo);
    if (exitCode === 0) {
      return this.#status ?? 0;
    }
    if (!this.argv.includes('--json')) {
      this.#tellMonitoring(told.join(' '), io);
    }
    return exitCode >= FIRST_SIGNAL_CODE ? exitCode : UNKNOWN_CODE;
  }

  /** Monitoring reads stdout alone. */
  #tellMonitoring(message: string, io: CommandIo): void {
    const { check, target, format } = this.#asked ?? guess(this.argv);
    const text = message.trim().replaceAll(/\s+/g, ' ');
    if (format === 'nagios') {
      io.stdout.write(`${check.toUpperCase()} UNKNOWN - ${text.replaceAll('|', '/')}\n`);
    } else if (format === 'prometheus') {
      const result: CheckResult = {
        check,
        metric: '',
        unit: '',
        target,
        status: 'UNKNOWN',
        warning: null,
        critical: null,
        values: [],
        beside: [],
        notes: [],
      };
      io.stdout.write(`${prometheusText(result, UNKNOWN_CODE).join('\n')}\n`);
    }
  }

  protected override async execute(values: Values, context: CommandContext): Promise<CheckResult> {
    const check = kindOf(context.words);
    this.#asked = { check, target: targetOf(check, values), format: formatOf(values) };
    // Until a round has said something.
    this.#status ??= UNKNOWN_CODE;
    return super.execute(values, context);
  }

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<CheckResult> {
    const check = kindOf(context.words);
    this.#colour = detectTerminal(context.io.env, { stdin: process.stdin, stderr: context.io.stdout as NodeJS.WriteStream }).colour;
    const { runCheck } = await import('../../../client/admin/check/run-check.js');
    const { metric, warning, critical, group, topic, broker, clusterName } = values;
    const result = await runCheck(admin, { check, metric, warning, critical, group, topic, broker, clusterName });
    if (!context.signal.aborted) {
      this.#status = CHECK_STATUSES.indexOf(result.status);
    }
    return result;
  }

  protected override async ended(error: unknown, context: CommandContext): Promise<void> {
    // Of a round that fails, what an earlier one found does not count; one that is interrupted has found nothing else.
    if (error !== null && !(error instanceof InterruptedError)) {
      this.#status = UNKNOWN_CODE;
    }
    await super.ended(error, context);
  }

  protected override render(result: CheckResult, out: Output, values: Values): void {
    const format = formatOf(values);
    if (format === 'json') {
      out.data(result);
      return;
    }
    const lines =
      format === 'nagios'
        ? nagiosText(result)
        : format === 'prometheus'
          ? prometheusText(result, CHECK_STATUSES.indexOf(result.status))
          : checkText(result, { colour: this.#colour });
    for (const line of lines) {
      out.line(line);
    }
  }
}

function kindOf([word, ...rest]: readonly string[]): CheckKind {
  const kinds = Object.keys(CHECKS) as CheckKind[];
  const kind = kinds.find((its) => its === word?.toLowerCase());
  if (kind === undefined) {
    const near = word === undefined ? undefined : suggest(word, kinds)[0];
    throw new UsageError(`check${word === undefined ? '' : ` ${word}`}: expected ${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1)}`, {
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    });
  }
  if (rest.length > 0) {
    throw new UsageError(`check ${kind}: "${rest.join(' ')}" is one word too many`, { hint: 'name what is checked with -g, -t, -b or -c' });
  }
  return kind;
}

function formatOf({ format: word, output, json }: Values): CheckFormat {
  const format = CHECK_FORMATS.find((its) => its === (word ?? 'text'));
  if (format === undefined) {
    throw new UsageError(`--format ${word}: expected ${CHECK_FORMATS.slice(0, -1).join(', ')} or ${CHECK_FORMATS.at(-1)}`);
  }
  const other = json === true ? 'json' : (output ?? 'text');
  if (word !== undefined && other !== 'text' && other !== format) {
    throw new UsageError(`--format ${word} and --output ${other} contradict each other`);
  }
  return format;
}
