import type { TimerHandle } from '../../common/clock.js';
import { MessageConst } from '../../common/message/properties.js';
import { retryTopic } from '../../common/topic-names.js';
import type { MessageQueue } from '../message-queue.js';
import type { TracedCall } from '../trace/consume-trace.js';
import { ConsumeStatus, MessageModel } from '../types.js';
import type { ConsumeConcurrentlyContext, ConsumerParts, DirectResult, MessageListener, QueueConsumer } from './parts.js';
import type { CachedMessage, ProcessQueue } from './process-queue.js';
import type { PulledMessage } from './pulled-message.js';
import { RunningCalls } from './running-calls.js';

/** Longest stretch of listener calls in one turn, ms: pulls, heartbeats and answers must not wait behind them. */
const TURN_BUDGET_MS = 10;
const RESUBMIT_DELAY_MS = 5_000;
const EXPIRED_DELAY_LEVEL = 3;
const EXPIRED_MESSAGES_AT_ONCE = 16;
const ACK_ALL = 2_147_483_647;

/** Where failed messages go. */
export interface GiveBack {
  /** @returns whether somebody has the message now; where not, the listener gets it again later. */
  send(message: PulledMessage, queue: MessageQueue, delayLevel: number): Promise<boolean>;
}

/** Messages for one listener call. */
interface Chunk {
  readonly processQueue: ProcessQueue;
  readonly messages: CachedMessage[];
  /** Of the listener call, where it leaves a trace. */
  traced?: TracedCall | undefined;
}

/**
 * Gives pulled messages to the listener, chunks of different queues and of the same queue side by side: `consumeThreadMax` calls of an
 * asynchronous listener at a time. What succeeded leaves the cache; what failed is given back and leaves it when somebody has it.
 */
export class ConsumeService implements QueueConsumer {
  readonly #parts: ConsumerParts;
  /** Listener calls and give-backs that are not finished. */
  readonly #calls: RunningCalls;
  readonly #sendBack: GiveBack;
  readonly #listener: MessageListener;
  readonly #retryTopic: string;
  /** Called after messages of a queue left the cache. */
  readonly #onRemoved: (processQueue: ProcessQueue) => void;
  #waiting: Chunk[] = [];
  #next = 0;
  #draining = false;
  #stopped = false;
  readonly #resubmits = new Set<TimerHandle>();

  constructor(
    parts: ConsumerParts,
    init: { sendBack: GiveBack; listener: MessageListener; onRemoved: (processQueue: ProcessQueue) => void },
  ) {
    this.#parts = parts;
    this.#calls = new RunningCalls(parts.client.timers);
    this.#sendBack = init.sendBack;
    this.#listener = init.listener;
    this.#onRemoved = init.onRemoved;
    this.#retryTopic = retryTopic(parts.settings.consumerGroup);
  }

  /** Takes messages of one queue; the listener runs later in this turn or after it. */
  submit(messages: readonly CachedMessage[], processQueue: ProcessQueue): void {
    const size = this.#parts.settings.consumeMessageBatchMaxSize;
    for (let at = 0; at < messages.length; at += size) {
      this.#waiting.push({ processQueue, messages: messages.slice(at, at + size) });
    }
    this.#drainSoon();
  }

  /** Brings the committable offset of a queue into the offset store. */
  syncOffset(processQueue: ProcessQueue): void {
    const offset = processQueue.commitOffset;
    if (offset >= 0 && !processQueue.dropped) {
      this.#parts.offsets.update(processQueue.queue, offset, { increaseOnly: true });
    }
  }

  /** Starts no more calls. @returns when those running are finished, or the time is up. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    this.#waiting = [];
    this.#next = 0;
    for (const timer of this.#resubmits) {
      this.#parts.client.timers.clearTimeout(timer);
    }
    this.#resubmits.clear();
    await this.idle(timeoutMs);
  }

  /** Waits until nothing is being consumed, at most `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    await this.#calls.idle(timeoutMs);
  }

  async consumeDirectly(message: PulledMessage): Promise<DirectResult> {
    restoreTopic(message, this.#retryTopic);
    const messageQueue = { topic: message.storedTopic, brokerName: message.brokerName, queueId: message.queueId };
    const status = await this.#listener([message], { messageQueue, delayLevelWhenNextConsume: 0, ackIndex: 0 });
    const consumeResult =
      status === ConsumeStatus.CONSUME_SUCCESS ? 'CR_SUCCESS' : status === ConsumeStatus.RECONSUME_LATER ? 'CR_LATER' : 'CR_RETURN_NULL';
    return { order: false, autoCommit: true, consumeResult };
  }

  /** Gives back messages that the listener has held for longer than the consume time-out. */
  async cleanExpired(processQueue: ProcessQueue): Promise<void> {
    const { client, settings } = this.#parts;
    for (let i = 0; i < EXPIRED_MESSAGES_AT_ONCE; i++) {
      const cached = processQueue.first;
      const heldMs = cached === undefined ? 0 : client.clock.nowMs() - cached.message.consumeStartTimestamp;
      if (cached === undefined || cached.message.consumeStartTimestamp === 0 || heldMs < settings.consumeTimeoutMinutes * 60_000) {
        return;
      }
      if (!(await this.#sendBack.send(cached.message, processQueue.queue, EXPIRED_DELAY_LEVEL))) {
        return;
      }
      this.#remove(processQueue, [cached]);
    }
  }

  #drainSoon(): void {
    if (!this.#draining && !this.#stopped) {
      this.#draining = true;
      this.#parts.client.timers.setImmediate(this.#drain);
    }
  }

  readonly #drain = (): void => {
    this.#draining = false;
    const { client, settings } = this.#parts;
    const endMs = client.clock.monotonicMs() + TURN_BUDGET_MS;
    let calls = 0;
    while (this.#calls.count < settings.consumeThreadMax && this.#next < this.#waiting.length) {
      const chunk = this.#waiting[this.#next++]!;
      this.#run(chunk);
      if ((++calls & 15) === 0 && client.clock.monotonicMs() >= endMs) {
        break;
      }
    }
    if (this.#next >= this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    } else {
      if (this.#next > 1024) {
        this.#waiting = this.#waiting.slice(this.#next);
        this.#next = 0;
      }
      if (this.#calls.count < settings.consumeThreadMax) {
        this.#drainSoon();
      }
    }
  };

  #run(chunk: Chunk): void {
    const { processQueue } = chunk;
    if (processQueue.dropped || this.#stopped) {
      return;
    }
    const { clock, logger } = this.#parts.client;
    const nowMs = clock.nowMs();
    const messages: PulledMessage[] = [];
    const start = clock.monotonicMs();
    const context: ConsumeConcurrentlyContext = { messageQueue: processQueue.queue, delayLevelWhenNextConsume: 0, ackIndex: ACK_ALL };
    this.#calls.begin();
    let status: ReturnType<MessageListener>;
    try {
      const isRetry = processQueue.queue.topic === this.#retryTopic;
      for (const { message } of chunk.messages) {
        if (isRetry) {
          restoreTopic(message, this.#retryTopic);
        }
        message.consumeStartTimestamp = nowMs;
        messages.push(message);
      }
      if (this.#parts.trace !== undefined) {
        chunk.traced = this.#parts.trace.before(messages);
      }
      status = this.#listener(messages, context);
    } catch (error) {
      logger.warn(`the listener of group ${this.#parts.settings.consumerGroup} threw: ${String(error)}`, { error });
      markThrown(chunk);
      status = null;
    }
    if (isThenable(status)) {
      Promise.resolve(status).then(
        (answer) => this.#finish(chunk, answer, context, start),
        (error: unknown) => {
          logger.warn(`the listener of group ${this.#parts.settings.consumerGroup} failed: ${String(error)}`, { error });
          markThrown(chunk);
          this.#finish(chunk, null, context, start);
        },
      );
      return;
    }
    this.#finish(chunk, status, context, start);
  }

  #finish(chunk: Chunk, status: string | null | undefined, context: ConsumeConcurrentlyContext, startMs: number): void {
    const { client, settings, stats } = this.#parts;
    const { processQueue, messages } = chunk;
    if (typeof status === 'string' && status !== ConsumeStatus.CONSUME_SUCCESS && status !== ConsumeStatus.RECONSUME_LATER) {
      client.logger.error(`the listener of group ${settings.consumerGroup} answered ${JSON.stringify(status)}, taken as RECONSUME_LATER`);
    }
    const okCount = status === ConsumeStatus.CONSUME_SUCCESS ? Math.max(0, Math.min(messages.length, context.ackIndex + 1)) : 0;
    stats.onConsume(processQueue.queue.topic, {
      ok: okCount,
      failed: messages.length - okCount,
      costMs: client.clock.monotonicMs() - startMs,
    });
    processQueue.lastConsumeTimestamp = client.clock.nowMs();
    if (chunk.traced !== undefined) {
      this.#parts.trace?.after(chunk.traced, status === ConsumeStatus.CONSUME_SUCCESS, {
        status,
        timeoutMs: settings.consumeTimeoutMinutes * 60_000,
      });
    }
    if (processQueue.dropped) {
      // Somebody else owns the queue and gets these messages too: nothing of the result counts.
      this.#done();
      return;
    }
    if (okCount === messages.length) {
      this.#remove(processQueue, messages);
      this.#done();
      return;
    }
    if (settings.messageModel === MessageModel.BROADCASTING) {
      for (const { message } of messages.slice(okCount)) {
        client.logger.warn(`message ${message.msgId} failed; a broadcasting group drops it`);
      }
      this.#remove(processQueue, messages);
      this.#done();
      return;
    }
    this.#remove(processQueue, messages.slice(0, okCount));
    void this.#giveBack(processQueue, messages.slice(okCount), context.delayLevelWhenNextConsume);
  }

  async #giveBack(processQueue: ProcessQueue, failed: readonly CachedMessage[], delayLevel: number): Promise<void> {
    const kept: CachedMessage[] = [];
    const taken: CachedMessage[] = [];
    await Promise.all(
      failed.map(async (cached) => {
        if (cached.done) {
          return;
        }
        const done = await this.#sendBack.send(cached.message, processQueue.queue, delayLevel);
        (done ? taken : kept).push(cached);
      }),
    );
    this.#remove(processQueue, taken);
    if (kept.length > 0) {
      for (const { message } of kept) {
        message.reconsumeTimes++;
      }
      this.#resubmitLater(processQueue, kept);
    }
    this.#done();
  }

  #resubmitLater(processQueue: ProcessQueue, messages: CachedMessage[]): void {
    if (this.#stopped) {
      return;
    }
    const timer = this.#parts.client.timers.setTimeout(() => {
      this.#resubmits.delete(timer);
      this.#waiting.push({ processQueue, messages });
      this.#drainSoon();
    }, RESUBMIT_DELAY_MS);
    this.#resubmits.add(timer);
  }

  #remove(processQueue: ProcessQueue, messages: readonly CachedMessage[]): void {
    if (messages.length > 0) {
      processQueue.remove(messages);
      this.#onRemoved(processQueue);
    }
  }

  #done(): void {
    this.#calls.end();
    if (this.#next < this.#waiting.length) {
      this.#drainSoon();
    }
  }
}

/** Also of promises that are not the platform's own. */
function isThenable(answer: ReturnType<MessageListener>): answer is Promise<string | undefined | null> {
  return (
    answer instanceof Promise ||
    (typeof answer === 'object' && answer !== null && typeof (answer as PromiseLike<unknown>).then === 'function')
  );
}

/** The trace of a call says whether its listener failed or answered nothing. */
function markThrown(chunk: Chunk): void {
  if (chunk.traced !== undefined) {
    chunk.traced.threw = true;
  }
}

/** A retried message carries its own topic in a property; the listener sees it under that. */
export function restoreTopic(message: PulledMessage, ownRetryTopic: string): void {
  if (message.storedTopic === ownRetryTopic) {
    message.topic = message.property(MessageConst.RETRY_TOPIC) ?? message.topic;
  }
}
