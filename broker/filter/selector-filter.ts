import type { MessageFilter } from '../store/index.js';
import { RecordProperties } from './record-properties.js';
import type { Selector } from './selector.js';

/** The store reads one record after the other, so all filters share the reader. */
const properties = new RecordProperties();

/** A selector as the filter of a read: it decides on the record's properties. */
export class SelectorFilter implements MessageFilter {
  readonly #selector: Selector;

  constructor(selector: Selector) {
    this.#selector = selector;
  }

  isMatchedByConsumeQueue(): boolean {
    return true;
  }

  isMatchedByCommitLog(record: Buffer): boolean {
    properties.load(record);
    return this.#selector.matches(properties.read);
  }
}
