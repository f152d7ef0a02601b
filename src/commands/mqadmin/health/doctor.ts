import { whenUnread } from '../../../cli/exit.js';
import type { CommandIo } from '../../../cli/io.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import { detectTerminal } from '../../../cli/terminal.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { DoctorReport, DoctorScope } from '../../../client/admin/doctor/diagnose.js';
import {
  DEFAULT_INTERVAL_MS,
  DEFAULT_LIMITS,
  DEFAULT_MAX_CLIENTS,
  type DoctorLimits,
  USUAL_SETTINGS,
} from '../../../client/admin/doctor/limits.js';
import { InterruptedError, MQError, UsageError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { doctorText, type TextStyle, wideText } from '../doctor-text.js';
import { LiveLine } from '../live-line.js';

/** What can be looked at alone, with the kind of name that completion offers for it. */
const SCOPE_WORDS = {
  cluster: 'clusters',
  topic: 'topics',
  group: 'groups',
  broker: 'brokerNames',
  client: null,
} as const satisfies Readonly<Record<Exclude<DoctorScope, 'all'>, string | null>>;
const SCOPES = Object.keys(SCOPE_WORDS) as (keyof typeof SCOPE_WORDS)[];
const FAIL_ON = ['warning', 'critical', 'never'] as const;
/** Exit codes of what was found; those of errors are smaller. */
const EXIT_WARNING = 8;
const EXIT_CRITICAL = 9;

const options = defineOptions({
  lagWarning: {
    kind: 'int',
    own: true,
    long: 'lag-warning',
    default: DEFAULT_LIMITS.lagWarning,
    min: 0,
    text: `Messages a group may be behind | default ${DEFAULT_LIMITS.lagWarning}`,
  },
  lagCritical: {
    kind: 'int',
    own: true,
    long: 'lag-critical',
    default: DEFAULT_LIMITS.lagCritical,
    min: 0,
    text: `From here on its lag is critical | default ${DEFAULT_LIMITS.lagCritical}`,
  },
  retries: {
    kind: 'int',
    own: true,
    default: DEFAULT_LIMITS.retryWarning,
    min: 1,
    text: `Messages that may wait for another try | default ${DEFAULT_LIMITS.retryWarning}`,
  },
  deadLetters: {
    kind: 'int',
    own: true,
    long: 'dead-letters',
    default: DEFAULT_LIMITS.deadLetterWarning,
    min: 1,
    text: `Dead letters that are worth a finding | default ${DEFAULT_LIMITS.deadLetterWarning}`,
  },
  diskWarning: {
    kind: 'decimal',
    own: true,
    long: 'disk-warning',
    min: 0,
    text: `Percent of a disk | default diskMaxUsedSpaceRatio of the broker (${USUAL_SETTINGS.diskMaxUsedSpaceRatio})`,
  },
  diskCritical: {
    kind: 'decimal',
    own: true,
    long: 'disk-critical',
    min: 0,
    text: `Percent of a disk | default diskSpaceCleanForciblyRatio of the broker (${USUAL_SETTINGS.diskSpaceCleanForciblyRatio})`,
  },
  clockSkew: {
    kind: 'duration',
    max: Number.MAX_SAFE_INTEGER,
    own: true,
    long: 'clock-skew',
    default: DEFAULT_LIMITS.clockSkewMs,
    text: `Difference between clocks | default ${DEFAULT_LIMITS.clockSkewMs / 1000}s`,
  },
  slaveLag: {
    kind: 'int',
    own: true,
    long: 'slave-lag',
    default: DEFAULT_LIMITS.slaveLagWarning,
    min: 0,
    text: `Bytes a slave may be behind | default ${DEFAULT_LIMITS.slaveLagWarning}`,
  },
  interval: {
    kind: 'duration',
    own: true,
    default: DEFAULT_INTERVAL_MS,
    text: `Time between two readings of the offsets of groups that are behind; clients store them every 5 s | default ${DEFAULT_INTERVAL_MS / 1000}s`,
  },
  clients: {
    kind: 'int',
    own: true,
    default: DEFAULT_MAX_CLIENTS,
    min: 0,
    text: `Consumers that are asked what they do, at most | default ${DEFAULT_MAX_CLIENTS}`,
  },
  failOn: {
    own: true,
    long: 'fail-on',
    default: 'warning',
    text: 'Exit code 0 unless there is a: warning, critical, never | default warning',
  },
  limit: { kind: 'int', own: true, default: 10, min: 0, text: 'Findings shown of each kind as text, 0 for all | default 10' },
});

type Values = OptionValues<typeof options> & CommonValues;

/** Looks at a cluster and says what is wrong with it. */
export default class Doctor extends AdminCommand<typeof options, DoctorReport> {
  static override summary = 'Say what is wrong with a cluster, with evidence and the command that mends it.';
  static override description = [
    'mqadmin doctor [cluster|topic|group|broker|client] [NAME]: everything, or one part of it, or one of its things.',
    'Looks at addresses, name servers, versions, clocks, disks, waiting requests, slaves, routes, permissions, queues, settings of groups, subscriptions,',
    'lag by its cause, dead letters and clients. It changes nothing. What cannot be found out is a finding (not-checked), not a silence.',
    'Exit code: 0 nothing worse than a remark, 8 warnings, 9 critical findings; below 8 the usual ones of errors.',
  ].join('\n');
  static override examples = [
    'mqadmin doctor -n 127.0.0.1:9876',
    'mqadmin doctor cluster DefaultCluster -n 127.0.0.1:9876 --fail-on critical',
    'mqadmin doctor group OrderPaidGroup -n 127.0.0.1:9876 --lag-warning 100',
    'mqadmin doctor topic OrderPaid -n 127.0.0.1:9876 --json',
    'mqadmin doctor broker broker-a -n 127.0.0.1:9876 --disk-warning 60 --disk-critical 80',
  ];
  static override options = options;
  static override extraWords = 'keep' as const;
  static override words = SCOPE_WORDS;
  static override rendersWide = true;

  #exitCode = 0;
  #style: TextStyle = { colour: false, width: null };

  override async main(io: CommandIo): Promise<number> {
    const exitCode = await super.main(io);
    return exitCode === 0 ? this.#exitCode : exitCode;
  }

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<DoctorReport> {
    const { scope, name } = targetOf(context.words);
    const failOn = failOnOf(values.failOn);
    this.#style = styleOf(context.io);
    const { diagnose } = await import('../../../client/admin/doctor/diagnose.js');
    const live = new LiveLine(context.io);
    try {
      const report = await diagnose(admin, {
        scope,
        name,
        limits: limitsOf(values),
        intervalMs: values.interval,
        maxClients: values.clients,
        commandTail: commandTail(values, context.io.env),
        signal: context.signal,
        onProgress: (text) => live.show(text),
      });
      const { critical, warning } = report.counts;
      this.#exitCode = failOn === 'never' ? 0 : critical > 0 ? EXIT_CRITICAL : warning > 0 && failOn === 'warning' ? EXIT_WARNING : 0;
      whenUnread(this.#exitCode);
      return report;
    } catch (error) {
      const cause: unknown = context.signal.aborted ? context.signal.reason : error;
      if (!(cause instanceof InterruptedError)) {
        // Of a round that fails, what an earlier one found does not count.
        this.#exitCode = cause instanceof MQError ? cause.exitCode : 1;
      }
      throw error;
    } finally {
      live.clear();
    }
  }

  protected override render(report: DoctorReport, out: Output, values: Values): void {
    const lines = values.output === 'wide' ? wideText(report) : doctorText(report, { ...this.#style, limit: values.limit });
    for (const line of lines) {
      out.line(line);
    }
  }
}

function targetOf([scope, name, ...rest]: readonly string[]): { scope: DoctorScope; name: string | undefined } {
  const known = SCOPES.find((word) => word === scope?.toLowerCase());
  if (scope !== undefined && known === undefined) {
    throw new UsageError(`doctor ${scope}: expected ${SCOPES.slice(0, -1).join(', ')} or ${SCOPES.at(-1)}`);
  }
  if (rest.length > 0) {
    throw new UsageError(`doctor ${scope}: "${rest.join(' ')}" is one word too many`);
  }
  return { scope: known ?? 'all', name };
}

function failOnOf(word: string): (typeof FAIL_ON)[number] {
  const known = FAIL_ON.find((its) => its === word);
  if (known === undefined) {
    throw new UsageError(`--fail-on ${word}: expected ${FAIL_ON.slice(0, -1).join(', ')} or ${FAIL_ON.at(-1)}`);
  }
  return known;
}

function limitsOf(values: Values): Partial<DoctorLimits> {
  const { lagWarning, lagCritical, diskWarning, diskCritical } = values;
  const pairs = [
    ['--lag-critical', lagWarning, lagCritical],
    ['--disk-critical', diskWarning, diskCritical],
  ] as const;
  for (const [option, warning, critical] of pairs) {
    if (warning !== undefined && critical !== undefined && critical < warning) {
      throw new UsageError(`${option} ${critical} is less than the limit of a warning, ${warning}`);
    }
  }
  return {
    lagWarning,
    lagCritical,
    retryWarning: values.retries,
    deadLetterWarning: values.deadLetters,
    diskWarning: diskWarning ?? null,
    diskCritical: diskCritical ?? null,
    clockSkewMs: values.clockSkew,
    slaveLagWarning: values.slaveLag,
  };
}

/** Commands that are copied need the name servers where this one was given them by option. */
function commandTail(values: Values, env: NodeJS.ProcessEnv): readonly string[] {
  const { namesrvAddr, context } = values;
  if (namesrvAddr !== undefined && namesrvAddr !== env.NAMESRV_ADDR?.trim()) {
    return ['-n', namesrvAddr];
  }
  return context !== undefined && context !== env.MQADMIN_CONTEXT ? ['--context', context] : [];
}

function styleOf(io: CommandIo): TextStyle {
  const stdout = io.stdout as NodeJS.WriteStream;
  const { colour } = detectTerminal(io.env, { stdin: process.stdin, stderr: stdout });
  return { colour, width: stdout.isTTY === true ? (stdout.columns ?? null) : null };
}
