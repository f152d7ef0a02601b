/*
 * A simple consume queue: for each message of one queue a unit of 20 bytes; queue offset q is unit q. Mirrors ConsumeQueue.
 *
 * | 0  | commit log offset of the record     | 8 |
 * | 8  | size of the record                  | 4 |
 * | 12 | tags code, signed (or deliver time) | 8 |
 *
 * A filler unit (0, 0x7FFFFFFF, 0) stands before the first real unit of a queue that does not begin at a file's start.
 */
import { setInt64 } from '../../src/common/int64.js';
import type { FileSeries } from './file-series.js';
import { FILLER_SIZE, UnitQueue, unitOffset, unitSize } from './unit-queue.js';

export const CQ_UNIT_BYTES = 20;

export class ConsumeQueue extends UnitQueue {
  readonly type = 'SimpleCQ';

  constructor(topic: string, queueId: number, files: FileSeries) {
    super({ topic, queueId, files, unitBytes: CQ_UNIT_BYTES });
  }

  get maxOffset(): number {
    return this.endUnit;
  }

  offsetOfUnit(unit: number): number {
    return unit;
  }

  isUnit(view: DataView, position: number): boolean {
    return unitOffset(view, position) >= 0 && unitSize(view, position) > 0;
  }

  protected endMoved(): void {}

  /** Adds a unit at the end. The caller has checked that it belongs there. */
  append(commitLogOffset: number, size: number, tagsCode: number | bigint): void {
    const at = this.claimUnit();
    const view = this.tailView;
    setInt64(view, at, commitLogOffset);
    view.setInt32(at + 8, size);
    if (typeof tagsCode === 'number') {
      setInt64(view, at + 12, tagsCode);
    } else {
      view.setBigInt64(at + 12, tagsCode);
    }
    this.maxPhysicOffset = commitLogOffset + size;
  }

  /** Goes to `offset` with filler units when messages before it are gone. */
  fillTo(offset: number): void {
    if (this.endUnit === 0) {
      const fileUnits = this.files.fileSize / CQ_UNIT_BYTES;
      this.resetTail(offset - (offset % fileUnits));
      this.minOffset = offset;
    }
    const last = this.maxPhysicOffset;
    while (this.endUnit < offset) {
      this.append(0, FILLER_SIZE, 0);
    }
    this.maxPhysicOffset = last;
  }
}
