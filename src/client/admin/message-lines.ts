import { UsageError } from '../../common/errors.js';
import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import type { MessageView } from './message-view.js';

/** A message as a line of JSON: one that was read has all of this, one that is to be sent needs a body alone. */
export interface MessageLine {
  readonly topic?: string;
  readonly brokerName?: string;
  readonly queueId?: number;
  readonly queueOffset?: number;
  readonly msgId?: string;
  readonly offsetMsgId?: string;
  readonly bornTimestamp?: number;
  readonly storeTimestamp?: number;
  readonly bornHost?: string;
  readonly storeHost?: string;
  readonly reconsumeTimes?: number;
  readonly flag?: number;
  readonly tags?: string;
  /** Several are separated by blanks. */
  readonly keys?: string;
  readonly shardingKey?: string;
  /** All properties but tags and keys, those of the system too. */
  readonly properties?: Readonly<Record<string, string>>;
  /** The body where it is UTF-8. */
  readonly body?: string;
  /** The body where it is not. */
  readonly bodyBase64?: string;
  /** Only of messages that are to be sent: of a stored one the delay is over. */
  readonly delayTimeLevel?: number;
  readonly delayTimeMs?: number;
  readonly deliverTimeMs?: number;
}

/** Properties that a message that is sent again gets anew, or that would have the system treat it as what it is no more. */
const OF_ONE_LIFE: ReadonlySet<string> = new Set([
  MessageConst.WAIT,
  MessageConst.DELAY,
  MessageConst.RETRY_TOPIC,
  MessageConst.REAL_TOPIC,
  MessageConst.REAL_QID,
  MessageConst.TRAN_MSG,
  MessageConst.PGROUP,
  MessageConst.MIN_OFFSET,
  MessageConst.MAX_OFFSET,
  MessageConst.TRANSFER_FLAG,
  MessageConst.CORRECTION_FLAG,
  MessageConst.MQ2_FLAG,
  MessageConst.RECONSUME_TIME,
  MessageConst.MSG_REGION,
  MessageConst.TRACE_ON,
  MessageConst.UNIQ_KEY,
  MessageConst.EXTEND_UNIQ_INFO,
  MessageConst.MAX_RECONSUME_TIMES,
  MessageConst.CONSUME_START_TIME,
  MessageConst.INNER_NUM,
  MessageConst.INNER_BASE,
  MessageConst.DUP_INFO,
  MessageConst.CHECK_IMMUNITY_TIME_IN_SECONDS,
  MessageConst.TRAN_PREPARED_QUEUE_OFFSET,
  MessageConst.TRANSACTION_ID,
  MessageConst.TRANSACTION_CHECK_TIMES,
  MessageConst.CORRELATION_ID,
  MessageConst.REPLY_TO_CLIENT,
  MessageConst.TTL,
  MessageConst.ARRIVE_TIME,
  MessageConst.PUSH_REPLY_TIME,
  MessageConst.CLUSTER,
  MessageConst.MSG_TYPE,
  MessageConst.POP_CK,
  MessageConst.POP_CK_OFFSET,
  MessageConst.FIRST_POP_TIME,
  MessageConst.FORWARD_QUEUE_ID,
  MessageConst.REDIRECT,
  MessageConst.INNER_MULTI_DISPATCH,
  MessageConst.INNER_MULTI_QUEUE_OFFSET,
  MessageConst.TIMER_DELAY_SEC,
  MessageConst.TIMER_DELAY_MS,
  MessageConst.TIMER_DELIVER_MS,
  MessageConst.TIMER_ENQUEUE_MS,
  MessageConst.TIMER_DEQUEUE_MS,
  MessageConst.TIMER_ROLL_TIMES,
  MessageConst.TIMER_OUT_MS,
  MessageConst.TIMER_DEL_UNIQKEY,
  MessageConst.TIMER_DELAY_LEVEL,
  MessageConst.BORN_HOST,
  MessageConst.BORN_TIMESTAMP,
  MessageConst.CRC32,
]);

/** The properties of a stored message that it keeps when it is sent again; tags and keys are fields of their own. */
export function lastingProperties(properties: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(
    Object.entries(properties).filter(([name]) => !OF_ONE_LIFE.has(name) && name !== MessageConst.TAGS && name !== MessageConst.KEYS),
  );
}

/** A stored message as an object for a line of JSON, without loss. */
export function messageLine(message: MessageView): MessageLine {
  const { TAGS: _, KEYS: __, ...properties } = message.properties;
  return {
    topic: message.topic,
    ...(message.brokerName === undefined ? {} : { brokerName: message.brokerName }),
    queueId: message.queueId,
    queueOffset: message.queueOffset,
    msgId: message.msgId,
    offsetMsgId: message.offsetMsgId,
    bornTimestamp: message.bornTimestamp,
    storeTimestamp: message.storeTimestamp,
    bornHost: message.bornHost,
    storeHost: message.storeHost,
    reconsumeTimes: message.reconsumeTimes,
    ...(message.flag === 0 ? {} : { flag: message.flag }),
    ...(message.tags === null ? {} : { tags: message.tags }),
    ...(message.keys === null ? {} : { keys: message.keys }),
    properties,
    ...bodyFields(message.body),
  };
}

function bodyFields(body: Buffer): Pick<MessageLine, 'body' | 'bodyBase64'> {
  const text = utf8Text(body);
  return text === null ? { bodyBase64: body.toString('base64') } : { body: text };
}

/** The bytes as text; null when they are not UTF-8, and would not come back from the text. */
export function utf8Text(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') && !Buffer.from(text).equals(bytes) ? null : text;
}

const TEXTS = ['tags', 'shardingKey', 'body', 'bodyBase64'] as const;
const NUMBERS = ['flag', 'delayTimeLevel', 'delayTimeMs', 'deliverTimeMs'] as const;

/**
 * The message of a line of JSON, ready to be sent: what a stored message got from its broker or its last send is left out.
 * @throws UsageError with what is wrong with the line
 */
export function messageOfLine(line: string, topic: string): Message {
  const fields = readObject(line);
  for (const name of TEXTS) {
    requireKind(fields, name, 'a text', (value) => typeof value === 'string');
  }
  for (const name of NUMBERS) {
    requireKind(fields, name, 'a whole number', Number.isSafeInteger);
  }
  requireKind(fields, 'keys', 'a text or a list of texts', (value) => typeof value === 'string' || isTexts(value));
  requireKind(
    fields,
    'properties',
    'an object of texts',
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && isTexts(Object.values(value)),
  );
  const { tags, shardingKey, flag, delayTimeLevel, delayTimeMs, deliverTimeMs, properties = {} } = fields;
  const keys = fields.keys as string | readonly string[] | undefined;
  const lasting = lastingProperties(properties);
  if (shardingKey !== undefined) {
    lasting.set(MessageConst.SHARDING_KEY, shardingKey);
  }
  const allTags = tags ?? properties.TAGS;
  const allKeys = keys ?? properties.KEYS;
  return {
    topic,
    body: bodyOf(fields),
    ...(allTags === undefined ? {} : { tags: allTags }),
    ...(allKeys === undefined ? {} : { keys: allKeys }),
    ...(flag === undefined ? {} : { flag }),
    ...(delayTimeLevel === undefined ? {} : { delayTimeLevel }),
    ...(delayTimeMs === undefined ? {} : { delayTimeMs }),
    ...(deliverTimeMs === undefined ? {} : { deliverTimeMs }),
    ...(lasting.size === 0 ? {} : { properties: lasting }),
  };
}

function readObject(line: string): MessageLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new UsageError(`not JSON: ${(cause as Error).message}`, { code: 'BAD_LINE', cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError('not an object', { code: 'BAD_LINE' });
  }
  return value;
}

function requireKind(fields: MessageLine, name: keyof MessageLine, what: string, isGood: (value: unknown) => boolean): void {
  if (fields[name] !== undefined && !isGood(fields[name])) {
    throw new UsageError(`${name} is not ${what}`, { code: 'BAD_LINE' });
  }
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function bodyOf({ body, bodyBase64 }: MessageLine): Buffer {
  if (body !== undefined && bodyBase64 !== undefined) {
    throw new UsageError('body and bodyBase64 exclude one another', { code: 'BAD_LINE' });
  }
  if (bodyBase64 !== undefined) {
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(bodyBase64)) {
      throw new UsageError('bodyBase64 is not base64', { code: 'BAD_LINE' });
    }
    return Buffer.from(bodyBase64, 'base64');
  }
  if (body === undefined) {
    throw new UsageError('neither body nor bodyBase64', { code: 'BAD_LINE' });
  }
  return Buffer.from(body, 'utf8');
}
