import type { MessageFilter } from '../store/index.js';
import { RecordProperties } from './record-properties.js';
import type { Selector } from './selector.js';

/** A selector as the filter of a read: it decides on the record's properties. */
export class SelectorFilter implements MessageFilter {
  readonly #selector: Selector;
  readonly #properties: RecordProperties;

  constructor(selector: Selector) {
    this.#selector = selector;
    this.#properties = new RecordProperties(selector.properties);
  }

  isMatchedByCommitLog(buffer: Buffer, position: number, size: number): boolean {
    this.#properties.load(buffer, position, size);
    return this.#selector.matchesRecord(this.#properties);
  }
}
