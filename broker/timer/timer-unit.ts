/*
 * A unit of the timer log: one message on the wheel. Mirrors TimerLog and TimerMessageStore.doEnqueue.
 *
 * | 0  | size, 52                                                              | 4 |
 * | 4  | position of the slot's unit before this one; −1 for the first         | 8 |
 * | 12 | magic: 1, with 2 rolled (parked before its time), with 4 cancels      | 4 |
 * | 16 | write time: the wheel's present when the unit was written, ms         | 8 |
 * | 24 | slot's time − write time, ms                                          | 4 |
 * | 28 | commit log offset of the record                                       | 8 |
 * | 36 | size of the record                                                    | 4 |
 * | 40 | Java hash of the real topic                                           | 4 |
 * | 44 | reserved, 0                                                           | 8 |
 *
 * The rest of a file that has no room for a unit and a blank begins with a blank: room left [4], 0 [8], 0xCBD43194 [4].
 */
import { getInt64, setInt64 } from '../../src/common/int64.js';

export const UNIT_BYTES = 52;
export const BLANK_BYTES = 16;
const BLANK_MAGIC_CODE = 0xcbd43194 | 0;
const MAGIC_POS = 12;

/** Bits of a unit's magic. */
export const UnitMagic = { DEFAULT: 1, ROLL: 2, DELETE: 4 } as const;

/** Fields of a unit; one object is used for many reads. */
export class TimerUnit {
  prevPos = -1;
  magic: number = UnitMagic.DEFAULT;
  writeTimeMs = 0;
  /** Time of the slot the unit is in, ms. */
  slotTimeMs = 0;
  commitLogOffset = 0;
  recordBytes = 0;
  topicHash = 0;

  get isRoll(): boolean {
    return (this.magic & UnitMagic.ROLL) !== 0;
  }

  get isDelete(): boolean {
    return (this.magic & UnitMagic.DELETE) !== 0;
  }

  encode(view: DataView, at: number): void {
    view.setInt32(at, UNIT_BYTES);
    setInt64(view, at + 4, this.prevPos);
    view.setInt32(at + MAGIC_POS, this.magic);
    setInt64(view, at + 16, this.writeTimeMs);
    view.setInt32(at + 24, this.slotTimeMs - this.writeTimeMs);
    setInt64(view, at + 28, this.commitLogOffset);
    view.setInt32(at + 36, this.recordBytes);
    view.setInt32(at + 40, this.topicHash);
    setInt64(view, at + 44, 0);
  }

  /** Reads the unit at `at`; false when there is none: `position` is its place in the log. */
  decode(view: DataView, at: number, position: number): boolean {
    if (view.getInt32(at) !== UNIT_BYTES) return false;
    this.prevPos = getInt64(view, at + 4);
    this.magic = view.getInt32(at + MAGIC_POS);
    this.writeTimeMs = getInt64(view, at + 16);
    this.slotTimeMs = this.writeTimeMs + view.getInt32(at + 24);
    this.commitLogOffset = getInt64(view, at + 28);
    this.recordBytes = view.getInt32(at + 36);
    this.topicHash = view.getInt32(at + 40);
    const isKnownMagic = (this.magic & ~0xf) === 0 && this.magic !== 0;
    return isKnownMagic && this.prevPos >= -1 && this.prevPos < position && this.commitLogOffset >= 0 && this.recordBytes > 0;
  }
}

/** Whether a blank stands at `at`: the file ends here. */
export function isBlank(view: DataView, at: number): boolean {
  return view.getInt32(at + MAGIC_POS) === BLANK_MAGIC_CODE;
}

export function encodeBlank(view: DataView, at: number, roomBytes: number): void {
  view.setInt32(at, roomBytes);
  setInt64(view, at + 4, 0);
  view.setInt32(at + MAGIC_POS, BLANK_MAGIC_CODE);
}
