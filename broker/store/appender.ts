import { ProtocolError } from '../../src/common/errors.js';
import { MAX_PROPERTIES_BYTES } from '../../src/common/limits.js';
import { countBatch } from '../../src/common/message/batch.js';
import { MessageConst, removeProperty } from '../../src/common/message/properties.js';
import { type RecordFields, recordVersionFor } from '../../src/common/message/record.js';
import { MessageSysFlag, transactionType } from '../../src/common/sys-flag.js';
import { isDlqTopic, isRetryTopic } from '../../src/common/topic-names.js';
import { BatchEncoder } from './batch-encoder.js';
import { type CommitLog, CreateFileError } from './commit-log.js';
import { isPathSafe } from './dispatcher.js';
import { IncomingBatch } from './incoming-batch.js';
import { innerBatchProperties, innerMessageCount, MAX_INNER_MESSAGES } from './inner-batch.js';
import { MAX_QUEUE_ID } from './limits.js';
import { PutBatch } from './put-batch.js';
import { type PendingPut, PutQueue } from './put-queue.js';
import type { AnyQueue, TopicEntry, TopicTable } from './topic-table.js';
import type { PutMessage, PutSink, PutStatus, StoreConfig } from './types.js';

const MAX_TOPIC_BYTES = 127;
/** Names of groups may be this long, and with them their topics. */
const MAX_GROUP_TOPIC_BYTES = 255;
/** Objects kept for puts to come: more are in flight only under SYNC_FLUSH. */
const MAX_SPARE = 8192;
const MAX_SPARE_BATCHES = 256;

/** Turns messages into records at the end of the commit log, and gives them their place in the queue. */
export class Appender {
  /** Appended in this turn, not written yet. */
  readonly pending = new PutQueue();
  readonly #config: StoreConfig;
  readonly #log: CommitLog;
  readonly #topics: TopicTable;
  readonly #spare: PendingPut[] = [];
  readonly #spareBatches: PutBatch[] = [];
  readonly #layout = new IncomingBatch();
  readonly #batches: BatchEncoder;
  readonly #fields: RecordFields = {
    magicVersion: 1,
    queueId: 0,
    flag: 0,
    queueOffset: 0,
    commitLogOffset: 0,
    sysFlag: 0,
    bornTimestamp: 0,
    bornHost: { ip: Buffer.alloc(4), port: 0 },
    storeTimestamp: 0,
    storeHost: { ip: Buffer.alloc(4), port: 0 },
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.alloc(0),
    topic: '',
    properties: '',
  };

  constructor(options: { config: StoreConfig; log: CommitLog; topics: TopicTable }) {
    this.#config = options.config;
    this.#log = options.log;
    this.#topics = options.topics;
    this.#batches = new BatchEncoder({ appendsPropertyCrc: options.config.enabledAppendPropCRC });
  }

  /** Appends the message, or says why not. */
  append(message: PutMessage, sink: PutSink, storeTimestamp: number): PutStatus {
    const entry = this.#entryOf(message.topic);
    if (entry === null || message.queueId < 0 || message.queueId > MAX_QUEUE_ID) {
      return 'MESSAGE_ILLEGAL';
    }
    if (message.body.length > this.#config.maxMessageSize) {
      return 'MESSAGE_ILLEGAL';
    }
    if (message.properties.length > MAX_PROPERTIES_BYTES) {
      return 'PROPERTIES_SIZE_EXCEEDED';
    }
    message.storeTimestamp = storeTimestamp;
    const queue = this.#topics.queue(entry, message.queueId);
    this.#fillFields(message, storeTimestamp);
    try {
      if (message.batch === true) {
        this.#appendBatch(message, sink, entry, queue);
      } else {
        this.#appendOne(message, sink, entry, queue);
      }
      return 'PUT_OK';
    } catch (error) {
      return statusOf(error);
    } finally {
      // The body is a view of a receive buffer: it must not be kept alive.
      this.#fields.body = EMPTY;
    }
  }

  #entryOf(topic: string): TopicEntry | null {
    const known = this.#topics.known(topic);
    if (known !== undefined) {
      return known;
    }
    const bytes = Buffer.byteLength(topic);
    const limit = isRetryTopic(topic) || isDlqTopic(topic) ? MAX_GROUP_TOPIC_BYTES : MAX_TOPIC_BYTES;
    return bytes > limit || !isPathSafe(topic) ? null : this.#topics.topic(topic);
  }

  #fillFields(message: PutMessage, storeTimestamp: number): void {
    const fields = this.#fields;
    fields.magicVersion = recordVersionFor(message.topic);
    fields.queueId = message.queueId;
    fields.flag = message.flag;
    fields.sysFlag = message.sysFlag;
    fields.bornTimestamp = message.bornTimestamp;
    fields.bornHost = message.bornHost;
    fields.storeTimestamp = storeTimestamp;
    fields.storeHost = message.storeHost;
    fields.reconsumeTimes = message.reconsumeTimes;
    fields.preparedTransactionOffset = message.preparedTransactionOffset;
    fields.body = message.body;
    fields.topic = message.topic;
    fields.properties = message.properties;
    if (this.#config.enabledAppendPropCRC && message.properties.includes(MessageConst.CRC32)) {
      fields.properties = removeProperty(message.properties, MessageConst.CRC32);
    }
  }

  #appendOne(message: PutMessage, sink: PutSink, entry: TopicEntry, queue: AnyQueue): void {
    const type = transactionType(message.sysFlag);
    const isQueued = type === MessageSysFlag.TRANSACTION_NOT_TYPE || type === MessageSysFlag.TRANSACTION_COMMIT_TYPE;
    const fields = this.#fields;
    const queueOffset = isQueued ? queue.nextOffset : 0;
    fields.queueOffset = queueOffset;
    let messageCount = 1;
    if (queue.type === 'BatchCQ') {
      messageCount = innerCountOf(message);
      fields.properties = innerBatchProperties(fields.properties, messageCount, queueOffset);
    } else if ((message.sysFlag & MessageSysFlag.INNER_BATCH) !== 0) {
      throw new ProtocolError('an inner batch for a topic without batch consume queues');
    }
    const bound = boundBytes(entry, message.body.length, fields.properties);
    const commitLogOffset = this.#log.append(fields, bound);
    message.queueOffset = queueOffset;
    message.commitLogOffset = commitLogOffset;
    const item = this.#item(entry, isQueued ? queue : null, commitLogOffset);
    item.messageCount = messageCount;
    item.message = message;
    item.sink = sink;
    item.tagsCode = message.tagsCode;
    item.isIndexed = type !== MessageSysFlag.TRANSACTION_ROLLBACK_TYPE;
    if (isQueued) {
      queue.nextOffset = queueOffset + messageCount;
    }
  }

  /** A record for each message of the batch, back to back in one file, with consecutive queue offsets. */
  #appendBatch(message: PutMessage, sink: PutSink, entry: TopicEntry, queue: AnyQueue): void {
    const layout = message.layout ?? this.#layout;
    if (message.layout === undefined) {
      layout.read(message.body);
    }
    const count = layout.count;
    if (count === 0 || (message.sysFlag & MessageSysFlag.INNER_BATCH) !== 0) {
      throw new ProtocolError(count === 0 ? 'a batch without messages' : 'an inner batch is one record');
    }
    const first = queue.nextOffset;
    const ownTexts = queue.type === 'BatchCQ' ? Array.from({ length: count }, (_, i) => innerBatchProperties('', 1, first + i)) : [];
    const total = this.#batches.measure(message, layout, ownTexts);
    if (total < 0) {
      throw new ProtocolError('properties of a message in a batch', { code: 'PROPERTIES_SIZE_EXCEEDED' });
    }
    const { buffer, position } = this.#log.reserve(total, message.body.length);
    const offset = this.#log.end;
    const { storeTimestamp } = this.#fields;
    this.#batches.write(buffer, position, { message, layout, total, offset, queueOffset: first, storeTimestamp });
    this.#log.advance(total);
    const batch = this.#spareBatches.pop() ?? new PutBatch();
    batch.begin();
    const offsets = message.batchOffsets ?? [];
    offsets.length = 0;
    let at = offset;
    for (let i = 0; i < count; i++) {
      const size = this.#batches.sizes[i]!;
      layout.addKeyHashes(message.body, i, entry.keyHash, batch);
      batch.endMessage(size, layout.tagsCodes[i]!);
      offsets.push(at);
      at += size;
    }
    message.queueOffset = first;
    message.commitLogOffset = offset;
    message.batchOffsets = offsets;
    queue.nextOffset = first + count;
    this.#fields.queueOffset = first;
    const item = this.#item(entry, queue, offset);
    item.messageCount = count;
    item.message = message;
    item.sink = sink;
    item.isIndexed = true;
    item.batch = batch;
  }

  #item(entry: TopicEntry, queue: AnyQueue | null, commitLogOffset: number): PendingPut {
    const fields = this.#fields;
    const item = this.#spare.pop() ?? emptyPut(entry);
    item.entry = entry;
    item.queue = queue;
    item.queueOffset = fields.queueOffset;
    item.messageCount = 1;
    item.commitLogOffset = commitLogOffset;
    item.size = this.#log.end - commitLogOffset;
    item.storeTimestamp = fields.storeTimestamp;
    item.properties = fields.properties;
    this.pending.push(item);
    return item;
  }

  /** Takes back an item that is done with. */
  recycle(item: PendingPut): void {
    if (item.batch !== null) {
      if (this.#spareBatches.length < MAX_SPARE_BATCHES) {
        this.#spareBatches.push(item.batch);
      }
      item.batch = null;
    }
    if (this.#spare.length < MAX_SPARE) {
      item.message = null;
      item.sink = null;
      item.properties = '';
      this.#spare.push(item);
    }
  }
}

const EMPTY = Buffer.alloc(0);

function emptyPut(entry: TopicEntry): PendingPut {
  return {
    message: null,
    sink: null,
    entry,
    queue: null,
    queueOffset: 0,
    messageCount: 1,
    commitLogOffset: 0,
    size: 0,
    storeTimestamp: 0,
    tagsCode: 0,
    properties: '',
    isIndexed: false,
    batch: null,
    deadlineMs: 0,
  };
}

/** Queue offsets that a record for a batch queue takes. Throws when it is an inner batch that does not hold what it says. */
function innerCountOf(message: PutMessage): number {
  if ((message.sysFlag & MessageSysFlag.INNER_BATCH) === 0) {
    return 1;
  }
  const stated = innerMessageCount(message.properties);
  // A compressed body is the consumers' business: they inflate it before they unwrap it.
  const found = (message.sysFlag & MessageSysFlag.COMPRESSED) === 0 ? countBatch(message.body) : stated;
  if (stated === 0 || stated !== found || found > MAX_INNER_MESSAGES) {
    throw new ProtocolError(`an inner batch of ${found} messages whose INNER_NUM is ${stated}`);
  }
  return stated;
}

/** At least the length of the record, without looking at the characters. */
function boundBytes(entry: TopicEntry, bodyBytes: number, properties: string): number {
  return 128 + entry.topicBytes + bodyBytes + properties.length * 3;
}

function statusOf(error: unknown): PutStatus {
  if (error instanceof CreateFileError) {
    return 'CREATE_MAPPED_FILE_FAILED';
  }
  if (error instanceof ProtocolError) {
    return error.code === 'RECORD_MALFORMED' || error.code === 'PROPERTIES_SIZE_EXCEEDED' ? 'PROPERTIES_SIZE_EXCEEDED' : 'MESSAGE_ILLEGAL';
  }
  throw error;
}
