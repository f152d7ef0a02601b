import { getProperty, MessageConst } from '../../src/common/message/properties.js';

const END = 2;
const SPACE = 32;
const UNIQ_KEY = `${MessageConst.UNIQ_KEY}\u0001`;
const KEYS = `${MessageConst.KEYS}\u0001`;

/** Java's `Math.abs` of a hash, with 0 for the one int that has no absolute value. */
export function positiveHash(hash: number): number {
  return hash === -0x80000000 ? 0 : hash < 0 ? -hash : hash;
}

/** Hash under which `topic#key` is filed; `prefix` is the Java hash of `topic#`. */
export function indexKeyHash(prefix: number, key: string): number {
  let hash = prefix;
  for (let i = 0; i < key.length; i++) {
    hash = (Math.imul(31, hash) + key.charCodeAt(i)) | 0;
  }
  return positiveHash(hash);
}

/** Start of a property's value in the encoded text, −1 when it has none. The last of duplicates counts, as for every reader. */
function valueStart(properties: string, nameAndSeparator: string): number {
  let at = properties.lastIndexOf(nameAndSeparator);
  while (at > 0 && properties.charCodeAt(at - 1) !== END) {
    at = properties.lastIndexOf(nameAndSeparator, at - 1);
  }
  return at < 0 ? -1 : at + nameAndSeparator.length;
}

/** Calls `add` with the hash of each key of a message: UNIQ_KEY, then every piece of KEYS. Allocates nothing. */
export function forEachKeyHash(prefix: number, properties: string, add: (keyHash: number) => void): void {
  const unique = valueStart(properties, UNIQ_KEY);
  if (unique >= 0) {
    hashPieces(prefix, properties, unique, -1, add);
  }
  const keys = valueStart(properties, KEYS);
  if (keys >= 0) {
    hashPieces(prefix, properties, keys, SPACE, add);
  }
}

function hashPieces(prefix: number, text: string, start: number, separator: number, add: (keyHash: number) => void): void {
  let hash = prefix;
  let length = 0;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === END) {
      break;
    }
    if (code === separator) {
      if (length > 0) {
        add(positiveHash(hash));
      }
      hash = prefix;
      length = 0;
    } else {
      hash = (Math.imul(31, hash) + code) | 0;
      length++;
    }
  }
  if (length > 0) {
    add(positiveHash(hash));
  }
}

/** Whether a message has this key: as UNIQ_KEY or as one of the pieces of KEYS. */
export function hasKey(properties: string, key: string): boolean {
  return (
    getProperty(properties, MessageConst.UNIQ_KEY) === key ||
    (getProperty(properties, MessageConst.KEYS)?.split(' ').includes(key) ?? false)
  );
}
