import { type PopReceipt, popRetryTopic } from '../../common/pop.js';
import { isRetryTopic } from '../../common/topic-names.js';
import {
  decodeQueryAssignmentResponseBody,
  encodeQueryAssignmentRequestBody,
  type MessageQueueAssignment,
} from '../../remoting/bodies/assignment.js';
import { responseError } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import { type MessageQueue, queueKey } from '../message-queue.js';
import { buildSubscription } from '../subscription.js';
import { ConsumeService } from './consume-service.js';
import { type ConsumerParts, type MessageListener, maxReconsumeTimesOf } from './parts.js';
import { PopAcks, popDelayMs } from './pop-acks.js';
import { PopQueue } from './pop-queue.js';
import { type PoppedMessage, visibleAtMs } from './pop-result.js';
import type { PulledMessage } from './pulled-message.js';
import { QueuePopper } from './queue-popper.js';
import type { AssignedQueues, QueueAssigner } from './rebalancer.js';
import type { SendBack } from './send-back.js';

const QUERY_TIMEOUT_MS = 3_000;

/** A queue that is popped, or all queues of a broker. */
interface Popped {
  readonly popper: QueuePopper;
  readonly cache: PopQueue;
}

/**
 * Consumption of a group whose queues a broker assigns. Queues in POP mode are popped here: what the listener has done is acknowledged, what failed
 * becomes visible again after a delay, and what this member loses comes to another one after its invisible time.
 */
export class PopConsumption implements QueueAssigner {
  readonly #parts: ConsumerParts;
  readonly #sendBack: SendBack;
  readonly #acks: PopAcks;
  readonly #consume: ConsumeService;
  readonly #popped = new Map<string, Popped>();
  /** Retry topics that were looked for since their group pulls. */
  readonly #lookedUp = new Set<string>();
  readonly #owned = new WeakMap<PulledMessage, { receipt: PopReceipt; cache: PopQueue }>();

  constructor(parts: ConsumerParts, init: { sendBack: SendBack; listener: MessageListener }) {
    this.#parts = parts;
    this.#sendBack = init.sendBack;
    this.#acks = new PopAcks(parts);
    this.#consume = new ConsumeService(parts, {
      sendBack: { send: (message, queue, delayLevel) => this.#giveBack(message, queue, delayLevel) },
      listener: (messages, context) => (this.#isOver(messages) ? this.#skip(messages) : init.listener(messages, context)),
      onRemoved: () => {},
    });
  }

  /** What this member pops now. */
  get queues(): MessageQueue[] {
    return [...this.#popped.values()].map(({ popper }) => popper.queue);
  }

  /** Popped queues for the running info. */
  get infos(): [MessageQueue, { droped: boolean; lastPopTimestamp: number; waitAckCount: number }][] {
    return [...this.#popped.values()].map(({ popper, cache }) => [
      popper.queue,
      { droped: false, lastPopTimestamp: popper.lastPopTimestamp, waitAckCount: cache.msgCount },
    ]);
  }

  /** Asks a broker which queues of a topic are this member's, and pops those that are to be popped. */
  async assign(topic: string, addr: string): Promise<AssignedQueues | null | 'unsupported'> {
    const { client, settings } = this.#parts;
    const body = encodeQueryAssignmentRequestBody({
      topic,
      consumerGroup: settings.consumerGroup,
      clientId: client.clientId,
      strategyName: settings.allocateMessageQueueStrategy.name,
      messageModel: settings.messageModel,
    });
    const response = await client.remoting.invoke(addr, { code: RequestCode.QUERY_ASSIGNMENT, body }, QUERY_TIMEOUT_MS);
    if (response.code === ResponseCode.REQUEST_CODE_NOT_SUPPORTED) return 'unsupported';
    if (response.code !== ResponseCode.SUCCESS) throw responseError(response, addr);
    const assignments = decodeQueryAssignmentResponseBody(response.body);
    if (assignments === null || !this.#parts.isRunning()) return null;
    await this.#followRetryTopic(topic, assignments);
    const pulled = assignments.filter(({ mode }) => mode !== 'POP').map(({ messageQueue }) => messageQueue);
    return { pulled, isChanged: this.#popOnly(topic, assignments) };
  }

  /** Pops no more of topics that are not subscribed. */
  dropUnsubscribed(): void {
    for (const [key, { popper }] of this.#popped) {
      if (!this.#parts.subscriptions.has(popper.queue.topic)) this.#drop(key, popper);
    }
  }

  /** Pops no more. */
  stopPopping(): void {
    for (const [key, { popper }] of this.#popped) this.#drop(key, popper);
  }

  /** Lets running listener calls end, and waits for the answers to what they led to. */
  async finish(timeoutMs: number): Promise<void> {
    await this.#consume.stop(timeoutMs);
    await this.#acks.stop(timeoutMs);
  }

  /** What was popped and came back while the group pops no more lies in its retry topic: it is pulled like the topic itself. */
  async #followRetryTopic(topic: string, assignments: readonly MessageQueueAssignment[]): Promise<void> {
    const { client, settings, subscriptions } = this.#parts;
    if (isRetryTopic(topic) || assignments.length === 0) return;
    const retry = popRetryTopic(topic, settings.consumerGroup, 'v1');
    if (assignments.some(({ mode }) => mode === 'POP')) {
      subscriptions.delete(retry);
      this.#lookedUp.delete(retry);
      return;
    }
    // Looked for once after each change of the mode: most groups never pop, and their topic has none.
    if (this.#lookedUp.has(retry)) return;
    this.#lookedUp.add(retry);
    await client.routes.refreshAll([retry], () => {});
    if (client.routes.get(retry) !== undefined) subscriptions.set(retry, buildSubscription(retry, '*', client.clock.nowMs()));
  }

  #popOnly(topic: string, assignments: readonly MessageQueueAssignment[]): boolean {
    const wanted = new Map(
      assignments.filter(({ mode }) => mode === 'POP').map(({ messageQueue }) => [queueKey(messageQueue), messageQueue]),
    );
    let isChanged = false;
    for (const [key, { popper }] of this.#popped) {
      if (popper.queue.topic !== topic || wanted.has(key)) continue;
      this.#drop(key, popper);
      isChanged = true;
    }
    for (const [key, queue] of wanted) {
      if (this.#popped.has(key)) continue;
      this.#start(key, queue);
      isChanged = true;
    }
    return isChanged;
  }

  #start(key: string, queue: MessageQueue): void {
    const { client } = this.#parts;
    const cache = new PopQueue(queue, client.clock.nowMs(), (message) => this.#acks.ack(message, this.#owned.get(message)!.receipt));
    const popper = new QueuePopper(this.#parts, queue, {
      waitingCount: () => cache.msgCount,
      onPopped: (messages, costMs) => this.#take(cache, messages, costMs),
    });
    this.#popped.set(key, { popper, cache });
    popper.start();
  }

  /** Messages that are here already are still consumed and acknowledged: they are this member's until their invisible time is over. */
  #drop(key: string, popper: QueuePopper): void {
    popper.stop();
    this.#popped.delete(key);
  }

  #take(cache: PopQueue, popped: readonly PoppedMessage[], costMs: number): void {
    const { subscriptions, stats } = this.#parts;
    const { topic } = cache.queue;
    const tagsSet = subscriptions.get(topic)?.tagsSet ?? [];
    const messages: PulledMessage[] = [];
    for (const { message, receipt } of popped) {
      this.#owned.set(message, { receipt, cache });
      // Brokers compare hashes of tags only.
      if (tagsSet.length > 0 && !tagsSet.includes(message.tags ?? '')) this.#acks.ack(message, receipt);
      else messages.push(message);
    }
    if (messages.length === 0) return;
    stats.onPull(topic, messages.length, costMs);
    this.#consume.submit(cache.put(messages), cache);
  }

  /** The messages of one call were popped together: they are this member's, or nobody's. */
  #isOver(messages: readonly PulledMessage[]): boolean {
    const owned = this.#owned.get(messages[0]!);
    return owned !== undefined && this.#parts.client.clock.nowMs() >= visibleAtMs(owned.receipt);
  }

  /** Waited too long for the listener: somebody else gets them. */
  #skip(messages: readonly PulledMessage[]): 'CONSUME_SUCCESS' {
    const { logger } = this.#parts.client;
    logger.warn(`${messages.length} messages of ${messages[0]!.topic} waited for longer than popInvisibleTimeMs; they come again`);
    for (const message of messages) this.#owned.get(message)?.cache.release(message);
    return 'CONSUME_SUCCESS';
  }

  /** @returns true in any case: at the latest the message comes back by itself */
  async #giveBack(message: PulledMessage, queue: MessageQueue, delayLevel: number): Promise<boolean> {
    const { receipt, cache } = this.#owned.get(message)!;
    const max = maxReconsumeTimesOf(this.#parts.settings);
    if (delayLevel < 0 || message.reconsumeTimes >= max) {
      // In the dead letters it is done with, and acknowledged when it leaves the cache.
      if (await this.#sendBack.send(message, queue, -1)) return true;
    }
    cache.release(message);
    if (this.#isOver([message])) return true;
    await this.#acks.changeInvisibleTime(message, receipt, popDelayMs(Math.max(0, delayLevel), message.reconsumeTimes));
    return true;
  }
}
