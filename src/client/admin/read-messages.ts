import { systemClock } from '../../common/clock.js';
import { ConfigError, MQError, NotFoundError, PartialError, UsageError } from '../../common/errors.js';
import { splitKeys } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { TOOLS_CONSUMER_GROUP } from '../../common/topic-names.js';
import type { TopicRouteData } from '../../remoting/bodies/route.js';
import { encodeCheckClientRequestBody, type SubscriptionData } from '../../remoting/bodies/subscription.js';
import { RequestCode } from '../../remoting/codes.js';
import { type MessageQueue, queueKey, queueText } from '../message-queue.js';
import { subscribeQueuesOf } from '../route-table.js';
import { buildSubscription, ExpressionType, type SqlExpression } from '../subscription.js';
import type { AdminClient } from './admin-client.js';
import { addrInRoute, isInSpan, offsetAt, queueRange } from './admin-pull.js';
import { mapLimited } from './map-limited.js';
import { type QueueFailure, QueueMerge } from './merge-queues.js';
import type { MessageView } from './message-view.js';
import { Newest } from './newest.js';
import { QueueReader, type ReadNotice } from './queue-reader.js';

/** A queue by its broker and id; a part that is absent is any. */
export interface QueueChoice {
  readonly brokerName?: string | undefined;
  readonly queueId?: number | undefined;
}

/** Which messages of a topic are read. Every bound that is given holds. */
export interface ReadMessagesRequest {
  readonly topic: string;
  /** Name whose route says where the queues are: the parent topic of a light message queue. */
  readonly routeTopic?: string | undefined;
  /** Only these queues; all of them when absent. */
  readonly queues?: readonly QueueChoice[] | undefined;
  /** Store times, ms: `begin` is in it, `end` is not. */
  readonly begin?: number | undefined;
  readonly end?: number | undefined;
  /** Offsets in each queue: `beginOffset` is in it, `endOffset` is not. */
  readonly beginOffset?: number | undefined;
  readonly endOffset?: number | undefined;
  /** First offset of a queue that was read before; counts more than `fromEnd`, and together with the other bounds. */
  readonly startAt?: ((queue: MessageQueue) => number | undefined) | undefined;
  /** Only so many of what else is asked for, the newest of all queues together. They are kept in memory. */
  readonly last?: number | undefined;
  /** Stops after so many messages. */
  readonly max?: number | undefined;
  /** Tags, separated by `||`, or SQL. */
  readonly filter?: string | SqlExpression | undefined;
  /** Only messages with one of these keys. */
  readonly keys?: readonly string[] | undefined;
  /** Waits for new messages at the end, until `signal` comes. */
  readonly follow?: boolean | undefined;
  /** Begins where the queues end now: only what is stored from now on. */
  readonly fromEnd?: boolean | undefined;
  /** How often `follow` looks for new queues, moved brokers and queues that could not be read, ms. Default 30 s. */
  readonly lookIntervalMs?: number | undefined;
  /** Ends the reading; nothing is thrown then, unless `follow` has queues that it cannot read. */
  readonly signal?: AbortSignal | undefined;
  readonly onNotice?: ((notice: ReadNotice) => void) | undefined;
  /** Is told which offsets of a queue will be read, before its first message comes; new ones behind `to` come too where they are waited for. */
  readonly onQueue?: ((queue: MessageQueue, from: number, to: number) => void) | undefined;
}

const LOOK_INTERVAL_MS = 30_000;

/** Queues of which all wait in pulls that brokers hold: each takes one of the few requests that a node gets at once. */
const MAX_HELD_PULLS = 8;

/** A queue with what of it is to be read. */
interface Lane {
  readonly queue: MessageQueue;
  readonly from: number;
  readonly to: number;
  /** Only what was stored at this time or later, ms. */
  readonly since?: number;
}

/** Why a queue is not read. */
interface Unread extends QueueFailure {
  /** Offset that was read next; undefined when none was. */
  readonly at?: number;
}

/** A file or a caller says that more was read than there is. */
const BEYOND_END = 'OFFSET_BEYOND_END';

/**
 * Reads messages of a topic in the order of their store times, over all queues, without a consumer group and without moving an offset.
 * Memory is bounded by two answers of each queue.
 *
 * @throws PartialError after the last message when some queues could not be read to their end, with them in `context.failed`; their error
 * itself when none could be read.
 * @example
 * ```ts
 * for await (const message of readMessages(admin, { topic: 'OrderPaid', begin: Date.now() - 600_000 })) {
 *   console.log(message.queueOffset, message.body.toString());
 * }
 * ```
 */
export async function* readMessages(admin: AdminClient, request: ReadMessagesRequest): AsyncGenerator<MessageView> {
  const reading = await Reading.open(admin, request);
  let left = request.max ?? Number.POSITIVE_INFINITY;
  for await (const message of reading.messages()) {
    if (left-- <= 0) {
      return;
    }
    yield message;
    if (left === 0) {
      return;
    }
  }
  reading.requireAll();
}

class Reading {
  readonly #admin: AdminClient;
  readonly #request: ReadMessagesRequest;
  readonly #subscription: SubscriptionData;
  readonly #failures = new Map<string, Unread>();
  readonly #known = new Set<string>();
  /** Brokers that were in the route when the reading began, and when that was. */
  readonly #firstBrokers: ReadonlySet<string>;
  readonly #startedAt = systemClock.nowMs();
  /** Queues that are read, or will be in a moment. */
  readonly #open = new Set<string>();
  #lanes: readonly Lane[] = [];
  #route: TopicRouteData;

  private constructor(admin: AdminClient, request: ReadMessagesRequest, route: TopicRouteData) {
    this.#admin = admin;
    this.#request = request;
    this.#route = route;
    this.#firstBrokers = new Set(route.brokerDatas.map((broker) => broker.brokerName));
    this.#subscription = buildSubscription(request.topic, request.filter, 0);
  }

  static async open(admin: AdminClient, request: ReadMessagesRequest): Promise<Reading> {
    const { begin, end, beginOffset, endOffset, topic } = request;
    if ((begin !== undefined && end !== undefined && begin > end) || (beginOffset ?? 0) > (endOffset ?? Number.POSITIVE_INFINITY)) {
      throw new UsageError(`the begin ${begin ?? beginOffset} is after the end ${end ?? endOffset}`);
    }
    const reading = new Reading(admin, request, await admin.route(request.routeTopic ?? topic));
    const queues = reading.#chosenQueues();
    if (queues.length === 0) {
      throw noQueue(topic, reading.#route, request.queues);
    }
    await reading.#checkSql(queues);
    reading.#lanes = await reading.#openLanes(queues);
    reading.requireSome();
    if (request.follow === true) {
      for (const { queue, error } of reading.#failures.values()) {
        request.onNotice?.({ kind: 'broken', queue, error });
      }
    }
    return reading;
  }

  async *messages(): AsyncGenerator<MessageView> {
    const { last, follow } = this.#request;
    if (last !== undefined) {
      yield* await this.#lastMessages(last);
      if (follow === true) {
        yield* this.#merged(this.#lanes.map((lane) => ({ ...lane, from: lane.to, to: Number.POSITIVE_INFINITY })));
      }
      return;
    }
    const to = follow === true ? { to: Number.POSITIVE_INFINITY } : {};
    yield* this.#merged(this.#lanes.map((lane) => ({ ...lane, ...to })));
  }

  /** @throws the error when no queue could be read */
  requireSome(): void {
    const [first] = this.#failures.values();
    if (first !== undefined && this.#failures.size === this.#known.size) {
      throw first.error;
    }
  }

  /** @throws PartialError when a queue could not be read to its end */
  requireAll(): void {
    this.requireSome();
    const failed = [...this.#failures.values()];
    const first = failed[0];
    if (first === undefined || (this.#request.signal?.aborted === true && this.#request.follow !== true)) {
      return;
    }
    const names = failed.map(({ queue: { brokerName, queueId } }) => `${brokerName}:${queueId}`);
    throw new PartialError(
      `topic ${this.#request.topic}: ${failed.length} of ${this.#known.size} queues were not read to their end (${names.join(', ')}): ${first.error.message}`,
      {
        code: 'QUEUES_NOT_READ',
        hint: 'read these again when the broker answers',
        context: { failed: failed.map(({ queue, error }) => ({ ...queue, code: error.code, message: error.message })) },
        cause: first.error,
      },
    );
  }

  #chosenQueues(): MessageQueue[] {
    const { topic, queues: choices } = this.#request;
    return subscribeQueuesOf(topic, this.#route).filter(
      ({ brokerName, queueId }) =>
        choices === undefined ||
        choices.some((choice) => (choice.brokerName ?? brokerName) === brokerName && (choice.queueId ?? queueId) === queueId),
    );
  }

  /** A pull with an expression that a broker cannot read gets all messages: it has to be asked first. */
  async #checkSql(queues: readonly MessageQueue[]): Promise<void> {
    const subscriptionData = this.#subscription;
    const [queue] = queues;
    if (subscriptionData.expressionType !== ExpressionType.SQL92 || queue === undefined) {
      return;
    }
    const body = encodeCheckClientRequestBody({ clientId: TOOLS_CONSUMER_GROUP, group: TOOLS_CONSUMER_GROUP, subscriptionData });
    await this.#admin.ask(this.#addrOf(queue), { code: RequestCode.CHECK_CLIENT_CONFIG, body });
  }

  #addrOf({ topic, brokerName }: MessageQueue): string {
    return addrInRoute(this.#route, topic, brokerName);
  }

  async #openLanes(queues: readonly MessageQueue[]): Promise<Lane[]> {
    const lanes = await mapLimited(queues, async (queue): Promise<Lane[]> => {
      this.#known.add(queueKey(queue));
      try {
        const lane = await this.#openLane(queue);
        this.#open.add(queueKey(queue));
        this.#request.onQueue?.(queue, lane.from, lane.to);
        return [lane];
      } catch (error) {
        // Of a topic that was made anew the other queues are not what they were either.
        if (!(error instanceof MQError) || error.code === BEYOND_END) {
          throw error;
        }
        this.#failures.set(queueKey(queue), { queue, error });
        return [];
      }
    });
    return lanes.flat();
  }

  #fail(unread: Unread): void {
    const { follow, signal, onNotice } = this.#request;
    const { queue, error } = unread;
    const key = queueKey(queue);
    const isNews = !this.#failures.has(key);
    this.#failures.set(key, unread);
    this.#open.delete(key);
    if (follow === true && isNews && signal?.aborted !== true) {
      onNotice?.({ kind: 'broken', queue, error });
    }
  }

  async #openLane(queue: MessageQueue): Promise<Lane> {
    const { begin, end, beginOffset, endOffset, startAt, fromEnd, onNotice } = this.#request;
    const admin = this.#admin;
    const addr = this.#addrOf(queue);
    const start = startAt?.(queue);
    if (fromEnd === true && start === undefined) {
      const to = await offsetAt(admin, addr, RequestCode.GET_MAX_OFFSET, queue);
      return { queue, from: to, to };
    }
    const range = await queueRange(admin, addr, queue, { begin, end });
    if (start !== undefined && start > range.queueEnd) {
      throw beyondEnd(queue, start, range.queueEnd);
    }
    if (start !== undefined && start < range.queueBegin) {
      onNotice?.({ kind: 'gap', queue, fromOffset: start, toOffset: range.queueBegin });
    }
    return {
      queue,
      from: Math.max(range.from, beginOffset ?? 0, start ?? 0),
      to: Math.min(range.to, endOffset ?? Number.POSITIVE_INFINITY),
    };
  }

  /** What of a queue is read that was not there, or could not be read, when the reading began. */
  async #openLate(queue: MessageQueue): Promise<Lane> {
    const { beginOffset, startAt, fromEnd } = this.#request;
    const unread = this.#failures.get(queueKey(queue));
    const known = unread?.at ?? startAt?.(queue);
    const to = Number.POSITIVE_INFINITY;
    if (unread?.at !== undefined || (unread === undefined && this.#firstBrokers.has(queue.brokerName))) {
      return { queue, from: Math.max(known ?? 0, beginOffset ?? 0), to };
    }
    if (fromEnd === true && known === undefined) {
      const since = this.#startedAt;
      const { from } = await queueRange(this.#admin, this.#addrOf(queue), queue, { begin: since });
      return { queue, from: Math.max(from, beginOffset ?? 0), to, since };
    }
    return { ...(await this.#openLane(queue)), to };
  }

  readonly #isWanted = (message: MessageView): boolean => {
    const { keys } = this.#request;
    return (
      isInSpan(message, this.#request) &&
      (keys === undefined || splitKeys(message.properties[MessageConst.KEYS]).some((key) => keys.includes(key)))
    );
  };

  #reader({ queue, from, to, since = 0 }: Lane, isBroken = false): QueueReader {
    const { signal, onNotice } = this.#request;
    return new QueueReader(this.#admin, {
      queue,
      from,
      to,
      subscription: this.#subscription,
      isWanted: since === 0 ? this.#isWanted : (message) => message.storeTimestamp >= since && this.#isWanted(message),
      addr: () => this.#addrOf(queue),
      signal,
      onNotice: (notice) => {
        if (notice.kind === 'mended') {
          this.#failures.delete(queueKey(queue));
        }
        onNotice?.(notice);
      },
      isBroken,
      mayHold: this.#known.size <= MAX_HELD_PULLS,
    });
  }

  async *#merged(lanes: readonly Lane[]): AsyncGenerator<MessageView> {
    const { signal, follow, lookIntervalMs = LOOK_INTERVAL_MS } = this.#request;
    const merge = new QueueMerge<QueueReader>({ signal, onFailed: ({ queue, offset: at }, error) => this.#fail({ queue, error, at }) });
    for (const lane of lanes) {
      merge.add(this.#reader(lane));
    }
    const timer = follow === true ? setInterval(() => void this.#lookAgain(merge), lookIntervalMs) : undefined;
    try {
      yield* merge.messages();
    } finally {
      clearInterval(timer);
    }
  }

  /** Brokers may have moved or come back, and the topic may have more queues. The next look may find what this one does not. */
  async #lookAgain(merge: QueueMerge<QueueReader>): Promise<void> {
    const { routeTopic, topic } = this.#request;
    try {
      this.#route = (await this.#admin.findRoute(routeTopic ?? topic)) ?? this.#route;
    } catch (error) {
      if (error instanceof MQError) {
        return;
      }
      throw error;
    }
    for (const queue of this.#chosenQueues()) {
      const key = queueKey(queue);
      if (!this.#open.has(key)) {
        this.#open.add(key);
        await this.#addLate(merge, queue);
      }
    }
  }

  async #addLate(merge: QueueMerge<QueueReader>, queue: MessageQueue): Promise<void> {
    const { onQueue, onNotice } = this.#request;
    const before = this.#failures.get(queueKey(queue));
    try {
      const lane = await this.#openLate(queue);
      this.#known.add(queueKey(queue));
      if (before?.at === undefined) {
        onQueue?.(queue, lane.from, lane.from);
        if (this.#failures.delete(queueKey(queue))) {
          onNotice?.({ kind: 'mended', queue });
        }
      }
      merge.add(this.#reader(lane, before?.at !== undefined));
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      this.#known.add(queueKey(queue));
      this.#fail({ queue, error });
    }
  }

  /** Kept in a ring, because only the end of the merged queues says which are the last of all. */
  async #lastMessages(count: number): Promise<readonly MessageView[]> {
    const lanes = await mapLimited(this.#lanes, (lane) => this.#lastOf(lane, count));
    const newest = new Newest<MessageView>(count);
    for await (const message of this.#merged(lanes)) {
      newest.push(message);
    }
    return newest.all();
  }

  /** The lane from so far before its end that it holds so many messages that are wanted. */
  async #lastOf(lane: Lane, count: number): Promise<Lane> {
    const { filter, keys, end } = this.#request;
    let from = lane.to;
    let step = count;
    for (let found = 0; from > lane.from && found < count; step *= 2) {
      const to = from;
      from = Math.max(lane.from, to - step);
      found +=
        filter === undefined && keys === undefined && end === undefined ? to - from : await this.#count({ queue: lane.queue, from, to });
    }
    return { ...lane, from };
  }

  /** A queue that cannot be read is told when its messages are. */
  async #count(lane: Lane): Promise<number> {
    const reader = this.#reader(lane);
    let count = 0;
    try {
      for (;;) {
        const { messages, state } = await reader.pull();
        count += messages.length;
        if (state === 'done') {
          return count;
        }
      }
    } catch (error) {
      if (error instanceof MQError) {
        return Number.POSITIVE_INFINITY;
      }
      throw error;
    }
  }
}

function beyondEnd(queue: MessageQueue, start: number, end: number): ConfigError {
  return new ConfigError(`queue ${queue.brokerName}:${queue.queueId} ends at ${end}, before the offset ${start} that was to be read next`, {
    code: BEYOND_END,
    hint: 'the topic was made anew, or its broker lost messages: begin with another file of offsets',
    context: { ...queue, start, end },
  });
}

function noQueue(topic: string, route: TopicRouteData, choices: readonly QueueChoice[] | undefined): NotFoundError {
  const all = subscribeQueuesOf(topic, route);
  const wanted = (choices ?? []).map(({ brokerName, queueId }) => [brokerName, queueId].filter((part) => part !== undefined).join(':'));
  const brokers = [...new Set(all.map((queue) => queue.brokerName))];
  return new NotFoundError(`topic ${topic} has no readable queue${wanted.length === 0 ? '' : ` ${wanted.join(', ')}`}`, {
    code: 'NO_READABLE_QUEUE',
    hint: all.length === 0 ? `look at its permission: mqadmin topicRoute -l -t ${topic}` : `it has ${all.length}, on ${brokers.join(', ')}`,
    context: { topic, queues: all.map(queueText) },
  });
}
