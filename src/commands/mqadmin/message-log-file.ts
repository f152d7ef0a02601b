import { type FileHandle, open } from 'node:fs/promises';
import { type MessageView, messagesIn } from '../../client/admin/message-view.js';
import { StoreError, UsageError } from '../../common/errors.js';

const SIZE_BYTES = 4;

/** The messages of a file of records, up to the first that is not there. @throws StoreError for a broken record, with those before it */
export async function readMessageFile(path: string): Promise<MessageView[]> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UsageError(code === 'ENOENT' ? `file ${path} not exist.` : `file ${path} cannot be read (${code ?? String(cause)})`, {
      cause,
    });
  }
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) {
      throw new UsageError(`file ${path} is a directory.`);
    }
    return await messagesOf(file, path, stat.size);
  } finally {
    await file.close();
  }
}

async function messagesOf(file: FileHandle, path: string, fileBytes: number): Promise<MessageView[]> {
  const messages: MessageView[] = [];
  const head = Buffer.alloc(SIZE_BYTES);
  for (let at = 0; at + SIZE_BYTES <= fileBytes; ) {
    await file.read(head, 0, SIZE_BYTES, at);
    const size = head.readInt32BE(0);
    // Zeros are where nothing was written yet.
    if (size <= 0 || at + size > fileBytes) {
      break;
    }
    const record = Buffer.alloc(size);
    await file.read(record, 0, size, at);
    try {
      messages.push(...messagesIn(record));
    } catch (cause) {
      throw new StoreError(`file ${path} has no message at ${at}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        context: { result: { file: path, messages } },
        cause,
      });
    }
    at += size;
  }
  return messages;
}
