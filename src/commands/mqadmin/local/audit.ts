import type { AuditEntry } from '../../../cli/audit.js';
import { dateTime } from '../../../cli/format.js';
import { type CommonOption, type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import { UsageError } from '../../../common/errors.js';
import { type CommandContext, MqCommand } from '../../base.js';

const options = defineOptions({
  last: { kind: 'int', min: 1, default: 20, own: true, text: 'How many entries, the newest ones (default: 20)' },
});

type Values = OptionValues<typeof options> & CommonValues;

interface Result {
  readonly file: string;
  readonly entries: readonly AuditEntry[];
}

/** What this user's commands have changed. */
export default class Audit extends MqCommand<typeof options, Result> {
  static override summary = 'Show what commands have changed, where, and how that ended';
  static override description = [
    'Every command that sends a request which changes something adds a line of JSON to mqkit/audit.jsonl of $XDG_STATE_HOME (~/.local/state), or to the file',
    'that MQADMIN_AUDIT names; MQADMIN_AUDIT=off writes nothing. A line has time, user, host, context, command and arguments (passwords and secret keys are',
    'masked), name servers, what was asked of each node, and the exit code. Only the owner can read the file; at 10 MB it is put aside, and 9 of those are kept.',
  ].join('\n');
  static override examples = ['mqadmin audit', 'mqadmin audit --last 5 --output json'];
  static override options = options;
  static override commonOptions: readonly CommonOption[] = ['output', 'json', 'debug'];

  protected override async execute({ last }: Values, { io: { env }, out }: CommandContext): Promise<Result> {
    const { auditPath, readAudit } = await import('../../../cli/audit.js');
    const file = auditPath(env);
    if (file === null) {
      throw new UsageError('the audit file is switched off by MQADMIN_AUDIT=off', { hint: 'unset it, or name a file with it' });
    }
    return { file, entries: readAudit(file, last, (place) => out.note(`note: ${place} is no entry and left out`)) };
  }

  protected override render({ file, entries }: Result, out: Output): void {
    if (entries.length === 0) {
      out.line(`nothing was changed yet by what ${file} knows of`);
    }
    for (const { time, user, host, context, command, arguments: words, outcome, exitCode, changes, error, namesrvAddr } of entries) {
      const where = context === null ? (namesrvAddr ?? 'no name server') : `context ${context}`;
      out.line(`${dateTime(Date.parse(time))}  ${user}@${host}  ${where}  ${outcome} (${exitCode})  ${[command, ...words].join(' ')}`);
      for (const { request, target, what, outcome: its, count, error: why } of changes) {
        const times = count === 1 ? '' : ` x ${count}`;
        out.line(`    ${its}  ${request}${times}  ${target}${what === '' ? '' : `  ${what}`}${why === undefined ? '' : `: ${why}`}`);
      }
      if (error !== null) {
        out.line(`    ${error}`);
      }
    }
  }
}
