/*
 * The `checkpoint` file: 4096 bytes, longs, the rest zero. Mirrors StoreCheckpoint.
 *
 * | 0  | physicMsgTimestamp: store time of the last message that is known to be on the device |
 * | 8  | logicsMsgTimestamp: the same for consume queues |
 * | 16 | indexMsgTimestamp: end time of the last full index file |
 * | 24 | masterFlushedOffset (5.x) |
 * | 32 | confirmPhyOffset (5.x) |
 */
import type { Disk } from './types.js';

const FILE_BYTES = 4096;
/** Store times are taken a little before the write; recovery goes back by this much. */
const SLACK_MS = 3000;

/** Up to which store time each kind of file is safe; recovery starts from it. */
export class Checkpoint {
  physicMsgTimestamp = 0;
  logicsMsgTimestamp = 0;
  indexMsgTimestamp = 0;
  masterFlushedOffset = 0;
  confirmPhyOffset = 0;
  readonly #path: string;
  readonly #disk: Disk;

  constructor(path: string, disk: Disk) {
    this.#path = path;
    this.#disk = disk;
  }

  load(): void {
    const stat = this.#disk.statSync(this.#path);
    if (stat === null || stat.size < 40) {
      return;
    }
    const buffer = Buffer.alloc(40);
    const fd = this.#disk.openSync(this.#path);
    try {
      this.#disk.readSync(fd, buffer, 0, 40, 0);
    } finally {
      this.#disk.closeSync(fd);
    }
    const time = (at: number): number => {
      const value = Number(buffer.readBigInt64BE(at));
      return Number.isSafeInteger(value) && value > 0 ? value : 0;
    };
    this.physicMsgTimestamp = time(0);
    this.logicsMsgTimestamp = time(8);
    this.indexMsgTimestamp = time(16);
    this.masterFlushedOffset = time(24);
    this.confirmPhyOffset = time(32);
  }

  /** Writes the file; with `isDurable` it is on the device when this returns. */
  save(isDurable = false): void {
    const buffer = Buffer.alloc(FILE_BYTES);
    buffer.writeBigInt64BE(BigInt(this.physicMsgTimestamp), 0);
    buffer.writeBigInt64BE(BigInt(this.logicsMsgTimestamp), 8);
    buffer.writeBigInt64BE(BigInt(this.indexMsgTimestamp), 16);
    buffer.writeBigInt64BE(BigInt(this.masterFlushedOffset), 24);
    buffer.writeBigInt64BE(BigInt(this.confirmPhyOffset), 32);
    const fd = this.#disk.openSync(this.#path, { create: true });
    try {
      this.#disk.writeSync(fd, buffer, 0, FILE_BYTES, 0);
      if (isDurable) {
        this.#disk.fdatasyncSync(fd);
      }
    } finally {
      this.#disk.closeSync(fd);
    }
  }

  /** Records with a store time up to this one need no second dispatch. */
  minTimestamp(messageIndexSafe: boolean): number {
    const min = Math.min(this.physicMsgTimestamp, this.logicsMsgTimestamp) - SLACK_MS;
    return Math.max(0, messageIndexSafe ? Math.min(min, this.indexMsgTimestamp) : min);
  }
}
