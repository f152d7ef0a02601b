/*
 * .properties files as java.util.Properties reads them: ISO-8859-1 bytes, `key=value`, `key: value` or `key value`, `#` and `!`
 * comments, backslash escapes and continuation lines. A single backslash before an ordinary letter vanishes, and `\r`, `\n`, `\t`,
 * `\f` are control characters: a Windows path needs doubled backslashes or slashes.
 */
import { Comment, EmptyLine, Pair, parseLines, stringify } from 'dot-properties';
import { ConfigError } from './errors.js';

/** One value and the line (from 1) its key stands on. */
export interface PropertyEntry {
  value: string;
  line: number;
}

/** What a file holds; the last of repeated keys wins. */
export interface ParsedProperties {
  entries: Map<string, PropertyEntry>;
}

/**
 * Parses a .properties text or file content (bytes are read as ISO-8859-1).
 * @throws ConfigError for a `\u` without four hex digits, naming the line.
 */
export function parseProperties(text: string | Uint8Array): ParsedProperties {
  const source = typeof text === 'string' ? text : Buffer.from(text.buffer, text.byteOffset, text.byteLength).latin1Slice();
  // Every CR, LF or CRLF ends a line in Java; with one kind of end the ranges below count lines.
  const normalized = source.replace(/\r\n?/g, '\n');
  const entries = new Map<string, PropertyEntry>();
  let counted = 0;
  let line = 1;
  for (const node of parseLines(normalized, true)) {
    if (!(node instanceof Pair) || node instanceof Comment || node instanceof EmptyLine) {
      continue;
    }
    const [keyStart, , , valueEnd] = node.range as [number, number, number, number];
    for (; counted < keyStart; counted++) {
      if (normalized.charCodeAt(counted) === 10) {
        line++;
      }
    }
    checkUnicodeEscapes(normalized.slice(keyStart, valueEnd), line);
    // A backslash that ends the file continues nothing and is dropped.
    entries.delete(node.key);
    entries.set(node.key, { value: node.value, line });
  }
  return { entries };
}

function checkUnicodeEscapes(raw: string, line: number): void {
  for (let at = raw.indexOf('\\'); at >= 0; at = raw.indexOf('\\', at + 2)) {
    if (raw[at + 1] === 'u' && !/^[0-9a-fA-F]{4}/.test(raw.slice(at + 2, at + 6))) {
      throw new ConfigError(`line ${line}: \\u needs four hex digits, found ${JSON.stringify(raw.slice(at, at + 6))}`, {
        hint: 'double the backslashes of a Windows path, or write it with slashes',
        context: { line },
      });
    }
  }
}

/** Text of a .properties file that Java reads back to the same values; keys in the order given. */
export function stringifyProperties(properties: Iterable<readonly [string, string]> | Readonly<Record<string, string>>): string {
  const pairs = [...entriesOf(properties)].map(([key, value]) => [key, value]);
  return pairs.length === 0 ? '' : `${stringify(pairs, { keySep: '=', lineWidth: null })}\n`;
}

/** Text of a configuration body (26, 319 and the requests 25, 318): `key=value` lines without escapes, as Java writes them. */
export function stringifyConfigBody(properties: Iterable<readonly [string, string]> | Readonly<Record<string, string>>): string {
  let text = '';
  for (const [key, value] of entriesOf(properties)) {
    text += `${key}=${value}\n`;
  }
  return text;
}

function entriesOf(
  properties: Iterable<readonly [string, string]> | Readonly<Record<string, string>>,
): Iterable<readonly [string, string]> {
  return Symbol.iterator in properties
    ? (properties as Iterable<readonly [string, string]>)
    : Object.entries(properties as Record<string, string>);
}
