import { type AuditEntry, auditedWords, whoAndWhere, writeAudit } from '../../cli/audit.js';
import type { OptionTable } from '../../cli/options.js';
import type { ChangeLog } from '../../client/admin/change-log.js';
import { systemClock } from '../../common/clock.js';
import { InterruptedError, MQError, PartialError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';

/** A command that has sent requests which change something. */
export interface AuditedCommand {
  readonly name: string;
  readonly options: OptionTable;
  readonly changes: ChangeLog;
  readonly contextName: string | undefined;
  readonly namesrvAddr: string | undefined;
  readonly accessKey: string | undefined;
}

/** Writes the entry of a command that ended; where that cannot be, a line on stderr says so. */
export function auditCommand(command: AuditedCommand, error: unknown, { given, io, out }: CommandContext): void {
  const { name, options, changes, contextName = null, namesrvAddr = null, accessKey = null } = command;
  const nowMs = systemClock.nowMs();
  const entry: AuditEntry = {
    time: new Date(nowMs).toISOString(),
    ...whoAndWhere(io.env),
    context: contextName,
    command: name,
    arguments: auditedWords(given, options),
    namesrvAddr,
    accessKey,
    outcome: outcomeOf(error),
    exitCode: error === null ? 0 : error instanceof MQError ? error.exitCode : 1,
    error: error === null ? null : error instanceof Error ? error.message : String(error),
    changes: changes.changes,
    ...(changes.untold === 0 ? {} : { untold: changes.untold }),
  };
  const problem = writeAudit(entry, io.env, nowMs);
  if (problem !== null) {
    out.note(`note: no audit entry: ${problem}; name another file with MQADMIN_AUDIT, or switch it off with MQADMIN_AUDIT=off`);
  }
}

function outcomeOf(error: unknown): AuditEntry['outcome'] {
  if (error === null) {
    return 'done';
  }
  return error instanceof InterruptedError ? 'interrupted' : error instanceof PartialError ? 'partial' : 'failed';
}
