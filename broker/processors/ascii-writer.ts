/* Writing of ASCII text straight into output buffers, without making strings of it first. */

const HEX_DIGITS = Buffer.from('0123456789ABCDEF', 'latin1');

/** Decimal digits of a whole number from 0 to 2^53. */
export function digitCount(value: number): number {
  if (value < 1e5) return value < 10 ? 1 : value < 100 ? 2 : value < 1000 ? 3 : value < 1e4 ? 4 : 5;
  if (value < 1e10) return value < 1e6 ? 6 : value < 1e7 ? 7 : value < 1e8 ? 8 : value < 1e9 ? 9 : 10;
  return value < 1e11 ? 11 : value < 1e12 ? 12 : value < 1e13 ? 13 : value < 1e14 ? 14 : value < 1e15 ? 15 : 16;
}

/** Writes a whole number from 0 to 2^53 in decimal; returns its end. */
export function writeDecimal(target: Buffer, at: number, value: number): number {
  const end = at + digitCount(value);
  let position = end;
  let rest = value;
  while (rest > 0x7fffffff) {
    const next = Math.floor(rest / 10);
    target[--position] = 48 + (rest - next * 10);
    rest = next;
  }
  rest |= 0;
  while (position > at) {
    const next = (rest / 10) | 0;
    target[--position] = 48 + (rest - next * 10);
    rest = next;
  }
  return end;
}

/** Writes a whole number from 0 to 2^53 as 16 hex digits; returns its end. */
export function writeHex64(target: Buffer, at: number, value: number): number {
  let low = value >>> 0;
  let high = (value / 4294967296) >>> 0;
  for (let i = 15; i > 7; i--) {
    target[at + i] = HEX_DIGITS[low & 15]!;
    target[at + i - 8] = HEX_DIGITS[high & 15]!;
    low >>>= 4;
    high >>>= 4;
  }
  return at + 16;
}

/** Writes a text of one byte a character; returns its end. */
export function writeAscii(target: Buffer, at: number, text: string): number {
  const length = text.length;
  for (let i = 0; i < length; i++) target[at + i] = text.charCodeAt(i);
  return at + length;
}

/** Whether a text may stand in a JSON string as it is, one byte a character. */
export function isPlainAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c > 0x7e || c === 0x22 || c === 0x5c) return false;
  }
  return true;
}
