import { ProtocolError } from '../../src/common/errors.js';
import { MessageConst, removeProperty } from '../../src/common/message/properties.js';
import { MessageSysFlag, transactionType } from '../../src/common/sys-flag.js';
import { ResponseCode } from '../../src/remoting/codes.js';
import { IncomingBatch, MAX_INNER_MESSAGES } from '../store/index.js';
import type { SendRefusal } from '../topics/index.js';
import { newScan, type ScannedProperties, scanProperties } from './property-scan.js';
import type { PutContext } from './put-message.js';

/**
 * Takes the messages of a batch request apart. The rules of a single message hold for each of them, but what stands in one message cannot
 * park or prepare the others: delay, timer and transaction are refused. A batch for a topic with queue.type=BatchCQ stays one record, an
 * inner batch, when it has an id of its own; clients before 5.x give it none, and get a record for each message.
 */
export class BatchIntake {
  readonly #layout = new IncomingBatch();
  readonly #scan = newScan();

  /** Makes `put`, whose body is set, ready for the store; or says why it is refused. `outer` are the batch's own properties. */
  take(put: PutContext, outer: ScannedProperties): SendRefusal | null {
    const refused = outerFault(put, outer) ?? this.#read(put);
    if (refused !== null) return refused;
    const layout = this.#layout;
    put.messageCount = layout.count;
    if (put.entry!.isBatchQueue && put.uniqKey !== '') return wrap(put);
    // The batch's own id is for the answer; each message in it has one.
    put.properties = removeProperty(put.properties, MessageConst.UNIQ_KEY);
    put.layout = layout;
    return null;
  }

  #read(put: PutContext): SendRefusal | null {
    const layout = this.#layout;
    const scan = this.#scan;
    try {
      layout.read(put.body);
    } catch (error) {
      if (error instanceof ProtocolError) return illegal(`batch for topic[${put.topic}]: ${error.message}`);
      throw error;
    }
    if (layout.count === 0) return illegal(`batch for topic[${put.topic}] has no messages`);
    for (let i = 0; i < layout.count; i++) {
      if (!layout.isUnusual[i]) continue;
      scanProperties(layout.text(put.body, i), scan);
      if (scan.delayLevel !== 0 || scan.isTransaction || scan.hasTimer || scan.hasInnerBatch || scan.hasMultiDispatch) {
        return illegal(`message ${i + 1} of the batch for topic[${put.topic}]: a batch does not support ${kindOf(scan)}`);
      }
    }
    return null;
  }
}

/** Makes the batch one record. */
function wrap(put: PutContext): SendRefusal | null {
  if (put.messageCount > MAX_INNER_MESSAGES) {
    return illegal(`inner batch for topic[${put.topic}] has ${put.messageCount} messages, at most ${MAX_INNER_MESSAGES} fit`);
  }
  put.batch = false;
  put.batchUniqId = put.uniqKey;
  put.sysFlag |= MessageSysFlag.NEED_UNWRAP | MessageSysFlag.INNER_BATCH;
  put.properties = `${removeProperty(put.properties, MessageConst.INNER_NUM)}INNER_NUM\u0001${put.messageCount}\u0002`;
  return null;
}

function outerFault(put: PutContext, outer: ScannedProperties): SendRefusal | null {
  if (transactionType(put.sysFlag) !== MessageSysFlag.TRANSACTION_NOT_TYPE) {
    return illegal(
      `batch for topic[${put.topic}]: sysFlag ${put.sysFlag} says transaction, a batch does not support half messages (TRAN_MSG)`,
    );
  }
  if (outer.delayLevel !== 0 || outer.isTransaction || outer.hasTimer) {
    return illegal(`batch for topic[${put.topic}]: a batch does not support ${kindOf(outer)}`);
  }
  return null;
}

function kindOf(scan: ScannedProperties): string {
  if (scan.isTransaction) return 'half messages (TRAN_MSG)';
  if (scan.delayLevel !== 0) return 'delayed messages (DELAY)';
  if (scan.hasTimer) return 'timer messages (TIMER_DELAY_SEC, TIMER_DELAY_MS, TIMER_DELIVER_MS)';
  return scan.hasInnerBatch ? 'inner batches (INNER_NUM)' : 'multi-dispatch (INNER_MULTI_DISPATCH)';
}

function illegal(remark: string): SendRefusal {
  return { code: ResponseCode.MESSAGE_ILLEGAL, remark };
}
