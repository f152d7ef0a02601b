import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import { MessageSysFlag, transactionType } from '../../src/common/sys-flag.js';
import { ResponseCode } from '../../src/remoting/codes.js';
import type { SendRefusal } from '../topics/index.js';
import type { ScannedProperties } from './property-scan.js';
import type { PutContext } from './put-message.js';

const INNER_BATCH_BITS = MessageSysFlag.INNER_BATCH | MessageSysFlag.NEED_UNWRAP;

/**
 * What is wrong with a message that its topic would take. Kinds of messages that this broker cannot handle are refused by name, never
 * stored as something else.
 */
export function faultOf(put: PutContext, scan: ScannedProperties, body: Buffer | null): SendRefusal | null {
  const entry = put.entry!;
  if (entry.isCompaction) return compactionFault(put.topic, scan.hasKeys);
  if (Number.isNaN(scan.delayLevel)) {
    return {
      code: ResponseCode.SYSTEM_ERROR,
      remark: `property DELAY=${getProperty(put.properties, MessageConst.DELAY)} is not a delay level: a whole number`,
    };
  }
  const transaction = transactionType(put.sysFlag);
  const isPrepared = !put.batch && transaction === MessageSysFlag.TRANSACTION_PREPARED_TYPE && !isHalfMessage(put, scan);
  if (isPrepared || (!put.batch && transaction === MessageSysFlag.TRANSACTION_ROLLBACK_TYPE)) {
    return illegal(`sysFlag ${put.sysFlag} says that the message is part of a transaction, but it is no half message (TRAN_MSG=true)`);
  }
  if (scan.hasInnerBatch || (put.sysFlag & INNER_BATCH_BITS) !== 0) {
    const inner = innerBatchFault(put, scan);
    if (inner !== null) return inner;
  }
  if (scan.hasMultiDispatch) return illegal('multi-dispatch (INNER_MULTI_DISPATCH) is not supported by this broker');
  if (body === null || body.length === 0) return illegal(`message to topic[${put.topic}] has no body`);
  if (put.batch && entry.isRetry) return illegal(`batch request does not support retry group ${put.topic}`);
  return null;
}

/** What contradicts itself in a message that says it is an inner batch; the store looks at what is in it. */
function innerBatchFault(put: PutContext, scan: ScannedProperties): SendRefusal | null {
  const { topic } = put;
  const isInner = (put.sysFlag & MessageSysFlag.INNER_BATCH) !== 0;
  if (isInner && !put.entry!.isBatchQueue) return illegal(`topic[${topic}] takes no inner batches: it is not of queue.type=BatchCQ`);
  if (!isInner && !put.batch && getProperty(put.properties, MessageConst.INNER_NUM) !== undefined) {
    return illegal(`message to topic[${topic}] has INNER_NUM, but sysFlag ${put.sysFlag} does not say that it is an inner batch`);
  }
  if (isInner && (scan.isTransaction || scan.delayLevel !== 0 || scan.hasTimer)) {
    return illegal(`inner batch for topic[${topic}]: neither delay, timer nor transaction is supported for batches`);
  }
  return null;
}

/** A retry that a consumer sends itself keeps TRAN_MSG of the message it is made of; its transaction has long ended. */
export function isHalfMessage(put: PutContext, scan: ScannedProperties): boolean {
  return scan.isTransaction && !(put.reconsumeTimes > 0 && scan.delayLevel > 0);
}

/** The answer to a half message with rejectTransactionMessage. */
export function transactionsRejected(brokerIP: string): SendRefusal {
  return {
    code: ResponseCode.NO_PERMISSION,
    remark: `the broker[${brokerIP}] sending transaction message is forbidden: rejectTransactionMessage is true`,
  };
}

function illegal(remark: string): SendRefusal {
  return { code: ResponseCode.MESSAGE_ILLEGAL, remark };
}

function compactionFault(topic: string, hasKeys: boolean): SendRefusal {
  return hasKeys
    ? illegal(`topic[${topic}] has cleanup.policy=COMPACTION, which this broker does not support`)
    : illegal(`topic[${topic}] is compacted: a message without KEYS cannot be stored there`);
}
