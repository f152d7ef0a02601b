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

const EMPTY = 'is empty';

/**
 * A file of `config/`: state as JSON, with the previous content in `<name>.bak`. A reader takes `.bak` when the file is missing, empty or
 * cannot be parsed. Names and rule are Apache's; unlike there, a save never leaves a half-written file behind: only content that is on the
 * device gets one of the two names, so a power cut leaves the old content or the new one.
 */
export class ConfigFile<T> {
  readonly path: string;
  readonly #options: ConfigFileOptions<T>;
  readonly #disk: Disk;
  /** What the file holds; null when that is not known for certain. */
  #savedText: string | null = null;
  /** The file can be parsed, and so is worth being the `.bak`; null before that is known. */
  #isWhole: boolean | null = null;
  /** Counts saves, so that one in the background sees that a later one took its place. */
  #saves = 0;

  constructor(options: ConfigFileOptions<T>) {
    this.path = options.path;
    this.#options = options;
    this.#disk = options.disk ?? nodeDisk;
  }

  /** The saved value; null when nothing was ever saved. Throws `StoreError` when something was, and none of it can be read. */
  load(): T | null {
    const main = this.#tryLoad(this.path);
    this.#isWhole = main.value !== null;
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
      throw this.#unreadable(`${which} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
    }
    if (main.problem === EMPTY && backup.problem === EMPTY) {
      // There was a second save, and so there was content: a power cut or a full disk took it.
      throw this.#unreadable(`${this.path} and its .bak are empty: what they held is lost`);
    }
    if (main.problem === EMPTY || backup.problem === EMPTY) {
      const which = main.problem === EMPTY ? this.path : `${this.path}.bak`;
      this.#options.logger.warn(`${which} is empty: the save that made it was cut off; starting without what it was to hold`);
    }
    return null;
  }

  #unreadable(message: string, cause?: unknown): StoreError {
    return new StoreError(message, {
      code: 'CONFIG_FILE',
      hint: 'repair the file, or move it and its .bak away to start without what they hold',
      context: { path: this.path },
      cause,
    });
  }

  #tryLoad(path: string): { value: T | null; text: string; problem: string; error: unknown } {
    const text = this.#read(path);
    if (text === null || text.trim() === '') {
      return { value: null, text: '', problem: text === null ? 'is missing' : EMPTY, error: null };
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
   * Saves the value: once it is on the device, the content before becomes `.bak` and the new one takes the name. Nothing happens when the
   * text is what was saved last. A power cut may bring the content before back, but not after a save with `durable`.
   */
  save(value: T, options: { durable?: boolean } = {}): void {
    const text = this.#options.stringify(value);
    this.#saves++;
    if (text === this.#savedText) {
      return;
    }
    const fd = this.#write(text);
    try {
      this.#disk.fdatasyncSync(fd);
    } finally {
      this.#disk.closeSync(fd);
    }
    this.#exchange();
    if (options.durable === true) {
      this.#disk.syncDirectorySync(dirname(this.path));
    }
    this.#savedText = text;
  }

  /**
   * A durable save that does not wait for the device: the content gets its name once it is there, and then `onDone` is called. Any save
   * that comes before that takes its place.
   */
  saveInBackground(value: T, onDone: (error: unknown) => void): void {
    const text = this.#options.stringify(value);
    const save = ++this.#saves;
    let fd: number;
    try {
      if (text === this.#savedText) {
        onDone(null);
        return;
      }
      fd = this.#write(text);
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
          this.#exchange();
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

  /**
   * The content before becomes `.bak`, and the new one, which is on the device, takes the name. Neither is copied: a name never stands for
   * bytes that a power cut may take.
   */
  #exchange(): void {
    this.#savedText = null;
    this.#isWhole ??= this.#tryLoad(this.path).value !== null;
    if (this.#isWhole && this.#disk.statSync(this.path) !== null) {
      this.#disk.renameSync(this.path, `${this.path}.bak`);
    }
    this.#disk.renameSync(this.#temporary, this.path);
    this.#isWhole = true;
  }

  get #temporary(): string {
    return `${this.path}.tmp`;
  }

  /** Makes the temporary file of the text; returns its descriptor. */
  #write(text: string): number {
    this.#disk.mkdirSync(dirname(this.path));
    const bytes = Buffer.from(text);
    const fd = this.#disk.openSync(this.#temporary, { create: true });
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
