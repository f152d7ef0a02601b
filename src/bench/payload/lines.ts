import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { UsageError } from '../../common/errors.js';
import { SYSTEM_PROPERTIES } from '../../common/message/properties.js';

/** A message as a line of a file says it. */
export interface LineMessage {
  readonly body: Buffer;
  readonly tags?: string;
  readonly keys?: string;
  readonly properties?: Map<string, string>;
}

/** All lines are kept in memory. */
const MAX_LINES = 1_000_000;

/**
 * Reads messages, one JSON object a line: `{"body": "text", "bodyBase64": "…", "tags": "a", "keys": "k1 k2", "properties": {"p": "v"}}`; of
 * the two bodies one.
 * @throws UsageError with the number of the line that is none.
 */
export async function readLines(file: string): Promise<LineMessage[]> {
  const messages: LineMessage[] = [];
  let number = 0;
  try {
    for await (const line of createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })) {
      number++;
      if (line.trim() !== '') {
        messages.push(lineMessage(line));
      }
      if (messages.length > MAX_LINES) {
        throw new Error(`more than ${MAX_LINES} messages`);
      }
    }
  } catch (error) {
    const where = number > 0 ? `line ${number}: ` : '';
    throw new UsageError(`--payload-lines ${file}: ${where}${error instanceof Error ? error.message : String(error)}`, {
      hint: 'each line is an object such as {"body": "text", "tags": "a", "keys": "k", "properties": {"p": "v"}}',
      cause: error,
    });
  }
  if (messages.length === 0) {
    throw new UsageError(`--payload-lines ${file}: there is no message in it`);
  }
  return messages;
}

function lineMessage(line: string): LineMessage {
  const value = JSON.parse(line) as Readonly<Record<string, unknown>> | null;
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new Error('it is not a JSON object');
  }
  const { tags, keys, properties } = value;
  const body = bodyOf(value);
  if (body.length === 0) {
    throw new Error('its body is empty');
  }
  return {
    body,
    ...(isGiven(tags) ? { tags: textOf(tags, 'tags') } : {}),
    ...(isGiven(keys) ? { keys: Array.isArray(keys) ? keys.map((key) => textOf(key, 'keys')).join(' ') : textOf(keys, 'keys') } : {}),
    ...(isGiven(properties) ? { properties: propertiesOf(properties) } : {}),
  };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

function bodyOf({ body, bodyBase64 }: Readonly<Record<string, unknown>>): Buffer {
  if (isGiven(body) && isGiven(bodyBase64)) {
    throw new Error('it has a body and a bodyBase64');
  }
  if (isGiven(bodyBase64)) {
    const text = textOf(bodyBase64, 'bodyBase64');
    const bytes = Buffer.from(text, 'base64');
    if (bytes.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) {
      throw new Error('its bodyBase64 is no base64');
    }
    return bytes;
  }
  if (body === undefined || body === null) {
    throw new Error('it has neither body nor bodyBase64');
  }
  // A body may be written as JSON itself.
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function textOf(value: unknown, field: string): string {
  if (typeof value === 'string') {
    return value;
  }
  if (typeof value === 'number' || typeof value === 'boolean') {
    return String(value);
  }
  throw new Error(`its ${field} is not a text`);
}

function propertiesOf(value: unknown): Map<string, string> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new Error('its properties are not an object');
  }
  // A message that was read from a topic has the system's properties, too: it gets new ones.
  const own = Object.entries(value).filter(([name]) => !SYSTEM_PROPERTIES.has(name));
  return new Map(own.map(([name, text]) => [name, textOf(text, `property ${name}`)]));
}
