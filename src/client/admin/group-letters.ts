import { DeniedError, MQError, NotFoundError, PartialError } from '../../common/errors.js';
import { splitKeys } from '../../common/message/message.js';
import { DLQ_GROUP_TOPIC_PREFIX, RETRY_GROUP_TOPIC_PREFIX } from '../../common/topic-names.js';
import { subscribeQueuesOf } from '../route-table.js';
import type { AdminClient } from './admin-client.js';
import { addrInRoute, pullOnce } from './admin-pull.js';
import { originIdOf, originTopicOf } from './letter-origin.js';
import { mapLimited } from './map-limited.js';
import type { MessageView } from './message-view.js';
import { Newest } from './newest.js';
import { readMessages } from './read-messages.js';
import { type TopicStatusRow, topicStatus } from './topic-status.js';

/** Messages that a group could not consume: given up (`dlq`), or to be delivered again (`retry`). */
export type LetterKind = 'dlq' | 'retry';

/** Name of the topic that holds the letters of a group. */
export function lettersTopic(kind: LetterKind, group: string): string {
  return `${prefixOf(kind)}${group}`;
}

function prefixOf(kind: LetterKind): string {
  return kind === 'dlq' ? DLQ_GROUP_TOPIC_PREFIX : RETRY_GROUP_TOPIC_PREFIX;
}

/** Property of a resent message: what it was made of, see {@link letterIdOf}. It is what keeps a second run from sending it again. */
export const RESENT_FROM = 'MQKIT_RESENT_FROM';

/**
 * What tells a letter from all others, however often it is looked for. A dead letter stays the record that it is; a retry becomes another one when
 * the broker delivers it, and stays the same attempt at the same message of the same group. One that was given back after a resend is another.
 */
export function letterIdOf(kind: LetterKind, group: string, message: MessageView): string {
  const { msgId, offsetMsgId, properties, reconsumeTimes } = message;
  return kind === 'dlq' ? offsetMsgId : `${group}:${properties[RESENT_FROM] ?? originIdOf(message) ?? msgId}:${reconsumeTimes}`;
}

/** Which letters are meant; all conditions must hold. */
export interface LetterFilter {
  /** Topic they were sent to at first. */
  readonly originTopic?: string | undefined;
  /** Tags, separated by `||`. */
  readonly tags?: string | undefined;
  /** One of their keys. */
  readonly key?: string | undefined;
  /** The client's id, the broker's, or that of the first record. */
  readonly msgId?: string | undefined;
  /** Store time as letter, ms; `begin` is meant, `end` is not. */
  readonly begin?: number | undefined;
  readonly end?: number | undefined;
  /** Only so many of the newest. */
  readonly last?: number | undefined;
}

/** Whether a letter passes everything in the filter but `last`. */
function passes(message: MessageView, filter: LetterFilter): boolean {
  const { originTopic, tags, key, msgId, begin, end } = filter;
  return (
    (originTopic === undefined || originTopicOf(message) === originTopic) &&
    (tags === undefined || tags.split('||').some((tag) => tag.trim() === '*' || tag.trim() === message.tags)) &&
    (key === undefined || splitKeys(message.keys ?? undefined).includes(key)) &&
    (msgId === undefined || [message.msgId, message.offsetMsgId, originIdOf(message)].includes(msgId)) &&
    (begin === undefined || message.storeTimestamp >= begin) &&
    (end === undefined || message.storeTimestamp < end)
  );
}

/**
 * The dead letters of a group that pass a filter, in pages, in the order of their store times.
 * @throws NotFoundError when the group has no topic for them
 */
export async function* readLetters(
  admin: AdminClient,
  request: { group: string; filter?: LetterFilter },
): AsyncGenerator<readonly MessageView[]> {
  const { group, filter = {} } = request;
  const topic = lettersTopic('dlq', group);
  const route = await admin.findRoute(topic);
  if (route === null) {
    throw noLetters('dlq', group);
  }
  if (subscribeQueuesOf(topic, route).length === 0) {
    throw new DeniedError(`the dead letters of group ${group} cannot be read: no queue of ${topic} has that permission`, {
      hint: `give it: mqadmin updateTopicPerm -c CLUSTER -t ${topic} -p 6`,
      context: { topic },
    });
  }
  const { begin, end } = filter;
  yield* pagesOf(readMessages(admin, { topic, begin, end }), { filter, messageOf: (message) => message });
}

/** What passes a filter, in pages. An error comes after what was read before it. */
export async function* pagesOf<T>(
  items: AsyncIterable<T>,
  { filter, messageOf }: { filter: LetterFilter; messageOf: (item: T) => MessageView },
): AsyncGenerator<readonly T[]> {
  const newest = filter.last === undefined ? null : new Newest<T>(filter.last);
  let page: T[] = [];
  let failure: unknown;
  try {
    for await (const item of items) {
      if (!passes(messageOf(item), filter)) {
        continue;
      }
      if (newest !== null) {
        newest.push(item);
      } else if (page.push(item) === PAGE) {
        yield page;
        page = [];
      }
    }
  } catch (error) {
    failure = error;
  }
  const rest = newest?.all() ?? page;
  for (let i = 0; i < rest.length; i += PAGE) {
    yield rest.slice(i, i + PAGE);
  }
  if (failure !== undefined) {
    throw failure;
  }
}

/** All pages as one list; when not all could be read, the error says in `context.result` what `resultOf` makes of the others. */
export async function collect<T>(pages: AsyncIterable<readonly T[]>, resultOf: (items: readonly T[]) => unknown): Promise<T[]> {
  const items: T[] = [];
  try {
    for await (const page of pages) {
      items.push(...page);
    }
  } catch (error) {
    if (error instanceof MQError && (error instanceof PartialError || items.length > 0)) {
      throw partOf(error, resultOf(items));
    }
    throw error;
  }
  return items;
}

/** An error that says what was done all the same. */
export function partOf(error: MQError, result: unknown): PartialError {
  const { code, hint, context } = error;
  return new PartialError(error.message, { code, ...(hint === undefined ? {} : { hint }), cause: error, context: { ...context, result } });
}

/** The error for a group that has no topic of such letters. */
export function noLetters(kind: LetterKind, group: string): NotFoundError {
  return kind === 'dlq'
    ? new NotFoundError(`group ${group} has no dead letters: there is no topic ${lettersTopic(kind, group)}`, {
        code: 'NO_DEAD_LETTERS',
        hint: 'see the groups that have some: mqadmin dlq list',
        context: { group },
      })
    : new NotFoundError(`group ${group} has no retry topic ${lettersTopic(kind, group)}: it has never been online`, {
        code: 'NO_RETRIES',
        hint: 'see the groups that have some: mqadmin retry list',
        context: { group },
      });
}

/** The dead letters of one group. */
export interface DeadLetterGroup {
  readonly group: string;
  readonly topic: string;
  /** How many the brokers still have; null when that is not known. */
  readonly count: number | null;
  /** Store times, ms; null where there is none or it is not known. */
  readonly oldest: number | null;
  readonly newest: number | null;
  /** Topics that they were sent to at first. */
  readonly originTopics: readonly string[];
  /** Whether every letter was looked at for `originTopics`; of many only the oldest and the newest ones are. */
  readonly hasAllTopics: boolean;
  readonly brokerNames: readonly string[];
  /** Why something is not known. */
  readonly reason?: string;
}

export interface DeadLettersResult {
  /** By name; groups without dead letters are left out. */
  readonly groups: readonly DeadLetterGroup[];
}

/** Letters that are handed over at once. */
const PAGE = 32;
/** How many groups are looked at at the same time. */
const GROUPS_AT_ONCE = 8;
/** Messages at either end of a queue that are looked at. */
const SAMPLE = 32;

/**
 * Groups that have dead letters, of all clusters of the name server.
 * @param group only this one
 * @throws PartialError when something is not known of a group
 */
export async function deadLetterGroups(admin: AdminClient, { group }: { group?: string | undefined } = {}): Promise<DeadLettersResult> {
  const prefix = prefixOf('dlq');
  const topics = (await admin.topicNames()).filter((topic) => topic.startsWith(prefix)).sort();
  const wanted = topics.filter((topic) => group === undefined || topic === prefix + group);
  const found = await mapLimited(wanted, (topic) => deadLettersOf(admin, topic), GROUPS_AT_ONCE);
  const result = { groups: found.filter(({ count }) => count !== 0) };
  const unknown = result.groups.filter(({ reason }) => reason !== undefined);
  if (unknown.length > 0) {
    const lines = unknown.slice(0, 3).map((entry) => `${entry.group}: ${entry.reason}`);
    throw new PartialError(`not all is known of the dead letters of ${unknown.length} groups: ${lines.join('; ')}`, {
      context: { result },
    });
  }
  return result;
}

async function deadLettersOf(admin: AdminClient, topic: string): Promise<DeadLetterGroup> {
  const group = topic.slice(DLQ_GROUP_TOPIC_PREFIX.length);
  let queues: readonly TopicStatusRow[] = [];
  const shown = (): Pick<DeadLetterGroup, 'group' | 'topic' | 'count' | 'brokerNames'> => ({
    group,
    topic,
    count: queues.reduce((sum, { minOffset, maxOffset }) => sum + maxOffset - minOffset, 0),
    brokerNames: [...new Set(queues.map(({ brokerName }) => brokerName))],
  });
  const nothing = { oldest: null, newest: null, originTopics: [], hasAllTopics: false };
  try {
    ({ queues } = await topicStatus(admin, topic));
  } catch (error) {
    if (!(error instanceof MQError)) {
      throw error;
    }
    return { ...shown(), count: null, ...nothing, reason: error.message };
  }
  try {
    const samples = await Promise.all(queues.filter(hasMessages).map((queue) => sample(admin, topic, queue)));
    const messages = samples.flat();
    const times = messages.map(({ storeTimestamp }) => storeTimestamp);
    return {
      ...shown(),
      oldest: times.length === 0 ? null : Math.min(...times),
      newest: times.length === 0 ? null : Math.max(...times),
      originTopics: [...new Set(messages.flatMap((message) => originTopicOf(message) ?? []))].sort(),
      hasAllTopics: queues.every(({ minOffset, maxOffset }) => maxOffset - minOffset <= 2 * SAMPLE),
    };
  } catch (error) {
    if (!(error instanceof MQError)) {
      throw error;
    }
    return { ...shown(), ...nothing, reason: error.message };
  }
}

function hasMessages({ minOffset, maxOffset }: TopicStatusRow): boolean {
  return maxOffset > minOffset;
}

/** The oldest and the newest messages of a queue. */
async function sample(admin: AdminClient, topic: string, queue: TopicStatusRow): Promise<MessageView[]> {
  const { brokerName, queueId, minOffset, maxOffset } = queue;
  const addr = addrInRoute(await admin.route(topic), topic, brokerName);
  const at = (offset: number) => pullOnce(admin, addr, { topic, brokerName, queueId, offset, maxNums: SAMPLE });
  const head = await at(minOffset);
  if (maxOffset - minOffset <= head.messages.length) {
    return [...head.messages];
  }
  const tail = await at(Math.max(minOffset, maxOffset - SAMPLE));
  return [...head.messages, ...tail.messages];
}
