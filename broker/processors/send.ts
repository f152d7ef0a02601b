import { getProperty, MessageConst, removeProperty, withFinalSeparator } from '../../src/common/message/properties.js';
import { encodeRecallHandle } from '../../src/common/message/recall-handle.js';
import { RECORD_OVERHEAD_BYTES } from '../../src/common/message/record.js';
import { MessageSysFlag, withTransactionType } from '../../src/common/sys-flag.js';
import { RMQ_SYS_WHEEL_TIMER_TOPIC } from '../../src/common/topic-names.js';
import { RequestCode, ResponseCode, responseCodeName } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { parkDelayed, timerFault } from '../delay/index.js';
import type { BrokerParts } from '../parts.js';
import type { PutMessage, PutSink, PutStatus } from '../store/index.js';
import { describeTopic, type SendRefusal, type TopicEntry } from '../topics/index.js';
import { createTopicForSend } from './auto-create.js';
import { BatchIntake } from './batch-intake.js';
import { booleanField, type ExtFields, intField, missing, NO_FIELDS, optionalInt, parseDecimal } from './fields.js';
import { newScan, scanProperties } from './property-scan.js';
import { type PutContext, PutContextPool } from './put-message.js';
import { isStored, PUT_STATUS_CODE, putCounterOf, putRemarkOf } from './put-status.js';
import { routeRetrySend } from './retry-send.js';
import { faultOf, isHalfMessage, transactionsRejected } from './send-faults.js';
import type { SendFlow } from './send-flow.js';
import { type FieldNames, V1, V2 } from './send-header.js';
import { SendResponder } from './send-response.js';
import { topicRefusal } from './topic-refusal.js';

/** Properties that the broker writes itself: what a sender put there is dropped. */
const OWN_PROPERTIES = [MessageConst.POP_CK, MessageConst.MSG_REGION, MessageConst.TRACE_ON, MessageConst.CLUSTER];

/**
 * SEND_MESSAGE (10), SEND_MESSAGE_V2 (310) and SEND_BATCH_MESSAGE (320): the checks in Apache's order, then one `put`. The answer leaves
 * when the store acknowledges: in the same turn (ASYNC_FLUSH), or when its fdatasync returned (SYNC_FLUSH).
 */
export class SendProcessor implements PutSink {
  readonly #parts: BrokerParts;
  readonly #flow: SendFlow;
  readonly #responder: SendResponder;
  readonly #pool = new PutContextPool();
  readonly #scan = newScan();
  readonly #batches = new BatchIntake();
  /** What every stored message gets: MSG_REGION, TRACE_ON, CLUSTER. */
  #suffix = '';
  /** Writes and flushes of the store at the last acknowledgement, and when that was. */
  #ackCount = -1;
  #ackMs = 0;

  constructor(parts: BrokerParts, flow: SendFlow) {
    this.#parts = parts;
    this.#flow = flow;
    this.#responder = new SendResponder(parts.storeHost, parts.config.broker);
    this.configure();
  }

  register(server: RemotingServer): void {
    const register = (code: number, names: FieldNames, isBatch: boolean): void => {
      server.register(code, (connection, request) => {
        try {
          this.#send(connection, request, names, isBatch);
        } catch (error) {
          this.#parts.sends.count('SYSTEM_ERROR');
          throw error;
        }
      });
    };
    register(RequestCode.SEND_MESSAGE_V2, V2, false);
    register(RequestCode.SEND_MESSAGE, V1, false);
    register(RequestCode.SEND_BATCH_MESSAGE, V2, true);
  }

  /** Takes over changed configuration. */
  configure(): void {
    const { regionId, traceOn, brokerClusterName } = this.#parts.config.broker;
    this.#flow.configure();
    this.#responder.configure({ regionId, traceOn });
    this.#suffix = `MSG_REGION\u0001${regionId}\u0002TRACE_ON\u0001${traceOn}\u0002CLUSTER\u0001${brokerClusterName}\u0002`;
  }

  onPut(message: PutMessage, status: PutStatus): void {
    const put = message as PutContext;
    this.#parts.sends.inFlight--;
    if (isStored(status)) {
      this.#count(put);
      if (put.isFirstOfTopic) {
        void this.#answerWhenRegistered(put, status);
        return;
      }
      this.#answerStored(put, status);
    } else {
      this.#parts.sends.count(putCounterOf(status));
      const remark = putRemarkOf(status, put, this.#parts.store);
      put.connection!.respond(put.request!, PUT_STATUS_CODE[status], remark, this.#responder.marks());
    }
    this.#pool.give(put);
  }

  /** The message that created its topic is answered once the name servers know the topic: whoever sent it may ask for its route next. */
  async #answerWhenRegistered(put: PutContext, status: PutStatus): Promise<void> {
    await this.#parts.registration.settled();
    this.#answerStored(put, status);
    this.#pool.give(put);
  }

  #answerStored(put: PutContext, status: PutStatus): void {
    if (status === 'PUT_OK') {
      this.#responder.stored(put, ResponseCode.SUCCESS, null);
      return;
    }
    this.#parts.sends.count(putCounterOf(status));
    this.#responder.stored(put, PUT_STATUS_CODE[status], putRemarkOf(status, put, this.#parts.store));
  }

  #count(put: PutContext): void {
    const bytes = put.body.length + put.properties.length + put.topic.length + RECORD_OVERHEAD_BYTES;
    const entry = put.entry!;
    // A delayed or dead message counts where it lies; the delay service counts it again where it is delivered.
    const stats = put.topic === entry.topicName ? entry.stats : (this.#parts.topics.entry(put.topic) ?? entry).stats;
    this.#parts.stats.countPutOfQueue(stats, put.queueId, put.messageCount, bytes, Math.max(0, this.#ackTime() - put.storeTimestamp));
  }

  /** Now; the clock is read once for all sends that one write, or one flush, acknowledges. */
  #ackTime(): number {
    const { turns, flushes } = this.#parts.store.counters;
    if (turns + flushes !== this.#ackCount) {
      this.#ackCount = turns + flushes;
      this.#ackMs = this.#parts.clock.nowMs();
    }
    return this.#ackMs;
  }

  #send(connection: Connection, request: RemotingCommand, names: FieldNames, isBatch: boolean): void {
    if (!this.#flow.isOpen(connection) && this.#flow.refuse(connection, request)) return;
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

    let entry = this.#parts.topics.entry(topic);
    const isFirstOfTopic = entry === undefined;
    const refusal = topicRefusal(this.#parts, topic, entry);
    if (refusal !== null) {
      this.#refuse(connection, request, refusal);
      return;
    }
    if (entry === undefined) {
      const created = this.#create(connection, topic, fields, names);
      if ('remark' in created) {
        this.#refuse(connection, request, created);
        return;
      }
      entry = created;
    }
    if (queueId >= entry.queueIdBound) {
      const remark = `request queueId[${queueId}] is illegal, ${describeTopic(entry.config)} Producer: ${connection.remoteAddr}`;
      this.#refuse(connection, request, { code: ResponseCode.INVALID_PARAMETER, remark });
      return;
    }
    const put = this.#pool.take();
    put.connection = connection;
    put.request = request;
    put.entry = entry;
    put.isFirstOfTopic = isFirstOfTopic;
    put.topic = topic;
    put.queueId = queueId < 0 ? this.#parts.random.nextInt(Math.max(1, entry.writeQueueNums)) : queueId;
    put.flag = flag;
    put.sysFlag = sysFlag | entry.sendSysFlag;
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
    if (entry.isRetry && !put.batch) {
      if (put.reconsumeTimes > 0) {
        // A consumer sends a message again, with all its properties: its transaction has long ended.
        scan.isTransaction = false;
        put.sysFlag = withTransactionType(put.sysFlag, MessageSysFlag.TRANSACTION_NOT_TYPE);
      }
      const retryFault = routeRetrySend(this.#parts, put, { maxReconsumeTimes: fields[names.maxReconsumeTimes], version: request.version });
      if (retryFault !== null) {
        this.#drop(put, retryFault);
        return;
      }
      // In the DLQ a message has no delay any more.
      if (put.topic !== entry.topicName) scan.delayLevel = 0;
    }
    const fault = faultOf(put, scan, request.body);
    if (fault !== null) {
      this.#drop(put, fault);
      return;
    }
    put.body = request.body!;
    if (put.batch) {
      const refusal = this.#batches.take(put, scan);
      if (refusal !== null) {
        this.#drop(put, refusal);
        return;
      }
    } else if (scan.isTransaction && isHalfMessage(put, scan)) {
      const refusal = this.#prepare(put);
      if (refusal !== null) {
        this.#drop(put, refusal);
        return;
      }
    } else if (scan.delayLevel > 0 || scan.hasTimer) {
      const refusal = parkDelayed(this.#parts, put, scan);
      if (refusal !== null) {
        this.#drop(put, refusal);
        return;
      }
      if (put.topic === RMQ_SYS_WHEEL_TIMER_TOPIC && !entry.isRetry) this.#nameForRecall(put);
    }
    this.#parts.store.put(put, this);
    // Only now: a put that throws has no acknowledgement to wait for.
    this.#parts.sends.inFlight++;
  }

  /** Makes a half message of it, or says why not. What it says of a delay counts when it is committed, and must be possible. */
  #prepare(put: PutContext): SendRefusal | null {
    const { config, transactions } = this.#parts;
    if (config.broker.rejectTransactionMessage) return transactionsRejected(config.broker.brokerIP1);
    const refusal = timerFault(this.#parts, put, this.#scan);
    if (refusal === null) transactions.prepare(put, put.uniqKey);
    return refusal;
  }

  #nameForRecall(put: PutContext): void {
    const timestampMs = Number(getProperty(put.properties, MessageConst.TIMER_OUT_MS)) + 1;
    const { brokerName } = this.#parts.config.broker;
    put.recallHandle = encodeRecallHandle({ topic: put.entry!.topicName, brokerName, timestampMs, msgId: put.uniqKey });
  }

  #create(connection: Connection, topic: string, fields: ExtFields, names: FieldNames): TopicEntry | SendRefusal {
    return createTopicForSend(this.#parts, {
      topic,
      defaultTopic: fields[names.defaultTopic] ?? '',
      defaultTopicQueueNums: intField(fields, names.defaultTopicQueueNums),
      clientAddr: connection.remoteAddr,
    });
  }

  #drop(put: PutContext, fault: SendRefusal): void {
    this.#refuse(put.connection!, put.request!, fault);
    this.#pool.give(put);
  }

  #refuse(connection: Connection, request: RemotingCommand, refusal: SendRefusal): void {
    this.#parts.sends.count(responseCodeName(refusal.code));
    connection.respond(request, refusal.code, refusal.remark, this.#responder.marks());
  }
}
