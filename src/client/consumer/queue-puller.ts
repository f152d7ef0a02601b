import { MQError } from '../../common/errors.js';
import { buildPullSysFlag } from '../../common/sys-flag.js';
import type { ResponseHandler } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand } from '../../remoting/command.js';
import { MessageModel, PullStatus } from '../types.js';
import { OneTimer } from './one-timer.js';
import type { ConsumerParts, QueueConsumer } from './parts.js';
import type { ProcessQueue } from './process-queue.js';
import { type PullContext, type PullResult, readPullResult } from './pull-result.js';

const DELAY_ON_SUSPEND_MS = 1_000;
const DELAY_ON_FLOW_CONTROL_MS = 50;
const DELAY_ON_BROKER_FLOW_CONTROL_MS = 20;
const MiB = 1024 * 1024;

/** What a puller tells its owner. */
export interface QueuePullerOwner {
  /** The broker says that the offset is not possible: give the queue up and start it again there. */
  onOffsetIllegal(processQueue: ProcessQueue, nextBeginOffset: number): void;
  /** Where to start; throws when it cannot be told now. */
  startOffset(processQueue: ProcessQueue): Promise<number>;
}

/**
 * Pulls one owned queue: one request at a time, the next one as soon as the answer is in, unless too much waits to be consumed.
 */
export class QueuePuller implements ResponseHandler {
  readonly #parts: ConsumerParts;
  readonly #processQueue: ProcessQueue;
  readonly #consume: QueueConsumer;
  readonly #owner: QueuePullerOwner;
  #nextOffset = -1;
  #brokerId = 0;
  /** When to pull next. */
  readonly #later: OneTimer;
  #flowControlled = false;
  #pullStartMs = 0;
  /** Times that flow control put a pull off; for the running info. */
  flowControlTimes = 0;

  constructor(parts: ConsumerParts, processQueue: ProcessQueue, consume: QueueConsumer, owner: QueuePullerOwner) {
    this.#parts = parts;
    this.#later = new OneTimer(parts.client.timers, () => this.#pull());
    this.#processQueue = processQueue;
    this.#consume = consume;
    this.#owner = owner;
  }

  get processQueue(): ProcessQueue {
    return this.#processQueue;
  }

  /** The first pull comes after the delay, and only then the start offset is asked: its last owner has time to commit. */
  start(delayMs: number): void {
    this.#later.set(delayMs);
  }

  /** No more pulls; the answer of the one on its way is thrown away. */
  stop(): void {
    this.#later.clear();
  }

  get #exceptionDelayMs(): number {
    return this.#parts.settings.pullTimeDelayMsWhenException;
  }

  get #isOver(): boolean {
    return this.#processQueue.dropped || this.#processQueue.isLeaving;
  }

  /** Called when messages were consumed: a pull that waits for room goes out at once. */
  wake(): void {
    if (this.#flowControlled && !this.#isFull(this.#parts.settings.pullBatchSize)) {
      this.#later.clear();
      this.#pull();
    }
  }

  onResponse(response: RemotingCommand, context: unknown): void {
    if (this.#isOver) {
      return;
    }
    let result: PullResult;
    try {
      result = readPullResult(response, context as PullContext);
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      this.#onFailure(error, response.code === ResponseCode.FLOW_CONTROL ? DELAY_ON_BROKER_FLOW_CONTROL_MS : this.#exceptionDelayMs);
      return;
    }
    this.#brokerId = result.suggestWhichBrokerId;
    this.#onResult(result);
  }

  onError(error: MQError): void {
    if (!this.#isOver) {
      this.#onFailure(error, this.#exceptionDelayMs);
    }
  }

  #onResult(result: PullResult): void {
    const processQueue = this.#processQueue;
    const { offsets, settings, stats, client } = this.#parts;
    if (result.pullStatus === PullStatus.OFFSET_ILLEGAL) {
      client.logger.warn(
        `offset of ${processQueue.queue.topic}/${processQueue.queue.queueId} is not possible, going on at ${result.nextBeginOffset}`,
      );
      this.#owner.onOffsetIllegal(processQueue, result.nextBeginOffset);
      return;
    }
    if (result.pullStatus === PullStatus.FOUND) {
      const { messages } = result;
      if (messages.length > 0) {
        for (const message of messages) {
          message.minOffset = result.minOffset;
          message.maxOffset = result.maxOffset;
        }
        stats.onPull(processQueue.queue.topic, messages.length, client.clock.monotonicMs() - this.#pullStartMs);
        this.#consume.submit(processQueue.put(messages), processQueue);
      }
      this.#nextOffset = result.nextBeginOffset;
      if (settings.pullIntervalMs > 0) {
        this.#later.set(settings.pullIntervalMs);
        return;
      }
      this.#pull();
      return;
    }
    this.#nextOffset = result.nextBeginOffset;
    if (processQueue.msgCount === 0) {
      offsets.update(processQueue.queue, this.#nextOffset, { increaseOnly: true });
    }
    this.#pull();
  }

  #onFailure(error: MQError, delayMs: number): void {
    const { topic, brokerName, queueId } = this.#processQueue.queue;
    this.#parts.client.logger.warn(`pull of ${topic}/${brokerName}/${queueId} failed: ${error.message}`);
    this.#later.set(delayMs);
  }

  #pull(): void {
    const parts = this.#parts;
    const processQueue = this.#processQueue;
    this.#flowControlled = false;
    if (this.#isOver || !parts.isRunning()) {
      return;
    }
    processQueue.lastPullTimestamp = parts.client.clock.nowMs();
    if (parts.isSuspended()) {
      this.#later.set(DELAY_ON_SUSPEND_MS);
      return;
    }
    if (this.#nextOffset < 0) {
      void this.#findStart();
      return;
    }
    if (this.#isFull(0)) {
      this.flowControlTimes++;
      this.#later.set(DELAY_ON_FLOW_CONTROL_MS);
      this.#flowControlled = true;
      return;
    }
    this.#sendPull();
  }

  #sendPull(): void {
    const { client, offsets, settings, subscriptions, unreadable } = this.#parts;
    const { queue } = this.#processQueue;
    const subscription = subscriptions.get(queue.topic);
    const target = client.routes.readAddr(queue.brokerName, this.#brokerId);
    if (subscription === undefined || target === undefined) {
      this.#later.set(this.#exceptionDelayMs);
      return;
    }
    this.#consume.syncOffset(this.#processQueue);
    const committed = settings.messageModel === MessageModel.CLUSTERING ? (offsets.get(queue) ?? 0) : 0;
    const commitOffset = committed > 0 && !target.isSlave;
    this.#pullStartMs = client.clock.monotonicMs();
    const { tagsSet } = subscription;
    const context: PullContext = { addr: target.addr, queue, tagsSet, queueOffset: this.#nextOffset, unreadable };
    const extFields = {
      consumerGroup: settings.consumerGroup,
      topic: queue.topic,
      queueId: String(queue.queueId),
      queueOffset: String(this.#nextOffset),
      maxMsgNums: String(settings.pullBatchSize),
      sysFlag: String(buildPullSysFlag({ commitOffset, suspend: true, subscription: settings.postSubscriptionWhenPull })),
      commitOffset: String(commitOffset ? committed : 0),
      suspendTimeoutMillis: String(settings.suspendTimeoutMs),
      ...(settings.postSubscriptionWhenPull ? { subscription: subscription.subString } : undefined),
      subVersion: String(subscription.subVersion),
      expressionType: subscription.expressionType,
      maxMsgBytes: String(settings.pullBatchSizeInBytes),
      bname: queue.brokerName,
    };
    client.remoting.send(target.addr, { code: RequestCode.PULL_MESSAGE, extFields }, settings.pullTimeoutMs, this, context);
  }

  async #findStart(): Promise<void> {
    try {
      const offset = await this.#owner.startOffset(this.#processQueue);
      this.#nextOffset = offset;
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      if (!this.#isOver) {
        this.#onFailure(error, this.#exceptionDelayMs);
      }
      return;
    }
    this.#pull();
  }

  /** True when so much waits that no more is pulled; `room` messages must fit besides. */
  #isFull(room: number): boolean {
    const processQueue = this.#processQueue;
    const settings = this.#parts.settings;
    return (
      processQueue.msgCount + room > settings.pullThresholdForQueue ||
      processQueue.msgBytes > settings.pullThresholdSizeForQueueMiB * MiB ||
      (!settings.isOrdered && processQueue.maxSpan > settings.consumeConcurrentlyMaxSpan)
    );
  }
}
