import { ProtocolError } from '../../src/common/errors.js';
import { stringHashCode } from '../../src/common/java.js';
import { MAX_PROPERTIES_BYTES } from '../../src/common/limits.js';
import { type BatchMessage, decodeBatch } from '../../src/common/message/batch.js';
import { getProperty, MessageConst, withFinalSeparator } from '../../src/common/message/properties.js';
import { type RecordFields, recordLength, recordVersionFor, sysFlagForHosts } from '../../src/common/message/record.js';
import { MessageSysFlag, transactionType } from '../../src/common/sys-flag.js';
import { type CommitLog, CreateFileError } from './commit-log.js';
import type { ConsumeQueue } from './consume-queue.js';
import { isPathSafe } from './dispatcher.js';
import { MAX_QUEUE_ID } from './limits.js';
import { type PendingPut, PutQueue } from './put-queue.js';
import type { TopicEntry, TopicTable } from './topic-table.js';
import type { PutMessage, PutSink, PutStatus, StoreConfig } from './types.js';

const MAX_TOPIC_BYTES = 127;
const MAX_RETRY_TOPIC_BYTES = 255;
const RETRY_PREFIX = '%RETRY%';
const MAX_SPARE = 4096;

/** Turns messages into records at the end of the commit log, and gives them their place in the queue. */
export class Appender {
  /** Appended in this turn, not written yet. */
  readonly pending = new PutQueue();
  readonly #config: StoreConfig;
  readonly #log: CommitLog;
  readonly #topics: TopicTable;
  readonly #spare: PendingPut[] = [];
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
  }

  /** Appends the message, or says why not. */
  append(message: PutMessage, sink: PutSink, storeTimestamp: number): PutStatus {
    const entry = this.#entryOf(message.topic);
    if (entry === null || entry.isBatchCq || message.queueId < 0 || message.queueId > MAX_QUEUE_ID) {
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
    const limit = topic.startsWith(RETRY_PREFIX) ? MAX_RETRY_TOPIC_BYTES : MAX_TOPIC_BYTES;
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
  }

  #appendOne(message: PutMessage, sink: PutSink, entry: TopicEntry, queue: ConsumeQueue): void {
    const type = transactionType(message.sysFlag);
    const isQueued = type === MessageSysFlag.TRANSACTION_NOT_TYPE || type === MessageSysFlag.TRANSACTION_COMMIT_TYPE;
    const fields = this.#fields;
    const queueOffset = isQueued ? queue.nextOffset : 0;
    fields.queueOffset = queueOffset;
    const bound = boundBytes(entry, message.body.length, message.properties);
    const commitLogOffset = this.#log.append(fields, bound);
    message.queueOffset = queueOffset;
    message.commitLogOffset = commitLogOffset;
    const item = this.#item(entry, isQueued ? queue : null, commitLogOffset);
    item.message = message;
    item.sink = sink;
    item.tagsCode = message.tagsCode;
    item.isIndexed = type !== MessageSysFlag.TRANSACTION_ROLLBACK_TYPE;
    if (isQueued) {
      queue.nextOffset = queueOffset + 1;
    }
  }

  /** A record for each message of the batch, back to back in one file, with consecutive queue offsets. */
  #appendBatch(message: PutMessage, sink: PutSink, entry: TopicEntry, queue: ConsumeQueue): void {
    const parts = decodeBatch(message.body);
    if (parts.length === 0) {
      throw new ProtocolError('a batch without messages');
    }
    const fields = this.#fields;
    fields.preparedTransactionOffset = 0;
    const texts = parts.map((part) => withFinalSeparator(part.properties) + message.properties);
    const bound = parts.reduce((sum, part, i) => sum + boundBytes(entry, part.body.length, texts[i]!), 0);
    this.#log.reserve(this.#batchBytes(entry, parts, texts), bound);
    const offsets: number[] = [];
    const first = queue.nextOffset;
    parts.forEach((part, i) => {
      fields.flag = part.flag;
      fields.body = part.body;
      fields.properties = texts[i]!;
      fields.queueOffset = first + i;
      offsets.push(this.#log.append(fields, boundBytes(entry, part.body.length, texts[i]!)));
      const item = this.#item(entry, queue, offsets[i]!);
      const isLast = i === parts.length - 1;
      item.message = isLast ? message : null;
      item.sink = isLast ? sink : null;
      const tags = getProperty(texts[i]!, MessageConst.TAGS);
      item.tagsCode = tags === undefined ? 0 : stringHashCode(tags);
      item.isIndexed = true;
    });
    message.queueOffset = first;
    message.commitLogOffset = offsets[0]!;
    message.batchOffsets = offsets;
    queue.nextOffset = first + parts.length;
  }

  /** Exact length of a batch's records. Throws when one of them is beyond a limit. */
  #batchBytes(entry: TopicEntry, parts: readonly BatchMessage[], texts: readonly string[]): number {
    const { bornHost, storeHost, sysFlag, magicVersion } = this.#fields;
    const flags = sysFlagForHosts(sysFlag, bornHost, storeHost);
    let total = 0;
    parts.forEach((part, i) => {
      const propertiesBytes = Buffer.byteLength(texts[i]!);
      if (propertiesBytes > MAX_PROPERTIES_BYTES) {
        throw new ProtocolError('properties of a message in a batch', { code: 'PROPERTIES_SIZE_EXCEEDED' });
      }
      total += recordLength({
        topicBytes: entry.topicBytes,
        bodyBytes: part.body.length,
        propertiesBytes,
        sysFlag: flags,
        version: magicVersion,
      });
    });
    return total;
  }

  #item(entry: TopicEntry, queue: ConsumeQueue | null, commitLogOffset: number): PendingPut {
    const fields = this.#fields;
    const item = this.#spare.pop() ?? emptyPut(entry);
    item.entry = entry;
    item.queue = queue;
    item.queueOffset = fields.queueOffset;
    item.commitLogOffset = commitLogOffset;
    item.size = this.#log.end - commitLogOffset;
    item.storeTimestamp = fields.storeTimestamp;
    item.properties = fields.properties;
    this.pending.push(item);
    return item;
  }

  /** Takes back an item that is done with. */
  recycle(item: PendingPut): void {
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
    commitLogOffset: 0,
    size: 0,
    storeTimestamp: 0,
    tagsCode: 0,
    properties: '',
    isIndexed: false,
    deadlineMs: 0,
  };
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
