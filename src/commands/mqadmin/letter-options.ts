import { DELETE_OPTIONS, defineOptions, type OptionValues } from '../../cli/options.js';
import { readMoment } from '../../cli/read-moment.js';
import type { LetterFilter } from '../../client/admin/group-letters.js';
import type { ResendTarget } from '../../client/admin/resend-letters.js';
import { systemClock } from '../../common/clock.js';
import { UsageError } from '../../common/errors.js';
import { OFFSET_MOVE_OPTIONS } from './offset-move.js';

/** Options of the commands for messages that groups could not consume. */
export const LETTER_OPTIONS = defineOptions({
  group: { short: 'g', own: true, text: 'Consumer group' },
  topic: { short: 't', own: true, text: 'Only messages that were sent to this topic at first' },
  tags: { own: true, text: "Only messages with one of these tags, eg: 'TagA || TagB'" },
  key: { short: 'k', own: true, text: 'Only messages with this key' },
  msgId: { short: 'i', own: true, text: "Only the message with this id: the sender's, the broker's, or that of the first record" },
  begin: {
    short: 'b',
    group: 'begin',
    own: true,
    text: 'Only what came there at this time or later: ms since 1970, 2026-11-21T08:30:00+08:00, 2026-11-21T08:30:00 (local), now',
  },
  since: {
    kind: 'duration',
    max: Number.MAX_SAFE_INTEGER,
    group: 'begin',
    own: true,
    text: 'Only what came there within this time, eg: 10m, 2h',
  },
  end: { short: 'e', own: true, text: 'Only what came there before this time' },
  last: { kind: 'int', min: 1, own: true, text: 'Only so many of the newest of all that passes' },
  to: { own: true, text: 'resend: origin (every group of the topic gets it) or group (only this group does; dead letters only)' },
  toTopic: { long: 'to-topic', own: true, text: 'resend: all to this topic instead' },
  rate: { kind: 'int', min: 1, own: true, text: 'resend: at most so many messages a second' },
  again: { kind: 'flag', own: true, text: 'resend: also what was resent there before' },
  file: { short: 'f', own: true, text: 'export: file that is written; without it the lines go to stdout' },
  ...DELETE_OPTIONS,
});

/** Of retries also the place of an undo file: purging them moves offsets. */
export const RETRY_OPTIONS = defineOptions({ ...LETTER_OPTIONS, ...OFFSET_MOVE_OPTIONS });

type Values = OptionValues<typeof LETTER_OPTIONS>;

const FILTERS = ['topic', 'tags', 'key', 'msgId', 'begin', 'since', 'end', 'last'] as const;

/** What each action takes beside the common options. */
export const LETTER_ACTIONS: Readonly<Record<string, readonly (keyof Values)[]>> = {
  list: ['group'],
  show: ['group', ...FILTERS],
  resend: ['group', ...FILTERS, 'to', 'toTopic', 'rate', 'again', 'dryRun'],
  export: ['group', ...FILTERS, 'file'],
  purge: ['group', 'dryRun', 'yes'],
};

/** The group that an action needs. */
export function groupFor(command: string, group: string | undefined): string {
  if (group === undefined) {
    throw new UsageError(`${command} needs the group: -g, --group`);
  }
  return group;
}

export function filterOf(values: Values, nowMs: number = systemClock.nowMs()): LetterFilter {
  const { topic, tags, key, msgId, since, last } = values;
  const time = (text: string | undefined, label: string): number | undefined =>
    text === undefined ? undefined : readMoment(text, label, nowMs);
  const begin = since === undefined ? time(values.begin, '-b, --begin') : nowMs - since;
  const end = time(values.end, '-e, --end');
  if (begin !== undefined && end !== undefined && begin >= end) {
    throw new UsageError('--begin is not before --end');
  }
  return { originTopic: topic, tags, key, msgId, begin, end, last };
}

/** Where messages are resent to: nobody is to get a message again who was not meant, so there is no default. */
export function targetOf({ to, toTopic }: Values): ResendTarget {
  if ((to === undefined) === (toTopic === undefined)) {
    throw new UsageError('resend needs one of --to origin, --to group and --to-topic TOPIC', {
      hint: 'origin: every group of the topic gets the messages again; group: only the group that could not consume them',
    });
  }
  if (toTopic !== undefined) {
    return { to: 'topic', topic: toTopic };
  }
  if (to !== 'origin' && to !== 'group') {
    throw new UsageError(`--to ${to}: expected origin or group`, { hint: 'another topic is named with --to-topic' });
  }
  return { to };
}
