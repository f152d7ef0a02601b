import { MessageConst, removeProperty, withFinalSeparator } from '../../src/common/message/properties.js';
import { RECORD_OVERHEAD_BYTES } from '../../src/common/message/record.js';
import { MessageSysFlag, transactionType } from '../../src/common/sys-flag.js';
import { RMQ_SYS_SCHEDULE_TOPIC } from '../../src/common/topic-names.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import type { BrokerParts } from '../parts.js';
import type { PutMessage, PutSink, PutStatus } from '../store/index.js';
import { describeTopic, sendRefusalOf, type TopicEntry } from '../topics/index.js';
import { createTopicForSend } from './auto-create.js';
import { booleanField, type ExtFields, intField, missing, NO_FIELDS, optionalInt, parseDecimal } from './fields.js';
import { newScan, scanProperties } from './property-scan.js';
import { type PutContext, PutContextPool } from './put-message.js';
import { isStored, PUT_STATUS_CODE, PUT_STATUS_REMARK } from './put-status.js';
import { routeRetrySend } from './retry-send.js';
import { SendResponder } from './send-response.js';

/** Names of the header fields in the two forms of a send header. */
interface FieldNames {
  topic: string;
  defaultTopic: string;
  defaultTopicQueueNums: string;
  queueId: string;
  sysFlag: string;
  bornTimestamp: string;
  flag: string;
  properties: string;
  reconsumeTimes: string;
  maxReconsumeTimes: string;
  batch: string;
}

const V2: FieldNames = {
  topic: 'b',
  defaultTopic: 'c',
  defaultTopicQueueNums: 'd',
  queueId: 'e',
  sysFlag: 'f',
  bornTimestamp: 'g',
  flag: 'h',
  properties: 'i',
  reconsumeTimes: 'j',
  maxReconsumeTimes: 'l',
  batch: 'm',
};

const V1: FieldNames = {
  topic: 'topic',
  defaultTopic: 'defaultTopic',
  defaultTopicQueueNums: 'defaultTopicQueueNums',
  queueId: 'queueId',
  sysFlag: 'sysFlag',
  bornTimestamp: 'bornTimestamp',
  flag: 'flag',
  properties: 'properties',
  reconsumeTimes: 'reconsumeTimes',
  maxReconsumeTimes: 'maxReconsumeTimes',
  batch: 'batch',
};

const INNER_BATCH_BITS = MessageSysFlag.INNER_BATCH | MessageSysFlag.NEED_UNWRAP;
const PERM_WRITE = 2;
/** Properties that the broker writes itself: what a sender put there is dropped. */
const OWN_PROPERTIES = [MessageConst.POP_CK, MessageConst.MSG_REGION, MessageConst.TRACE_ON, MessageConst.CLUSTER];
const TIMER_PROPERTIES = [
  MessageConst.TIMER_DELAY_SEC,
  MessageConst.TIMER_DELAY_MS,
  MessageConst.TIMER_DELIVER_MS,
  MessageConst.TIMER_ENQUEUE_MS,
  MessageConst.TIMER_DEQUEUE_MS,
  MessageConst.TIMER_ROLL_TIMES,
  MessageConst.TIMER_OUT_MS,
  MessageConst.TIMER_DEL_UNIQKEY,
];

/**
 * SEND_MESSAGE (10), SEND_MESSAGE_V2 (310) and SEND_BATCH_MESSAGE (320): the checks in Apache's order, then one `put`. The answer leaves
 * when the store acknowledges: in the same turn (ASYNC_FLUSH), or when its fdatasync returned (SYNC_FLUSH).
 */
export class SendProcessor implements PutSink {
  readonly #parts: BrokerParts;
  readonly #responder: SendResponder;
  readonly #pool = new PutContextPool();
  readonly #scan = newScan();
  /** What every stored message gets: MSG_REGION, TRACE_ON, CLUSTER. */
  #suffix = '';
  #inFlight = 0;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.#responder = new SendResponder(parts.storeHost, parts.config.broker);
    this.configure();
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.SEND_MESSAGE_V2, (connection, request) => this.#send(connection, request, V2, false));
    server.register(RequestCode.SEND_MESSAGE, (connection, request) => this.#send(connection, request, V1, false));
    server.register(RequestCode.SEND_BATCH_MESSAGE, (connection, request) => this.#send(connection, request, V2, true));
  }

  /** Takes over changed configuration. */
  configure(): void {
    const { regionId, traceOn, brokerClusterName } = this.#parts.config.broker;
    this.#responder.configure({ regionId, traceOn });
    this.#suffix = `MSG_REGION\u0001${regionId}\u0002TRACE_ON\u0001${traceOn}\u0002CLUSTER\u0001${brokerClusterName}\u0002`;
  }

  /** Messages that wait for the store's acknowledgement. */
  get inFlight(): number {
    return this.#inFlight;
  }

  onPut(message: PutMessage, status: PutStatus): void {
    const put = message as PutContext;
    this.#inFlight--;
    if (isStored(status)) {
      this.#count(put);
      if (put.isFirstOfTopic) {
        void this.#answerWhenRegistered(put, status);
        return;
      }
      this.#responder.stored(put, PUT_STATUS_CODE[status], PUT_STATUS_REMARK[status]);
    } else {
      put.connection!.respond(put.request!, PUT_STATUS_CODE[status], PUT_STATUS_REMARK[status] ?? status, this.#responder.marks());
    }
    this.#pool.give(put);
  }

  /** The message that created its topic is answered once the name servers know the topic: whoever sent it may ask for its route next. */
  async #answerWhenRegistered(put: PutContext, status: PutStatus): Promise<void> {
    await this.#parts.registration.settled();
    this.#responder.stored(put, PUT_STATUS_CODE[status], PUT_STATUS_REMARK[status]);
    this.#pool.give(put);
  }

  #count(put: PutContext): void {
    const messageCount = put.batch ? put.batchOffsets.length : 1;
    const bytes = put.body.length + put.properties.length + put.topic.length + RECORD_OVERHEAD_BYTES;
    const entry = put.entry!;
    // A delayed or dead message counts where it lies; the delay service counts it again where it is delivered.
    const stats = put.topic === entry.topicName ? entry.stats : (this.#parts.topics.entry(put.topic) ?? entry).stats;
    this.#parts.stats.countPut(stats, messageCount, bytes);
  }

  #send(connection: Connection, request: RemotingCommand, names: FieldNames, isBatch: boolean): void {
    const fields = request.extFields ?? NO_FIELDS;
    const topic = fields[names.topic];
    if (topic === undefined) throw missing(names.topic, topic);
    const queueId = parseDecimal(fields[names.queueId]);
    if ((queueId | 0) !== queueId) throw missing(names.queueId, fields[names.queueId]);
    const sysFlag = parseDecimal(fields[names.sysFlag]);
    if ((sysFlag | 0) !== sysFlag) throw missing(names.sysFlag, fields[names.sysFlag]);
    const bornTimestamp = parseDecimal(fields[names.bornTimestamp]);
    if (Number.isNaN(bornTimestamp)) throw missing(names.bornTimestamp, fields[names.bornTimestamp]);
    const flag = parseDecimal(fields[names.flag]);
    if ((flag | 0) !== flag) throw missing(names.flag, fields[names.flag]);

    const config = this.#parts.config.broker;
    if (config.startAcceptSendRequestTimeStamp > 0 && this.#parts.clock.nowMs() < config.startAcceptSendRequestTimeStamp) {
      const remark = `broker unable to service, until ${new Date(config.startAcceptSendRequestTimeStamp).toISOString()}`;
      return this.#refuse(connection, request, ResponseCode.SYSTEM_ERROR, remark);
    }
    let entry = this.#parts.topics.entry(topic);
    if ((config.brokerPermission & PERM_WRITE) === 0 && entry?.config.order === true) {
      return this.#refuse(connection, request, ResponseCode.NO_PERMISSION, `the broker[${config.brokerIP1}] sending message is forbidden`);
    }
    const refusal = entry === undefined ? sendRefusalOf(topic) : entry.sendRefusal;
    if (refusal !== null) return this.#refuse(connection, request, refusal.code, refusal.remark);
    const isFirstOfTopic = entry === undefined;
    if (entry === undefined) {
      const created = this.#create(connection, topic, fields, names);
      if ('remark' in created) return this.#refuse(connection, request, created.code, created.remark);
      entry = created;
    }
    if (queueId >= entry.queueIdBound) {
      const remark = `request queueId[${queueId}] is illegal, ${describeTopic(entry.config)} Producer: ${connection.remoteAddr}`;
      return this.#refuse(connection, request, ResponseCode.INVALID_PARAMETER, remark);
    }
    const put = this.#pool.take();
    put.connection = connection;
    put.request = request;
    put.entry = entry;
    put.isFirstOfTopic = isFirstOfTopic;
    put.topic = topic;
    put.queueId = queueId < 0 ? this.#parts.random.nextInt(Math.max(1, entry.writeQueueNums)) : queueId;
    put.flag = flag;
    put.sysFlag = sysFlag;
    put.bornTimestamp = bornTimestamp;
    put.bornHost = connection.remoteHost;
    put.storeHost = this.#parts.storeHost;
    const reconsume = fields[names.reconsumeTimes];
    put.reconsumeTimes = reconsume === undefined || reconsume === '0' ? 0 : optionalInt(fields, names.reconsumeTimes, 0);
    put.preparedTransactionOffset = 0;
    put.batch = isBatch || (fields[names.batch] !== undefined && booleanField(fields, names.batch));
    this.#fill(put, fields[names.properties] ?? '', fields, names);
  }

  /** Properties, transforms and the put itself; the context goes back to the pool when the message is refused. */
  #fill(put: PutContext, sentProperties: string, fields: ExtFields, names: FieldNames): void {
    const request = put.request!;
    const entry = put.entry!;
    const scan = this.#scan;
    scanProperties(sentProperties, scan);
    let properties = withFinalSeparator(sentProperties);
    if (scan.needsRewrite) {
      for (const name of OWN_PROPERTIES) properties = removeProperty(properties, name);
      if (scan.delayLevel > 0) for (const name of TIMER_PROPERTIES) properties = removeProperty(properties, name);
    }
    let uniqKey = scan.uniqKey;
    if (uniqKey === '' && !put.batch) {
      uniqKey = this.#parts.uniqKeys.create();
      properties += `UNIQ_KEY\u0001${uniqKey}\u0002`;
    }
    put.uniqKey = uniqKey;
    put.properties = properties + this.#suffix;
    put.tagsCode = scan.tagsCode;
    put.waitStoreMsgOK = scan.waitStoreMsgOK;
    put.answerQueueId = put.queueId;
    const body = request.body;
    if (entry.isRetry && !put.batch) {
      const retryFault = routeRetrySend(this.#parts, put, { maxReconsumeTimes: fields[names.maxReconsumeTimes], version: request.version });
      if (retryFault !== null) return this.#drop(put, retryFault.code, retryFault.remark);
      // In the DLQ a message has no delay any more.
      if (put.topic !== entry.topicName) scan.delayLevel = 0;
    }
    const fault = this.#faultOf(put, body);
    if (fault !== null) return this.#drop(put, fault.code, fault.remark);
    put.body = body!;
    if (put.batch) {
      // The batch's own id is for the answer; each message in it has one.
      put.properties = removeProperty(put.properties, MessageConst.UNIQ_KEY);
    } else if (scan.delayLevel > 0) {
      this.#delay(put, scan.delayLevel);
    }
    this.#inFlight++;
    this.#parts.store.put(put, this);
  }

  /** What this broker refuses to store. */
  #faultOf(put: PutContext, body: Buffer | null): { code: number; remark: string } | null {
    const scan = this.#scan;
    const entry = put.entry!;
    if (entry.isCompaction && !scan.hasKeys) {
      return {
        code: ResponseCode.MESSAGE_ILLEGAL,
        remark: `topic[${put.topic}] is compacted: a message without KEYS cannot be stored there`,
      };
    }
    if (entry.isCompaction) {
      return {
        code: ResponseCode.MESSAGE_ILLEGAL,
        remark: `topic[${put.topic}] has cleanup.policy=COMPACTION, which this broker does not support`,
      };
    }
    const transaction = transactionType(put.sysFlag);
    const isHalf = scan.isTransaction && !(put.reconsumeTimes > 0 && scan.delayLevel > 0);
    if (isHalf || transaction === MessageSysFlag.TRANSACTION_PREPARED_TYPE || transaction === MessageSysFlag.TRANSACTION_ROLLBACK_TYPE) {
      return {
        code: ResponseCode.NO_PERMISSION,
        remark: 'the broker sending transaction message is forbidden: half messages (TRAN_MSG) are not supported by this broker',
      };
    }
    if (entry.isBatchQueue || scan.hasInnerBatch || (put.sysFlag & INNER_BATCH_BITS) !== 0) {
      return {
        code: ResponseCode.MESSAGE_ILLEGAL,
        remark: `topic[${put.topic}]: inner batches (queue.type=BatchCQ, INNER_NUM) are not supported by this broker`,
      };
    }
    if (scan.hasMultiDispatch) {
      return { code: ResponseCode.MESSAGE_ILLEGAL, remark: 'multi-dispatch (INNER_MULTI_DISPATCH) is not supported by this broker' };
    }
    if (scan.hasTimer && scan.delayLevel <= 0) {
      return {
        code: ResponseCode.SYSTEM_ERROR,
        remark:
          'timer messages (TIMER_DELAY_SEC, TIMER_DELAY_MS, TIMER_DELIVER_MS) are not supported by this broker; use a delay level (DELAY)',
      };
    }
    if (body === null || body.length === 0) {
      return { code: ResponseCode.MESSAGE_ILLEGAL, remark: `message to topic[${put.topic}] has no body` };
    }
    if (put.batch && entry.isRetry) {
      return { code: ResponseCode.MESSAGE_ILLEGAL, remark: 'batch request does not support retry group ' + put.topic };
    }
    return null;
  }

  /** Parks a message in the queue of its delay level. */
  #delay(put: PutContext, asked: number): void {
    const levels = this.#parts.delayLevels;
    const level = levels.cap(asked);
    if (level !== asked) put.properties = `${removeProperty(put.properties, MessageConst.DELAY)}DELAY\u0001${level}\u0002`;
    put.properties += `REAL_TOPIC\u0001${put.topic}\u0002REAL_QID\u0001${put.queueId}\u0002`;
    put.topic = RMQ_SYS_SCHEDULE_TOPIC;
    put.queueId = level - 1;
    put.tagsCode = this.#parts.clock.nowMs() + levels.delayMs(level);
  }

  #create(connection: Connection, topic: string, fields: ExtFields, names: FieldNames): TopicEntry | { code: number; remark: string } {
    return createTopicForSend(this.#parts, {
      topic,
      defaultTopic: fields[names.defaultTopic] ?? '',
      defaultTopicQueueNums: intField(fields, names.defaultTopicQueueNums),
      clientAddr: connection.remoteAddr,
    });
  }

  #refuse(connection: Connection, request: RemotingCommand, code: number, remark: string): void {
    connection.respond(request, code, remark, this.#responder.marks());
  }

  #drop(put: PutContext, code: number, remark: string): void {
    this.#refuse(put.connection!, put.request!, code, remark);
    this.#pool.give(put);
  }
}
