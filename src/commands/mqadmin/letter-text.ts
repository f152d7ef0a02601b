import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { dateTime, format } from '../../cli/format.js';
import type { Output } from '../../cli/output.js';
import { originIdOf, originTopicOf } from '../../client/admin/letter-origin.js';
import { messageLine } from '../../client/admin/message-lines.js';
import type { MessageView } from '../../client/admin/message-view.js';
import type { ResendResult, ResentLetter } from '../../client/admin/resend-letters.js';
import { ConfigError, MQError } from '../../common/errors.js';
import { replaceFile, type WholeFile } from '../../common/whole-file.js';
import type { CommandContext } from '../base.js';
import { TextStream } from './text-stream.js';

/** A message as it is shown: with what its properties say of its origin. */
export interface ShownLetter extends MessageView {
  readonly originTopic: string | null;
  readonly originMessageId: string | null;
}

export function shownLetter(message: MessageView): ShownLetter {
  return { ...message, originTopic: originTopicOf(message), originMessageId: originIdOf(message) };
}

const COLUMNS = '%-19s  %-32s  %-24s  %-12s  %-20s  %-5s  %s';
const BODY_CHARACTERS = 60;

/** One line for each message; what is behind the first characters of a body is in the other formats. */
export function printLetters(messages: readonly MessageView[], out: Output, due?: readonly string[]): void {
  out.line(format(COLUMNS, due === undefined ? '#Store Time' : '#Due', '#MsgId', '#Origin Topic', '#Tags', '#Keys', '#Times', '#Body'));
  for (const [i, message] of messages.entries()) {
    const { storeTimestamp, msgId, tags, keys, reconsumeTimes } = message;
    out.line(
      format(
        COLUMNS,
        due?.[i] ?? dateTime(storeTimestamp),
        msgId,
        originTopicOf(message) ?? 'unknown',
        tags ?? '-',
        keys ?? '-',
        reconsumeTimes,
        bodyText(message.body),
      ),
    );
  }
}

function bodyText(body: Buffer): string {
  const text = body.subarray(0, 4 * BODY_CHARACTERS).toString('utf8');
  // Control characters could move the cursor of whoever reads this.
  const line = text.replaceAll(/\p{C}+/gu, ' ');
  return line.length > BODY_CHARACTERS || body.length > 4 * BODY_CHARACTERS ? `${line.slice(0, BODY_CHARACTERS)}...` : line;
}

/** What is said of each message that was to be resent, as soon as it is known. */
export function resentLine({ state, msgId, topic, reason }: ResentLetter): string {
  const words = { planned: 'would resend', resent: 'resent', already: 'was resent before', failed: 'FAILED', unknown: 'UNKNOWN' };
  return `${words[state]} ${msgId} to ${topic ?? 'unknown'}${reason === undefined ? '' : `: ${reason}`}`;
}

export function printResend({ dryRun, group, counts, letters, tookMs }: ResendResult, out: Output): void {
  const parts = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state === 'already' ? 'resent before' : state}`);
  const subject = `${letters.length} messages of group [${group}]`;
  out.line(`${dryRun ? 'dry run: ' : ''}${subject}: ${parts.join(', ') || 'nothing to resend'}${dryRun ? '' : ` (${tookMs} ms)`}`);
}

/**
 * Writes messages as JSON lines, as `tail` does, to stdout or to a file that is complete or not there.
 * @returns how many
 */
export async function exportLines(
  pages: AsyncIterable<readonly MessageView[]>,
  file: string | undefined,
  { io, signal }: CommandContext,
): Promise<number> {
  let count = 0;
  const lines = async function* (): AsyncGenerator<string> {
    for await (const page of pages) {
      count += page.length;
      yield page.map((message) => `${JSON.stringify(messageLine(message))}\n`).join('');
    }
  };
  if (file === undefined) {
    const stream = new TextStream(io.stdout);
    for await (const text of lines()) {
      await stream.print(text);
    }
    stream.flush();
    return count;
  }
  let fresh: WholeFile | undefined;
  try {
    fresh = replaceFile(file);
    await pipeline(lines, createWriteStream(fresh.path), { signal });
    fresh.commit();
  } catch (cause) {
    fresh?.discard();
    if (cause instanceof MQError || !(cause instanceof Error && 'syscall' in cause)) {
      throw cause;
    }
    throw new ConfigError(`-f, --file: ${file} cannot be written (${String((cause as NodeJS.ErrnoException).code)})`, { cause });
  }
  return count;
}
