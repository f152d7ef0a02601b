import { MQError } from '../../common/errors.js';
import { buildPullSysFlag } from '../../common/sys-flag.js';
import type { SubscriptionData } from '../../remoting/bodies/subscription.js';
import type { ResponseHandler } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand } from '../../remoting/command.js';
import type { MQClient } from '../mq-client.js';
import { ExpressionType } from '../subscription.js';
import type { ConsumeTrace } from '../trace/consume-trace.js';
import { PullStatus } from '../types.js';
import type { LiteCache, PolledChunk } from './lite-cache.js';
import type { LitePullSettings } from './lite-pull-settings.js';
import { OneTimer } from './one-timer.js';
import type { ProcessQueue } from './process-queue.js';
import { type PullContext, type PullResult, readPullResult } from './pull-result.js';
import type { UnreadableMessages } from './unreadable-messages.js';

const DELAY_ON_PAUSE_MS = 1_000;
const DELAY_ON_FLOW_CONTROL_MS = 50;
const DELAY_ON_BROKER_FLOW_CONTROL_MS = 20;
const DELAY_ON_START_FAILURE_MS = 3_000;
const DELAY_ON_EXCEPTION_MS = 1_000;
const MAX_INT = 2_147_483_647;
const MiB = 1024 * 1024;

/** What the pullers of one consumer share. */
export interface LitePullerParts {
  readonly client: MQClient;
  readonly settings: LitePullSettings;
  readonly cache: LiteCache<LitePuller>;
  /** Undefined without `enableMsgTrace`. */
  readonly trace: ConsumeTrace | undefined;
  readonly unreadable: UnreadableMessages;
  /** Brokers of 4.x, which know lite pulls by their older code only. */
  readonly oldBrokers: Set<string>;
  /** The expression of a topic; undefined while it has none. */
  subscriptionOf(topic: string): SubscriptionData | undefined;
  /** Where to start; throws when it cannot be told now. */
  startOffset(processQueue: ProcessQueue): Promise<number>;
}

interface LitePullContext extends PullContext {
  /** Answers to pulls before a seek are thrown away. */
  readonly seeks: number;
}

/** Pulls one queue for polls: one request at a time, and where the application wants to be in it. */
export class LitePuller implements ResponseHandler {
  readonly processQueue: ProcessQueue;
  /** Offset behind the last message that a poll gave; −1 before the first. */
  consumeOffset = -1;
  /** The same without the last poll, whose messages may still be worked on. */
  processedOffset = -1;
  readonly #parts: LitePullerParts;
  #nextOffset = -1;
  #seeks = 0;
  #brokerId = 0;
  #isPaused = false;
  #isStopped = false;
  /** When to pull next. */
  readonly #later: OneTimer;

  constructor(parts: LitePullerParts, processQueue: ProcessQueue) {
    this.#parts = parts;
    this.#later = new OneTimer(parts.client.timers, () => this.#pull());
    this.processQueue = processQueue;
  }

  start(delayMs: number): void {
    this.#later.set(delayMs);
  }

  /** No more pulls; the answer of the one on its way is thrown away. */
  stop(): void {
    this.#isStopped = true;
    this.#later.clear();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      if (this.#later.isSet) {
        this.#later.set(0);
      }
    }
  }

  /** Goes on at the offset, and forgets what was pulled. */
  seek(offset: number): void {
    this.#seeks++;
    this.processQueue.clear();
    this.#parts.cache.drop(this);
    this.consumeOffset = offset;
    this.processedOffset = offset;
    this.#nextOffset = offset;
    this.#later.set(0);
  }

  /** A poll gets the chunk. @returns false when the queue was given up, or a seek came after the pull */
  consume(chunk: PolledChunk<LitePuller>): boolean {
    if (this.#isOver(chunk.seeks)) {
      return false;
    }
    this.consumeOffset = this.processQueue.remove(chunk.cached);
    this.processQueue.lastConsumeTimestamp = this.#parts.client.clock.nowMs();
    this.#parts.trace?.polled(chunk.messages);
    return true;
  }

  onResponse(response: RemotingCommand, context: unknown): void {
    const pull = context as LitePullContext;
    if (this.#isOver(pull.seeks)) {
      return;
    }
    if (response.code === ResponseCode.REQUEST_CODE_NOT_SUPPORTED && !this.#parts.oldBrokers.has(pull.addr)) {
      this.#parts.oldBrokers.add(pull.addr);
      this.#pull();
      return;
    }
    try {
      const result = readPullResult(response, pull);
      this.#brokerId = result.suggestWhichBrokerId;
      this.#onResult(result);
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      this.#onFailure(error, response.code === ResponseCode.FLOW_CONTROL ? DELAY_ON_BROKER_FLOW_CONTROL_MS : DELAY_ON_EXCEPTION_MS);
    }
  }

  onError(error: MQError, context: unknown): void {
    if (!this.#isOver((context as LitePullContext).seeks)) {
      this.#onFailure(error, DELAY_ON_EXCEPTION_MS);
    }
  }

  #isOver(seeks: number): boolean {
    return this.#isStopped || this.processQueue.dropped || seeks !== this.#seeks;
  }

  #onResult(result: PullResult): void {
    const { client, cache } = this.#parts;
    const { topic, brokerName, queueId } = this.processQueue.queue;
    if (result.pullStatus === PullStatus.FOUND) {
      const { messages } = result;
      if (messages.length > 0) {
        for (const message of messages) {
          message.minOffset = result.minOffset;
          message.maxOffset = result.maxOffset;
        }
        cache.put({ queue: this, seeks: this.#seeks, cached: this.processQueue.put(messages), messages });
      }
    } else if (result.pullStatus === PullStatus.OFFSET_ILLEGAL) {
      const rewinds = result.nextBeginOffset < this.#nextOffset;
      if (rewinds && this.processQueue.msgCount > 0) {
        // What came of the queue's former life is polled first: its offsets and the new ones are not to be compared.
        this.#later.set(DELAY_ON_EXCEPTION_MS);
        return;
      }
      client.logger.warn(`offset of ${topic}/${brokerName}/${queueId} is not possible, going on at ${result.nextBeginOffset}`);
      if (rewinds) {
        this.processQueue.clear();
        this.consumeOffset = result.nextBeginOffset;
        this.processedOffset = result.nextBeginOffset;
      }
    }
    this.#nextOffset = result.nextBeginOffset;
    this.#pull();
  }

  #onFailure(error: MQError, delayMs: number): void {
    const { topic, brokerName, queueId } = this.processQueue.queue;
    this.#parts.client.logger.warn(`pull of ${topic}/${brokerName}/${queueId} failed: ${error.message}`);
    this.#later.set(delayMs);
  }

  #pull(): void {
    const { client } = this.#parts;
    if (this.#isOver(this.#seeks)) {
      return;
    }
    this.processQueue.lastPullTimestamp = client.clock.nowMs();
    if (this.#isPaused) {
      this.#later.set(DELAY_ON_PAUSE_MS);
    } else if (this.#isFull()) {
      this.#later.set(DELAY_ON_FLOW_CONTROL_MS);
    } else if (this.#nextOffset < 0) {
      void this.#findStart(this.#seeks);
    } else {
      this.#sendPull();
    }
  }

  #isFull(): boolean {
    const { cache, settings } = this.#parts;
    const { msgCount, msgBytes, maxSpan } = this.processQueue;
    return (
      cache.messageCount > settings.pullThresholdForAll ||
      msgCount > settings.pullThresholdForQueue ||
      msgBytes > settings.pullThresholdSizeForQueueMiB * MiB ||
      maxSpan > settings.consumeMaxSpan
    );
  }

  async #findStart(seeks: number): Promise<void> {
    try {
      const offset = await this.#parts.startOffset(this.processQueue);
      if (!this.#isOver(seeks)) {
        this.#nextOffset = offset;
        this.#pull();
      }
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      if (!this.#isOver(seeks)) {
        this.#onFailure(error, DELAY_ON_START_FAILURE_MS);
      }
    }
  }

  #sendPull(): void {
    const { client, settings, subscriptionOf } = this.#parts;
    const { queue } = this.processQueue;
    const subscription = subscriptionOf(queue.topic);
    const target = client.routes.readAddr(queue.brokerName, this.#brokerId);
    if (subscription === undefined || target === undefined) {
      void this.#findRoute(queue.topic);
      return;
    }
    const context: LitePullContext = {
      addr: target.addr,
      queue,
      tagsSet: subscription.tagsSet,
      queueOffset: this.#nextOffset,
      seeks: this.#seeks,
      unreadable: this.#parts.unreadable,
    };
    const extFields = {
      consumerGroup: settings.consumerGroup,
      topic: queue.topic,
      queueId: String(queue.queueId),
      queueOffset: String(this.#nextOffset),
      maxMsgNums: String(settings.pullBatchSize),
      sysFlag: String(buildPullSysFlag({ suspend: true, subscription: true, litePull: true })),
      commitOffset: '0',
      suspendTimeoutMillis: String(settings.suspendTimeoutMs),
      subscription: subscription.subString,
      subVersion: subscription.expressionType === ExpressionType.TAG ? '0' : String(subscription.subVersion),
      expressionType: subscription.expressionType,
      maxMsgBytes: String(MAX_INT),
      bname: queue.brokerName,
    };
    const code = this.#parts.oldBrokers.has(target.addr) ? RequestCode.PULL_MESSAGE : RequestCode.LITE_PULL_MESSAGE;
    client.remoting.send(target.addr, { code, extFields }, settings.pullTimeoutMs, this, context);
  }

  async #findRoute(topic: string): Promise<void> {
    const seeks = this.#seeks;
    const { routes, logger } = this.#parts.client;
    await routes.refreshAll([topic], (_topic, error) => logger.warn(`route of topic ${topic} could not be found: ${String(error)}`));
    if (!this.#isOver(seeks)) {
      this.#later.set(DELAY_ON_EXCEPTION_MS);
    }
  }
}
