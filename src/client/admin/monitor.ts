import { MQError, NotFoundError } from '../../common/errors.js';
import { parseFastjsonObject } from '../../common/fastjson.js';
import type { SubscriptionDifference } from '../../common/subscription-differences.js';
import { isRetryTopic, RETRY_GROUP_TOPIC_PREFIX, RMQ_SYS_OFFSET_MOVED_EVENT } from '../../common/topic-names.js';
import { RequestCode } from '../../remoting/codes.js';
import type { MessageQueue } from '../message-queue.js';
import type { AdminClient } from './admin-client.js';
import { offsetAt, pullOnce } from './admin-pull.js';
import { consumerStatus, type StuckQueue } from './consumer-status.js';
import { groupLag } from './group-lag.js';
import { mapLimited } from './map-limited.js';

/** Groups looked at at once; each of them asks several brokers and clients. */
const GROUPS_AT_ONCE = 4;
const PULL_BATCH = 32;

/** What a group has not consumed of a topic. */
export interface UndoneMsgs {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly undoneMsgsTotal: number;
  /** Of the queue with most. */
  readonly undoneMsgsSingleMQ: number;
  /** Age of the first of them; null when a broker does not know it. */
  readonly undoneMsgsDelayTimeMills: number | null;
  readonly reason?: string;
}

/** A group was sent to another offset, because the one it asked for was gone. */
export interface DeleteMsgsEvent {
  readonly offsetMovedEvent: {
    readonly consumerGroup: string;
    readonly messageQueue: MessageQueue;
    readonly offsetRequest: number;
    readonly offsetNew: number;
  };
  readonly eventTimestamp: number;
}

/** What one look at all groups found. */
export interface MonitorRound {
  /** Wall clock, ms. */
  readonly time: number;
  /** Groups that were looked at. */
  readonly groupCount: number;
  readonly undoneMsgs: readonly UndoneMsgs[];
  readonly deleteMsgsEvents: readonly DeleteMsgsEvent[];
  readonly subscriptionDifferences: readonly (SubscriptionDifference & { readonly consumerGroup: string })[];
  readonly stuckQueues: readonly (StuckQueue & { readonly consumerGroup: string })[];
  /** Groups of which something could not be found out. */
  readonly failures: readonly { readonly consumerGroup: string; readonly reason: string }[];
}

type GroupFindings = Omit<MonitorRound, 'time' | 'groupCount' | 'deleteMsgsEvents'>;

/** Looks at all groups that have a retry topic, again and again. */
export class Monitor {
  readonly #admin: AdminClient;
  /** Next event to read, by broker address and queue; null before the first round. */
  #positions: Map<string, number> | null = null;

  constructor(admin: AdminClient) {
    this.#admin = admin;
  }

  /** @param nowMs wall clock */
  async round(nowMs: number): Promise<MonitorRound> {
    const topics = (await this.#admin.topicNames()).filter((topic) => isRetryTopic(topic)).sort();
    const groups = topics.map((topic) => topic.slice(RETRY_GROUP_TOPIC_PREFIX.length));
    const deleteMsgsEvents = await this.#events();
    const found = await mapLimited(groups, (group) => this.#group(group, nowMs), GROUPS_AT_ONCE);
    return {
      time: nowMs,
      groupCount: groups.length,
      undoneMsgs: found.flatMap(({ undoneMsgs }) => undoneMsgs),
      deleteMsgsEvents,
      subscriptionDifferences: found.flatMap(({ subscriptionDifferences }) => subscriptionDifferences),
      stuckQueues: found.flatMap(({ stuckQueues }) => stuckQueues),
      failures: found.flatMap(({ failures }) => failures),
    };
  }

  async #group(consumerGroup: string, nowMs: number): Promise<GroupFindings> {
    const failures: MonitorRound['failures'][number][] = [];
    // A group without offsets, or without consumers, has nothing to tell.
    const tryTo = async <V>(work: Promise<V>): Promise<V | null> => {
      try {
        return await work;
      } catch (error) {
        if (!(error instanceof MQError)) {
          throw error;
        }
        if (!(error instanceof NotFoundError)) {
          failures.push({ consumerGroup, reason: error.message });
        }
        return null;
      }
    };
    const lag = await tryTo(groupLag(this.#admin, { consumerGroup }));
    const status = await tryTo(consumerStatus(this.#admin, { consumerGroup, nowMs }));
    for (const { clientId, reason } of status?.clients ?? []) {
      if (reason !== undefined) {
        failures.push({ consumerGroup, reason: `${clientId}: ${reason}` });
      }
    }
    return {
      undoneMsgs: lag === null ? [] : undoneOf(consumerGroup, lag.result.queues),
      subscriptionDifferences: (status?.subscriptionDifferences ?? []).map((entry) => ({ consumerGroup, ...entry })),
      stuckQueues: (status?.stuckQueues ?? []).map((entry) => ({ consumerGroup, ...entry })),
      failures,
    };
  }

  /** Events since the last round; those before the first one are no news. */
  async #events(): Promise<DeleteMsgsEvent[]> {
    const route = await this.#admin.findRoute(RMQ_SYS_OFFSET_MOVED_EVENT);
    const isFirst = this.#positions === null;
    this.#positions ??= new Map();
    const events: DeleteMsgsEvent[] = [];
    for (const { brokerName, brokerAddrs } of route?.brokerDatas ?? []) {
      const addr = brokerAddrs.get(0);
      const count = route?.queueDatas.find((data) => data.brokerName === brokerName)?.readQueueNums ?? 0;
      for (let queueId = 0; addr !== undefined && queueId < count; queueId++) {
        const queue = { topic: RMQ_SYS_OFFSET_MOVED_EVENT, brokerName, queueId };
        const key = `${addr} ${queueId}`;
        const from = isFirst ? await offsetAt(this.#admin, addr, RequestCode.GET_MAX_OFFSET, queue) : (this.#positions.get(key) ?? 0);
        this.#positions.set(key, isFirst ? from : await this.#readEvents(addr, { queue, from }, events));
      }
    }
    return events;
  }

  async #readEvents(addr: string, { queue, from }: { queue: MessageQueue; from: number }, events: DeleteMsgsEvent[]): Promise<number> {
    for (let offset = from; ; ) {
      const pull = await pullOnce(this.#admin, addr, { ...queue, offset, maxNums: PULL_BATCH });
      for (const { body, storeTimestamp } of pull.messages) {
        const event = eventOf(body);
        if (event !== null) {
          events.push({ offsetMovedEvent: event, eventTimestamp: storeTimestamp });
        }
      }
      if (pull.status === 'NO_NEW_MSG' || pull.nextBeginOffset <= offset) {
        return Math.max(offset, pull.nextBeginOffset);
      }
      offset = pull.nextBeginOffset;
    }
  }
}

function undoneOf(consumerGroup: string, queues: Awaited<ReturnType<typeof groupLag>>['result']['queues']): UndoneMsgs[] {
  return [...new Set(queues.map(({ topic }) => topic))].flatMap((topic): UndoneMsgs[] => {
    const behind = queues.filter((queue) => queue.topic === topic && queue.diff > 0);
    if (behind.length === 0) {
      return [];
    }
    const unknown = behind.find(({ lagMs }) => lagMs === null);
    return [
      {
        consumerGroup,
        topic,
        undoneMsgsTotal: behind.reduce((total, { diff }) => total + diff, 0),
        undoneMsgsSingleMQ: Math.max(...behind.map(({ diff }) => diff)),
        undoneMsgsDelayTimeMills: unknown === undefined ? Math.max(...behind.map(({ lagMs }) => lagMs ?? 0)) : null,
        ...(unknown === undefined ? {} : { reason: unknown.reasons.lagMs ?? '' }),
      },
    ];
  });
}

/** Null for a message that is no such event. */
function eventOf(body: Buffer): DeleteMsgsEvent['offsetMovedEvent'] | null {
  try {
    const { consumerGroup, messageQueue, offsetRequest, offsetNew } = parseFastjsonObject(body, 'OffsetMovedEvent');
    const { topic, brokerName, queueId } = messageQueue as unknown as MessageQueue;
    return {
      consumerGroup: String(consumerGroup),
      messageQueue: { topic, brokerName, queueId },
      offsetRequest: Number(offsetRequest),
      offsetNew: Number(offsetNew),
    };
  } catch {
    return null;
  }
}
