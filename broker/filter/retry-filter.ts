import { MessageConst } from '../../src/common/message/properties.js';
import type { MessageFilter } from '../store/index.js';
import { RecordProperties } from './record-properties.js';

/** Filter of a retry topic (`filterSupportRetry`): each message by the group's selector on the topic it comes from; without one it passes. */
export class RetryFilter implements MessageFilter {
  readonly #filterOf: (topic: string) => MessageFilter | null;
  readonly #properties = new RecordProperties([MessageConst.RETRY_TOPIC]);

  /** @param filterOf the group's selector on a topic; null when it has none */
  constructor(filterOf: (topic: string) => MessageFilter | null) {
    this.#filterOf = filterOf;
  }

  isMatchedByCommitLog(buffer: Buffer, position: number, size: number): boolean {
    this.#properties.load(buffer, position, size);
    const topic = this.#properties.read(MessageConst.RETRY_TOPIC);
    return topic === null || this.#filterOf(topic)?.isMatchedByCommitLog?.(buffer, position, size) !== false;
  }
}
