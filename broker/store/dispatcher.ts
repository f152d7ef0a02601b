import { stringHashCode } from '../../src/common/java.js';
import type { Logger } from '../../src/common/logger.js';
import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import { MessageSysFlag, transactionType } from '../../src/common/sys-flag.js';
import { deliverTime } from './delay-levels.js';
import type { IndexService } from './index-service.js';
import { innerMessageCount } from './inner-batch.js';
import { MAX_QUEUE_ID } from './limits.js';
import type { RecordHeader } from './record-header.js';
import type { AnyQueue, TopicEntry, TopicTable } from './topic-table.js';

const SCHEDULE_TOPIC = 'SCHEDULE_TOPIC_XXXX';
const LMQ_PREFIX = '%LMQ%';

/** Files the records that recovery reads: into their consume queues and the index, skipping what they have. */
export class RecoveryDispatcher {
  dispatched = 0;
  /** A queue has no units of messages before one that was filed: they are gone from the log, or the queue has lost them. */
  hasGap = false;
  readonly #topics: TopicTable;
  readonly #index: IndexService | null;
  /** Records from this offset on are missing in the index. */
  readonly #indexFrom: number;
  readonly #delayLevels: readonly number[];
  readonly #logger: Logger;
  readonly #names = new Map<string, TopicEntry>();

  constructor(options: {
    topics: TopicTable;
    index: IndexService | null;
    indexFrom: number;
    delayLevels: readonly number[];
    logger: Logger;
  }) {
    this.#topics = options.topics;
    this.#index = options.index;
    this.#indexFrom = options.indexFrom;
    this.#delayLevels = options.delayLevels;
    this.#logger = options.logger;
  }

  dispatch(buffer: Buffer, header: RecordHeader): void {
    const type = transactionType(header.sysFlag);
    const isQueued = type === MessageSysFlag.TRANSACTION_NOT_TYPE || type === MessageSysFlag.TRANSACTION_COMMIT_TYPE;
    const isIndexed =
      this.#index !== null && type !== MessageSysFlag.TRANSACTION_ROLLBACK_TYPE && header.commitLogOffset >= this.#indexFrom;
    const entry = this.#entryOf(buffer, header);
    const queue = isQueued ? this.#queueThatMisses(entry, header) : undefined;
    if (queue === undefined && !isIndexed) {
      return;
    }
    const properties = buffer.utf8Slice(header.propertiesStart, header.propertiesStart + header.propertiesBytes);
    if (queue !== undefined) {
      const tagsCode = this.#tagsCode(entry.topic, properties, header.storeTimestamp);
      this.#append(queue, header, { queueOffset: header.queueOffset, messageCount: messageCountOf(header, properties), tagsCode });
      this.dispatched++;
    }
    if (isQueued) {
      this.#multiDispatch(header, properties);
    }
    if (isIndexed) {
      this.#index!.put(entry.keyHash, properties, header.commitLogOffset, header.storeTimestamp);
    }
  }

  #entryOf(buffer: Buffer, header: RecordHeader): TopicEntry {
    // Latin-1 is the cheapest text that keeps different bytes different; topics are ASCII but for broken peers.
    const key = buffer.latin1Slice(header.topicStart, header.topicStart + header.topicBytes);
    let entry = this.#names.get(key);
    if (entry === undefined) {
      const found = isInnerBatch(header) || hasInnerBase(buffer, header) ? 'BatchCQ' : 'SimpleCQ';
      entry = this.#topics.topic(buffer.utf8Slice(header.topicStart, header.topicStart + header.topicBytes), found);
      this.#names.set(key, entry);
    }
    return entry;
  }

  #queueThatMisses(entry: TopicEntry, header: RecordHeader): AnyQueue | undefined {
    // An inner batch of an earlier topic of this name cannot be in a simple queue.
    const isForeign = isInnerBatch(header) && entry.queueType === 'SimpleCQ';
    if (isForeign || header.queueId < 0 || header.queueId > MAX_QUEUE_ID || !isPathSafe(entry.topic)) {
      return undefined;
    }
    const queue = this.#topics.queue(entry, header.queueId);
    if (header.queueOffset === 0 && queue.maxOffset > 0 && header.commitLogOffset >= queue.maxPhysicOffset) {
      // The topic was deleted and made again: what the log holds of its first life is no longer in the queue.
      this.#logger.info(`queue ${queue.queueId} of ${queue.topic} begins again at commit log offset ${header.commitLogOffset}`);
      queue.truncateTo(0, 0);
      queue.minOffset = 0;
    }
    const hasIt = header.commitLogOffset + header.totalSize <= queue.maxPhysicOffset || header.queueOffset < queue.maxOffset;
    return hasIt ? undefined : queue;
  }

  #append(queue: AnyQueue, header: RecordHeader, unit: { queueOffset: number; messageCount: number; tagsCode: number | bigint }): void {
    const { queueOffset, messageCount, tagsCode } = unit;
    const { commitLogOffset, totalSize: size, storeTimestamp } = header;
    if (queue.maxOffset > 0) {
      this.hasGap ||= queueOffset > queue.maxOffset;
    } else {
      this.hasGap ||= queue.type === 'SimpleCQ' && queueOffset > queue.expectedStart;
    }
    if (queueOffset > queue.maxOffset && queue.maxOffset > 0) {
      this.#logger.warn(
        `queue ${queue.queueId} of ${queue.topic} has no messages ${queue.maxOffset} to ${queueOffset - 1} in the commit log`,
      );
    }
    if (queue.type === 'BatchCQ') {
      queue.append({ commitLogOffset, size, tagsCode, storeTimestamp, queueOffset, messageCount });
    } else {
      if (queueOffset > queue.maxOffset) {
        queue.fillTo(queueOffset);
      }
      queue.append(commitLogOffset, size, tagsCode);
    }
    this.#topics.markDirty(queue);
  }

  #tagsCode(topic: string, properties: string, storeTimestamp: number): number {
    if (topic === SCHEDULE_TOPIC) {
      const level = Number.parseInt(getProperty(properties, MessageConst.DELAY) ?? '', 10);
      if (level > 0) {
        return deliverTime(this.#delayLevels, level, storeTimestamp);
      }
    }
    const tags = getProperty(properties, MessageConst.TAGS);
    return tags === undefined ? 0 : stringHashCode(tags);
  }

  /** Units that a 5.x broker with multi-dispatch gave the record in other queues. */
  #multiDispatch(header: RecordHeader, properties: string): void {
    if (!properties.includes(MessageConst.INNER_MULTI_DISPATCH)) {
      return;
    }
    const names = getProperty(properties, MessageConst.INNER_MULTI_DISPATCH)?.split(',') ?? [];
    const offsets = getProperty(properties, MessageConst.INNER_MULTI_QUEUE_OFFSET)?.split(',') ?? [];
    names.forEach((name, i) => {
      const queueOffset = Number(offsets[i]);
      if (name === '' || !isPathSafe(name) || !Number.isSafeInteger(queueOffset)) {
        return;
      }
      const queue = this.#topics.queue(this.#topics.topic(name), name.startsWith(LMQ_PREFIX) ? 0 : header.queueId);
      if (header.commitLogOffset + header.totalSize > queue.maxPhysicOffset && queueOffset >= queue.maxOffset) {
        this.#append(queue, header, { queueOffset, messageCount: 1, tagsCode: this.#tagsCode(name, properties, header.storeTimestamp) });
      }
    });
  }
}

function isInnerBatch(header: RecordHeader): boolean {
  return (header.sysFlag & MessageSysFlag.INNER_BATCH) !== 0;
}

/** Whether the record lay in a batch queue: its properties say where. */
function hasInnerBase(buffer: Buffer, header: RecordHeader): boolean {
  const properties = buffer.latin1Slice(header.propertiesStart, header.propertiesStart + header.propertiesBytes);
  return getProperty(properties, MessageConst.INNER_BASE) !== undefined;
}

/** Queue offsets that the record takes. An inner batch whose count cannot be read counts as one message. */
function messageCountOf(header: RecordHeader, properties: string): number {
  return isInnerBatch(header) ? Math.max(1, innerMessageCount(properties)) : 1;
}

/** Whether a topic name can be the name of a directory of its own. */
export function isPathSafe(topic: string): boolean {
  return topic !== '' && topic !== '.' && topic !== '..' && !topic.includes('/') && !topic.includes('\\') && !topic.includes('\0');
}
