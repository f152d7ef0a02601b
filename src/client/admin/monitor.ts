import { MQError, NotFoundError } from '../../common/errors.js';
import { parseFastjsonObject } from '../../common/fastjson.js';
import type { SubscriptionDifference } from '../../common/subscription-differences.js';
import { isRetryTopic, RETRY_GROUP_TOPIC_PREFIX, RMQ_SYS_OFFSET_MOVED_EVENT } from '../../common/topic-names.js';
import { RequestCode } from '../../remoting/codes.js';
import type { MessageQueue } from '../message-queue.js';
import type { AdminClient } from './admin-client.js';
import { offsetAt, pullOnce } from './admin-pull.js';
import { consumerStatus, type StuckQueue } from './consumer-status.js';
import { askAll } from './fan-out.js';
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
  /** Brokers whose events could not be read, or not all of them; those come when they can. */
  readonly unreadBrokers: readonly { readonly brokerName: string; readonly reason: string }[];
}

type GroupFindings = Omit<MonitorRound, 'time' | 'groupCount' | 'deleteMsgsEvents' | 'unreadBrokers'>;

/** Looks at all groups that have a retry topic, again and again. */
export class Monitor {
  readonly #admin: AdminClient;
  /** Next event to read, by broker address and queue. */
  readonly #positions = new Map<string, number>();

  constructor(admin: AdminClient) {
    this.#admin = admin;
  }

  /** @param nowMs wall clock */
  async round(nowMs: number): Promise<MonitorRound> {
    const topics = (await this.#admin.topicNames()).filter((topic) => isRetryTopic(topic)).sort();
    const groups = topics.map((topic) => topic.slice(RETRY_GROUP_TOPIC_PREFIX.length));
    const { deleteMsgsEvents, unreadBrokers } = await this.#events();
    const found = await mapLimited(groups, (group) => this.#group(group, nowMs), GROUPS_AT_ONCE);
    return {
      time: nowMs,
      groupCount: groups.length,
      undoneMsgs: found.flatMap(({ undoneMsgs }) => undoneMsgs),
      deleteMsgsEvents,
      subscriptionDifferences: found.flatMap(({ subscriptionDifferences }) => subscriptionDifferences),
      stuckQueues: found.flatMap(({ stuckQueues }) => stuckQueues),
      failures: found.flatMap(({ failures }) => failures),
      unreadBrokers,
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

  /** Events since the last round; those of before a queue was seen first are no news. */
  async #events(): Promise<Pick<MonitorRound, 'deleteMsgsEvents' | 'unreadBrokers'>> {
    const route = await this.#admin.findRoute(RMQ_SYS_OFFSET_MOVED_EVENT);
    const deleteMsgsEvents: DeleteMsgsEvent[] = [];
    const brokers = (route?.brokerDatas ?? []).flatMap(({ brokerName, brokerAddrs }) => {
      const addr = brokerAddrs.get(0);
      const queueCount = route?.queueDatas.find((data) => data.brokerName === brokerName)?.readQueueNums ?? 0;
      return addr === undefined ? [] : [{ brokerName, addr, queueCount }];
    });
    const results = await askAll(
      brokers.map(({ addr }) => addr),
      async (addr) => {
        const { brokerName, queueCount } = brokers.find((broker) => broker.addr === addr)!;
        for (let queueId = 0; queueId < queueCount; queueId++) {
          await this.#readEvents(addr, { topic: RMQ_SYS_OFFSET_MOVED_EVENT, brokerName, queueId }, deleteMsgsEvents);
        }
      },
    );
    const unreadBrokers = results.flatMap(({ error }, i) =>
      error === undefined ? [] : [{ brokerName: brokers[i]!.brokerName, reason: error.message }],
    );
    return { deleteMsgsEvents, unreadBrokers };
  }

  async #readEvents(addr: string, queue: MessageQueue, events: DeleteMsgsEvent[]): Promise<void> {
    const key = `${addr} ${queue.queueId}`;
    let offset = this.#positions.get(key);
    if (offset === undefined) {
      this.#positions.set(key, await offsetAt(this.#admin, addr, RequestCode.GET_MAX_OFFSET, queue));
      return;
    }
    for (;;) {
      const pull = await pullOnce(this.#admin, addr, { ...queue, offset, maxNums: PULL_BATCH });
      for (const { body, storeTimestamp } of pull.messages) {
        const event = eventOf(body);
        if (event !== null) {
          events.push({ offsetMovedEvent: event, eventTimestamp: storeTimestamp });
        }
      }
      const next = Math.max(offset, pull.nextBeginOffset);
      // At once: when a later pull fails, these events are not told twice.
      this.#positions.set(key, next);
      if (pull.status === 'NO_NEW_MSG' || next === offset) {
        return;
      }
      offset = next;
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
