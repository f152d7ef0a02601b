import type { MQError } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';
import type { MessageQueue } from '../message-queue.js';

/** Messages that a consumer left out because they cannot be read: they are counted, and the log says where they were. */
export class UnreadableMessages {
  readonly #logger: Logger;
  #count = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Records left out; one whose size is broken takes those behind it in its page along, and counts once. */
  get count(): number {
    return this.#count;
  }

  /**
   * @param errors what is wrong in one page, at least one.
   * @param range of a page that was pulled: its offsets, the last not included.
   */
  add(errors: readonly MQError[], queue: MessageQueue, range?: { readonly from: number; readonly to: number }): void {
    this.#count += errors.length;
    const { topic, brokerName, queueId } = queue;
    const where = range === undefined ? '' : ` from offset ${range.from} to ${range.to - 1}`;
    const more = errors.length > 1 ? `, and ${errors.length - 1} more` : '';
    this.#logger.warn(
      `messages of ${topic}/${brokerName}/${queueId}${where} that cannot be read are left out: ${errors[0]?.message}${more}`,
    );
  }
}
