import type { Clock } from '../../common/clock.js';
import { MQError, NotFoundError, PartialError, ProtocolError, UsageError } from '../../common/errors.js';
import { stringHashCode } from '../../common/java.js';
import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { isCompressed } from '../../common/sys-flag.js';
import type { TopicRouteData } from '../../remoting/bodies/route.js';
import { RequestCode } from '../../remoting/codes.js';
import type { MessageQueue } from '../message-queue.js';
import { validateMessage } from '../producer/validate.js';
import { publishQueuesOf, subscribeQueuesOf } from '../route-table.js';
import type { AdminClient } from './admin-client.js';
import { addrInRoute, offsetAt } from './admin-pull.js';
import { mapLimited } from './map-limited.js';
import { lastingProperties } from './message-lines.js';
import type { MessageView } from './message-view.js';
import { type MessagePlace, OffsetMap, type OffsetMapStart } from './offset-map.js';
import { Pace } from './pace.js';
import { withProducer } from './produce-messages.js';
import { QueueSender } from './queue-sender.js';
import { type ReadMessagesRequest, readMessages } from './read-messages.js';
import { MAX_MESSAGE_SIZE } from './send-message.js';

/** Properties of a copy that say what it is a copy of: `topic@broker:queue:offset`, and when that was born and stored (ms). */
export const COPY_ORIGIN = 'COPY_ORIGIN';
const COPY_BORN_TIMESTAMP = 'COPY_BORN_TIMESTAMP';
const COPY_STORE_TIMESTAMP = 'COPY_STORE_TIMESTAMP';

/** One source queue and where its messages go. */
export interface QueuePair {
  /** `broker:queue`. */
  readonly from: string;
  readonly to: string;
}

export interface CopyRequest extends Omit<ReadMessagesRequest, 'last' | 'startAt' | 'onQueue'> {
  readonly targetTopic: string;
  /** File that says which message became which; a run with the same file goes on where the last one ended. */
  readonly offsetsFile?: string | undefined;
  /** Source queues whose messages go to a chosen queue. */
  readonly queueMapping?: readonly QueuePair[] | undefined;
  /** Messages a second, at most. */
  readonly rate?: number | undefined;
  /** Messages on their way, at most. Default 1024. */
  readonly inFlight?: number | undefined;
  readonly onRetry?: ((queue: MessageQueue, error: MQError) => void) | undefined;
  readonly onProgress?: ((copied: number) => void) | undefined;
  readonly clock?: Clock | undefined;
}

/** What was copied of a source queue. */
export interface CopiedQueue {
  readonly brokerName: string;
  readonly queueId: number;
  /** Queue of the target, where all messages of the source queue without a sharding key go; with one too where `isWhole`. */
  readonly target: string;
  /** Whether sharding keys change nothing. */
  readonly isWhole: boolean;
  /** First offset that was asked for, and the one behind the last that was copied; of a dry run what would be read. */
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly copied: number;
}

export interface CopyResult {
  readonly dryRun: boolean;
  readonly sourceTopic: string;
  readonly targetTopic: string;
  readonly copied: number;
  /** Found in the target, where an earlier run had stored them without saying so in the file. */
  readonly alreadyThere: number;
  readonly failed: number;
  readonly bodyBytes: number;
  readonly elapsedMs: number;
  readonly queues: readonly CopiedQueue[];
}

const DEFAULT_IN_FLIGHT = 1024;

/**
 * Copies messages of a topic to another one, of the same cluster or of another, in the order of store times. Copies keep body, tags, keys, flag,
 * msgId and properties, and say in properties of their own what they are a copy of. With `follow` it waits for new messages until the signal.
 * @throws PartialError when not all could be read or stored, with the {@link CopyResult} in `context.result`
 */
export async function copyMessages(ends: { source: AdminClient; target: AdminClient }, request: CopyRequest): Promise<CopyResult> {
  const copy = await Copy.open(ends, request);
  return withProducer(ends.target, request.targetTopic, async (producer, queues) => {
    const map = request.offsetsFile === undefined ? null : await OffsetMap.open(request.offsetsFile, copy.offsetMapStart());
    try {
      return await copy.run(map, (handlers) => new QueueSender({ producer, queues, ...handlers }));
    } finally {
      map?.close();
    }
  });
}

/** Says which queues would be read from where to where, and where their messages would go. */
export async function planCopy(ends: { source: AdminClient; target: AdminClient }, request: CopyRequest): Promise<CopyResult> {
  const copy = await Copy.open(ends, request);
  const map = request.offsetsFile === undefined ? null : OffsetMap.peek(request.offsetsFile, copy.offsetMapStart());
  return copy.plan(map);
}

/** Tells the sender what to do with an outcome. */
interface Handlers {
  readonly inFlight: number;
  readonly attempts: number;
  readonly signal?: AbortSignal | undefined;
  onRetry(queue: MessageQueue, error: MQError): void;
  onStored(entry: Entry, at: { messageQueue: MessageQueue; queueOffset: number }): void;
  onFailed(entry: Entry, error: MQError): void;
}

/** A message of the source that waits for the outcome of itself, or of one before it. */
interface Entry {
  readonly source: MessagePlace;
  target: MessagePlace | null;
}

interface SourceQueue {
  readonly queue: MessageQueue;
  readonly from: number;
  readonly to: number;
  /** Offset behind the last message that was copied. */
  reached: number;
  copied: number;
  /** In the order of offsets: what the file says has no holes. */
  readonly entries: Entry[];
}

class Copy {
  readonly #ends: { readonly source: AdminClient; readonly target: AdminClient };
  readonly #request: CopyRequest;
  readonly #targetRoute: TopicRouteData;
  readonly #targets: readonly MessageQueue[];
  readonly #pace: Pace;
  /** Target queue by source queue, `broker:queue` both. */
  readonly #targetOf: ReadonlyMap<string, { readonly queue: MessageQueue; readonly isWhole: boolean }>;
  readonly #queues = new Map<string, SourceQueue>();
  /** Ends the reading when a message was not stored, or its place not written down. */
  readonly #stop = new AbortController();
  #mapError: MQError | null = null;
  #counts = { copied: 0, alreadyThere: 0, failed: 0, bodyBytes: 0 };
  #failure: { readonly entry: Entry; readonly error: MQError } | null = null;

  private constructor(
    ends: { source: AdminClient; target: AdminClient },
    request: CopyRequest,
    routes: { source: TopicRouteData; target: TopicRouteData },
  ) {
    this.#ends = ends;
    this.#request = request;
    this.#targetRoute = routes.target;
    this.#targets = publishQueuesOf(request.targetTopic, routes.target);
    this.#targetOf = mapQueues(subscribeQueuesOf(request.topic, routes.source), this.#targets, request.queueMapping ?? []);
    this.#pace = new Pace(request);
  }

  static async open(ends: { source: AdminClient; target: AdminClient }, request: CopyRequest): Promise<Copy> {
    const [source, target] = [await ends.source.route(request.topic), await ends.target.route(request.targetTopic)];
    const addrs = new Set(source.brokerDatas.flatMap((broker) => [...broker.brokerAddrs.values()]));
    if (
      request.topic === request.targetTopic &&
      target.brokerDatas.some((broker) => [...broker.brokerAddrs.values()].some((addr) => addrs.has(addr)))
    ) {
      throw new UsageError(`topic ${request.topic} would be copied onto itself`, { hint: 'name another topic or another cluster' });
    }
    return new Copy(ends, request, { source, target });
  }

  offsetMapStart(): OffsetMapStart {
    const { topic, targetTopic } = this.#request;
    const { target } = this.#ends;
    return {
      sourceTopic: topic,
      targetTopic,
      targetQueues: () =>
        mapLimited(this.#targets, async (queue) => ({
          brokerName: queue.brokerName,
          queueId: queue.queueId,
          queueOffset: await offsetAt(
            target,
            addrInRoute(this.#targetRoute, targetTopic, queue.brokerName),
            RequestCode.GET_MAX_OFFSET,
            queue,
          ),
        })),
    };
  }

  async plan(map: OffsetMap | null): Promise<CopyResult> {
    // A reading that ends before its first message: only where the queues begin and end is asked for.
    const nothing = readMessages(this.#ends.source, { ...this.#reading(map), follow: false, signal: AbortSignal.abort() });
    await nothing.next();
    return this.#result(true);
  }

  async run(map: OffsetMap | null, open: (handlers: Handlers) => QueueSender<Entry>): Promise<CopyResult> {
    const { signal, follow, inFlight = DEFAULT_IN_FLIGHT, onRetry, onProgress } = this.#request;
    map?.onError((error) => {
      this.#mapError = error;
      this.#stop.abort();
    });
    if (map !== null) {
      await this.#findCopies(map);
    }
    const sender = open({
      inFlight,
      signal,
      attempts: follow === true ? Number.POSITIVE_INFINITY : 5,
      onRetry: (queue, error) => onRetry?.(queue, error),
      onStored: (entry, { messageQueue: { brokerName, queueId }, queueOffset }) => {
        this.#counts.copied++;
        this.#settle(entry, { brokerName, queueId, queueOffset }, map);
        onProgress?.(this.#counts.copied);
      },
      onFailed: (entry, error) => {
        this.#counts.failed++;
        this.#failure ??= { entry, error };
        this.#stop.abort();
      },
    });
    let readError: MQError | null = null;
    try {
      await this.#copyAll(sender, map);
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      readError = error;
    }
    await sender.idle();
    map?.flush();
    this.#throwFailure(this.#mapError ?? readError);
    return this.#result(false);
  }

  async #copyAll(sender: QueueSender<Entry>, map: OffsetMap | null): Promise<void> {
    const { signal } = this.#stop;
    for await (const message of readMessages(this.#ends.source, this.#reading(map))) {
      await this.#pace.next();
      await sender.ready();
      if (signal.aborted || this.#request.signal?.aborted === true) {
        return;
      }
      const entry = this.#enter(message);
      const known = map?.ahead(entry.source);
      if (known !== undefined) {
        this.#counts.alreadyThere++;
        this.#settle(entry, known, map);
        continue;
      }
      const copy = this.#copyOf(message);
      this.#counts.bodyBytes += copy.body.length;
      sender.send(copy, entry, this.#targetFor(message));
    }
  }

  #reading(map: OffsetMap | null): ReadMessagesRequest {
    const { signal } = this.#request;
    return {
      ...this.#request,
      signal: signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]),
      startAt: (queue) => map?.next(queue),
      onQueue: (queue, from, to) => {
        map?.beginQueue(queue, from);
        this.#queues.set(nameOf(queue), { queue, from, to, reached: from, copied: 0, entries: [] });
      },
    };
  }

  /** Copies behind the last that the file knows: the run that stored them was ended before it could write them down, which is done now. */
  async #findCopies(map: OffsetMap): Promise<void> {
    const { targetTopic, topic, signal } = this.#request;
    const prefix = `${topic}@`;
    for await (const message of readMessages(this.#ends.target, { topic: targetTopic, signal, startAt: (queue) => map.targetEnd(queue) })) {
      const origin = message.properties[COPY_ORIGIN];
      const source = origin?.startsWith(prefix) === true ? placeIn(origin.slice(prefix.length)) : null;
      if (source !== null && source.queueOffset >= (map.next(source) ?? 0)) {
        map.addAhead(source, placeOf(message));
      }
    }
  }

  #enter(message: MessageView): Entry {
    const entry: Entry = { source: placeOf(message), target: null };
    this.#queues.get(nameOf(entry.source))?.entries.push(entry);
    return entry;
  }

  #settle(entry: Entry, target: MessagePlace, map: OffsetMap | null): void {
    entry.target = target;
    const its = this.#queues.get(nameOf(entry.source));
    if (its?.entries[0] !== entry) {
      map?.addAhead(entry.source, target);
    }
    while (its !== undefined && its.entries[0]?.target != null) {
      const first = its.entries.shift() as Entry;
      its.copied++;
      its.reached = first.source.queueOffset + 1;
      map?.add(first.source, first.target as MessagePlace);
    }
  }

  #copyOf(message: MessageView): Message {
    const properties = lastingProperties(message.properties);
    properties.set(MessageConst.UNIQ_KEY, message.msgId);
    properties.set(COPY_ORIGIN, originOf(message));
    properties.set(COPY_BORN_TIMESTAMP, String(message.bornTimestamp));
    properties.set(COPY_STORE_TIMESTAMP, String(message.storeTimestamp));
    const copy: Message = {
      topic: this.#request.targetTopic,
      body: message.body,
      properties,
      ...(message.tags === null ? {} : { tags: message.tags }),
      ...(message.keys === null ? {} : { keys: message.keys }),
      ...(message.flag === 0 ? {} : { flag: message.flag }),
    };
    const problem = isCompressed(message.sysFlag)
      ? new UsageError('its body is compressed in a way that is not known here', { code: 'COMPRESSION_UNSUPPORTED' })
      : validateMessage(copy, MAX_MESSAGE_SIZE);
    if (problem !== null) {
      throw new ProtocolError(`the message ${originOf(message)} cannot be sent: ${problem.message}`, {
        code: problem.code,
        cause: problem,
      });
    }
    return copy;
  }

  #targetFor(message: MessageView): MessageQueue {
    const mapped = this.#targetOf.get(nameOf(placeOf(message)));
    const shardingKey = message.properties[MessageConst.SHARDING_KEY];
    if (mapped === undefined || (shardingKey !== undefined && !mapped.isWhole)) {
      const hash = stringHashCode(shardingKey ?? nameOf(placeOf(message)));
      return this.#targets[Math.abs(hash % this.#targets.length)] as MessageQueue;
    }
    return mapped.queue;
  }

  #throwFailure(readError: MQError | null): void {
    const { copied } = this.#counts;
    const failure = this.#failure;
    const error = failure?.error ?? readError;
    if (error === null) {
      return;
    }
    const what = failure === null ? '' : `${nameOf(failure.entry.source)}:${failure.entry.source.queueOffset}: `;
    if (copied === 0 && error === readError && error.category !== 'partial') {
      throw error;
    }
    throw new PartialError(`${copied} messages were copied, then it ended: ${what}${error.message}`, {
      code: 'COPY_INCOMPLETE',
      hint:
        this.#request.offsetsFile === undefined
          ? 'with --offsets-file another run would go on from here'
          : 'run it again to go on from here',
      context: { ...error.context, result: this.#result(false) },
      cause: error,
    });
  }

  #result(dryRun: boolean): CopyResult {
    const queues = [...this.#queues.values()].map(({ queue, from, to, reached, copied }): CopiedQueue => {
      const mapped = this.#targetOf.get(nameOf(queue));
      const target = mapped === undefined ? 'any' : nameOf(mapped.queue);
      const { brokerName, queueId } = queue;
      const toOffset = dryRun ? Math.max(from, to) : reached;
      return { brokerName, queueId, target, isWhole: mapped?.isWhole ?? false, fromOffset: from, toOffset, copied };
    });
    const { topic, targetTopic } = this.#request;
    return { dryRun, sourceTopic: topic, targetTopic, ...this.#counts, elapsedMs: this.#pace.elapsedMs, queues };
  }
}

function nameOf({ brokerName, queueId }: Omit<MessageQueue, 'topic'>): string {
  return `${brokerName}:${queueId}`;
}

function placeOf({ brokerName = '', queueId, queueOffset }: MessageView): MessagePlace {
  return { brokerName, queueId, queueOffset };
}

/** `broker:queue:offset`. */
function placeIn(text: string): MessagePlace | null {
  const [, brokerName, queueId, queueOffset] = /^(.+):(\d{1,9}):(\d{1,15})$/.exec(text) ?? [];
  return brokerName === undefined ? null : { brokerName, queueId: Number(queueId), queueOffset: Number(queueOffset) };
}

function originOf(message: MessageView): string {
  return `${message.topic}@${nameOf(placeOf(message))}:${message.queueOffset}`;
}

/**
 * Queues that are named go where they are told to, whole. Of topics with as many queues the others go to the queue of the same name, or at the
 * same place; else to any one, and messages with a sharding key to that of the key.
 */
function mapQueues(
  sources: readonly MessageQueue[],
  targets: readonly MessageQueue[],
  pairs: readonly QueuePair[],
): Map<string, { queue: MessageQueue; isWhole: boolean }> {
  const byName = new Map(targets.map((queue) => [nameOf(queue), queue]));
  if (targets.length === 0) {
    throw new NotFoundError('the target topic has no queue that can be written', { code: 'NO_WRITEABLE_QUEUE' });
  }
  const isWhole = sources.length === targets.length;
  const sameNames = isWhole && sources.every((queue) => byName.has(nameOf(queue)));
  const mapped = new Map(
    sources.map((queue, i) => {
      const target = sameNames ? byName.get(nameOf(queue)) : targets[i % targets.length];
      return [nameOf(queue), { queue: target as MessageQueue, isWhole }];
    }),
  );
  for (const { from, to } of pairs) {
    const queue = byName.get(to);
    if (queue === undefined || !mapped.has(from)) {
      throw new NotFoundError(`there is no queue ${queue === undefined ? `${to} in the target` : `${from} in the source`}`, {
        code: 'QUEUE_NOT_EXIST',
        hint: `queues there: ${(queue === undefined ? [...byName.keys()] : [...mapped.keys()]).join(', ')}`,
      });
    }
    mapped.set(from, { queue, isWhole: true });
  }
  return mapped;
}
