import { dirname } from 'node:path';
import { diskErrorCode } from './disk.js';
import type { Disk, DiskSpace, StoreConfig } from './types.js';

/**
 * How full the store's disk is: `reclaim` expired files go whatever the hour, `forced` files go whatever their age, `full` sends are
 * refused too.
 */
export type DiskLevel = 'ok' | 'reclaim' | 'forced' | 'full';

/** Bounds, in percent, that Apache puts on what is configured. */
const WARNING_BOUNDS = [35, 90] as const;
const FORCED_BOUNDS = [30, 85] as const;
const RECLAIM_BOUNDS = [10, 95] as const;

/** The used part of the file systems that hold the commit log and the consume queues. */
export class DiskWatch {
  /** Used part of the commit log's file system, 0..1; −1 when it cannot be read. */
  ratio = -1;
  /** Of the fuller one, in whole percents, rounded up as Apache counts; −1 when neither can be read. */
  percent = -1;
  readonly #config: StoreConfig;
  readonly #disk: Disk;
  readonly #paths: readonly string[];
  readonly #onUnreadable: (path: string, code: string) => void;

  /** @param options.paths the commit log's folder first */
  constructor(options: {
    config: StoreConfig;
    disk: Disk;
    paths: readonly string[];
    onUnreadable: (path: string, code: string) => void;
  }) {
    this.#config = options.config;
    this.#disk = options.disk;
    this.#paths = options.paths;
    this.#onUnreadable = options.onUnreadable;
  }

  /** Looks at the file systems. */
  check(): void {
    this.ratio = -1;
    this.percent = -1;
    this.#paths.forEach((path, i) => {
      const space = this.#spaceOf(path);
      const total = space === null ? 0 : space.usedBytes + space.availableBytes;
      if (space === null || total === 0) {
        return;
      }
      if (i === 0) {
        this.ratio = space.usedBytes / total;
      }
      this.percent = Math.max(this.percent, Math.ceil((space.usedBytes * 100) / total));
    });
  }

  /** Percent above which sends are refused. */
  get warningPercent(): number {
    return clamp(this.#config.diskSpaceWarningLevelRatio, WARNING_BOUNDS);
  }

  get level(): DiskLevel {
    if (this.percent > this.warningPercent) {
      return 'full';
    }
    if (this.percent > clamp(this.#config.diskSpaceCleanForciblyRatio, FORCED_BOUNDS)) {
      return 'forced';
    }
    return this.percent < 0 || this.percent > clamp(this.#config.diskMaxUsedSpaceRatio, RECLAIM_BOUNDS) ? 'reclaim' : 'ok';
  }

  /** Space of the file system a path lies on, or will lie on: the folder of a new commit log is made with its first file. */
  #spaceOf(path: string): DiskSpace | null {
    for (let at = path; ; at = dirname(at)) {
      try {
        return this.#disk.statfsSync(at);
      } catch (error) {
        if (diskErrorCode(error) !== 'ENOENT' || at === dirname(at)) {
          this.#onUnreadable(path, diskErrorCode(error));
          return null;
        }
      }
    }
  }
}

function clamp(value: number, [min, max]: readonly [number, number]): number {
  return Math.min(Math.max(value, min), max);
}
