/*
 * Which commit log files go, and when. Mirrors CleanCommitLogService.
 *
 * A round begins every cleanResourceInterval, in the hours of deleteWhen, under disk pressure, or when somebody asked for it. It removes the
 * oldest files one after the other: those last written fileReservedTime ago, or any while the disk is above the forced level. The newest file
 * stays, and so does what is not yet on the device and in the queues there.
 *
 * The name of a removed file is off the device before the next one goes, so that a power cut leaves no gap, and before queue and index
 * files follow the log (`derived-cleaner.ts`): a crash in between leaves units that point before the log's first file, which nobody reads.
 */
import type { Clock } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import { diskErrorCode } from './disk.js';
import type { DiskLevel } from './disk-watch.js';
import type { FileSeries } from './file-series.js';
import { MANUAL_DELETE_ROUNDS } from './limits.js';
import type { Disk, StoreConfig } from './types.js';

const HOUR_MS = 3_600_000;

/** What retention asks of the store. */
export interface RetentionHost {
  readonly config: StoreConfig;
  /** Everything below is on the device, in the queues and in the index too. */
  safeWhere(): number;
  /** Has the checkpoint on the device say so. */
  secureDerived(): void;
  diskLevel(): DiskLevel;
  /** Used part of the disk, whole percents. */
  diskPercent(): number;
  /** Looks at the free space anew, because a file went. */
  checkDisk(): void;
}

export class Retention {
  /** Commit log files removed since the store was opened. */
  removed = 0;
  /** The files before this offset are gone, and no power cut brings them back. */
  removedWhere: number;
  readonly #host: RetentionHost;
  readonly #files: FileSeries;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #nextRoundMs: number;
  #manualRounds = 0;
  /** Why the round that runs removes files. */
  #reason = '';
  /** Files that it may still remove. */
  #left = 0;
  #nextRemovalMs = 0;
  #isRemoving = false;
  /** A file that the disk did not let go, or whose name is still on it: nothing else goes before that. */
  #hanging: { path: string; retryMs: number } | null = null;
  #isStuckLogged = false;
  #idleWaiters: (() => void)[] = [];

  constructor(options: { host: RetentionHost; files: FileSeries; disk: Disk; clock: Clock; logger: Logger }) {
    this.#host = options.host;
    this.#files = options.files;
    this.#disk = options.disk;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.removedWhere = options.files.minOffset;
    this.#nextRoundMs = options.clock.monotonicMs() + options.host.config.cleanResourceInterval;
  }

  /** DELETE_EXPIRED_COMMITLOG: the next twenty rounds remove expired files whatever the hour; the first one begins at the next tick. */
  requestRounds(): void {
    this.#manualRounds = MANUAL_DELETE_ROUNDS;
    this.#nextRoundMs = Number.NEGATIVE_INFINITY;
    this.#logger.info('expired commit log files are deleted, as asked');
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    if (nowMs >= this.#nextRoundMs) {
      this.#nextRoundMs = nowMs + this.#host.config.cleanResourceInterval;
      this.#beginRound();
    }
    if (this.#isRemoving) {
      return;
    }
    if (this.#hanging !== null) {
      if (nowMs >= this.#hanging.retryMs) {
        this.#remove(this.#hanging.path, (callback) => this.#disk.unlink(this.#hanging!.path, callback));
      }
    } else if (this.#left > 0 && nowMs >= this.#nextRemovalMs) {
      this.#removeOldest();
    }
  }

  #beginRound(): void {
    const { config } = this.#host;
    const level = this.#host.diskLevel();
    if (level !== 'forced' && level !== 'full') {
      this.#isStuckLogged = false;
    }
    const isTime = isHourOf(config.deleteWhen, this.#clock.nowMs());
    const isManual = this.#manualRounds > 0;
    if (isManual) {
      this.#manualRounds--;
    }
    if (level !== 'ok') {
      this.#reason = `the disk is ${this.#host.diskPercent()} % full`;
    } else if (isManual) {
      this.#reason = 'it was asked for';
    } else {
      this.#reason = `deleteWhen=${config.deleteWhen}`;
    }
    this.#left = isTime || isManual || level !== 'ok' ? config.deleteFileBatchMax : 0;
  }

  #removeOldest(): void {
    const files = this.#files;
    const start = files.minOffset;
    // Only what ends before bytes that are safe: this keeps the newest file too.
    if (files.isEmpty || start + files.fileSize >= this.#host.safeWhere()) {
      this.#stuck(
        files.starts.length > 1 ? 'the next file is not in the consume queues on the device yet' : 'only its newest file is left',
      );
      return;
    }
    const { config } = this.#host;
    const level = this.#host.diskLevel();
    const isForced = config.cleanFileForciblyEnable && (level === 'forced' || level === 'full');
    const path = files.pathOf(start);
    const stat = this.#disk.statSync(path);
    const isExpired = stat === null || this.#clock.nowMs() >= stat.mtimeMs + config.fileReservedTime * HOUR_MS;
    if (!isExpired && !isForced) {
      this.#stuck(`its files are younger than fileReservedTime=${config.fileReservedTime} hours, and cleanFileForciblyEnable is false`);
      return;
    }
    this.#left--;
    this.#logger.info(`commit log file ${path} is deleted: ${this.#reason}${isExpired ? '' : ', files go whatever their age'}`);
    this.#host.secureDerived();
    this.#remove(path, (callback) => files.removeOldest(callback));
  }

  /** Nothing more goes in this round. */
  endRound(): void {
    this.#left = 0;
  }

  #stuck(why: string): void {
    this.endRound();
    const level = this.#host.diskLevel();
    if ((level === 'forced' || level === 'full') && !this.#isStuckLogged) {
      this.#isStuckLogged = true;
      this.#logger.warn(`the disk is ${this.#host.diskPercent()} % full, but the commit log cannot give space free: ${why}`);
    }
  }

  #remove(path: string, unlink: (callback: (error: Error | null) => void) => void): void {
    this.#isRemoving = true;
    unlink((error) => {
      if (error !== null && diskErrorCode(error) !== 'ENOENT') {
        this.#hang(path, error);
        this.#removalEnded();
        return;
      }
      // Where its name could not be taken off the device the last time, it is not there any more.
      this.removed += error === null ? 1 : 0;
      this.#disk.syncDirectory(this.#files.directory, (syncError) => {
        if (syncError !== null) {
          this.#hang(path, syncError);
        } else {
          this.#hanging = null;
          this.removedWhere = this.#files.minOffset;
        }
        this.#removalEnded();
      });
    });
  }

  #removalEnded(): void {
    this.#isRemoving = false;
    this.#nextRemovalMs = this.#clock.monotonicMs() + this.#host.config.deleteCommitLogFilesInterval;
    this.#host.checkDisk();
    for (const resolve of this.#idleWaiters.splice(0)) {
      resolve();
    }
  }

  #hang(path: string, error: Error): void {
    if (this.#hanging === null) {
      this.#logger.warn(`${path} cannot be deleted (${diskErrorCode(error)}); trying again, and no later file goes before it`);
    }
    this.#hanging = { path, retryMs: this.#clock.monotonicMs() + this.#host.config.redeleteHangedFileInterval };
  }

  /** Ends with the removal that is under way. */
  close(): Promise<void> {
    this.#left = 0;
    return this.#isRemoving ? new Promise((resolve) => this.#idleWaiters.push(resolve)) : Promise.resolve();
  }
}

/** Whether the local hour is one of a list like `04;16`. */
function isHourOf(hours: string, nowMs: number): boolean {
  const hour = new Date(nowMs).getHours();
  return hours.split(';').some((text) => text.trim() !== '' && Number(text) === hour);
}
