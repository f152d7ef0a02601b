import { dateTimeMs } from '../../cli/format.js';
import { utf8Text } from '../../client/admin/message-lines.js';
import type { MessageView } from '../../client/admin/message-view.js';
import { UsageError } from '../../common/errors.js';

/** What a format string may have, for the help. */
export const FORMAT_HELP = [
  'Format: %t topic, %b broker, %q queue, %o offset, %T store time (ms), %D store time (date), %B born time (ms), %g tags, %k keys,',
  '%i msgId, %I offsetMsgId, %h properties (name=value,...), %{NAME} one property, %s body, %S bytes of the body, %x body in base64,',
  '%% a percent sign; and \\n \\t \\r \\0 \\\\ \\xHH.',
].join('\n');

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0', '\\': '\\' };

/** Text with `\n`, `\t`, `\r`, `\0`, `\\` and `\xHH` read. @throws UsageError for any other */
export function unescapeText(text: string, label: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|(.?))/gs, (whole, hex: string | undefined, letter: string | undefined) => {
    const escaped = hex === undefined ? ESCAPES[letter ?? ''] : String.fromCharCode(Number.parseInt(hex, 16));
    if (escaped === undefined) {
      throw new UsageError(`${label}: ${whole} is none of \\n \\t \\r \\0 \\\\ \\xHH`);
    }
    return escaped;
  });
}

type Part = (message: MessageView) => string;

const PARTS: Readonly<Record<string, Part>> = {
  t: (message) => message.topic,
  b: (message) => message.brokerName ?? '',
  q: (message) => String(message.queueId),
  o: (message) => String(message.queueOffset),
  T: (message) => String(message.storeTimestamp),
  D: (message) => dateTimeMs(message.storeTimestamp),
  B: (message) => String(message.bornTimestamp),
  g: (message) => message.tags ?? '',
  k: (message) => message.keys ?? '',
  i: (message) => message.msgId,
  I: (message) => message.offsetMsgId,
  h: (message) =>
    Object.entries(message.properties)
      .map(([name, value]) => `${name}=${value}`)
      .join(','),
  s: (message) => bodyText(message.body),
  S: (message) => String(message.body.length),
  x: (message) => message.body.toString('base64'),
  '%': () => '%',
};

/** The body as it is where it is UTF-8, else marked. */
function bodyText(body: Buffer): string {
  return utf8Text(body) ?? `base64:${body.toString('base64')}`;
}

/** Reads a format string. @throws UsageError for what it may not have */
export function messageFormat(format: string): Part {
  const parts: Part[] = [];
  for (const [whole, name, letter] of format.matchAll(/%\{([^}]*)\}|%(.?)|[^%]+/gsu)) {
    if (name !== undefined) {
      parts.push((message) => message.properties[name] ?? '');
    } else if (letter === undefined) {
      const text = unescapeText(whole, '--format');
      parts.push(() => text);
    } else {
      const part = PARTS[letter];
      if (part === undefined) {
        throw new UsageError(`--format: ${whole} is nothing it knows`, { hint: `letters: ${Object.keys(PARTS).join(' ')}, and %{NAME}` });
      }
      parts.push(part);
    }
  }
  return (message) => parts.map((part) => part(message)).join('');
}

/** A line for readers: where and when, what it is called, and the body. */
export function plainLine(message: MessageView, colour: boolean): string {
  const dim = (text: string): string => (colour ? `\u001b[2m${text}\u001b[22m` : text);
  const bright = (text: string): string => (colour ? `\u001b[36m${text}\u001b[39m` : text);
  const names = [message.tags === null ? '' : `tags=${message.tags}`, message.keys === null ? '' : `keys=${message.keys}`]
    .filter((text) => text !== '')
    .map((text) => `${bright(text)} `)
    .join('');
  const place = `${dateTimeMs(message.storeTimestamp)} ${message.brokerName ?? ''}:${message.queueId}:${message.queueOffset}`;
  return `${dim(place)} ${names}${bodyText(message.body)}\n`;
}
