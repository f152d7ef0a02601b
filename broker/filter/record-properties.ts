import { viewOf } from '../../src/common/int64.js';
import { findValueEnd, hasNameAt, isAt } from '../../src/common/message/property-bytes.js';
import { bodyLengthPos, MAGIC_CODE_POS, MESSAGE_MAGIC_CODE_V1, SYS_FLAG_POS } from '../../src/common/message/record.js';

const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const DIGIT_0 = 0x30;
/** So many digits are exact in a double, and so are the powers of ten of as many. */
const MAX_PLAIN_DIGITS = 15;
const POWERS_OF_TEN = Array.from({ length: MAX_PLAIN_DIGITS + 1 }, (_, exponent) => 10 ** exponent);

/**
 * The properties of stored records that a selector asks for. A record stays where it lies: one pass finds the values, and a comparison
 * reads their bytes. One object serves one record after the other.
 */
export class RecordProperties {
  readonly #names: readonly Uint8Array[];
  /** 1 where a name begins with the byte. */
  readonly #firstBytes = new Uint8Array(256);
  readonly #slots = new Map<string, number>();
  /** Where the value of each name begins and ends; −1 when the record has none. */
  readonly #starts: number[];
  readonly #ends: number[];
  #buffer: Buffer = Buffer.alloc(0);

  /** @param names ASCII; a name's index is its slot */
  constructor(names: readonly string[]) {
    this.#names = names.map((name) => Uint8Array.from(Buffer.from(name, 'latin1')));
    for (const name of names) {
      this.#slots.set(name, this.#slots.size);
      this.#firstBytes[name.charCodeAt(0)] = 1;
    }
    this.#starts = names.map(() => -1);
    this.#ends = names.map(() => -1);
  }

  /** Turns to the record of `size` bytes at a position; one that contradicts itself has no properties. Of equal names the last counts, as in Java's map. */
  load(buffer: Buffer, position: number, size: number): void {
    this.#buffer = buffer;
    const starts = this.#starts;
    for (let slot = 0; slot < starts.length; slot++) starts[slot] = -1;
    const view = viewOf(buffer);
    const bodyLengthAt = position + bodyLengthPos(view.getInt32(position + SYS_FLAG_POS));
    const recordEnd = position + size;
    if (bodyLengthAt + 4 > recordEnd) return;
    const topicAt = bodyLengthAt + 4 + view.getInt32(bodyLengthAt);
    if (topicAt < bodyLengthAt + 4 || topicAt + 2 > recordEnd) return;
    const isV1 = view.getInt32(position + MAGIC_CODE_POS) === MESSAGE_MAGIC_CODE_V1;
    const propertiesAt = isV1 ? topicAt + 1 + view.getUint8(topicAt) : topicAt + 2 + view.getUint16(topicAt);
    if (propertiesAt + 2 > recordEnd) return;
    const end = Math.min(propertiesAt + 2 + view.getInt16(propertiesAt), recordEnd);
    const names = this.#names;
    const firstBytes = this.#firstBytes;
    const ends = this.#ends;
    for (let at = propertiesAt + 2; at < end; ) {
      const slot = firstBytes[buffer[at]!] === 1 ? slotAt(names, buffer, at, end) : -1;
      if (slot < 0) {
        at = findValueEnd(buffer, view, at, end) + 1;
        continue;
      }
      const start = at + names[slot]!.length + 1;
      const valueEnd = findValueEnd(buffer, view, start, end);
      starts[slot] = start;
      ends[slot] = valueEnd;
      at = valueEnd + 1;
    }
  }

  has(slot: number): boolean {
    return this.#starts[slot]! >= 0;
  }

  /** Text of a property; null when the record has none of this name, or it was not asked for. */
  readonly read = (name: string): string | null => {
    const slot = this.#slots.get(name);
    if (slot === undefined) return null;
    const start = this.#starts[slot]!;
    return start < 0 ? null : this.#buffer.toString('utf8', start, this.#ends[slot]!);
  };

  /** Whether a property that is there has these bytes. */
  isText(slot: number, text: Uint8Array): boolean {
    const start = this.#starts[slot]!;
    return this.#ends[slot]! - start === text.length && isAt(this.#buffer, start, text);
  }

  /** A property that is there as a number where it is plainly written: a sign, up to 15 digits, a point. NaN says that it is not, but may be one. */
  plainNumber(slot: number, mayHavePoint: boolean): number {
    const buffer = this.#buffer;
    const end = this.#ends[slot]!;
    let at = this.#starts[slot]!;
    const isNegative = buffer[at] === MINUS;
    if (at < end && (isNegative || buffer[at] === PLUS)) at++;
    let value = 0;
    let digits = 0;
    let pointAt = -1;
    for (; at < end; at++) {
      const byte = buffer[at]!;
      const digit = byte - DIGIT_0;
      if (digit >= 0 && digit <= 9) {
        value = value * 10 + digit;
        digits++;
      } else if (byte === POINT && mayHavePoint && pointAt < 0) {
        pointAt = at;
      } else {
        return Number.NaN;
      }
    }
    if (digits === 0 || digits > MAX_PLAIN_DIGITS) return Number.NaN;
    if (pointAt >= 0) value /= POWERS_OF_TEN[end - pointAt - 1]!;
    return isNegative ? -value : value;
  }
}

/** The slot of the property that begins at `at`, of properties that end at `end`; −1 when it is not asked for. */
function slotAt(names: readonly Uint8Array[], buffer: Buffer, at: number, end: number): number {
  for (let slot = 0; slot < names.length; slot++) if (hasNameAt(buffer, at, end, names[slot]!)) return slot;
  return -1;
}
