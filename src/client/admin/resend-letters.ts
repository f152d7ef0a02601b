import { ConnectError, MQError, NotFoundError, PartialError, UsageError } from '../../common/errors.js';
import { stringHashCode } from '../../common/java.js';
import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { clearCompressed } from '../../common/sys-flag.js';
import { isDlqTopic, retryTopic } from '../../common/topic-names.js';
import type { TopicRouteData } from '../../remoting/bodies/route.js';
import type { MessageQueue } from '../message-queue.js';
import { publishQueuesOf } from '../route-table.js';
import type { AdminClient } from './admin-client.js';
import { brokersOfGroup, consumersAt } from './connections.js';
import { type LetterFilter, type LetterKind, letterIdOf, partOf, RESENT_FROM, readLetters } from './group-letters.js';
import { originIdOf, originTopicOf } from './letter-origin.js';
import { mapLimited } from './map-limited.js';
import { lastingProperties } from './message-lines.js';
import type { MessageView } from './message-view.js';
import { Pace } from './pace.js';
import { queryAt } from './query-message.js';
import { askRunningInfo } from './running-info.js';
import { mayRetry, sendOnce, TOOLS_PRODUCER_GROUP } from './send-message.js';
import { masterAddrs, withoutMaster } from './topic-list.js';
import { waitingRetries } from './waiting-retries.js';

/**
 * Where letters go: `origin`, the topic of each, so that every group of that topic gets it; `group`, the retry topic of their group, so that only
 * that group does; or one topic for all.
 */
export type ResendTarget = { readonly to: 'origin' } | { readonly to: 'group' } | { readonly to: 'topic'; readonly topic: string };

export interface ResendRequest {
  readonly kind: LetterKind;
  readonly group: string;
  readonly target: ResendTarget;
  readonly filter?: LetterFilter;
  /** At most so many a second; as fast as it goes when absent. */
  readonly rate?: number | undefined;
  /** Also those that are in their target already. */
  readonly again?: boolean;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  /** Told of every letter as soon as it is known what became of it. */
  readonly onLetter?: (letter: ResentLetter) => void;
}

/**
 * What became of a letter. `already`: the target has it from a former run, or, of a retry that the broker has twice, from this one; `unknown`: no
 * answer came, and it may have been stored: the next run sees whether it was.
 */
export type ResendState = 'planned' | 'resent' | 'already' | 'failed' | 'unknown';

export interface ResentLetter {
  readonly msgId: string;
  /** The broker's id of the letter. */
  readonly offsetMsgId: string;
  readonly originTopic: string | null;
  /** Topic it goes to; null where that is not known. */
  readonly topic: string | null;
  readonly state: ResendState;
  /** The broker's id of the message that was stored. */
  readonly resentOffsetMsgId?: string;
  readonly reason?: string;
}

export interface ResendResult {
  readonly dryRun: boolean;
  readonly group: string;
  readonly target: ResendTarget;
  readonly letters: readonly ResentLetter[];
  readonly counts: Readonly<Record<ResendState, number>>;
  readonly tookMs: number;
}

/** A broker that refuses so many letters in a row is not asked for more. */
const FAILURES_IN_A_ROW = 20;
const ATTEMPTS = 3;

/**
 * Sends letters again. Each carries its own id, so the target itself says what it has: a second run, also one from another machine or after a
 * crash, sends only what is missing.
 * @throws NotFoundError when the group has none
 * @throws PartialError or the first error when letters were not sent; `context.result` says which
 */
export async function resendLetters(admin: AdminClient, request: ResendRequest): Promise<ResendResult> {
  const { kind, group, target, filter, dryRun = false, signal } = request;
  if (target.to === 'group') {
    if (kind === 'retry') {
      throw new UsageError(`retries of group ${group} go to that group anyway`, {
        hint: 'send them to the topic they came from: --to origin',
      });
    }
    await requireTakesRetries(admin, group);
  }
  if (kind === 'retry') {
    await requireOffline(admin, group);
  }
  if (target.to === 'topic' && isDlqTopic(target.topic)) {
    throw new UsageError(`${target.topic} is a dead-letter topic: nobody would consume what goes there`);
  }
  const resender = new Resender(admin, request);
  const read = { group, ...(filter === undefined ? {} : { filter }) };
  let unread: MQError | null = null;
  try {
    for await (const messages of kind === 'dlq' ? readLetters(admin, read) : readRetries(admin, read)) {
      if (signal?.aborted === true || resender.isStuck) {
        break;
      }
      await resender.take(messages);
    }
  } catch (error) {
    if (!(error instanceof MQError) || (!(error instanceof PartialError) && resender.letters.length === 0)) {
      throw error;
    }
    unread = error;
  }
  const { letters } = resender;
  const count = (state: ResendState): number => letters.filter((letter) => letter.state === state).length;
  const states = ['planned', 'resent', 'already', 'failed', 'unknown'] as const;
  const counts = Object.fromEntries(states.map((state) => [state, count(state)])) as Record<ResendState, number>;
  const result: ResendResult = { dryRun, group, target, letters, counts, tookMs: resender.elapsedMs };
  requireResent(result, resender);
  if (unread !== null) {
    throw partOf(unread, result);
  }
  return result;
}

/** The waiting retries, in pages. */
async function* readRetries(admin: AdminClient, read: { group: string; filter?: LetterFilter }): AsyncGenerator<readonly MessageView[]> {
  const { pages } = await waitingRetries(admin, read);
  for await (const page of pages) {
    yield page.map(({ message }) => message);
  }
}

function requireResent(result: ResendResult, { firstFailure, isStuck }: Resender): void {
  if (firstFailure === null) {
    return;
  }
  const { failed, unknown, resent, already } = result.counts;
  const stuck = isStuck ? `; ended after ${FAILURES_IN_A_ROW} failures in a row` : '';
  const message = `resend of group ${result.group}: ${failed + unknown} of ${result.letters.length} letters were not sent, the first because ${firstFailure.message}${stuck}`;
  const hint = firstFailure.hint ?? 'run it again: what was sent is not sent twice';
  if (resent + already === 0) {
    throw new MQError(firstFailure.category, message, { defaultCode: firstFailure.code, hint, cause: firstFailure, context: { result } });
  }
  throw new PartialError(message, { hint, cause: firstFailure, context: { result } });
}

/** Where messages of a topic go. */
interface Place {
  readonly route: TopicRouteData;
  readonly queues: readonly MessageQueue[];
}

class Resender {
  readonly letters: ResentLetter[] = [];
  firstFailure: MQError | null = null;
  readonly #admin: AdminClient;
  readonly #request: ResendRequest;
  readonly #pace: Pace;
  /** What this run sent. */
  readonly #ids = new Set<string>();
  readonly #places = new Map<string, Promise<Place>>();
  /** Letters whose failure is no fault of their own. */
  readonly #brokerFailures = new WeakSet<ResentLetter>();
  #failuresInARow = 0;
  #sent = 0;

  constructor(admin: AdminClient, request: ResendRequest) {
    this.#admin = admin;
    this.#request = request;
    this.#pace = new Pace(request);
  }

  get elapsedMs(): number {
    return this.#pace.elapsedMs;
  }

  get isStuck(): boolean {
    return this.#failuresInARow >= FAILURES_IN_A_ROW;
  }

  /** The targets are asked for all at once; what is missing is sent one after the other, so that letters keep their order. */
  async take(messages: readonly MessageView[]): Promise<void> {
    const checked = await mapLimited(messages, async (message) => ({ message, known: await this.#known(message) }));
    for (const { message, known } of checked) {
      if (this.isStuck || this.#request.signal?.aborted === true) {
        return;
      }
      const letter = known ?? this.#double(message) ?? (await this.#send(message));
      if (letter.state === 'resent' || letter.state === 'planned') {
        this.#ids.add(this.#idOf(message));
      }
      this.letters.push(letter);
      this.#failuresInARow = this.#brokerFailures.has(letter) ? this.#failuresInARow + 1 : 0;
      this.#request.onLetter?.(letter);
    }
  }

  /** A retry that the broker has twice is one letter. */
  #double(message: MessageView): ResentLetter | null {
    return this.#request.again !== true && this.#ids.has(this.#idOf(message)) ? { ...this.#shown(message), state: 'already' } : null;
  }

  #idOf(message: MessageView): string {
    return letterIdOf(this.#request.kind, this.#request.group, message);
  }

  /** What can be said of a letter without sending it; null when it is to be sent. */
  async #known(message: MessageView): Promise<ResentLetter | null> {
    const { again = false, dryRun = false } = this.#request;
    const shown = this.#shown(message);
    try {
      const { topic } = shown;
      if (topic === null) {
        throw new NotFoundError(`letter ${message.msgId} does not say which topic it came from`, {
          code: 'NO_ORIGIN',
          hint: 'name one with --to-topic',
        });
      }
      const { route } = await this.#place(topic);
      if (!again && (await this.#isResent(message, topic, route))) {
        return { ...shown, state: 'already' };
      }
      return dryRun ? { ...shown, state: 'planned' } : null;
    } catch (error) {
      return this.#failed(shown, error);
    }
  }

  #shown(message: MessageView): Pick<ResentLetter, 'msgId' | 'offsetMsgId' | 'originTopic' | 'topic'> {
    const { group, target } = this.#request;
    const originTopic = originTopicOf(message);
    const topic = target.to === 'origin' ? originTopic : target.to === 'group' ? retryTopic(group) : target.topic;
    return { msgId: message.msgId, offsetMsgId: message.offsetMsgId, originTopic, topic };
  }

  #failed(shown: Pick<ResentLetter, 'msgId' | 'offsetMsgId' | 'originTopic' | 'topic'>, error: unknown, isSent = false): ResentLetter {
    if (!(error instanceof MQError)) {
      throw error;
    }
    this.firstFailure ??= error;
    const letter: ResentLetter = { ...shown, state: isSent && error.category === 'timeout' ? 'unknown' : 'failed', reason: error.message };
    if (error.category !== 'notFound') {
      this.#brokerFailures.add(letter);
    }
    return letter;
  }

  #place(topic: string): Promise<Place> {
    let place = this.#places.get(topic);
    if (place === undefined) {
      place = this.#findPlace(topic);
      this.#places.set(topic, place);
    }
    return place;
  }

  /** Unlike other sends this one never lets a broker create the topic. */
  async #findPlace(topic: string): Promise<Place> {
    const route = await this.#admin.route(topic);
    const queues = publishQueuesOf(topic, route);
    if (queues.length === 0) {
      throw new NotFoundError(`topic ${topic} has no queue that can be written`, {
        code: 'NO_WRITEABLE_QUEUE',
        hint: `look at its permission: mqadmin topicRoute -l -t ${topic}`,
        context: { topic },
      });
    }
    const without = withoutMaster(route);
    if (without.length > 0 && this.#request.again !== true) {
      throw new ConnectError(`${without.join(', ')} of topic ${topic} has no master, which cannot be asked what it has`, {
        code: 'NO_MASTER',
        hint: 'repeat the command when the master is back; --again sends without asking',
        context: { topic, brokerNames: without },
      });
    }
    return { route, queues };
  }

  /** Whether one of the target's brokers has a message that was made of this letter. */
  async #isResent(letter: MessageView, topic: string, route: TopicRouteData): Promise<boolean> {
    const { msgId } = letter;
    const id = this.#idOf(letter);
    const found = await Promise.all(masterAddrs(route).map((addr) => queryAt(this.#admin, addr, { topic, key: msgId, uniqueKey: true })));
    return found.flat().some(({ properties }) => properties[RESENT_FROM] === id);
  }

  async #send(letter: MessageView): Promise<ResentLetter> {
    const shown = this.#shown(letter);
    const topic = shown.topic ?? '';
    try {
      await this.#pace.next();
      const { route, queues } = await this.#place(topic);
      const shardingKey = letter.properties[MessageConst.SHARDING_KEY];
      // Messages of one sharding key stay in one queue.
      const first = shardingKey === undefined ? this.#sent++ : Math.abs(stringHashCode(shardingKey));
      const attempts = shardingKey === undefined ? Math.min(ATTEMPTS, queues.length) : 1;
      const message = resentMessage(letter, this.#request, topic);
      for (let attempt = 0; ; attempt++) {
        const queue = queues[(first + attempt) % queues.length]!;
        const addr = route.brokerDatas.find(({ brokerName }) => brokerName === queue.brokerName)?.brokerAddrs.get(0) ?? '';
        try {
          const { msgId, bornTimestamp } = letter;
          // Only a body that could not be inflated is still said to be compressed.
          const sysFlag = letter.sysFlag ^ clearCompressed(letter.sysFlag);
          const producerGroup = TOOLS_PRODUCER_GROUP;
          const sent = await sendOnce(this.#admin, { message, queue, addr, msgId, producerGroup, bornTimestamp, sysFlag });
          return { ...shown, state: 'resent', resentOffsetMsgId: sent.offsetMsgId };
        } catch (error) {
          if (!(error instanceof MQError) || !mayRetry(error) || attempt + 1 >= attempts) {
            throw error;
          }
        }
      }
    } catch (error) {
      return this.#failed(shown, error, true);
    }
  }
}

/** Who asked for an answer is still named to the consumer that makes one. */
const OF_REQUESTS = [MessageConst.CORRELATION_ID, MessageConst.REPLY_TO_CLIENT, MessageConst.TTL];

/** The message that is sent for a letter: keys, tags, sharding key, user properties, flag and body as they were. */
function resentMessage(letter: MessageView, { kind, group }: ResendRequest, topic: string): Message {
  const originTopic = originTopicOf(letter);
  const properties = lastingProperties(letter.properties);
  for (const name of OF_REQUESTS) {
    const value = letter.properties[name];
    if (value !== undefined) {
      properties.set(name, value);
    }
  }
  properties.set(MessageConst.ORIGIN_MESSAGE_ID, originIdOf(letter) ?? letter.offsetMsgId);
  properties.set(MessageConst.DLQ_ORIGIN_MESSAGE_ID, letter.msgId);
  properties.set(RESENT_FROM, letterIdOf(kind, group, letter));
  if (originTopic !== null) {
    properties.set(MessageConst.DLQ_ORIGIN_TOPIC, originTopic);
    if (topic === retryTopic(group)) {
      // Consumers show a message of their retry topic under this name.
      properties.set(MessageConst.RETRY_TOPIC, originTopic);
    }
  }
  return {
    topic,
    body: letter.body,
    flag: letter.flag,
    properties,
    ...(letter.tags === null ? {} : { tags: letter.tags }),
    ...(letter.keys === null ? {} : { keys: letter.keys }),
  };
}

/** Members of an online group get their retries anyway: who sends copies of them has them consumed twice. */
async function requireOffline(admin: AdminClient, group: string): Promise<void> {
  for (const addr of await brokersOfGroup(admin, group)) {
    if ((await consumersAt(admin, addr, group)) !== null) {
      throw new UsageError(`group ${group} is online and gets its retries itself`, {
        code: 'GROUP_ONLINE',
        hint: 'resending is for groups that do not come back',
        context: { group, brokerAddr: addr },
      });
    }
  }
}

/**
 * The retry topic serves push consumers only: brokers of 5.x put what an orderly group's retry topic is sent among its dead letters at once, and
 * POP consumers have retry topics of other names.
 */
async function requireTakesRetries(admin: AdminClient, group: string): Promise<void> {
  for (const addr of await brokersOfGroup(admin, group)) {
    const online = await consumersAt(admin, addr, group);
    const refused = (why: string): UsageError =>
      new UsageError(`group ${group} ${why}`, {
        code: 'NO_RETRY_TOPIC',
        hint: 'send to the topic they came from: --to origin',
        context: { group },
      });
    if (online?.consumeType === 'CONSUME_POP') {
      throw refused('consumes by POP, which does not read its retry topic');
    }
    if (online?.messageModel === 'BROADCASTING') {
      throw refused('is a broadcasting one, which does not read its retry topic');
    }
    const member = online?.connectionSet[0];
    if (member !== undefined) {
      const { properties } = await askRunningInfo(admin, addr, { consumerGroup: group, clientId: member.clientId });
      if (String(properties.get('PROP_CONSUMEORDERLY')) === 'true') {
        throw refused('consumes orderly: brokers would put the messages among its dead letters again');
      }
    }
  }
}
