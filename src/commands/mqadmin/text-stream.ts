import { once } from 'node:events';
import type { Writable } from 'node:stream';

const CHUNK_CHARACTERS = 32 * 1024;

/** Prints much text in few writes, and makes who prints wait while the reader does not read. */
export class TextStream {
  readonly #target: Writable;
  #text = '';
  #scheduled = false;

  constructor(target: Writable) {
    this.#target = target;
  }

  /** @returns what has to be waited for, if anything */
  print(text: string): Promise<unknown> | undefined {
    this.#text += text;
    if (this.#text.length >= CHUNK_CHARACTERS) {
      this.flush();
      return this.#target.writableNeedDrain ? once(this.#target, 'drain') : undefined;
    }
    if (!this.#scheduled) {
      // What comes slowly is seen at once.
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
    return undefined;
  }

  flush(): void {
    if (this.#text !== '') {
      this.#target.write(this.#text);
      this.#text = '';
    }
  }
}
