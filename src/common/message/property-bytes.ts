/* Properties as bytes (name 0x01 value 0x02 …), for those who look at a few of many records and want no text of the rest. */

const NAME_END = 1;
/** Between a value and the next name. */
export const VALUE_END = 2;
const VALUE_ENDS = 0x02020202;

/** Whether the property that begins at `at`, of properties that end at `end`, has this name. */
export function hasNameAt(bytes: Uint8Array, at: number, end: number, name: Uint8Array): boolean {
  const nameEnd = at + name.length;
  return nameEnd < end && bytes[at] === name[0] && bytes[nameEnd] === NAME_END && isAt(bytes, at, name);
}

/** Whether these bytes lie at `at`. */
export function isAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/** Where the value ends in which `start` lies: at its 0x02, or at `end`. Looks at eight bytes at once; `view` is one of the same bytes. */
export function findValueEnd(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  let at = start;
  for (; at <= end - 8; at += 8) {
    // A byte of the difference that is 0 borrows from its highest bit; the lowest such byte is a true one.
    const low = view.getInt32(at, true) ^ VALUE_ENDS;
    const high = view.getInt32(at + 4, true) ^ VALUE_ENDS;
    const foundLow = (low - 0x01010101) & ~low & 0x80808080;
    const foundHigh = (high - 0x01010101) & ~high & 0x80808080;
    if ((foundLow | foundHigh) !== 0) return foundLow !== 0 ? at + firstByte(foundLow) : at + 4 + firstByte(foundHigh);
  }
  while (at < end && bytes[at] !== VALUE_END) at++;
  return at;
}

/** The lowest byte of a word that has a bit. */
function firstByte(word: number): number {
  return (31 - Math.clz32(word & -word)) >> 3;
}
