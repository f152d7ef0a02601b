/* What `mqadmin produce` sends: lines or objects of JSON from streams, or files as they are. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { messageOfLine } from '../../client/admin/message-lines.js';
import type { ProduceItem } from '../../client/admin/produce-messages.js';
import { UsageError } from '../../common/errors.js';
import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { byteLines } from './byte-lines.js';

export interface SourceOptions {
  readonly topic: string;
  /** Read when no file is named. */
  readonly stdin: () => Readable;
  /** Each file is the body of one message. */
  readonly files: readonly string[];
  /** Files that are read like stdin, one after the other. */
  readonly from: readonly string[];
  readonly input: 'lines' | 'json';
  readonly delimiter: Buffer;
  readonly keyDelimiter: Buffer | undefined;
  /** What every message has that does not say otherwise. */
  readonly common: Partial<Message>;
  /** The key also chooses the queue. */
  readonly ordered: boolean;
  readonly signal: AbortSignal;
}

/** Empty lines are left out: a message has a body. */
export async function* messageSource(options: SourceOptions): AsyncGenerator<ProduceItem> {
  const { files, from, signal } = options;
  for (const path of files) {
    if (signal.aborted) {
      return;
    }
    yield { origin: path, message: complete({ topic: options.topic, body: await readFile(path).catch(unreadable(path)) }, options) };
  }
  for (const path of from) {
    yield* linesOf(createReadStream(path), `${path} line`, options);
  }
  if (files.length === 0 && from.length === 0) {
    yield* linesOf(options.stdin(), 'line', options);
  }
}

async function* linesOf(stream: Readable, name: string, options: SourceOptions): AsyncGenerator<ProduceItem> {
  let count = 0;
  try {
    for await (const line of byteLines(stream, options)) {
      count++;
      if (line.length > 0 && !(line.length === 1 && line[0] === 13)) {
        yield { origin: `${name} ${count}`, message: messageOf(line, options) };
      }
    }
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : unreadableError(name.replace(/ line$/, ''), error);
  }
}

function messageOf(line: Buffer, options: SourceOptions): Message | UsageError {
  const { topic, input, keyDelimiter } = options;
  try {
    if (input === 'json') {
      return complete(messageOfLine(line.toString('utf8'), topic), options);
    }
  } catch (error) {
    if (error instanceof UsageError) {
      return error;
    }
    throw error;
  }
  if (keyDelimiter === undefined) {
    return complete({ topic, body: line }, options);
  }
  const at = line.indexOf(keyDelimiter);
  if (at < 0) {
    return new UsageError('no key: the key delimiter is not in it', { code: 'BAD_LINE' });
  }
  const keys = line.subarray(0, at).toString('utf8');
  return complete({ topic, body: line.subarray(at + keyDelimiter.length), ...(keys === '' ? {} : { keys }) }, options);
}

/** What the message says itself counts more than what all are given. */
function complete(message: Message, { common, ordered }: SourceOptions): Message {
  const isDelayed = message.delayTimeLevel !== undefined || message.delayTimeMs !== undefined || message.deliverTimeMs !== undefined;
  const { delayTimeLevel: _, delayTimeMs: __, deliverTimeMs: ___, ...undelayed } = common;
  const properties = new Map([...(common.properties ?? []), ...(message.properties ?? [])]);
  const whole = { ...(isDelayed ? undelayed : common), ...message, properties };
  const [key] = typeof whole.keys === 'string' ? whole.keys.split(' ') : (whole.keys ?? []);
  if (ordered && key !== undefined && !properties.has(MessageConst.SHARDING_KEY)) {
    properties.set(MessageConst.SHARDING_KEY, key);
  }
  return whole;
}

function unreadable(path: string): (error: unknown) => never {
  return (error) => {
    throw unreadableError(path, error);
  };
}

function unreadableError(path: string, cause: unknown): UsageError {
  return new UsageError(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, { cause });
}
