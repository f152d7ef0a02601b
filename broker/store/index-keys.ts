import { getProperty, MessageConst } from '../../src/common/message/properties.js';

const END = '\u0002';
const END_CODE = 2;
const SPACE = ' ';
const UNIQ_KEY = `${MessageConst.UNIQ_KEY}\u0001`;
const KEYS = `${MessageConst.KEYS}\u0001`;

/** Java's `Math.abs` of a hash, with 0 for the one int that has no absolute value. */
export function positiveHash(hash: number): number {
  return hash === -0x80000000 ? 0 : hash < 0 ? -hash : hash;
}

/** Hash under which `topic#key` is filed; `prefix` is the Java hash of `topic#`. */
export function indexKeyHash(prefix: number, key: string): number {
  return positiveHash(hashRange(prefix, key, 0, key.length));
}

/** Start of a property's value in the encoded text, −1 when it has none. The last of duplicates counts, as for every reader. */
function valueStart(properties: string, nameAndSeparator: string): number {
  // Forward searches: V8 scans forward with memchr and backward character by character.
  let found = -1;
  for (let at = properties.indexOf(nameAndSeparator); at >= 0; at = properties.indexOf(nameAndSeparator, at + 1)) {
    if (at === 0 || properties.charCodeAt(at - 1) === END_CODE) {
      found = at + nameAndSeparator.length;
    }
  }
  return found;
}

/** Calls `add` with the hash of each key of a message: UNIQ_KEY, then every piece of KEYS. Allocates nothing. */
export function forEachKeyHash(prefix: number, properties: string, add: (keyHash: number) => void): void {
  const unique = valueStart(properties, UNIQ_KEY);
  if (unique >= 0) {
    const end = valueEnd(properties, unique);
    if (end > unique) {
      add(positiveHash(hashRange(prefix, properties, unique, end)));
    }
  }
  const keys = valueStart(properties, KEYS);
  if (keys >= 0) {
    hashPieces(prefix, properties, keys, valueEnd(properties, keys), add);
  }
}

function valueEnd(properties: string, start: number): number {
  const end = properties.indexOf(END, start);
  return end < 0 ? properties.length : end;
}

function hashRange(prefix: number, text: string, start: number, end: number): number {
  let hash = prefix;
  for (let i = start; i < end; i++) {
    hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  }
  return hash;
}

/** Calls `add` with the hash of each piece of KEYS in [start, end) of a text. */
export function hashPieces(prefix: number, text: string, start: number, end: number, add: (keyHash: number) => void): void {
  let from = start;
  while (from < end) {
    const space = text.indexOf(SPACE, from);
    const to = space < 0 || space > end ? end : space;
    if (to > from) {
      add(positiveHash(hashRange(prefix, text, from, to)));
    }
    from = to + 1;
  }
}

/** Whether a message has this key: as UNIQ_KEY or as one of the pieces of KEYS. */
export function hasKey(properties: string, key: string): boolean {
  return (
    getProperty(properties, MessageConst.UNIQ_KEY) === key ||
    (getProperty(properties, MessageConst.KEYS)?.split(' ').includes(key) ?? false)
  );
}
