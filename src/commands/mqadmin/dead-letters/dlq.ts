import { dateTime, format } from '../../../cli/format.js';
import type { CommonValues, OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { DeadLetterGroup } from '../../../client/admin/group-letters.js';
import type { MessageView } from '../../../client/admin/message-view.js';
import type { PurgeResult } from '../../../client/admin/purge-dead-letters.js';
import type { ResendResult } from '../../../client/admin/resend-letters.js';
import type { CommandContext } from '../../base.js';
import { actionOf, wordsOf } from '../actions.js';
import { AdminCommand } from '../admin-command.js';
import { filterOf, groupFor, LETTER_ACTIONS, LETTER_OPTIONS } from '../letter-options.js';
import { resend } from '../letter-resend.js';
import { exportLines, printLetters, printResend, type ShownLetter, shownLetter } from '../letter-text.js';

type Values = OptionValues<typeof LETTER_OPTIONS> & CommonValues;

type Result =
  | { readonly groups: readonly DeadLetterGroup[] }
  | { readonly group: string; readonly messages: readonly ShownLetter[] }
  | { readonly group: string; readonly exported: number; readonly file: string | null }
  | ResendResult
  | PurgeResult;

/** Finds, shows, resends, exports and purges dead letters. */
export default class Dlq extends AdminCommand<typeof LETTER_OPTIONS, Result> {
  static override summary = 'Dead letters, the messages that groups gave up: list, show, resend, export, purge';
  static override description = [
    'mqadmin dlq list | show | resend | export | purge.',
    'list: groups with dead letters, how many, since when, of which topics. show: the messages with their origin. resend: sends them again with their keys, tags,',
    'properties and ids, --to origin (every group of the topic gets them) or --to group (only this group, by its retry topic), or --to-topic. The target itself is',
    'asked what it has, so that a second run, from whichever machine, sends only what is missing; the dead letters stay. export: one line of JSON for each, as tail prints it.',
    'purge: deletes the dead-letter topic and makes it again, as brokers cannot delete single messages: all of it goes, also offsets of groups that consume it.',
    'purge asks, and needs --yes where nobody can be asked; --dry-run shows what resend and purge would do.',
  ].join('\n');
  static override examples = [
    'mqadmin dlq list -n 127.0.0.1:9876',
    'mqadmin dlq show -n 127.0.0.1:9876 -g OrderFailGroup --last 10',
    'mqadmin dlq show -n 127.0.0.1:9876 -g OrderFailGroup -t OrderPaid --tags TagA --json',
    'mqadmin dlq resend -n 127.0.0.1:9876 -g OrderFailGroup --to origin --dry-run',
    'mqadmin dlq resend -n 127.0.0.1:9876 -g OrderFailGroup --to group --rate 100',
    'mqadmin dlq export -n 127.0.0.1:9876 -g OrderFailGroup',
    'mqadmin dlq purge -n 127.0.0.1:9876 -g OrderFailGroup --yes',
  ];
  static override options = LETTER_OPTIONS;
  static override extraWords = 'keep' as const;
  static override words = wordsOf(Object.keys(LETTER_ACTIONS));

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    const action = actionOf('dlq', context.words, values, { actions: LETTER_ACTIONS, options: LETTER_OPTIONS });
    const { collect, deadLetterGroups, readLetters } = await import('../../../client/admin/group-letters.js');
    if (action === 'list') {
      return deadLetterGroups(admin, { group: values.group });
    }
    const group = groupFor(`dlq ${action}`, values.group);
    switch (action) {
      case 'resend':
        return resend(admin, { kind: 'dlq', group }, values, context);
      case 'purge':
        return purge(admin, group, values, context);
      case 'export': {
        if (!context.json || values.file !== undefined) {
          const exported = await exportLines(readLetters(admin, { group, filter: filterOf(values) }), values.file, context);
          return { group, exported, file: values.file ?? null };
        }
      }
    }
    const resultOf = (messages: readonly MessageView[]): Result => ({ group, messages: messages.map(shownLetter) });
    return resultOf(await collect(readLetters(admin, { group, filter: filterOf(values) }), resultOf));
  }

  protected override render(result: Result, out: Output): void {
    if ('groups' in result) {
      printGroups(result.groups, out);
    } else if ('messages' in result) {
      printLetters(result.messages, out);
    } else if ('exported' in result) {
      const { group, exported, file } = result;
      if (file !== null) {
        out.line(`exported ${exported} dead letters of group [${group}] to ${file}`);
      }
    } else if ('letters' in result) {
      printResend(result, out);
    } else {
      printPurge(result, out);
    }
  }
}

async function purge(admin: AdminClient, group: string, { dryRun, yes }: Values, context: CommandContext): Promise<PurgeResult> {
  const { purgeDeadLetters } = await import('../../../client/admin/purge-dead-letters.js');
  const plan = await purgeDeadLetters(admin, { group, dryRun: true });
  if (dryRun) {
    return plan;
  }
  const { confirmChange } = await import('../../../cli/confirm.js');
  await confirmChange(`delete all ${plan.count} dead letters of group ${group}`, { yes, signal: context.signal, io: context.io });
  return purgeDeadLetters(admin, { group });
}

const COLUMNS = '%-32s  %-8s  %-19s  %-19s  %s';

function printGroups(groups: readonly DeadLetterGroup[], out: Output): void {
  if (groups.length === 0) {
    out.line('no dead letters');
    return;
  }
  out.line(format(COLUMNS, '#Group', '#Count', '#Oldest', '#Newest', '#Origin Topics'));
  for (const { group, count, oldest, newest, originTopics, hasAllTopics, reason } of groups) {
    const topics = `${originTopics.join(', ')}${hasAllTopics ? '' : ', ...'}`;
    const time = (ms: number | null): string => (ms === null ? 'unknown' : dateTime(ms));
    out.line(format(COLUMNS, group, count ?? 'unknown', time(oldest), time(newest), reason === undefined ? topics : `unknown (${reason})`));
  }
}

function printPurge({ dryRun, group, count, brokers }: PurgeResult, out: Output): void {
  const addrs = brokers.filter(({ outcome }) => outcome === 'done' || outcome === 'planned').map(({ addr }) => addr);
  if (addrs.length > 0) {
    out.line(`${dryRun ? 'dry run: would delete' : 'deleted'} ${count} dead letters of group [${group}] on ${addrs.join(', ')}`);
  }
}
