import { stringHashCode } from '../../src/common/java.js';
import { encodeProperties, MessageConst } from '../../src/common/message/properties.js';
import { decodeRecallHandle, type RecallHandle } from '../../src/common/message/recall-handle.js';
import { RECORD_OVERHEAD_BYTES } from '../../src/common/message/record.js';
import { isWriteable } from '../../src/common/perm-name.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { parkDelayed } from '../delay/index.js';
import type { BrokerParts } from '../parts.js';
import type { PutMessage, PutSink, PutStatus } from '../store/index.js';
import { NO_FIELDS, textField } from './fields.js';
import { isStored } from './put-status.js';
import { fault, respondJson } from './respond.js';

const RECALL_TAG = '_RECALL_TAG_';
const RECALL_BODY = Buffer.from('0');

/** The answer a put is for. */
interface Asked {
  connection: Connection;
  request: RemotingCommand;
  msgId: string;
}

/** RECALL_MESSAGE (370), which cancels a timer message by another one in the same slot; GET_TIMER_CHECK_POINT (60), GET_TIMER_METRICS (61). */
export class TimerProcessor implements PutSink {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.RECALL_MESSAGE, (connection, request) => this.#recall(connection, request));
    server.register(RequestCode.GET_TIMER_CHECK_POINT, (connection, request) => {
      const { timer } = this.#parts;
      if (timer === null) throw fault(ResponseCode.SYSTEM_ERROR, 'The checkpoint is null');
      connection.respond(request, ResponseCode.SUCCESS, null, null, timer.encodeCheckpoint());
    });
    server.register(RequestCode.GET_TIMER_METRICS, (connection, request) => {
      const { timer } = this.#parts;
      if (timer === null) throw fault(ResponseCode.SYSTEM_ERROR, 'The timer message store is null');
      respondJson(connection, request, timer.metrics.toTable());
    });
  }

  onPut(message: PutMessage, status: PutStatus): void {
    const { connection, request, msgId } = message.context as Asked;
    if (!isStored(status)) {
      this.#answer(connection, request, ResponseCode.SYSTEM_ERROR, `recall failed, execute error: ${status}`);
      return;
    }
    const entry = this.#parts.topics.entry(message.topic);
    if (entry !== undefined) {
      const bytes = message.body.length + message.properties.length + message.topic.length + RECORD_OVERHEAD_BYTES;
      this.#parts.stats.countPut(entry.stats, 1, bytes);
    }
    connection.respond(request, ResponseCode.SUCCESS, null, { msgId, ...this.#marks() });
  }

  #marks(): Record<string, string> {
    return { MSG_REGION: this.#parts.config.broker.regionId };
  }

  #answer(connection: Connection, request: RemotingCommand, code: number, remark: string): void {
    connection.respond(request, code, remark, this.#marks());
  }

  #recall(connection: Connection, request: RemotingCommand): void {
    const fields = request.extFields ?? NO_FIELDS;
    const topic = textField(fields, 'topic');
    const handle = decodeRecallHandle(fields.recallHandle ?? '');
    const refusal = this.#refusalOf(topic, handle);
    if (refusal !== null) {
      this.#answer(connection, request, refusal.code, refusal.remark);
      return;
    }
    const put = this.#cancellation(handle!, { group: fields.producerGroup ?? '', asked: { connection, request, msgId: handle!.msgId } });
    const fault = parkDelayed(this.#parts, put, { delayLevel: 0, hasTimer: true });
    if (fault !== null) this.#answer(connection, request, ResponseCode.SYSTEM_ERROR, `recall failed, execute error: ${fault.remark}`);
    else this.#parts.store.put(put, this);
  }

  /** The checks in Apache's order. */
  #refusalOf(topic: string, handle: RecallHandle | null): { code: number; remark: string } | null {
    const { config, clock, topics } = this.#parts;
    const { recallMessageEnable, allowRecallWhenBrokerNotWriteable, brokerPermission, brokerName, startAcceptSendRequestTimeStamp } =
      config.broker;
    if (!recallMessageEnable) return { code: ResponseCode.NO_PERMISSION, remark: 'recall failed, operation is forbidden' };
    const isClosed = clock.nowMs() < startAcceptSendRequestTimeStamp;
    if (isClosed || (!isWriteable(brokerPermission) && !allowRecallWhenBrokerNotWriteable)) {
      return { code: ResponseCode.SERVICE_NOT_AVAILABLE, remark: 'recall failed, broker service not available' };
    }
    if (topics.entry(topic) === undefined) {
      return { code: ResponseCode.TOPIC_NOT_EXIST, remark: `recall failed, the topic[${topic}] not exist` };
    }
    const illegal = (remark: string) => ({ code: ResponseCode.ILLEGAL_OPERATION, remark });
    if (handle === null) return illegal('recall handle is invalid');
    if (handle.topic !== topic) return illegal('recall failed, topic not match');
    if (handle.brokerName !== brokerName) return illegal('recall failed, broker service not available');
    const leftMs = handle.timestampMs - clock.nowMs();
    return leftMs > 0 && leftMs < config.store.timerMaxDelaySec * 1000 ? null : illegal('recall failed, timestamp invalid');
  }

  /** A message for the slot of the recalled one that takes it away. */
  #cancellation(handle: RecallHandle, options: { group: string; asked: Asked }): PutMessage {
    const nowMs = this.#parts.clock.nowMs();
    const properties = encodeProperties([
      [MessageConst.UNIQ_KEY, handle.msgId],
      [MessageConst.BORN_TIMESTAMP, String(nowMs)],
      [MessageConst.TIMER_DELIVER_MS, String(handle.timestampMs)],
      [MessageConst.TIMER_DEL_UNIQKEY, `${handle.topic}+${handle.msgId}`],
      [MessageConst.TAGS, RECALL_TAG],
      [MessageConst.PGROUP, options.group],
    ]);
    return {
      topic: handle.topic,
      queueId: 0,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: nowMs,
      bornHost: options.asked.connection.remoteHost,
      storeHost: this.#parts.storeHost,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: RECALL_BODY,
      properties,
      tagsCode: stringHashCode(RECALL_TAG),
      waitStoreMsgOK: true,
      queueOffset: 0,
      commitLogOffset: 0,
      storeTimestamp: 0,
      context: options.asked,
    };
  }
}
