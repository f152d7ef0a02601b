import { addAbortSignal, type Readable } from 'node:stream';
import { UsageError } from '../../common/errors.js';
import { MAX_FRAME_BYTES } from '../../common/limits.js';

/** The bytes between delimiters, as they are; what is behind the last one too, unless it is nothing. Ends with the signal. */
export async function* byteLines(stream: Readable, options: { delimiter: Buffer; signal: AbortSignal }): AsyncGenerator<Buffer> {
  const { delimiter, signal } = options;
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of addAbortSignal(signal, stream)) {
      const bytes = Buffer.from(chunk as Buffer | string);
      const data = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      let at = 0;
      // A delimiter may lie across two chunks.
      for (let end = data.indexOf(delimiter, at); end >= 0; end = data.indexOf(delimiter, at)) {
        yield data.subarray(at, end);
        at = end + delimiter.length;
      }
      rest = data.subarray(at);
      if (rest.length > MAX_FRAME_BYTES) {
        throw new UsageError(`a line of more than ${MAX_FRAME_BYTES} bytes: no message is that large`, {
          hint: 'say with --delimiter what the messages end with',
        });
      }
    }
  } catch (error) {
    if (signal.aborted) {
      return;
    }
    throw error;
  }
  if (rest.length > 0) {
    yield rest;
  }
}
