import { join } from 'node:path';
import { parseFastjson, stringifyFastjson } from '../src/common/fastjson.js';
import type { Logger } from '../src/common/logger.js';
import type { Disk } from './store/index.js';
import { ConfigFile } from './store/json-file.js';
import type { TableFile } from './topics/index.js';

/** One file of config/*.json below the store's root. */
export class JsonTableFile implements TableFile {
  readonly #file: ConfigFile<unknown>;
  readonly #logger: Logger;
  readonly #isDurable: boolean;
  #problem: string | null = null;
  #isSaving = false;

  /** @param options.isDurable no power cut brings the content before a save back, once that returned */
  constructor(options: { storePathRootDir: string; name: string; isDurable: boolean; disk: Disk; logger: Logger }) {
    const { storePathRootDir, name, isDurable, disk, logger } = options;
    this.#logger = logger;
    this.#isDurable = isDurable;
    this.#file = new ConfigFile<unknown>({
      path: join(storePathRootDir, 'config', name),
      parse: parseFastjson,
      stringify: (value) => stringifyFastjson(value, { pretty: true }),
      logger,
      disk,
    });
  }

  /** The parsed content; null when there is none. Throws StoreError when neither the file nor its .bak can be read. */
  load(): unknown {
    return this.#file.load();
  }

  get problem(): string | null {
    return this.#problem;
  }

  get isSaving(): boolean {
    return this.#isSaving;
  }

  /** Keeps a table. A failure is logged and stays visible in `problem`: the table is right in memory, and the next save tries again. */
  save(value: unknown, options: { background?: boolean } = {}): void {
    if (options.background === true) {
      this.#saveInBackground(value);
      return;
    }
    try {
      this.#file.save(value, { durable: this.#isDurable });
      this.#saved(null);
    } catch (error) {
      this.#saved(error);
    }
  }

  #saveInBackground(value: unknown): void {
    const done = (error: unknown): void => {
      this.#isSaving = false;
      this.#saved(error);
    };
    this.#isSaving = true;
    try {
      this.#file.saveInBackground(value, done);
    } catch (error) {
      done(error);
    }
  }

  #saved(error: unknown): void {
    if (error === null) {
      if (this.#problem !== null) this.#logger.info(`${this.#file.path} is saved again`);
      this.#problem = null;
      return;
    }
    const problem = `${this.#file.path} cannot be saved: ${(error as Error).message}`;
    if (problem !== this.#problem) this.#logger.error(`${problem}; trying again`);
    this.#problem = problem;
  }
}
