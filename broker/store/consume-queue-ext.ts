/*
 * Extension units of consume queues (`enableConsumeQueueExt`), read only: what an Apache broker wrote must not look like tags codes.
 * Mirrors ConsumeQueueExt.
 *
 * A unit's tags code of −2^63 + n is the address of an extension unit at byte n:
 * | size 2 | tagsCode 8 | msgStoreTime 8 | bitMapSize 2 | bitMap |
 */
import { join } from 'node:path';
import type { FdCache } from './fd-cache.js';
import { FileSeries } from './file-series.js';
import type { Disk, StoreConfig } from './types.js';

const MIN_ADDRESS = -(2n ** 63n);
/** Tags codes above are plain. */
const MAX_ADDRESS = -(2n ** 31n) - 1n;
const UNIT_BYTES = 20;

export class ConsumeQueueExt {
  readonly #config: StoreConfig;
  readonly #disk: Disk;
  readonly #fds: FdCache;
  readonly #series = new Map<string, FileSeries>();

  constructor(options: { config: StoreConfig; disk: Disk; fds: FdCache }) {
    this.#config = options.config;
    this.#disk = options.disk;
    this.#fds = options.fds;
  }

  /** The tags code that an address stands for; the value itself when it is no address, null when nothing is there. */
  tagsCode(topic: string, queueId: number, value: bigint): number | bigint | null {
    if (value > MAX_ADDRESS) {
      return value;
    }
    const position = Number(value - MIN_ADDRESS);
    const unit = Buffer.alloc(UNIT_BYTES);
    if (this.#files(topic, queueId).read(position, unit, 0, UNIT_BYTES) < UNIT_BYTES || unit.readInt16BE(0) < UNIT_BYTES) {
      return null;
    }
    const tagsCode = unit.readBigInt64BE(2);
    const exact = Number(tagsCode);
    return Number.isSafeInteger(exact) ? exact : tagsCode;
  }

  #files(topic: string, queueId: number): FileSeries {
    const directory = join(this.#config.storePathRootDir, 'consumequeue_ext', topic, String(queueId));
    let files = this.#series.get(directory);
    if (files === undefined) {
      files = new FileSeries({ directory, fileSize: this.#config.mappedFileSizeConsumeQueueExt, disk: this.#disk, fds: this.#fds });
      files.load('mappedFileSizeConsumeQueueExt', false);
      this.#series.set(directory, files);
    }
    return files;
  }
}
