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
import { type LetterFilter, lettersTopic, noLetters, originTopicOf, passes } from './group-letters.js';
import { mapLimited } from './map-limited.js';
import type { MessageView } from './message-view.js';
import { readRange } from './read-range.js';
import { topicStatus } from './topic-status.js';

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

/** Asks every master for its offsets and for the retries that it keeps until they are due. */
async function askBrokers(admin: AdminClient): Promise<{ brokers: BrokerRetries[]; failures: MQError[] }> {
  const { brokerAddrTable } = await admin.clusterInfo();
  const nameAt = new Map([...brokerAddrTable].flatMap(([name, { brokerAddrs }]) => [[brokerAddrs.get(0) ?? '', name] as const]));
  nameAt.delete('');
  const results = await askAll([...nameAt.keys()].sort(), async (brokerAddr): Promise<BrokerRetries> => {
    const brokerName = nameAt.get(brokerAddr) ?? '';
    const response = await admin.ask(brokerAddr, { code: RequestCode.GET_ALL_CONSUMER_OFFSET });
    const { offsetTable } = decodeConsumerOffsetWrapper(bodyOf(response));
    return { brokerName, brokerAddr, offsets: offsetTable, ...(await delayedAt(admin, { brokerName, brokerAddr })) };
  });
  return { brokers: results.flatMap(({ value }) => value ?? []), failures: results.flatMap(({ cause }) => cause ?? []) };
}

/** The retries in the delay queues of one broker, which are those of its topic for delays: level n is queue n - 1. */
async function delayedAt(
  admin: AdminClient,
  { brokerName, brokerAddr }: { brokerName: string; brokerAddr: string },
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
        waiting.push({ state: 'delayed', dueTimestamp: ms === null ? null : message.storeTimestamp + ms, topic, message });
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

/** Where the messages lie that a group has not consumed of a retry topic. */
async function readyQueues(
  admin: AdminClient,
  { topic, group }: { topic: string; group: string },
  brokers: readonly BrokerRetries[],
): Promise<ReadyQueue[]> {
  const { queues } = await topicStatus(admin, topic);
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
  const { brokers, failures } = await askBrokers(admin);
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

/**
 * The waiting retries of a group that pass a filter: those in its retry topics first, then the delayed ones by the time they are due.
 * @throws NotFoundError when the group has no retry topic
 */
export async function waitingRetries(
  admin: AdminClient,
  { group, filter = {} }: { group: string; filter?: LetterFilter },
): Promise<{ retries: readonly WaitingRetry[]; isWhole: boolean }> {
  const { brokers, failures } = await askBrokers(admin);
  const groupOf = groupFinder(brokers);
  const known = (await admin.topicNames()).filter(isRetryTopic);
  const topics = known.filter((topic) => groupOf(topic) === group);
  const delayed = brokers.flatMap((broker) => broker.delayed).filter(({ topic }) => groupOf(topic) === group);
  if (topics.length === 0 && delayed.length === 0 && !known.includes(lettersTopic('retry', group))) {
    throw noLetters('retry', group);
  }
  const retries: WaitingRetry[] = [];
  for (const topic of topics) {
    for (const { brokerAddr, brokerName, queueId, from, to } of await readyQueues(admin, { topic, group }, brokers)) {
      for await (const message of readRange(admin, brokerAddr, { topic, brokerName, queueId }, { from, to })) {
        retries.push({ state: 'ready', dueTimestamp: null, topic, message });
      }
    }
  }
  retries.push(...delayed.sort((a, b) => (a.dueTimestamp ?? 0) - (b.dueTimestamp ?? 0)));
  const passing = retries.filter(({ message }) => passes(message, filter));
  const result = {
    retries: filter.last === undefined ? passing : passing.slice(-filter.last),
    isWhole: brokers.every((broker) => broker.isWhole),
  };
  requireAnswers(failures, undefined);
  return result;
}
