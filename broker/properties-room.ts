/* What the broker adds to a message that is stored already must not make its properties longer than a record can hold: the message was acknowledged. */
import { MAX_PROPERTIES_BYTES } from '../src/common/limits.js';
import { MessageConst, removeProperty } from '../src/common/message/properties.js';

/** Written by brokers for others to look at; nothing is decided by them. The first goes first. */
const SPARE = [
  MessageConst.FIRST_POP_TIME,
  MessageConst.TIMER_ENQUEUE_MS,
  MessageConst.TIMER_DEQUEUE_MS,
  MessageConst.TRANSACTION_ID,
  MessageConst.TRACE_ON,
  MessageConst.CLUSTER,
  MessageConst.MSG_REGION,
];
const MAX_UTF8_BYTES = 3;
/** What a batch queue adds: INNER_NUM=1, and INNER_BASE with a number of up to 16 digits. */
export const BATCH_QUEUE_BYTES = 40;

/**
 * Whether a record can hold the properties.
 * @param reserveBytes what the store may add to them
 */
export function fitsRecord(properties: string, reserveBytes = 0): boolean {
  const limit = MAX_PROPERTIES_BYTES - reserveBytes;
  return properties.length * MAX_UTF8_BYTES <= limit || (properties.length <= limit && Buffer.byteLength(properties) <= limit);
}

/** The properties, without as many of the spare ones as it takes to fit into a record. Where that is not enough the result is still too long. */
export function fittedToRecord(properties: string, reserveBytes = 0): string {
  let fitted = properties;
  for (let i = 0; i < SPARE.length && !fitsRecord(fitted, reserveBytes); i++) fitted = removeProperty(fitted, SPARE[i]!);
  return fitted;
}
