import { dateTime, format } from '../../../cli/format.js';
import type { CommonValues, OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ResendResult } from '../../../client/admin/resend-letters.js';
import type { ResetOffsetResult } from '../../../client/admin/reset-offset.js';
import type { RetriesResult, WaitingRetry } from '../../../client/admin/waiting-retries.js';
import type { CommandContext } from '../../base.js';
import { actionOf, wordsOf } from '../actions.js';
import { AdminCommand } from '../admin-command.js';
import { filterOf, groupFor, LETTER_ACTIONS, RETRY_OPTIONS } from '../letter-options.js';
import { resend } from '../letter-resend.js';
import { exportLines, printLetters, printResend, type ShownLetter, shownLetter } from '../letter-text.js';
import { printPreview, undoKeeper } from '../offset-move.js';

type Values = OptionValues<typeof RETRY_OPTIONS> & CommonValues;

interface ShownRetry extends ShownLetter {
  readonly state: WaitingRetry['state'];
  readonly dueTimestamp: number | null;
}

type Result =
  | RetriesResult
  | { readonly group: string; readonly messages: readonly ShownRetry[]; readonly isWhole: boolean }
  | { readonly group: string; readonly exported: number; readonly file: string | null }
  | ResendResult
  | (ResetOffsetResult & { readonly undoFile?: string });

/** Finds, shows, resends, exports and skips retries that wait. */
export default class Retry extends AdminCommand<typeof RETRY_OPTIONS, Result> {
  static override summary = 'Retries, the messages that groups are going to get again: list, show, resend, export, purge';
  static override description = [
    'mqadmin retry list | show | resend | export | purge.',
    "list: groups with retries that wait. ready ones are in the group's retry topic and come as soon as a consumer is there; delayed ones are still with the broker,",
    'in its queues for delays, until they are due (of each broker the next 100000 delayed messages are looked at). show: the messages, and when they are due.',
    'resend: a copy of each --to origin or --to-topic, for a group that does not come back; the retries stay until they are purged. export: one line of JSON for each,',
    'as tail prints it. purge: moves the group to the end of its retry topic, so that the ready ones are skipped; mqadmin undoOffsets takes that back. Delayed ones',
    'cannot be taken from a broker: they come when they are due. Retries of POP consumers have topics of their own; list, show, resend and export find them, too.',
  ].join('\n');
  static override examples = [
    'mqadmin retry list -n 127.0.0.1:9876',
    'mqadmin retry show -n 127.0.0.1:9876 -g OrderFailGroup --since 1h',
    'mqadmin retry resend -n 127.0.0.1:9876 -g OrderFailGroup --to origin --dry-run',
    'mqadmin retry export -n 127.0.0.1:9876 -g OrderFailGroup --output json',
    'mqadmin retry purge -n 127.0.0.1:9876 -g OrderFailGroup --dry-run',
    'mqadmin retry purge -n 127.0.0.1:9876 -g OrderFailGroup --yes',
  ];
  static override options = RETRY_OPTIONS;
  static override extraWords = 'keep' as const;
  static override words = wordsOf(Object.keys(LETTER_ACTIONS));

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    const actions = { ...LETTER_ACTIONS, purge: [...(LETTER_ACTIONS.purge ?? []), 'undoFile'] };
    const action = actionOf('retry', context.words, values, { actions, options: RETRY_OPTIONS });
    if (action === 'list') {
      const { retryGroups } = await import('../../../client/admin/waiting-retries.js');
      return retryGroups(admin, { group: values.group });
    }
    const group = groupFor(`retry ${action}`, values.group);
    if (action === 'resend') {
      return resend(admin, { kind: 'retry', group }, values, context);
    }
    if (action === 'purge') {
      return purge(admin, group, values, context);
    }
    const [{ waitingRetries }, { collect }] = await Promise.all([
      import('../../../client/admin/waiting-retries.js'),
      import('../../../client/admin/group-letters.js'),
    ]);
    const { pages, isWhole } = await waitingRetries(admin, { group, filter: filterOf(values) });
    if (action === 'export' && (!context.json || values.file !== undefined)) {
      const messages = async function* () {
        for await (const page of pages) {
          yield page.map(({ message }) => message);
        }
      };
      return { group, exported: await exportLines(messages(), values.file, context), file: values.file ?? null };
    }
    const resultOf = (retries: readonly WaitingRetry[]): Result => ({
      group,
      messages: retries.map(({ state, dueTimestamp, message }) => ({ ...shownLetter(message), state, dueTimestamp })),
      isWhole,
    });
    return resultOf(await collect(pages, resultOf));
  }

  protected override render(result: Result, out: Output): void {
    if ('groups' in result) {
      printGroups(result, out);
    } else if ('messages' in result) {
      const times = result.messages.map(({ state, dueTimestamp }) =>
        state === 'ready' ? 'ready' : dueTimestamp === null ? 'unknown' : dateTime(dueTimestamp),
      );
      printLetters(result.messages, out, times);
      noteRest(result.isWhole, out);
    } else if ('exported' in result) {
      if (result.file !== null) {
        out.line(`exported ${result.exported} retries of group [${result.group}] to ${result.file}`);
      }
    } else if ('letters' in result) {
      printResend(result, out);
    } else {
      out.line(`${result.dryRun ? 'dry run: would skip' : 'skipped'} the ready retries of group [${result.group}]`);
      printPreview(result.queues, (line) => out.line(line));
    }
  }
}

/** The same as moving the group to the end of its retry topic. */
async function purge(
  admin: AdminClient,
  group: string,
  { dryRun, yes, undoFile }: Values,
  context: CommandContext,
): Promise<ResetOffsetResult & { readonly undoFile?: string }> {
  const [{ NEWEST, resetOffsetByTime }, { lettersTopic, noLetters }] = await Promise.all([
    import('../../../client/admin/reset-offset.js'),
    import('../../../client/admin/group-letters.js'),
  ]);
  const topic = lettersTopic('retry', group);
  if ((await admin.findRoute(topic)) === null) {
    throw noLetters('retry', group);
  }
  const request = { group, topic, timestamp: NEWEST, force: true };
  if (dryRun) {
    return resetOffsetByTime(admin, { ...request, dryRun });
  }
  const { confirmChange } = await import('../../../cli/confirm.js');
  await confirmChange(`skip the ready retries of group ${group}`, { yes, signal: context.signal, io: context.io });
  const keeper = undoKeeper(undoFile, `retry purge -g ${group}`, context);
  return keeper.withPlace(await resetOffsetByTime(admin, { ...request, beforeChange: keeper.beforeChange }));
}

const COLUMNS = '%-32s  %-8s  %-8s  %-19s  %s';

function printGroups({ groups, isWhole }: RetriesResult, out: Output): void {
  if (groups.length === 0) {
    out.line('no retries wait');
  } else {
    out.line(format(COLUMNS, '#Group', '#Ready', '#Delayed', '#Next Due', '#Retry Topic'));
  }
  for (const { group, topic, ready, delayed, nextDue, reason } of groups) {
    const due = nextDue === null ? '-' : dateTime(nextDue);
    out.line(format(COLUMNS, group, ready ?? 'unknown', delayed, due, reason === undefined ? topic : `${topic}: ${reason}`));
  }
  noteRest(isWhole, out);
}

function noteRest(isWhole: boolean, out: Output): void {
  if (!isWhole) {
    out.note('note: a broker keeps more delayed messages than were looked at: there may be more retries');
  }
}
