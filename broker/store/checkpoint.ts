/*
 * The `checkpoint` file: 4096 bytes, longs, the rest zero. Mirrors StoreCheckpoint.
 *
 * | 0  | physicMsgTimestamp: store time of the last message that is known to be on the device |
 * | 8  | logicsMsgTimestamp: the same for consume queues |
 * | 16 | indexMsgTimestamp: end time of the last full index file |
 * | 24 | masterFlushedOffset (5.x) |
 * | 32 | confirmPhyOffset (5.x) |
 *
 * Our own part, which an Apache broker leaves as it is; one sector with the rest, so that both are old or new together:
 * | 64  | `mqkit` and zeros                                              | 8 |
 * | 72  | the first three times once more: another writer changes those above only | 24 |
 * | 96  | commit log offset that the summary is about, −1 without one    | 8 |
 * | 104 | its other numbers, in the order of `SUMMARY_FIELDS`            | 40 |
 * | 144 | where the walk of an unfinished recovery began, −1 without one | 8 |
 * | 152 | end of the commit log that is known to be on the device        | 8 |
 * | 160 | CRC-32 of [64, 160)                                            | 4 |
 */
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { isOutOfSpace } from './disk.js';
import type { Disk } from './types.js';

const FILE_BYTES = 4096;
const OWN_PART = 64;
const WALK_FROM = 144;
const LOG_WHERE = 152;
const OWN_CRC = 160;
const SECTOR = 512;
const OWN_MAGIC = Buffer.from('mqkit\0\0\0', 'latin1');
/** Store times are taken a little before the write; recovery goes back by this much. */
const SLACK_MS = 3000;

/** What queues and index hold of the commit log before one offset: recovery compares, and makes them anew when something is missing. */
export interface DerivedSummary {
  /** Commit log offset. */
  where: number;
  /** Sum of the numbers of the next units. */
  queueUnits: number;
  /** Sum of the numbers of the first units. */
  firstUnits: number;
  /** −1 without an index. */
  indexEntries: number;
  /** Sum of the commit log offsets where index files begin and end. */
  indexOffsets: number;
  /** Index files of records before this commit log offset were removed last; later ones may go without being missed. */
  expiredTo: number;
}

const SUMMARY_FIELDS = ['where', 'queueUnits', 'firstUnits', 'indexEntries', 'indexOffsets', 'expiredTo'] as const;

/** Who wrote the file last; `damaged` when nobody can have. */
export type CheckpointWriter = 'own' | 'other' | 'nobody' | 'damaged';

/** Up to which store time each kind of file is safe; recovery starts from it. */
export class Checkpoint {
  physicMsgTimestamp = 0;
  logicsMsgTimestamp = 0;
  indexMsgTimestamp = 0;
  masterFlushedOffset = 0;
  confirmPhyOffset = 0;
  summary: DerivedSummary | null = null;
  /**
   * Commit log offset from which a recovery makes queues and index anew, −1 when they are on the device: should it die, the next one begins
   * no later, whatever the store times say (somebody may have set the clock back).
   */
  walkFrom = -1;
  /** Commit log offset up to which the log is known to be on the device; 0 when nothing is known. */
  logWhere = 0;
  /** Of the file that `load` found. */
  writer: CheckpointWriter = 'nobody';
  /** Grows when the clock is set back: times noted before mean nothing then. */
  era = 0;
  readonly #path: string;
  readonly #disk: Disk;

  constructor(path: string, disk: Disk) {
    this.#path = path;
    this.#disk = disk;
  }

  load(): void {
    const stat = this.#disk.statSync(this.#path);
    if (stat === null) {
      return;
    }
    const buffer = Buffer.alloc(SECTOR);
    const fd = this.#disk.openSync(this.#path);
    try {
      this.#disk.readSync(fd, buffer, 0, SECTOR, 0);
    } finally {
      this.#disk.closeSync(fd);
    }
    this.writer = writerOf(buffer);
    if (this.writer === 'damaged') {
      return;
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
    const own = (at: number): number => Number(buffer.readBigInt64BE(at));
    this.walkFrom = this.writer === 'own' ? own(WALK_FROM) : -1;
    this.logWhere = this.writer === 'own' ? own(LOG_WHERE) : 0;
    if (this.writer === 'own' && own(96) >= 0) {
      this.summary = { ...NO_SUMMARY };
      for (const [i, field] of SUMMARY_FIELDS.entries()) {
        this.summary[field] = own(96 + i * 8);
      }
    }
  }

  /** Nothing is known of what is on the device; an older version of the file, which a power cut could bring back, must not claim more. */
  forget(): void {
    this.physicMsgTimestamp = 0;
    this.logicsMsgTimestamp = 0;
    this.indexMsgTimestamp = 0;
    this.summary = null;
    this.#saveOrRemove();
  }

  /** New messages get times from `nowMs` on, which are earlier than those before: the file must not speak of them. */
  stepBack(nowMs: number): void {
    this.physicMsgTimestamp = Math.min(this.physicMsgTimestamp, nowMs);
    this.logicsMsgTimestamp = Math.min(this.logicsMsgTimestamp, nowMs);
    this.era++;
    this.save(true);
  }

  /** Writes the file; with `isDurable` it is on the device when this returns. */
  save(isDurable = false): void {
    const buffer = Buffer.alloc(FILE_BYTES);
    buffer.writeBigInt64BE(BigInt(this.physicMsgTimestamp), 0);
    buffer.writeBigInt64BE(BigInt(this.logicsMsgTimestamp), 8);
    buffer.writeBigInt64BE(BigInt(this.indexMsgTimestamp), 16);
    buffer.writeBigInt64BE(BigInt(this.masterFlushedOffset), 24);
    buffer.writeBigInt64BE(BigInt(this.confirmPhyOffset), 32);
    this.#writeOwnPart(buffer);
    const fd = this.#disk.openSync(this.#path, { create: true });
    try {
      for (let done = 0; done < FILE_BYTES; ) {
        done += this.#disk.writeSync(fd, buffer, done, FILE_BYTES - done, done);
      }
      if (isDurable) {
        this.#disk.fdatasyncSync(fd);
      }
    } finally {
      this.#disk.closeSync(fd);
    }
  }

  #writeOwnPart(buffer: Buffer): void {
    OWN_MAGIC.copy(buffer, OWN_PART);
    buffer.copy(buffer, OWN_PART + 8, 0, 24);
    const summary = this.summary ?? NO_SUMMARY;
    for (const [i, field] of SUMMARY_FIELDS.entries()) {
      buffer.writeBigInt64BE(BigInt(summary[field]), 96 + i * 8);
    }
    buffer.writeBigInt64BE(BigInt(this.walkFrom), WALK_FROM);
    buffer.writeBigInt64BE(BigInt(this.logWhere), LOG_WHERE);
    buffer.writeUInt32BE(crc32(buffer.subarray(OWN_PART, OWN_CRC)), OWN_CRC);
  }

  /**
   * Lowers the time up to which queues and index are on the device, and says so there before this returns. On a full disk the file goes
   * instead: without one, recovery begins at the first record.
   */
  lowerLogics(timestamp: number, walkFrom: number): void {
    this.walkFrom = walkFrom;
    // Also when it is no higher already: what was read may be in the page cache only, and a higher one on the device.
    this.logicsMsgTimestamp = Math.min(this.logicsMsgTimestamp, timestamp);
    this.#saveOrRemove();
  }

  #saveOrRemove(): void {
    try {
      this.save(true);
    } catch (error) {
      if (!isOutOfSpace(error)) {
        throw error;
      }
      if (this.#disk.statSync(this.#path) !== null) {
        this.#disk.unlinkSync(this.#path);
        this.#disk.syncDirectorySync(dirname(this.#path));
      }
    }
  }

  /** Records with a store time up to this one need no second dispatch. */
  minTimestamp(messageIndexSafe: boolean): number {
    const min = Math.min(this.physicMsgTimestamp, this.logicsMsgTimestamp) - SLACK_MS;
    return Math.max(0, messageIndexSafe ? Math.min(min, this.indexMsgTimestamp) : min);
  }
}

const NO_SUMMARY: DerivedSummary = { where: -1, queueUnits: 0, firstUnits: 0, indexEntries: -1, indexOffsets: 0, expiredTo: 0 };

function writerOf(sector: Buffer): CheckpointWriter {
  if (sector.compare(OWN_MAGIC, 0, OWN_MAGIC.length, OWN_PART, OWN_PART + OWN_MAGIC.length) === 0) {
    if (sector.readUInt32BE(OWN_CRC) !== crc32(sector.subarray(OWN_PART, OWN_CRC))) {
      return 'damaged';
    }
    return sector.compare(sector, OWN_PART + 8, OWN_PART + 32, 0, 24) === 0 ? 'own' : 'other';
  }
  return sector.subarray(40).every((byte) => byte === 0) ? 'other' : 'damaged';
}
