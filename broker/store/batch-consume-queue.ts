/*
 * The consume queue of a topic with queue.type=BatchCQ: for each record a unit of 46 bytes, which stands for all messages in the record.
 * Mirrors BatchConsumeQueue.
 *
 * | 0  | commit log offset of the record      | 8 |
 * | 8  | size of the record                   | 4 |
 * | 12 | tags code, signed                    | 8 |
 * | 20 | store time, ms                       | 8 |
 * | 28 | queue offset of the first message    | 8 |
 * | 36 | messages in the record               | 2 |
 * | 38 | compacted offset, −1                 | 4 |
 * | 42 | reserved, 0                          | 4 |
 *
 * Queue offsets rise by more than one from unit to unit, so the unit of an offset is searched for. There are no filler units: a queue
 * whose first messages are gone begins with the offset that its first unit states.
 */
import { getInt64, setInt64 } from '../../src/common/int64.js';
import type { FileSeries } from './file-series.js';
import { newUnitRun, UnitQueue, type UnitRun, unitOffset, unitSize } from './unit-queue.js';

export const BATCH_CQ_UNIT_BYTES = 46;
const NOT_COMPACTED = -1;

export class BatchConsumeQueue extends UnitQueue {
  readonly type = 'BatchCQ';
  #maxOffset = 0;
  readonly #run: UnitRun = newUnitRun();
  /** Unit that the last search found: readers ask for it again, or for the next one. */
  #found = 0;

  constructor(topic: string, queueId: number, files: FileSeries) {
    super({ topic, queueId, files, unitBytes: BATCH_CQ_UNIT_BYTES });
  }

  get maxOffset(): number {
    return this.#maxOffset;
  }

  offsetOfUnit(unit: number): number {
    return this.unit(unit, this.#run) ? unitBaseOffset(this.#run.view, this.#run.position) : this.#maxOffset;
  }

  isUnit(view: DataView, position: number): boolean {
    return (
      unitOffset(view, position) >= 0 &&
      unitSize(view, position) > 0 &&
      unitBaseOffset(view, position) >= 0 &&
      unitMessageCount(view, position) > 0
    );
  }

  protected endMoved(): void {
    const last = this.endUnit - 1;
    const run = this.#run;
    const isThere = last >= 0 && this.unit(last, run) && this.isUnit(run.view, run.position);
    this.#maxOffset = isThere ? unitBaseOffset(run.view, run.position) + unitMessageCount(run.view, run.position) : 0;
  }

  /** Adds a unit at the end. The caller has checked that it belongs there. */
  append(unit: {
    commitLogOffset: number;
    size: number;
    tagsCode: number | bigint;
    storeTimestamp: number;
    queueOffset: number;
    messageCount: number;
  }): void {
    if (this.endUnit === this.firstUnit) {
      this.minOffset = unit.queueOffset;
    }
    const at = this.claimUnit();
    const view = this.tailView;
    setInt64(view, at, unit.commitLogOffset);
    view.setInt32(at + 8, unit.size);
    if (typeof unit.tagsCode === 'number') {
      setInt64(view, at + 12, unit.tagsCode);
    } else {
      view.setBigInt64(at + 12, unit.tagsCode);
    }
    setInt64(view, at + 20, unit.storeTimestamp);
    setInt64(view, at + 28, unit.queueOffset);
    view.setInt16(at + 36, unit.messageCount);
    view.setInt32(at + 38, NOT_COMPACTED);
    view.setInt32(at + 42, 0);
    this.#maxOffset = unit.queueOffset + unit.messageCount;
    this.maxPhysicOffset = unit.commitLogOffset + unit.size;
  }

  /** The unit that holds a queue offset; where the log has no such message, the one after the gap. `endUnit` when none comes. */
  unitAt(queueOffset: number): number {
    const unit = this.#lastUnitFrom(queueOffset);
    if (unit < this.firstUnit) {
      return this.firstUnit;
    }
    const run = this.#run;
    const isBefore =
      this.unit(unit, run) && unitBaseOffset(run.view, run.position) + unitMessageCount(run.view, run.position) <= queueOffset;
    return isBefore ? unit + 1 : unit;
  }

  /** The last unit that begins at a queue offset or before; −1 when none does. */
  #lastUnitFrom(queueOffset: number): number {
    for (let near = this.#found; near <= this.#found + 1; near++) {
      if (near >= this.firstUnit && near < this.endUnit && this.offsetOfUnit(near) <= queueOffset) {
        if (near + 1 === this.endUnit || this.offsetOfUnit(near + 1) > queueOffset) {
          this.#found = near;
          return near;
        }
      }
    }
    const tail = this.tailStart;
    const isInTail = tail < this.endUnit && this.offsetOfUnit(tail) <= queueOffset;
    let low = isInTail ? tail : this.firstUnit;
    let high = (isInTail ? this.endUnit : tail) - 1;
    let found = -1;
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      if (this.offsetOfUnit(middle) <= queueOffset) {
        found = middle;
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    this.#found = Math.max(found, 0);
    return found;
  }
}

/** Queue offset of a unit's first message. */
export function unitBaseOffset(view: DataView, position: number): number {
  return getInt64(view, position + 28);
}

/** Messages that a unit stands for. */
export function unitMessageCount(view: DataView, position: number): number {
  return view.getInt16(position + 36);
}

/** Store time of a unit's record, ms. */
export function unitStoreTimestamp(view: DataView, position: number): number {
  return getInt64(view, position + 20);
}
