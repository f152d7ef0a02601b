import type { MessageStore, PutMessage, PutStatus } from '../../broker/store/index.js';
import { encodeBatch } from '../../src/common/message/batch.js';
import { getProperty } from '../../src/common/message/properties.js';
import { decodeRecord, MAGIC_CODE_POS, type MessageRecord } from '../../src/common/message/record.js';
import { MessageSysFlag, transactionType } from '../../src/common/sys-flag.js';
import { message } from '../broker/store/store-kit.js';
import type { FaultDisk } from './store-fault-disk.js';
import type { PutKind } from './store-life-plan.js';

const TOPICS = ['A', 'B', 'LongerTopicName'];
/** The topic with batch consume queues. */
const INNER_TOPIC = 'Inner';
const INNER_FLAGS = MessageSysFlag.INNER_BATCH | MessageSysFlag.NEED_UNWRAP;
const V2_TOPIC = `%RETRY%${'x'.repeat(130)}`;
const IPV6 = { ip: Buffer.from('20010db8000000000000000000010002', 'hex'), port: 10911 };
const BLANK_MAGIC = 0xcbd43194 | 0;
const FOREVER = Number.MAX_SAFE_INTEGER;
/** A check looks up the keys of one record of so many. */
const KEYS_ONE_IN = 7;

/** When a check is made. */
interface When {
  /** End of what a reader may see. */
  end: number;
  isStart: boolean;
  /** The power was cut before this start. */
  isAfterPowerLoss: boolean;
  /** The last check: nothing is left out. */
  isLast?: boolean;
}

interface Wish {
  kind: PutKind;
  topic: number;
  queueId: number;
  bodyBytes: number;
  waits: boolean;
}

/** What the outside world knows of one record. */
interface Sent {
  key: string;
  put: PutMessage;
  /** Place in its batch. */
  index: number;
  body: Buffer;
  properties: string;
  status: PutStatus | null;
  /** Commit log offset; −1 while nobody knows. */
  offset: number;
  /** Must outlive a killed process. */
  isThere: boolean;
  /** Must outlive a power cut. */
  isDurable: boolean;
  /** Was refused for good. */
  isRefused: boolean;
  /** The record's bytes once they were seen. */
  bytes: Buffer | null;
}

/** Keeps what was sent and answered, and says whether a store agrees. */
export class StoreModel {
  #sent = new Map<string, Sent>();
  #serial = 0;
  /** Refused after they may have been written: until the store could write again they may come back. */
  #doubtful: Sent[] = [];
  /** First offset of the log, as it was when it was looked at last. */
  #logStart = 0;
  /** The disk dropped pages that were never flushed, as a power cut would. */
  hasLostCache = false;
  /** No life was without an index; what came in such a life is not in it. */
  hasFullIndex = true;

  get size(): number {
    return this.#sent.size;
  }

  /** Hands a message of this kind to the store. */
  put(store: MessageStore, disk: FaultDisk, wish: Wish): void {
    const put = this.#message(wish);
    const parts = put.batch === true ? decodeParts(put) : [{ body: Buffer.from(put.body), properties: put.properties }];
    const sent = parts.map(({ body, properties }, index): Sent => {
      const key = getProperty(properties, 'UNIQ_KEY')!;
      const known = { status: null, offset: -1, isThere: false, isDurable: false, isRefused: false, bytes: null };
      return { key, put, index, body, properties, ...known };
    });
    for (const each of sent) this.#sent.set(each.key, each);
    const isSynced = store.config.flushDiskType === 'SYNC_FLUSH' && wish.waits;
    store.put(put, {
      onPut: (_, status) => {
        // A dead process answers nobody.
        if (disk.isDead) return;
        for (const each of sent) this.#answered(each, status, isSynced);
      },
    });
  }

  #answered(sent: Sent, status: PutStatus, isSynced: boolean): void {
    if (sent.status !== null) throw new Error(`${sent.key} was answered before`);
    sent.status = status;
    if (status === 'PUT_OK' || status === 'FLUSH_DISK_TIMEOUT') {
      sent.offset = sent.put.batchOffsets?.[sent.index] ?? sent.put.commitLogOffset;
      sent.isThere = true;
      sent.isDurable = status === 'PUT_OK' && isSynced;
    } else if (sent.put.commitLogOffset < 0) {
      sent.isRefused = true;
    } else {
      this.#doubtful.push(sent);
    }
  }

  /** The store takes messages: what it refused before is cut off. */
  noteWriteable(): void {
    for (const sent of this.#doubtful.splice(0)) sent.isRefused = true;
  }

  /** Retention may have removed files: the log's first offset never goes back. */
  noteRemoved(store: MessageStore): void {
    const start = store.commitLogMinOffset();
    if (start < this.#logStart) throw new Error(`the log begins at ${start}, and began at ${this.#logStart} before`);
    this.#logStart = start;
  }

  /** Everything below is on the device, the store says. */
  noteFlushed(flushedWhere: number): void {
    for (const sent of this.#sent.values()) {
      if (sent.isThere && !sent.isDurable) sent.isDurable = sent.offset < flushedWhere;
    }
  }

  /** All that was acknowledged is on the device: the store was stopped in order. */
  noteStopped(): void {
    for (const sent of this.#sent.values()) sent.isDurable = sent.isThere;
  }

  /** The process is gone; with it, after a power cut, what no promise covers. */
  noteCrash(isPower: boolean): void {
    this.#doubtful = [];
    if (isPower || this.hasLostCache) {
      for (const sent of this.#sent.values()) sent.isThere = sent.isDurable;
    }
    this.hasLostCache = false;
  }

  #message(wish: Wish): PutMessage {
    const { kind, bodyBytes } = wish;
    const text = (extra = ''): string => {
      const key = `k${this.#serial++}`;
      return `UNIQ_KEY\u0001${key}\u0002KEYS\u0001also-${key}\u0002${extra}`;
    };
    const body = (size: number): Buffer => Buffer.alloc(size, `${kind}${this.#serial};`);
    const changes: Partial<PutMessage> = { waitStoreMsgOK: wish.waits, properties: '' };
    let topic = TOPICS[wish.topic]!;
    let queueId = wish.queueId;
    if (kind === 'batch') {
      const part = () => ({ flag: 7, body: body(bodyBytes), properties: text() });
      changes.batch = true;
      const batch = encodeBatch(Array.from({ length: 1 + (bodyBytes % 3) }, part));
      return message(topic, queueId, batch, { ...changes, properties: 'CLUSTER\u0001c\u0002' });
    }
    if (kind === 'inner') {
      return innerMessage(text(), body(bodyBytes), { queueId, waits: wish.waits, count: bodyBytes % 4 });
    }
    if (kind === 'delayed') {
      topic = 'SCHEDULE_TOPIC_XXXX';
      changes.properties = text(`DELAY\u0001${queueId + 1}\u0002REAL_TOPIC\u0001A\u0002REAL_QID\u00010\u0002`);
    } else if (kind === 'half' || kind === 'op' || kind === 'timer') {
      topic = { half: 'RMQ_SYS_TRANS_HALF_TOPIC', op: 'RMQ_SYS_TRANS_OP_HALF_TOPIC', timer: 'rmq_sys_wheel_timer' }[kind];
      queueId = 0;
    } else if (kind === 'v2') {
      topic = V2_TOPIC;
    } else if (kind === 'ipv6') {
      changes.bornHost = IPV6;
      changes.storeHost = bodyBytes % 2 === 0 ? IPV6 : message('', 0, '').storeHost;
    } else {
      const types: Partial<Record<PutKind, number>> = { commit: 0x8, prepared: 0x4, rollback: 0xc };
      changes.sysFlag = types[kind] ?? 0;
      changes.preparedTransactionOffset = kind === 'commit' ? 777 : 0;
    }
    changes.properties ||= text();
    return message(topic, queueId, body(kind === 'large' ? bodyBytes + 3000 : bodyBytes), changes);
  }

  /**
   * Compares a store with the log that its disk holds up to `end`, and the log with what was sent. After a start, what is not there has
   * gone for good, and what is there stays.
   */
  check(store: MessageStore, disk: FaultDisk, when: When): void {
    // One file that was being removed may still be there, or again.
    if (when.isStart) this.#logStart = Math.max(0, this.#logStart - store.config.mappedFileSizeCommitLog);
    this.noteRemoved(store);
    const log = readLog(disk, store, when.end);
    const found = new Map<string, { record: MessageRecord; bytes: Buffer }>();
    for (const each of log) {
      const key = getProperty(each.record.properties, 'UNIQ_KEY')!;
      const at = `${key} at ${each.record.commitLogOffset} in ${each.record.topic} ${each.record.queueId} ${each.record.queueOffset}`;
      const sent = this.#sent.get(key);
      if (sent === undefined) throw new Error(`${at} came back`);
      if (found.has(key)) throw new Error(`${at} is stored twice`);
      if (sent.isRefused) throw new Error(`${at} was refused`);
      compareRecord(sent, each, at);
      found.set(key, each);
    }
    checkQueues(store, log);
    let n = this.#serial;
    for (const [key, { record }] of found) {
      // All of them once, at the end; before that some, which are others each time.
      const isDue = when.isLast === true || n++ % KEYS_ONE_IN === 0;
      if (this.hasFullIndex && isDue) checkKeys(store, key, record);
    }
    this.#settle(store, found, when);
  }

  #settle(store: MessageStore, found: ReadonlyMap<string, { record: MessageRecord; bytes: Buffer }>, when: When): void {
    for (const [key, sent] of this.#sent) {
      const record = found.get(key);
      const isVisible = when.isStart || sent.offset < when.end;
      if (record === undefined) {
        if (sent.isThere && sent.offset < this.#logStart) {
          checkEnd(store, sent);
          continue;
        }
        if (sent.isThere && isVisible) throw new Error(`acknowledged ${key} (${sent.status}) is lost from ${sent.offset}`);
        if (when.isStart) this.#sent.delete(key);
        continue;
      }
      sent.bytes = record.bytes;
      if (when.isStart) {
        // The process that did not answer may have left it to the next one.
        sent.offset = record.record.commitLogOffset;
        sent.isThere = true;
        sent.isDurable ||= when.isAfterPowerLoss;
      }
    }
  }
}

/** A message whose file went: its queue goes on behind it, also when nothing else is in it. */
function checkEnd(store: MessageStore, { key, put, index }: Sent): void {
  if ((put.sysFlag & MessageSysFlag.TRANSACTION_PREPARED_TYPE) !== 0) return;
  const end = store.maxOffset(put.topic, put.queueId);
  const offset = put.queueOffset + index;
  if (end <= offset) throw new Error(`${put.topic}/${put.queueId} ends at ${end}, and ${key} was at ${offset}`);
}

function decodeParts(put: PutMessage): { body: Buffer; properties: string }[] {
  return decodeBatchParts(Buffer.from(put.body)).map(({ body, properties }) => ({ body, properties: properties + put.properties }));
}

/** `queueTypeOf` of the stores that a model fills. */
export function queueTypeOf(topic: string): 'BatchCQ' | 'SimpleCQ' {
  return topic === INNER_TOPIC ? 'BatchCQ' : 'SimpleCQ';
}

/** An inner batch; with a count of 0 a single message for the same topic. */
function innerMessage(properties: string, body: Buffer, how: { queueId: number; waits: boolean; count: number }): PutMessage {
  const { queueId, waits, count } = how;
  if (count === 0) return message(INNER_TOPIC, queueId, body, { properties, waitStoreMsgOK: waits });
  const part = { flag: 0, body, properties: '' };
  const batch = encodeBatch(Array.from({ length: count }, () => part));
  const text = `${properties}INNER_NUM\u0001${count}\u0002`;
  return message(INNER_TOPIC, queueId, batch, { properties: text, waitStoreMsgOK: waits, sysFlag: INNER_FLAGS });
}

/** Queue offsets that a record takes. */
function offsetsOf(record: MessageRecord): number {
  return record.topic === INNER_TOPIC ? Number(getProperty(record.properties, 'INNER_NUM')) : 1;
}

/** What the store writes into properties: an inner batch's size and place, and the CRC of the record. */
const STORE_PROPERTIES = ['INNER_NUM', 'INNER_BASE', '__CRC32#'];

/** Properties without those of the store. */
function ownProperties(properties: string): string {
  const pairs = properties.split('\u0002');
  return pairs.filter((pair) => !STORE_PROPERTIES.some((name) => pair.startsWith(`${name}\u0001`))).join('\u0002');
}

/** The wire form of a batch, read independently of the product's decoder. */
function decodeBatchParts(bytes: Buffer): { body: Buffer; properties: string }[] {
  const parts: { body: Buffer; properties: string }[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readInt32BE(at)) {
    const bodyBytes = bytes.readInt32BE(at + 16);
    const propertiesAt = at + 20 + bodyBytes;
    const properties = bytes.toString('utf8', propertiesAt + 2, propertiesAt + 2 + bytes.readInt16BE(propertiesAt));
    parts.push({ body: bytes.subarray(at + 20, propertiesAt), properties });
  }
  return parts;
}

interface LogRecord {
  record: MessageRecord;
  bytes: Buffer;
}

/** The records of the log as they are in its files, each checked. */
function readLog(disk: FaultDisk, store: MessageStore, end: number): LogRecord[] {
  const records: LogRecord[] = [];
  const fileSize = store.config.mappedFileSizeCommitLog;
  let file: Buffer | null = null;
  let fileStart = -1;
  for (let offset = store.commitLogMinOffset(); offset < end; ) {
    const start = offset - (offset % fileSize);
    if (start !== fileStart) {
      file = disk.content(`${store.config.storePathRootDir}/commitlog/${String(start).padStart(20, '0')}`);
      fileStart = start;
    }
    const at = offset - start;
    if (file === null) throw new Error(`no file holds ${offset} of ${end}`);
    // Of a marker only its magic counts: a power cut may take bytes of the length before it.
    if (file.readInt32BE(at + MAGIC_CODE_POS) === BLANK_MAGIC) {
      offset = start + fileSize;
      continue;
    }
    const record = decodeRecord(file, at, { checkCrc: true });
    if (record.commitLogOffset !== offset) throw new Error(`the record at ${offset} says that it lies at ${record.commitLogOffset}`);
    records.push({ record, bytes: file.subarray(at, at + record.totalSize) });
    offset += record.totalSize;
  }
  return records;
}

function compareRecord(sent: Sent, { record, bytes }: LogRecord, at: string): void {
  if (sent.bytes !== null) {
    if (!sent.bytes.equals(bytes)) throw new Error(`${at} changed`);
    return;
  }
  const { put } = sent;
  const isSame =
    record.topic === put.topic &&
    record.queueId === put.queueId &&
    record.body.equals(sent.body) &&
    ownProperties(record.properties) === ownProperties(sent.properties) &&
    (record.sysFlag & ~0x30) === put.sysFlag &&
    record.bornTimestamp === put.bornTimestamp &&
    record.bornHost.ip.equals(put.bornHost.ip) &&
    record.storeHost.ip.equals(put.storeHost.ip) &&
    record.preparedTransactionOffset === put.preparedTransactionOffset;
  if (!isSame) throw new Error(`${at} is not what was sent`);
  if (sent.isThere) {
    const queueOffset = isQueued(record) ? put.queueOffset + sent.index : 0;
    if (record.queueOffset !== queueOffset || record.commitLogOffset !== sent.offset || record.storeTimestamp !== put.storeTimestamp) {
      throw new Error(`${at} is not where its answer said: ${queueOffset} of the queue, ${sent.offset} of the log`);
    }
  }
}

function isQueued(record: MessageRecord): boolean {
  const type = transactionType(record.sysFlag);
  return type === MessageSysFlag.TRANSACTION_NOT_TYPE || type === MessageSysFlag.TRANSACTION_COMMIT_TYPE;
}

/** Every queue holds the log's records of it, all and in order, and nothing else. */
function checkQueues(store: MessageStore, log: readonly LogRecord[]): void {
  const queues = new Map<string, LogRecord[]>();
  for (const each of log) {
    if (!isQueued(each.record)) continue;
    const name = `${each.record.topic}/${each.record.queueId}`;
    const known = queues.get(name);
    if (known === undefined) queues.set(name, [each]);
    else known.push(each);
  }
  for (const [name, records] of queues) {
    const { topic, queueId, queueOffset } = records[0]!.record;
    let end = queueOffset;
    for (const { record } of records) {
      if (record.queueOffset !== end) throw new Error(`${name} has offset ${record.queueOffset} where ${end} is due`);
      end += offsetsOf(record);
    }
    const bounds = [store.minOffset(topic, queueId), store.maxOffset(topic, queueId)];
    if (bounds[0] !== queueOffset || bounds[1] !== end) {
      throw new Error(`${name} says ${bounds.join(' to ')} where the log has ${queueOffset} to ${end}`);
    }
    for (let offset = queueOffset; offset < end; ) {
      const result = store.getMessage(topic, queueId, offset, 32);
      if (result.status !== 'FOUND') throw new Error(`${name} at ${offset}: ${result.status}`);
      const next = result.nextBeginOffset;
      const wanted = records.filter(({ record }) => record.queueOffset >= offset && record.queueOffset < next).map(({ bytes }) => bytes);
      if (!Buffer.concat(result.buffers).equals(Buffer.concat(wanted)))
        throw new Error(`${name} at ${offset} gives other bytes than the log`);
      offset = next;
    }
  }
  for (const topic of store.topics()) {
    for (const queueId of store.topicQueueIds(topic)) {
      // A queue may keep its end when its messages are gone, as after retention.
      const readable = store.maxOffset(topic, queueId) - store.minOffset(topic, queueId);
      const extra = queues.has(`${topic}/${queueId}`) ? 0 : readable;
      if (extra !== 0) throw new Error(`${topic}/${queueId} says ${extra} messages that the log does not hold`);
    }
  }
}

function checkKeys(store: MessageStore, key: string, record: MessageRecord): void {
  const isIndexed = transactionType(record.sysFlag) !== MessageSysFlag.TRANSACTION_ROLLBACK_TYPE;
  for (const word of [key, `also-${key}`]) {
    const { commitLogOffsets: found } = store.queryByKey(record.topic, word, 10, 0, FOREVER);
    const isRight = isIndexed ? found.length === 1 && found[0] === record.commitLogOffset : found.length === 0;
    if (!isRight) throw new Error(`the index has ${word} at ${found.join()}, the log at ${record.commitLogOffset}`);
  }
}
