import { dirname, join } from 'node:path';
import { StoreError } from '../src/common/errors.js';
import { parseFastjson, stringifyFastjson } from '../src/common/fastjson.js';
import type { Logger } from '../src/common/logger.js';
import type { Disk } from './store/index.js';
import type { TableFile } from './topics/index.js';

const BACKUP_SUFFIX = '.bak';
const NEW_SUFFIX = '.tmp';

/**
 * One file of config/*.json. It is written beside its place and renamed into it; the content before becomes `<name>.bak`. So at any moment
 * one of the two is whole, and a broken or missing file is read from the other, as Apache's broker does.
 */
export class JsonTableFile implements TableFile {
  readonly #path: string;
  readonly #disk: Disk;
  readonly #logger: Logger;

  constructor(options: { storePathRootDir: string; name: string; disk: Disk; logger: Logger }) {
    this.#path = join(options.storePathRootDir, 'config', options.name);
    this.#disk = options.disk;
    this.#logger = options.logger;
  }

  /** The parsed content; null when there is none. Throws StoreError when both the file and its backup are broken. */
  load(): unknown {
    let broken: string | null = null;
    for (const path of [this.#path, this.#path + BACKUP_SUFFIX]) {
      const text = this.#read(path);
      if (text === null || text.trim() === '') continue;
      try {
        const value = parseFastjson(text);
        if (broken !== null) this.#logger.warn(`read ${path} instead of ${this.#path}: ${broken}`);
        return value;
      } catch (error) {
        broken ??= (error as Error).message;
      }
    }
    if (broken === null) return null;
    throw new StoreError(`${this.#path} and its backup cannot be read: ${broken}`, {
      hint: 'restore the file, or remove both to begin with an empty table',
    });
  }

  /** Keeps a table; a failure is logged, and the next save tries again. */
  save(value: unknown): void {
    try {
      this.#write(stringifyFastjson(value, { pretty: true }));
    } catch (error) {
      this.#logger.error(`cannot save ${this.#path}: ${(error as Error).message}`, { error });
    }
  }

  #read(path: string): string | null {
    const stat = this.#disk.statSync(path);
    if (stat === null || stat.isDirectory) return null;
    const bytes = Buffer.alloc(stat.size);
    const fd = this.#disk.openSync(path);
    try {
      const length = this.#disk.readSync(fd, bytes, 0, bytes.length, 0);
      return bytes.toString('utf8', 0, length);
    } finally {
      this.#disk.closeSync(fd);
    }
  }

  #write(text: string): void {
    const bytes = Buffer.from(text);
    this.#disk.mkdirSync(dirname(this.#path));
    const fd = this.#disk.openSync(this.#path + NEW_SUFFIX, { create: true });
    try {
      this.#disk.ftruncateSync(fd, 0);
      let done = 0;
      while (done < bytes.length) done += this.#disk.writeSync(fd, bytes, done, bytes.length - done, done);
    } finally {
      this.#disk.closeSync(fd);
    }
    if (this.#disk.statSync(this.#path) !== null) this.#disk.renameSync(this.#path, this.#path + BACKUP_SUFFIX);
    this.#disk.renameSync(this.#path + NEW_SUFFIX, this.#path);
  }
}
