import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageView } from '../../client/admin/message-view.js';

/** Where Apache's tool leaves the bodies of messages it shows. */
const FOLDER = process.platform === 'win32' ? join(tmpdir(), 'rocketmq', 'msgbodys') : '/tmp/rocketmq/msgbodys';

/**
 * Writes a message's body to a file named after its id and answers the path; null when that cannot be done.
 * An id comes from the sender: one that could be a path is replaced by the broker's.
 */
export function writeBody(message: MessageView, suffix = ''): string | null {
  const name = /^[A-Za-z0-9_-]{1,128}$/.test(message.msgId) ? message.msgId : message.offsetMsgId;
  const path = join(FOLDER, `${name}${suffix}`);
  try {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(path, message.body);
    return path;
  } catch {
    // A folder that belongs to another user must not keep the message from being shown.
    return null;
  }
}

/** The body as text of a charset; null when the charset is not known. */
export function decodeBody(body: Buffer, charset: string): string | null {
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return null;
  }
}
