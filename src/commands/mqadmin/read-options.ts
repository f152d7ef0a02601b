/* What the commands that read messages of a topic have in common: which of them, and what is said while they are read. */
import { defineOptions, type OptionValues } from '../../cli/options.js';
import { readMoment } from '../../cli/read-moment.js';
import type { ReadNotice } from '../../client/admin/queue-reader.js';
import type { QueueChoice, ReadMessagesRequest } from '../../client/admin/read-messages.js';
import { systemClock } from '../../common/clock.js';
import { UsageError } from '../../common/errors.js';

const TIMES = 'ms since 1970, 2026-11-21T08:30:00+08:00, 2026-11-21T08:30:00 (local), yyyy-MM-dd#HH:mm:ss:SSS or now';

export const READ_OPTIONS = defineOptions({
  topic: { short: 't', required: true, text: 'Topic name' },
  begin: { short: 'b', group: 'begin', text: `Stored at this time or later: ${TIMES}` },
  since: { kind: 'duration', max: Number.MAX_SAFE_INTEGER, group: 'begin', text: 'Stored within this time, eg: 10m, 2h' },
  end: { short: 'e', text: 'Stored before this time' },
  offset: { short: 'o', kind: 'int', min: 0, text: 'First offset, in each queue' },
  'end-offset': { kind: 'int', min: 0, text: 'Offset behind the last, in each queue' },
  queue: { short: 'i', kind: 'texts', text: 'Only this queue: its id, or broker:id; may be given several times' },
  tags: { group: 'filter', text: "Only these tags, eg: 'TagA || TagB'" },
  sql: { group: 'filter', text: "Only what this expression lets pass, eg: 'a > 5 AND b IS NOT NULL'" },
  key: { short: 'k', kind: 'texts', text: 'Only messages with this key; may be given several times' },
  max: { short: 'm', kind: 'int', min: 1, text: 'Stop after so many messages' },
});

/** The options as a request. @throws UsageError */
export function readRequest(values: OptionValues<typeof READ_OPTIONS>, nowMs: number = systemClock.nowMs()): ReadMessagesRequest {
  const { topic, since, tags, sql, offset, key, queue } = values;
  const time = (text: string | undefined, label: string): number | undefined =>
    text === undefined ? undefined : readMoment(text, label, nowMs);
  return {
    topic,
    begin: since === undefined ? time(values.begin, '-b, --begin') : nowMs - since,
    end: time(values.end, '-e, --end'),
    beginOffset: offset,
    endOffset: values['end-offset'],
    queues: queue.length === 0 ? undefined : queue.map(queueChoice),
    filter: sql === undefined ? tags : { sql },
    keys: key.length === 0 ? undefined : key,
    max: values.max,
  };
}

/** `3` or `broker-a:3`. */
export function queueChoice(text: string): QueueChoice {
  const colon = text.lastIndexOf(':');
  const id = text.slice(colon + 1);
  if (!/^\d{1,9}$/.test(id) || colon === 0) {
    throw new UsageError(`-i, --queue expects the id of a queue or broker:id, got "${text}"`, { hint: 'examples: 0, broker-a:0' });
  }
  return { ...(colon < 0 ? {} : { brokerName: text.slice(0, colon) }), queueId: Number(id) };
}

/** A line of what a reader has to say. */
export function noticeText(notice: ReadNotice): string {
  const name = `queue ${notice.queue.brokerName}:${notice.queue.queueId}`;
  switch (notice.kind) {
    case 'broken':
      return `note: ${name} cannot be read and is tried again: ${notice.error.message}`;
    case 'mended':
      return `note: ${name} can be read again`;
    case 'gap':
      return `note: ${name}: the messages from ${notice.fromOffset} to ${notice.toOffset - 1} are not there any more`;
    case 'unreadable':
      return `note: ${name}: messages from ${notice.fromOffset} to ${notice.toOffset - 1} that cannot be read are left out: ${notice.errors[0]?.message}`;
  }
}
