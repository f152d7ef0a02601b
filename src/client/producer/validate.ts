import { UsageError } from '../../common/errors.js';
import { MAX_PROPERTIES_BYTES, MAX_RETRY_TOPIC_LENGTH, MAX_TOPIC_LENGTH } from '../../common/limits.js';
import { type Message, timerProperties } from '../../common/message/message.js';
import { MessageConst, SYSTEM_PROPERTIES } from '../../common/message/properties.js';
import {
  DEFAULT_CONSUMER_GROUP,
  DEFAULT_PRODUCER_GROUP,
  isRetryTopic,
  NOT_SENDABLE,
  RETRY_GROUP_TOPIC_PREFIX,
  validateGroup,
  validateTopic,
} from '../../common/topic-names.js';

/** Topics that passed; a load generator sends to one topic a million times. */
const checkedTopics = new Set<string>();
const CHECKED_TOPICS_MAX = 10_000;

/**
 * Checks a message as Apache's client does, in the same order: topic, body, size.
 * @returns null when it may be sent, else what is wrong with it.
 */
export function validateMessage(message: Message, maxMessageSize: number): UsageError | null {
  if (message === null || typeof message !== 'object') {
    return new UsageError('the message is null', { code: 'MESSAGE_ILLEGAL' });
  }
  if (!checkedTopics.has(message.topic)) {
    const problem = checkTopic(message.topic);
    if (problem !== null) {
      return new UsageError(problem, { code: 'TOPIC_ILLEGAL', context: { topic: message.topic } });
    }
  }
  const body = message.body;
  if (!(body instanceof Uint8Array)) {
    return new UsageError(`the message body for topic ${message.topic} is not a Buffer`, { code: 'MESSAGE_ILLEGAL' });
  }
  if (body.length === 0) {
    return new UsageError(`the message body for topic ${message.topic} has length 0`, { code: 'MESSAGE_ILLEGAL' });
  }
  if (body.length > maxMessageSize) {
    return new UsageError(
      `the message body for topic ${message.topic} has ${body.length} bytes, more than maxMessageSize ${maxMessageSize}`,
      {
        code: 'MESSAGE_ILLEGAL',
        context: { bodyBytes: body.length, maxMessageSize },
      },
    );
  }
  const delay = checkDelay(message);
  if (delay !== null) {
    return delay;
  }
  const { tags, keys, properties } = message;
  if (tags !== undefined || keys !== undefined) {
    const problem = checkTexts(message);
    if (problem !== null) {
      return problem;
    }
  }
  const problem = properties === undefined || properties.size === 0 ? null : checkProperties(properties);
  return problem ?? (tags === undefined && keys === undefined && properties === undefined ? null : checkPropertiesLength(message));
}

/** A broker closes the connection at a frame that is too long, and every other request on it fails; one that takes the frame refuses the message. */
function checkPropertiesLength({ topic, tags = '', keys = '', properties }: Message): UsageError | null {
  let length = tags.length;
  for (const key of typeof keys === 'string' ? [keys] : keys) {
    length += key.length;
  }
  if (properties !== undefined) {
    for (const [name, value] of properties) {
      length += name.length + value.length;
    }
  }
  return length <= MAX_PROPERTIES_BYTES
    ? null
    : new UsageError(
        `the properties of the message for topic ${topic} have more than ${length} bytes, a record holds ${MAX_PROPERTIES_BYTES}`,
        {
          code: 'MESSAGE_ILLEGAL',
        },
      );
}

/** Tags and keys travel as properties. */
function checkTexts({ tags, keys }: Message): UsageError | null {
  if (tags !== undefined && !isPropertyText(tags)) {
    return textError('tag', tags);
  }
  if (keys === undefined || typeof keys === 'string') {
    return keys === undefined || isPropertyText(keys) ? null : textError('key', keys);
  }
  if (!Array.isArray(keys)) {
    return textError('key', keys);
  }
  for (const key of keys) {
    if (!isPropertyText(key)) {
      return textError('key', key);
    }
  }
  return null;
}

function isPropertyText(text: unknown): boolean {
  return typeof text === 'string' && !hasSeparator(text);
}

function textError(what: 'tag' | 'key', text: unknown): UsageError {
  const why = typeof text === 'string' ? 'contains the character U+0001 or U+0002, which separates properties' : 'is no text';
  return new UsageError(`the ${what} ${JSON.stringify(text)} of the message ${why}`, { code: 'MESSAGE_ILLEGAL' });
}

function checkDelay(message: Message): UsageError | null {
  const { delayTimeSec, delayTimeMs, deliverTimeMs } = message;
  if (delayTimeSec === undefined && delayTimeMs === undefined && deliverTimeMs === undefined) {
    return null;
  }
  for (const value of [delayTimeSec ?? 0, delayTimeMs ?? 0, deliverTimeMs ?? 0]) {
    if (!Number.isSafeInteger(value) || value < 0) {
      return new UsageError(`delayTimeSec, delayTimeMs and deliverTimeMs are whole numbers of 0 or more, not ${value}`, {
        code: 'MESSAGE_ILLEGAL',
      });
    }
  }
  return null;
}

function checkTopic(topic: string): string | null {
  if (typeof topic !== 'string') {
    return 'the specified topic is blank';
  }
  const maxLength = topic.startsWith(RETRY_GROUP_TOPIC_PREFIX) ? MAX_RETRY_TOPIC_LENGTH : MAX_TOPIC_LENGTH;
  const problem = validateTopic(topic, maxLength);
  if (problem !== null) {
    return problem;
  }
  if (NOT_SENDABLE.has(topic)) {
    return `sending to topic ${topic} is forbidden: it belongs to the system`;
  }
  if (checkedTopics.size < CHECKED_TOPICS_MAX) {
    checkedTopics.add(topic);
  }
  return null;
}

/** The separators of the wire form may not appear in a name or value: the message would arrive with other properties. */
function checkProperties(properties: ReadonlyMap<string, string>): UsageError | null {
  for (const [name, value] of properties) {
    if (typeof name !== 'string' || typeof value !== 'string' || name.trim() === '' || value.trim() === '') {
      return new UsageError(`the name or value of message property ${JSON.stringify(name)} is blank`, { code: 'MESSAGE_ILLEGAL' });
    }
    if (hasSeparator(name) || hasSeparator(value)) {
      return new UsageError(
        `message property ${JSON.stringify(name)} contains the character U+0001 or U+0002, which separates properties`,
        {
          code: 'MESSAGE_ILLEGAL',
        },
      );
    }
  }
  const multi = properties.get(MessageConst.INNER_MULTI_DISPATCH);
  if (multi?.includes('/') === true) {
    return new UsageError(`property INNER_MULTI_DISPATCH ${multi} contains a path separator`, { code: 'MESSAGE_ILLEGAL' });
  }
  return null;
}

function hasSeparator(text: string): boolean {
  return text.includes('\u0001') || text.includes('\u0002');
}

/**
 * Sets a user property on a message.
 * @throws UsageError for the names that belong to the system and for blank names or values.
 */
export function putUserProperty(message: Message, name: string, value: string): void {
  if (SYSTEM_PROPERTIES.has(name)) {
    throw new UsageError(`the property ${name} is used by the system, set another one`);
  }
  const properties = new Map([[name, value]]);
  const problem = checkProperties(properties);
  if (problem !== null) {
    throw problem;
  }
  message.properties ??= new Map();
  message.properties.set(name, value);
}

/** Checks a group for a producer or consumer of an application. */
export function validateClientGroup(kind: 'producerGroup' | 'consumerGroup', group: string): void {
  const problem = typeof group === 'string' ? validateGroup(group) : `${kind} is missing`;
  if (problem !== null) {
    throw new UsageError(`${kind}: ${problem}`);
  }
  if (group === (kind === 'producerGroup' ? DEFAULT_PRODUCER_GROUP : DEFAULT_CONSUMER_GROUP)) {
    throw new UsageError(`${kind} can not equal ${group}: take a name of your own`);
  }
}

/**
 * Checks what the messages of a batch must have in common; each by itself has been checked.
 * @returns the first message.
 */
export function validateBatch(messages: readonly Message[]): Message {
  const first = messages[0];
  if (first === undefined) {
    throw new UsageError('a batch needs at least one message');
  }
  for (const message of messages) {
    if (message.topic !== first.topic) {
      throw new UsageError(`a batch has one topic, this one has ${first.topic} and ${message.topic}`);
    }
    if ((message.waitStoreMsgOK ?? true) !== (first.waitStoreMsgOK ?? true)) {
      throw new UsageError('all messages of a batch must have the same waitStoreMsgOK');
    }
    if ((message.delayTimeLevel ?? 0) > 0 || message.properties?.has(MessageConst.DELAY) === true || timerProperties(message).length > 0) {
      throw new UsageError('a delayed message cannot be in a batch');
    }
  }
  if (isRetryTopic(first.topic)) {
    throw new UsageError('messages of a retry topic cannot be in a batch');
  }
  return first;
}
