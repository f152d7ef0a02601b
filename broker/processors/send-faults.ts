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
  const transaction = transactionType(put.sysFlag);
  const isHalf = scan.isTransaction && !(put.reconsumeTimes > 0 && scan.delayLevel > 0);
  if (isHalf || transaction === MessageSysFlag.TRANSACTION_PREPARED_TYPE || transaction === MessageSysFlag.TRANSACTION_ROLLBACK_TYPE) {
    return {
      code: ResponseCode.NO_PERMISSION,
      remark: 'the broker sending transaction message is forbidden: half messages (TRAN_MSG) are not supported by this broker',
    };
  }
  if (entry.isBatchQueue || scan.hasInnerBatch || (put.sysFlag & INNER_BATCH_BITS) !== 0) {
    return illegal(`topic[${put.topic}]: inner batches (queue.type=BatchCQ, INNER_NUM) are not supported by this broker`);
  }
  if (scan.hasMultiDispatch) return illegal('multi-dispatch (INNER_MULTI_DISPATCH) is not supported by this broker');
  if (scan.hasTimer && scan.delayLevel <= 0) {
    return {
      code: ResponseCode.SYSTEM_ERROR,
      remark:
        'timer messages (TIMER_DELAY_SEC, TIMER_DELAY_MS, TIMER_DELIVER_MS) are not supported by this broker; use a delay level (DELAY)',
    };
  }
  if (body === null || body.length === 0) return illegal(`message to topic[${put.topic}] has no body`);
  if (put.batch && entry.isRetry) return illegal(`batch request does not support retry group ${put.topic}`);
  return null;
}

function illegal(remark: string): SendRefusal {
  return { code: ResponseCode.MESSAGE_ILLEGAL, remark };
}

function compactionFault(topic: string, hasKeys: boolean): SendRefusal {
  return hasKeys
    ? illegal(`topic[${topic}] has cleanup.policy=COMPACTION, which this broker does not support`)
    : illegal(`topic[${topic}] is compacted: a message without KEYS cannot be stored there`);
}
