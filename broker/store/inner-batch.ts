/*
 * Records of a topic with queue.type=BatchCQ. An inner batch is one record whose body is the wire form of a batch (sysFlag INNER_BATCH and
 * NEED_UNWRAP); its properties say how many messages it holds (INNER_NUM) and the queue offset of the first (INNER_BASE). A single message
 * there has the two properties as well, with 1: without them no broker files the record in a batch consume queue.
 */
import { getProperty, MessageConst, removeProperty, withFinalSeparator } from '../../src/common/message/properties.js';

/** A batch consume queue has two signed bytes for the number of messages. */
export const MAX_INNER_MESSAGES = 32_767;

/** INNER_NUM of a properties text; 0 when it is missing or impossible. */
export function innerMessageCount(properties: string): number {
  const text = getProperty(properties, MessageConst.INNER_NUM);
  const count = text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return count <= MAX_INNER_MESSAGES ? count : 0;
}

/** The properties of a record that takes `messageCount` offsets of a batch queue from `queueOffset` on. */
export function innerBatchProperties(properties: string, messageCount: number, queueOffset: number): string {
  const others = removeProperty(removeProperty(properties, MessageConst.INNER_NUM), MessageConst.INNER_BASE);
  return `${withFinalSeparator(others)}INNER_NUM\u0001${messageCount}\u0002INNER_BASE\u0001${queueOffset}\u0002`;
}
