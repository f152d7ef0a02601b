import { stringHashCode } from '../../src/common/java.js';
import { appendProperty, getProperty, MessageConst, removeProperty } from '../../src/common/message/properties.js';
import { encodeRecordBuffer, type MessageRecord, recordVersionFor } from '../../src/common/message/record.js';
import { MessageSysFlag, withTransactionType } from '../../src/common/sys-flag.js';
import { RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC, RMQ_SYS_TRANS_HALF_TOPIC } from '../../src/common/topic-names.js';
import { fitsRecord, fittedToRecord } from '../properties-room.js';
import type { PutMessage } from '../store/index.js';

/** Half messages go to this queue; stores of other brokers may have more. */
const HALF_QUEUE_ID = 0;

/** The properties that decide what becomes of a half message. */
export interface HalfState {
  group: string;
  uniqKey: string;
  realTopic: string;
  realQueueId: number;
  /** How often its producer was asked. */
  checkTimes: number;
  /** ms without a check that its sender asked for; −1 when it asked for nothing. */
  immunityMs: number;
  /** Offset of the half message that this one was copied from before it was ever checked; −1 for others. */
  preparedOffset: number;
}

export function readHalfState(properties: string): HalfState {
  const seconds = numberProperty(properties, MessageConst.CHECK_IMMUNITY_TIME_IN_SECONDS, -1);
  return {
    group: getProperty(properties, MessageConst.PGROUP) ?? '',
    uniqKey: getProperty(properties, MessageConst.UNIQ_KEY) ?? '',
    realTopic: getProperty(properties, MessageConst.REAL_TOPIC) ?? '',
    realQueueId: numberProperty(properties, MessageConst.REAL_QID, -1),
    checkTimes: numberProperty(properties, MessageConst.TRANSACTION_CHECK_TIMES, 0),
    immunityMs: seconds < 0 ? -1 : seconds * 1000,
    preparedOffset: numberProperty(properties, MessageConst.TRAN_PREPARED_QUEUE_OFFSET, -1),
  };
}

/** A property as an integer from 0 on; anything else counts as missing. */
function numberProperty(properties: string, name: string, missing: number): number {
  const text = getProperty(properties, name);
  const value = text === undefined ? Number.NaN : Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : missing;
}

/** Turns a message that is about to be put into a half message, in place. */
export function makeHalf(put: PutMessage, uniqKey: string): void {
  put.properties += `__transactionId__\u0001${uniqKey}\u0002REAL_TOPIC\u0001${put.topic}\u0002REAL_QID\u0001${put.queueId}\u0002`;
  put.topic = RMQ_SYS_TRANS_HALF_TOPIC;
  put.queueId = HALF_QUEUE_ID;
  // With the bits of a prepared message it would enter no queue, and no check would find it.
  put.sysFlag = withTransactionType(put.sysFlag, MessageSysFlag.TRANSACTION_NOT_TYPE);
}

/** Fills `put` with the message that a commit delivers. TRAN_MSG, REAL_TOPIC and REAL_QID stay in its properties, as Apache's broker leaves them. */
export function fillCommitted(put: PutMessage, half: MessageRecord, state: HalfState): void {
  const tags = getProperty(half.properties, MessageConst.TAGS);
  put.topic = state.realTopic;
  put.queueId = state.realQueueId;
  put.flag = half.flag;
  put.sysFlag = withTransactionType(half.sysFlag, MessageSysFlag.TRANSACTION_COMMIT_TYPE);
  put.bornTimestamp = half.bornTimestamp;
  put.bornHost = half.bornHost;
  put.storeHost = half.storeHost;
  put.reconsumeTimes = half.reconsumeTimes;
  put.preparedTransactionOffset = half.commitLogOffset;
  put.body = half.body;
  put.properties = half.properties;
  put.tagsCode = tags === undefined ? 0 : stringHashCode(tags);
}

/** A copy of a half message for the end of its queue, with one property set anew; others give it room where there is none. */
export function copyOf(half: MessageRecord, name: string, value: string): PutMessage {
  return again(half, {
    topic: RMQ_SYS_TRANS_HALF_TOPIC,
    queueId: half.queueId,
    properties: fittedToRecord(appendProperty(removeProperty(half.properties, name), name, value)),
  });
}

/** The half message as it is given up: in TRANS_CHECK_MAX_TIME_TOPIC, for somebody to look at. */
export function givenUp(half: MessageRecord): PutMessage {
  return again(half, { topic: RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC, queueId: 0, properties: half.properties });
}

function again(half: MessageRecord, to: { topic: string; queueId: number; properties: string }): PutMessage {
  const tags = getProperty(half.properties, MessageConst.TAGS);
  return {
    topic: to.topic,
    queueId: to.queueId,
    flag: half.flag,
    sysFlag: half.sysFlag,
    bornTimestamp: half.bornTimestamp,
    bornHost: half.bornHost,
    storeHost: half.storeHost,
    reconsumeTimes: half.reconsumeTimes,
    preparedTransactionOffset: 0,
    body: half.body,
    properties: to.properties,
    tagsCode: tags === undefined ? 0 : stringHashCode(tags),
    // What it replaces counts as ended when this is as safe as the half message was.
    waitStoreMsgOK: true,
    queueOffset: 0,
    commitLogOffset: 0,
    storeTimestamp: 0,
    context: null,
  };
}

/** Body of CHECK_TRANSACTION_STATE: the stored copy as its producer sent it, on its own topic and queue. */
export function checkBody(copy: PutMessage, state: HalfState): Buffer {
  const unwaited = appendProperty(removeProperty(copy.properties, MessageConst.WAIT), MessageConst.WAIT, 'false');
  return encodeRecordBuffer({
    magicVersion: recordVersionFor(state.realTopic),
    queueId: state.realQueueId,
    flag: copy.flag,
    queueOffset: copy.queueOffset,
    commitLogOffset: copy.commitLogOffset,
    sysFlag: copy.sysFlag,
    bornTimestamp: copy.bornTimestamp,
    bornHost: copy.bornHost,
    storeTimestamp: copy.storeTimestamp,
    storeHost: copy.storeHost,
    reconsumeTimes: copy.reconsumeTimes,
    preparedTransactionOffset: 0,
    body: copy.body,
    topic: state.realTopic,
    // Nobody who is asked looks at WAIT.
    properties: fitsRecord(unwaited) ? unwaited : copy.properties,
  });
}
