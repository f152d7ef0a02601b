import { readDelayLevels } from '../../common/delay-level-text.js';
import { MQError, PartialError } from '../../common/errors.js';
import { parseFastjsonObject } from '../../common/fastjson.js';
import { MessageConst } from '../../common/message/properties.js';
import { isRetryTopic, RETRY_GROUP_TOPIC_PREFIX, RMQ_SYS_SCHEDULE_TOPIC } from '../../common/topic-names.js';
import { decodeConsumerOffsetWrapper } from '../../remoting/bodies/consume-stats.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { offsetAt } from './admin-pull.js';
import { getBrokerConfig } from './broker-config.js';
import { askAll } from './fan-out.js';
import { type LetterFilter, letterIdOf, lettersTopic, noLetters, pagesOf } from './group-letters.js';
import { originTopicOf } from './letter-origin.js';
import { mapLimited } from './map-limited.js';
import type { MessageView } from './message-view.js';
import { readRange } from './read-range.js';
import { type TopicStatusResult, topicStatus } from './topic-status.js';

/** A message that a group is going to get again. */
export interface WaitingRetry {
  /** `ready`: in the retry topic, not consumed yet; `delayed`: the broker keeps it until its time has come. */
  readonly state: 'ready' | 'delayed';
  /** When a delayed one comes into the retry topic, ms; null for the others, or where the delay is not known. */
  readonly dueTimestamp: number | null;
  /** Retry topic. */
  readonly topic: string;
  readonly message: MessageView;
}

/** The waiting retries of one retry topic. */
export interface RetryGroup {
  readonly group: string;
  readonly topic: string;
  readonly ready: number | null;
  readonly delayed: number;
  /** When the next delayed one is due, ms. */
  readonly nextDue: number | null;
  readonly originTopics: readonly string[];
  /** Why something is not known. */
  readonly reason?: string;
}

export interface RetriesResult {
  /** By topic; topics without a waiting retry are left out. */
  readonly groups: readonly RetryGroup[];
  /** False when brokers keep more delayed messages than were looked at. */
  readonly isWhole: boolean;
}

/** Delayed messages of one broker that are looked at, at most: ordinary messages with a delay are among them. */
const DELAYED_LIMIT = 100_000;

/** What one broker says of all retries. */
interface BrokerRetries {
  readonly brokerName: string;
  readonly brokerAddr: string;
  /** By `topic@group`, by queue id. */
  readonly offsets: ReadonlyMap<string, ReadonlyMap<number, number>>;
  readonly delayed: readonly WaitingRetry[];
  readonly isWhole: boolean;
}

/**
 * Asks every master for its offsets and for the retries that it keeps until they are due.
 * @param keep what is kept of a delayed one
 */
async function askBrokers(
  admin: AdminClient,
  keep: (retry: WaitingRetry) => WaitingRetry | null,
): Promise<{ brokers: BrokerRetries[]; failures: MQError[] }> {
  const nameAt = new Map((await admin.allMasters()).map(({ brokerName, brokerAddr }) => [brokerAddr, brokerName]));
  const results = await askAll([...nameAt.keys()].sort(), async (brokerAddr): Promise<BrokerRetries> => {
    const brokerName = nameAt.get(brokerAddr) ?? '';
    const response = await admin.ask(brokerAddr, { code: RequestCode.GET_ALL_CONSUMER_OFFSET });
    const { offsetTable } = decodeConsumerOffsetWrapper(bodyOf(response));
    return { brokerName, brokerAddr, offsets: offsetTable, ...(await delayedAt(admin, { brokerName, brokerAddr, keep })) };
  });
  return { brokers: results.flatMap(({ value }) => value ?? []), failures: results.flatMap(({ cause }) => cause ?? []) };
}

/** The retries in the delay queues of one broker, which are those of its topic for delays: level n is queue n - 1. */
async function delayedAt(
  admin: AdminClient,
  { brokerName, brokerAddr, keep }: { brokerName: string; brokerAddr: string; keep: (retry: WaitingRetry) => WaitingRetry | null },
): Promise<{ delayed: WaitingRetry[]; isWhole: boolean }> {
  const { brokers } = await getBrokerConfig(admin, { brokerAddr });
  const levels = readDelayLevels(brokers[0]?.config.messageDelayLevel ?? '');
  const answer = await admin.ask(brokerAddr, { code: RequestCode.GET_ALL_DELAY_OFFSET });
  const delivered = (parseFastjsonObject(bodyOf(answer), 'delay offsets').offsetTable ?? {}) as Record<string, unknown>;
  let budget = DELAYED_LIMIT;
  const found = await mapLimited([...levels.entries()], async ([queueId, { ms }]): Promise<WaitingRetry[]> => {
    const queue = { topic: RMQ_SYS_SCHEDULE_TOPIC, brokerName, queueId };
    const max = await offsetAt(admin, brokerAddr, RequestCode.GET_MAX_OFFSET, queue);
    const from = Number(delivered[String(queueId + 1)] ?? 0);
    const waiting: WaitingRetry[] = [];
    for await (const message of readRange(admin, brokerAddr, queue, { from, to: max })) {
      const topic = message.properties[MessageConst.REAL_TOPIC] ?? '';
      if (budget-- <= 0) {
        break;
      }
      if (isRetryTopic(topic)) {
        const kept = keep({ state: 'delayed', dueTimestamp: ms === null ? null : message.storeTimestamp + ms, topic, message });
        if (kept !== null) {
          waiting.push(kept);
        }
      }
    }
    return waiting;
  });
  return { delayed: found.flat(), isWhole: budget >= 0 };
}

/** Says which group consumes a retry topic: POP has topics of its own for each group and topic, and only the offsets tell where the name ends. */
function groupFinder(brokers: readonly BrokerRetries[]): (topic: string) => string {
  const known = new Map<string, string>();
  for (const key of brokers.flatMap(({ offsets }) => [...offsets.keys()])) {
    const [topic = '', group = '', ...more] = key.split('@');
    if (isRetryTopic(topic) && more.length === 0 && nameIn(topic).startsWith(group) && known.get(topic) !== nameIn(topic)) {
      known.set(topic, group);
    }
  }
  return (topic) => known.get(topic) ?? nameIn(topic);
}

function nameIn(topic: string): string {
  return topic.slice(RETRY_GROUP_TOPIC_PREFIX.length);
}

interface ReadyQueue {
  readonly brokerAddr: string;
  readonly brokerName: string;
  readonly queueId: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Where the messages lie that a group has not consumed of a retry topic.
 * @param onFailure is told of what is not known; without it nothing is known then
 */
async function readyQueues(
  admin: AdminClient,
  { topic, group }: { topic: string; group: string },
  brokers: readonly BrokerRetries[],
  onFailure?: (error: unknown) => void,
): Promise<ReadyQueue[]> {
  const { queues } = await topicStatus(admin, topic).catch((error: unknown): TopicStatusResult => {
    if (onFailure === undefined) {
      throw error;
    }
    onFailure(error);
    const known = error instanceof MQError ? (error.context.result as TopicStatusResult | undefined) : undefined;
    return known ?? { topic, queues: [], topicPutTps: 0 };
  });
  return queues.flatMap(({ brokerName, queueId, minOffset, maxOffset }): ReadyQueue[] => {
    const broker = brokers.find((entry) => entry.brokerName === brokerName);
    const committed = broker?.offsets.get(`${topic}@${group}`)?.get(queueId) ?? 0;
    return broker === undefined
      ? []
      : [{ brokerAddr: broker.brokerAddr, brokerName, queueId, from: Math.max(minOffset, committed), to: maxOffset }];
  });
}

/**
 * Groups that have retries waiting, of all clusters of the name server.
 * @param group only its retry topics
 * @throws PartialError when brokers did not say theirs
 */
export async function retryGroups(admin: AdminClient, { group }: { group?: string | undefined } = {}): Promise<RetriesResult> {
  // Nobody asks for the bodies.
  const { brokers, failures } = await askBrokers(admin, (retry) => ({ ...retry, message: { ...retry.message, body: Buffer.alloc(0) } }));
  const groupOf = groupFinder(brokers);
  const delayed = new Map<string, WaitingRetry[]>();
  for (const retry of brokers.flatMap((broker) => broker.delayed)) {
    const own = delayed.get(retry.topic) ?? [];
    own.push(retry);
    delayed.set(retry.topic, own);
  }
  const topics = new Set([...(await admin.topicNames()).filter(isRetryTopic), ...delayed.keys()]);
  const wanted = [...topics]
    .sort()
    .map((topic) => ({ topic, group: groupOf(topic) }))
    .filter((entry) => group === undefined || entry.group === group);
  const found = await mapLimited(wanted, async (entry): Promise<RetryGroup> => {
    const own = delayed.get(entry.topic) ?? [];
    const due = own.flatMap(({ dueTimestamp }) => dueTimestamp ?? []);
    const shown = {
      ...entry,
      delayed: own.length,
      nextDue: due.length === 0 ? null : Math.min(...due),
      originTopics: [...new Set(own.flatMap(({ message }) => originTopicOf(message) ?? []))].sort(),
    };
    try {
      const queues = await readyQueues(admin, entry, brokers);
      return { ...shown, ready: queues.reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0) };
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      return { ...shown, ready: null, reason: error.message };
    }
  });
  const groups = found.filter(({ ready, delayed: count }) => ready !== 0 || count > 0);
  const result: RetriesResult = { groups, isWhole: brokers.every(({ isWhole }) => isWhole) };
  requireAnswers(failures, result);
  return result;
}

function requireAnswers(failures: readonly MQError[], result: unknown): void {
  const [first] = failures;
  if (first !== undefined) {
    throw new PartialError(`${failures.length} brokers did not say which retries they have, the first because ${first.message}`, {
      cause: first,
      context: { result },
    });
  }
}

/** The waiting retries of one group. */
export interface RetryReading {
  readonly pages: AsyncIterable<readonly WaitingRetry[]>;
  /** False when brokers keep more delayed messages than were looked at. */
  readonly isWhole: boolean;
}

/**
 * The waiting retries of a group that pass a filter: those in its retry topics first, then the delayed ones by the time they are due. The pages end
 * with a PartialError when not all brokers could be asked.
 * @throws NotFoundError when the group has no retry topic
 */
export async function waitingRetries(
  admin: AdminClient,
  { group, filter = {} }: { group: string; filter?: LetterFilter },
): Promise<RetryReading> {
  // Retry topics of POP have more behind the name.
  const { brokers, failures } = await askBrokers(admin, (retry) => (retry.topic.startsWith(lettersTopic('retry', group)) ? retry : null));
  const groupOf = groupFinder(brokers);
  const known = (await admin.topicNames()).filter(isRetryTopic);
  const topics = known.filter((topic) => groupOf(topic) === group);
  const delayed = brokers.flatMap((broker) => broker.delayed).filter(({ topic }) => groupOf(topic) === group);
  if (topics.length === 0 && delayed.length === 0 && !known.includes(lettersTopic('retry', group))) {
    throw noLetters('retry', group);
  }
  const items = readRetries(admin, { group, topics, brokers, delayed, failures });
  return {
    pages: pagesOf(items, { filter, messageOf: ({ message }) => message }),
    isWhole: brokers.every((broker) => broker.isWhole),
  };
}

interface RetryPlaces {
  readonly group: string;
  readonly topics: readonly string[];
  readonly brokers: readonly BrokerRetries[];
  readonly delayed: readonly WaitingRetry[];
  readonly failures: readonly MQError[];
}

/** A delayed one that became ready in the meantime comes as what it is now, and once. */
async function* readRetries(admin: AdminClient, { group, topics, brokers, ...its }: RetryPlaces): AsyncGenerator<WaitingRetry> {
  const delayed = new Map<string, WaitingRetry>();
  for (const retry of [...its.delayed].sort((a, b) => (a.dueTimestamp ?? 0) - (b.dueTimestamp ?? 0))) {
    delayed.set(letterIdOf('retry', group, retry.message), retry);
  }
  const failures = [...its.failures];
  const failed = (error: unknown): void => {
    if (!(error instanceof MQError)) {
      throw error;
    }
    failures.push(error);
  };
  for (const topic of topics) {
    for (const { brokerAddr, brokerName, queueId, from, to } of await readyQueues(admin, { topic, group }, brokers, failed)) {
      try {
        for await (const message of readRange(admin, brokerAddr, { topic, brokerName, queueId }, { from, to })) {
          delayed.delete(letterIdOf('retry', group, message));
          yield { state: 'ready', dueTimestamp: null, topic, message };
        }
      } catch (error) {
        failed(error);
      }
    }
  }
  yield* delayed.values();
  const [first] = failures;
  if (first !== undefined) {
    throw new PartialError(`not all retries of group ${group} are known: ${first.message}`, { cause: first });
  }
}
