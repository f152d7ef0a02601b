/*
 * Names and receipts of POP consumption. Mirrors KeyBuilder and ExtraInfoUtil.
 *
 * A receipt is text, its fields separated by one space:
 * | startOffset | popTime ms | invisibleTime ms | reviveQid | retry flag | brokerName | queueId | offset of the message in its queue (may be missing) |
 */
import { ProtocolError } from './errors.js';
import { RETRY_GROUP_TOPIC_PREFIX } from './topic-names.js';

/** Which kind of topic a popped message lay in: 0 the topic itself, 1 and 2 the group's retry topic of that naming. */
export type RetryFlag = '0' | '1' | '2';

/** The topic that a group's popped messages come back by: `%RETRY%group_topic`, or `%RETRY%group+topic` in the second naming. */
export function popRetryTopic(topic: string, group: string, naming: 'v1' | 'v2'): string {
  return `${RETRY_GROUP_TOPIC_PREFIX}${group}${naming === 'v1' ? '_' : '+'}${topic}`;
}

export function retryFlagOf(topic: string): RetryFlag {
  if (!topic.startsWith(RETRY_GROUP_TOPIC_PREFIX)) return '0';
  return topic.includes('+') ? '2' : '1';
}

/**
 * Whether a group's messages come back by this topic: its own retry topic, or one for its popped messages of some topic. Only of topics that the
 * group has offsets of: by its name alone `%RETRY%a_b` may as well be the retry topic of group `a_b`.
 */
export function isRetryOf(topic: string, group: string): boolean {
  const own = RETRY_GROUP_TOPIC_PREFIX + group;
  return topic.startsWith(own) && ['', '_', '+'].includes(topic.charAt(own.length));
}

/** The topic that a retry topic of the group belongs to; any other topic is itself. */
export function originalTopicOf(topic: string, group: string): string {
  if (!topic.startsWith(RETRY_GROUP_TOPIC_PREFIX)) return topic;
  return topic.slice(RETRY_GROUP_TOPIC_PREFIX.length + group.length + 1);
}

/** The topic that a message lies in, from the topic it belongs to and the flag of its receipt. */
export function storedTopicOf(topic: string, group: string, flag: string): string {
  switch (flag) {
    case '0':
      return topic;
    case '1':
      return popRetryTopic(topic, group, 'v1');
    case '2':
      return popRetryTopic(topic, group, 'v2');
    default:
      throw new ProtocolError(`the retry flag ${JSON.stringify(flag.slice(0, 20))} is not known; 0, 1 and 2 are`);
  }
}

/** What a consumer needs to acknowledge a message or to keep it longer. */
export interface PopReceipt {
  /** First offset of the check point that the message belongs to. */
  startOffset: number;
  popTime: number;
  invisibleTime: number;
  reviveQid: number;
  retryFlag: string;
  brokerName: string;
  queueId: number;
  /** −1 when the receipt does not say. */
  queueOffset: number;
}

export function encodePopReceipt(receipt: PopReceipt): string {
  const { startOffset, popTime, invisibleTime, reviveQid, retryFlag, brokerName, queueId, queueOffset } = receipt;
  return `${startOffset} ${popTime} ${invisibleTime} ${reviveQid} ${retryFlag} ${brokerName} ${queueId} ${queueOffset}`;
}

/** @throws ProtocolError when the text is no receipt */
export function decodePopReceipt(text: string): PopReceipt {
  const parts = text.split(' ');
  const number = (at: number, missing?: number): number => {
    const part = parts[at];
    if (part === undefined && missing !== undefined) return missing;
    const value = /^\d{1,16}$/.test(part ?? '') ? Number(part) : Number.NaN;
    if (!Number.isSafeInteger(value)) throw malformed(text);
    return value;
  };
  const [, , , , retryFlag, brokerName] = parts;
  if (retryFlag === undefined || brokerName === undefined) throw malformed(text);
  return {
    startOffset: number(0),
    popTime: number(1),
    invisibleTime: number(2),
    reviveQid: number(3),
    retryFlag,
    brokerName,
    queueId: number(6, 0),
    queueOffset: number(7, -1),
  };
}

function malformed(text: string): ProtocolError {
  return new ProtocolError(`the receipt ${JSON.stringify(text.slice(0, 200))} cannot be read; it is extraInfo as a pop gave it`);
}
