import { dateTimeMs, format } from '../../cli/format.js';
import type { Output } from '../../cli/output.js';
import type { MessageTrack } from '../../client/admin/message-track.js';
import type { MessageView } from '../../client/admin/message-view.js';
import type { MessageQueue } from '../../client/message-queue.js';
import type { MQError } from '../../common/errors.js';
import { javaMap } from './texts.js';

/** The lines that describe one message; the broker's id only where Apache's tool shows it. */
export function messageLines(
  message: MessageView,
  options: { offsetId: boolean; bodyPath: string | null; bodyText?: string | null },
): string[] {
  const rows: [string, string | number][] = [
    ['Topic:', message.topic],
    ['Tags:', `[${message.tags}]`],
    ['Keys:', `[${message.keys}]`],
    ['Queue ID:', message.queueId],
    ['Queue Offset:', message.queueOffset],
    ['CommitLog Offset:', message.commitLogOffset],
    ['Reconsume Times:', message.reconsumeTimes],
    ['Born Timestamp:', dateTimeMs(message.bornTimestamp)],
    ['Store Timestamp:', dateTimeMs(message.storeTimestamp)],
    ['Born Host:', message.bornHost],
    ['Store Host:', message.storeHost],
    ['System Flag:', message.sysFlag],
    ['Properties:', javaMap(Object.entries(message.properties))],
    ['Message Body Path:', options.bodyPath ?? ''],
  ];
  if (options.offsetId) {
    rows.unshift(['OffsetID:', message.offsetMsgId]);
  }
  if (options.bodyText !== undefined && options.bodyText !== null) {
    rows.push(['Message Body:', options.bodyText]);
  }
  return rows.map(([title, value]) => format('%-20s %s', title, value));
}

/** What became of a message at one group. */
export function trackText(track: MessageTrack): string {
  return `MessageTrack [consumerGroup=${track.consumerGroup}, trackType=${track.trackType}, exceptionDesc=${track.exceptionDesc}]`;
}

/** A message as Java prints its object, with the bytes of its body or what stands for them. */
export function messageExtText(message: MessageView, body = `[${signedBytes(message.body)}]`): string {
  const inner = `Message{topic='${message.topic}', flag=${message.flag}, properties=${javaMap(Object.entries(message.properties))}, body=${body}, transactionId='null'}`;
  return [
    `MessageExt [brokerName=${message.brokerName ?? 'null'}`,
    `queueId=${message.queueId}`,
    `storeSize=${message.storeSize}`,
    `queueOffset=${message.queueOffset}`,
    `sysFlag=${message.sysFlag}`,
    `bornTimestamp=${message.bornTimestamp}`,
    `bornHost=/${message.bornHost}`,
    `storeTimestamp=${message.storeTimestamp}`,
    `storeHost=/${message.storeHost}`,
    `msgId=${message.offsetMsgId}`,
    `commitLogOffset=${message.commitLogOffset}`,
    `bodyCRC=${message.bodyCrc}`,
    `reconsumeTimes=${message.reconsumeTimes}`,
    `preparedTransactionOffset=${message.preparedTransactionOffset}`,
    `toString()=${inner}]`,
  ].join(', ');
}

/** A message on one line, with its id before and its body behind. */
export function messageLine(message: MessageView, bodyText: string): string {
  return `MSGID: ${message.msgId} ${messageExtText(message)} BODY: ${bodyText}`;
}

function signedBytes(body: Buffer): string {
  return Array.from(body, (byte) => (byte > 127 ? byte - 256 : byte)).join(', ');
}

/** Says that messages were left out because they cannot be read. */
export function noteUnreadable(out: Output): (queue: MessageQueue, errors: readonly MQError[]) => void {
  return (queue, errors) =>
    out.note(`note: queue ${queue.brokerName}:${queue.queueId}: messages that cannot be read are left out: ${errors[0]?.message}`);
}
