import type { Output } from '../../cli/output.js';
import type { DirectConsumeResult } from '../../client/admin/direct-consume.js';
import type { TrackedMessage } from '../../client/admin/message-track.js';
import type { SendResult } from '../../client/types.js';
import { UsageError } from '../../common/errors.js';
import { decodeBody, writeBody } from './message-files.js';
import { messageLines, trackText } from './message-text.js';

/** Prints one message with what became of it; its body goes to a file, and to the output when a charset is given. */
export function printMessage(
  out: Output,
  tracked: TrackedMessage,
  options: { offsetId: boolean; bodyFormat?: string | undefined; suffix?: string },
): void {
  const { message, tracks } = tracked;
  const bodyText = options.bodyFormat === undefined ? null : decodeBody(message.body, options.bodyFormat);
  const bodyPath = writeBody(message, options.suffix);
  for (const line of messageLines(message, { offsetId: options.offsetId, bodyPath, bodyText })) {
    out.line(line);
  }
  out.line();
  out.line();
  if (tracks.length === 0) {
    out.line('WARN: No Consumer');
  }
  for (const track of tracks) {
    out.line(trackText(track));
  }
}

/** Throws {@link UsageError} for a charset that the body cannot be shown in. */
export function requireCharset(charset: string | undefined, label = '-f, --bodyFormat'): void {
  if (charset !== undefined && decodeBody(Buffer.alloc(0), charset) === null) {
    throw new UsageError(`${label}: the charset ${charset} is not known`, { hint: 'UTF-8, GBK and ISO-8859-1 are, for example' });
  }
}

export function directConsumeText(result: DirectConsumeResult): string {
  return `ConsumeMessageDirectlyResult [order=${result.order}, autoCommit=${result.autoCommit}, consumeResult=${result.consumeResult}, remark=${result.remark}, spentTimeMills=${result.spentTimeMills}]`;
}

export function sendResultText(result: SendResult): string {
  const { topic, brokerName, queueId } = result.messageQueue;
  return `SendResult [sendStatus=${result.sendStatus}, msgId=${result.msgId}, offsetMsgId=${result.offsetMsgId}, messageQueue=MessageQueue [topic=${topic}, brokerName=${brokerName}, queueId=${queueId}], queueOffset=${result.queueOffset}, recallHandle=${result.recallHandle ?? 'null'}]`;
}
