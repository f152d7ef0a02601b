import { dirname } from 'node:path';
import { StoreError } from '../../src/common/errors.js';
import type { Logger } from '../../src/common/logger.js';
import { nodeDisk } from './disk.js';
import type { Disk } from './types.js';

/** What a `ConfigFile` needs. */
export interface ConfigFileOptions<T> {
  /** The file itself; `.bak` stands beside it. */
  path: string;
  /** Throws when the text is not what it should be. */
  parse: (text: string) => T;
  stringify: (value: T) => string;
  logger: Logger;
  disk?: Disk;
}

/**
 * A file of `config/`: state as JSON, with the previous content in `<name>.bak`. A reader takes `.bak` when the file is missing, empty or
 * cannot be parsed. Names and rule are Apache's; unlike there, a save never leaves a half-written file behind.
 */
export class ConfigFile<T> {
  readonly path: string;
  readonly #options: ConfigFileOptions<T>;
  readonly #disk: Disk;
  #savedText: string | null = null;
  /** Counts saves, so that one in the background sees that a later one took its place. */
  #saves = 0;

  constructor(options: ConfigFileOptions<T>) {
    this.path = options.path;
    this.#options = options;
    this.#disk = options.disk ?? nodeDisk;
  }

  /** The saved value; null when nothing was ever saved. Throws `StoreError` when there is content, and none of it can be parsed. */
  load(): T | null {
    const main = this.#tryLoad(this.path);
    if (main.value !== null) {
      this.#savedText = main.text;
      return main.value;
    }
    const backup = this.#tryLoad(`${this.path}.bak`);
    if (backup.value !== null) {
      this.#options.logger.warn(`${this.path} ${main.problem}; its .bak was loaded`);
      return backup.value;
    }
    const cause = main.error ?? backup.error;
    if (cause !== null) {
      const which = main.error === null ? `${this.path}.bak` : this.path;
      throw new StoreError(`${which} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
        code: 'CONFIG_FILE',
        hint: 'repair the file, or move it and its .bak away to start without what they hold',
        context: { path: this.path },
        cause,
      });
    }
    return null;
  }

  #tryLoad(path: string): { value: T | null; text: string; problem: string; error: unknown } {
    const text = this.#read(path);
    if (text === null || text.trim() === '') {
      return { value: null, text: '', problem: text === null ? 'is missing' : 'is empty', error: null };
    }
    try {
      return { value: this.#options.parse(text), text, problem: '', error: null };
    } catch (error) {
      return { value: null, text, problem: 'cannot be parsed', error };
    }
  }

  #read(path: string): string | null {
    const stat = this.#disk.statSync(path);
    if (stat === null) {
      return null;
    }
    const buffer = Buffer.alloc(stat.size);
    const fd = this.#disk.openSync(path);
    try {
      return buffer.toString('utf8', 0, this.#disk.readSync(fd, buffer, 0, buffer.length, 0));
    } finally {
      this.#disk.closeSync(fd);
    }
  }

  /**
   * Saves the value: the present content becomes `.bak`, then the new one takes the name. Nothing happens when the text is what was
   * saved last. With `durable` the content is on the device before it gets its name.
   */
  save(value: T, options: { durable?: boolean } = {}): void {
    const text = this.#options.stringify(value);
    this.#saves++;
    if (text === this.#savedText) {
      return;
    }
    this.#backUp();
    this.#replace(this.path, text, options.durable ?? false);
    this.#savedText = text;
  }

  /**
   * A durable save that does not wait for the device: the content gets its name once it is there, and then `onDone` is called. Any save
   * that comes before that takes its place.
   */
  saveInBackground(value: T, onDone: (error: unknown) => void): void {
    const text = this.#options.stringify(value);
    const save = ++this.#saves;
    const temporary = `${this.path}.tmp`;
    let fd: number;
    try {
      if (text === this.#savedText) {
        onDone(null);
        return;
      }
      this.#backUp();
      fd = this.#write(temporary, text);
    } catch (error) {
      onDone(error);
      return;
    }
    this.#disk.fdatasync(fd, (syncError) => {
      const isReplaced = save !== this.#saves;
      let error: unknown = isReplaced ? null : syncError;
      try {
        this.#disk.closeSync(fd);
        if (error === null && !isReplaced) {
          this.#disk.renameSync(temporary, this.path);
          this.#savedText = text;
          this.#disk.syncDirectory(dirname(this.path), (nameError) => {
            if (nameError !== null) {
              this.#savedText = null;
            }
            onDone(nameError);
          });
          return;
        }
      } catch (caught) {
        error = caught;
      }
      onDone(error);
    });
  }

  /** The present content becomes `.bak`. */
  #backUp(): void {
    this.#disk.mkdirSync(dirname(this.path));
    const previous = this.#savedText ?? this.#read(this.path);
    if (previous !== null) {
      this.#replace(`${this.path}.bak`, previous, false);
    }
  }

  #replace(path: string, text: string, isDurable: boolean): void {
    const temporary = `${path}.tmp`;
    const fd = this.#write(temporary, text);
    try {
      if (isDurable) {
        this.#disk.fdatasyncSync(fd);
      }
    } finally {
      this.#disk.closeSync(fd);
    }
    this.#disk.renameSync(temporary, path);
    if (isDurable) {
      // Until the name is there too, a power cut brings the old content back.
      this.#disk.syncDirectorySync(dirname(path));
    }
  }

  /** Makes a file of the text; returns its descriptor. */
  #write(path: string, text: string): number {
    const bytes = Buffer.from(text);
    const fd = this.#disk.openSync(path, { create: true });
    try {
      this.#disk.ftruncateSync(fd, 0);
      for (let done = 0; done < bytes.length; ) {
        done += this.#disk.writeSync(fd, bytes, done, bytes.length - done, done);
      }
    } catch (error) {
      this.#disk.closeSync(fd);
      throw error;
    }
    return fd;
  }
}
