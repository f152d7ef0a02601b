import type { TimerHandle } from '../../common/clock.js';
import { retryTopic } from '../../common/topic-names.js';
import { queueKey } from '../message-queue.js';
import { ConsumeOrderlyStatus } from '../types.js';
import { restoreTopic } from './consume-service.js';
import {
  type ConsumeOrderlyContext,
  type ConsumerParts,
  type DirectResult,
  maxReconsumeTimesOf,
  type OrderlyMessageListener,
  type QueueConsumer,
} from './parts.js';
import type { CachedMessage, ProcessQueue } from './process-queue.js';
import type { PulledMessage } from './pulled-message.js';
import type { QueueLocks } from './queue-locks.js';
import { RunningCalls } from './running-calls.js';
import type { SendBack } from './send-back.js';

/** Longest stretch of listener calls of one queue in one turn, ms. */
const TURN_BUDGET_MS = 10;
/** A queue whose lock is too old looks again after this. */
const UNLOCKED_WAIT_MS = 1_000;
const MIN_SUSPEND_MS = 10;
const MAX_SUSPEND_MS = 30_000;

/** What of one queue waits for the listener. */
interface OrderedQueue {
  readonly processQueue: ProcessQueue;
  readonly key: string;
  /** In order; those before `next` were given to the listener and are not committed. */
  messages: CachedMessage[];
  next: number;
  /** On the list of queues that may run, in a listener call, or waiting for a timer. */
  state: 'idle' | 'ready' | 'running' | 'waiting';
  /** Told when the running call is over. */
  whenFree: Array<() => void>;
}

/**
 * Gives the messages of each queue to the listener one call after the other, in the order of their offsets; different queues run side by side, as
 * many as `consumeThreadMax`. A failed call stops its queue for a moment and is repeated, until `maxReconsumeTimes` is used up: then the
 * messages go to the retry topic, from where a broker takes those of an ordered group to the dead-letter queue.
 */
export class ConsumeOrderlyService implements QueueConsumer {
  readonly #parts: ConsumerParts;
  readonly #calls: RunningCalls;
  readonly #sendBack: SendBack;
  readonly #listener: OrderlyMessageListener;
  readonly #onRemoved: (processQueue: ProcessQueue) => void;
  readonly #retryTopic: string;
  readonly #queues = new WeakMap<ProcessQueue, OrderedQueue>();
  /** Calls that run, by queue: a queue that was lost and came back waits for the call of its former time. */
  readonly #running = new Map<string, OrderedQueue>();
  /** Set before the first message. Null for a broadcasting group, which has no locks. */
  locks: QueueLocks | null = null;
  #ready: OrderedQueue[] = [];
  #stopped = false;
  #draining = false;
  readonly #waits = new Set<TimerHandle>();

  constructor(
    parts: ConsumerParts,
    init: { sendBack: SendBack; listener: OrderlyMessageListener; onRemoved: (processQueue: ProcessQueue) => void },
  ) {
    this.#parts = parts;
    this.#calls = new RunningCalls(parts.client.timers);
    this.#sendBack = init.sendBack;
    this.#listener = init.listener;
    this.#onRemoved = init.onRemoved;
    this.#retryTopic = retryTopic(parts.settings.consumerGroup);
  }

  submit(messages: readonly CachedMessage[], processQueue: ProcessQueue): void {
    let queue = this.#queues.get(processQueue);
    if (queue === undefined) {
      queue = { processQueue, key: queueKey(processQueue.queue), messages: [], next: 0, state: 'idle', whenFree: [] };
      this.#queues.set(processQueue, queue);
    }
    queue.messages.push(...messages);
    this.#makeReady(queue);
  }

  syncOffset(processQueue: ProcessQueue): void {
    const offset = processQueue.commitOffset;
    if (offset >= 0 && !processQueue.dropped) {
      this.#parts.offsets.update(processQueue.queue, offset, { increaseOnly: false });
    }
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    this.#ready = [];
    for (const timer of this.#waits) {
      this.#parts.client.timers.clearTimeout(timer);
    }
    this.#waits.clear();
    await this.idle(timeoutMs);
  }

  async idle(timeoutMs: number): Promise<void> {
    await this.#calls.idle(timeoutMs);
  }

  /** Messages of a queue are held in order for as long as the listener takes. */
  async cleanExpired(): Promise<void> {}

  /** The queue is being given up: waits for the call that runs, whose result still counts; no other one starts. */
  async finish(processQueue: ProcessQueue): Promise<void> {
    const running = this.#running.get(queueKey(processQueue.queue));
    if (running !== undefined) {
      await new Promise<void>((resolve) => running.whenFree.push(resolve));
    }
    this.#queues.delete(processQueue);
  }

  async consumeDirectly(message: PulledMessage): Promise<DirectResult> {
    restoreTopic(message, this.#retryTopic);
    const queue = { topic: message.storedTopic, brokerName: message.brokerName, queueId: message.queueId };
    const context: ConsumeOrderlyContext = { messageQueue: queue, autoCommit: true, suspendCurrentQueueTimeMillis: -1 };
    const status = await this.#listener([message], context);
    const results: Record<string, string> = {
      [ConsumeOrderlyStatus.SUCCESS]: 'CR_SUCCESS',
      [ConsumeOrderlyStatus.COMMIT]: 'CR_COMMIT',
      [ConsumeOrderlyStatus.ROLLBACK]: 'CR_ROLLBACK',
      [ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT]: 'CR_LATER',
    };
    return { order: true, autoCommit: context.autoCommit, consumeResult: results[String(status)] ?? 'CR_RETURN_NULL' };
  }

  #makeReady(queue: OrderedQueue): void {
    if (queue.state !== 'idle' || queue.next >= queue.messages.length || this.#stopped) {
      return;
    }
    queue.state = 'ready';
    this.#ready.push(queue);
    this.#drainSoon();
  }

  #drainSoon(): void {
    if (!this.#draining && !this.#stopped) {
      this.#draining = true;
      this.#parts.client.timers.setImmediate(this.#drain);
    }
  }

  readonly #drain = (): void => {
    this.#draining = false;
    const endMs = this.#parts.client.clock.monotonicMs() + TURN_BUDGET_MS;
    while (this.#ready.length > 0 && this.#calls.count < this.#parts.settings.consumeThreadMax) {
      this.#run(this.#ready.shift()!);
      if (this.#parts.client.clock.monotonicMs() >= endMs) {
        break;
      }
    }
    if (this.#ready.length > 0 && this.#calls.count < this.#parts.settings.consumeThreadMax) {
      this.#drainSoon();
    }
  };

  /** One listener call. */
  #run(queue: OrderedQueue): void {
    const { processQueue } = queue;
    queue.state = 'idle';
    if (processQueue.dropped || processQueue.isLeaving || this.#stopped) {
      if (processQueue.dropped) {
        this.#queues.delete(processQueue);
      }
      return;
    }
    const running = this.#running.get(queue.key);
    if (running !== undefined) {
      queue.state = 'waiting';
      running.whenFree.push(() => this.#resume(queue));
      return;
    }
    if (this.locks !== null && !this.locks.isHeld(processQueue)) {
      this.#wait(queue, UNLOCKED_WAIT_MS);
      return;
    }
    const { client, settings } = this.#parts;
    const taken = queue.messages.slice(queue.next, queue.next + settings.consumeMessageBatchMaxSize);
    queue.next += taken.length;
    queue.state = 'running';
    this.#running.set(queue.key, queue);
    this.#calls.begin();
    const nowMs = client.clock.nowMs();
    const messages = taken.map(({ message }) => {
      restoreTopic(message, this.#retryTopic);
      message.consumeStartTimestamp = nowMs;
      return message;
    });
    const context: ConsumeOrderlyContext = { messageQueue: processQueue.queue, autoCommit: true, suspendCurrentQueueTimeMillis: -1 };
    const startMs = client.clock.monotonicMs();
    void this.#callAndFinish(queue, { taken, messages, context, startMs });
  }

  async #callAndFinish(
    queue: OrderedQueue,
    call: { taken: CachedMessage[]; messages: PulledMessage[]; context: ConsumeOrderlyContext; startMs: number },
  ): Promise<void> {
    const { client, settings, stats } = this.#parts;
    const { taken, context } = call;
    let status: string | null | undefined;
    const traced = this.#parts.trace?.before(call.messages);
    try {
      status = await this.#listener(call.messages, context);
    } catch (error) {
      if (traced !== undefined) {
        traced.threw = true;
      }
      client.logger.warn(`the listener of group ${settings.consumerGroup} failed: ${String(error)}`, { error });
      status = ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
    }
    const { processQueue } = queue;
    processQueue.lastConsumeTimestamp = client.clock.nowMs();
    const isOk = status === ConsumeOrderlyStatus.SUCCESS || status === ConsumeOrderlyStatus.COMMIT;
    if (traced !== undefined) {
      this.#parts.trace?.after(traced, isOk, { status, timeoutMs: settings.consumeTimeoutMinutes * 60_000 });
    }
    stats.onConsume(processQueue.queue.topic, {
      ok: isOk ? taken.length : 0,
      failed: isOk ? 0 : taken.length,
      costMs: client.clock.monotonicMs() - call.startMs,
    });
    // A queue that was lost meanwhile belongs to another member, which gets these messages too.
    const waitMs = processQueue.dropped ? 0 : await this.#settle(queue, taken, status, context);
    this.#free(queue, waitMs);
  }

  /** Takes the result of a call over. @returns how long the queue rests, ms */
  async #settle(
    queue: OrderedQueue,
    taken: readonly CachedMessage[],
    status: string | null | undefined,
    context: ConsumeOrderlyContext,
  ): Promise<number> {
    const { autoCommit } = context;
    const suspendMs = Math.min(MAX_SUSPEND_MS, Math.max(MIN_SUSPEND_MS, this.#suspendMs(context)));
    switch (status) {
      case ConsumeOrderlyStatus.SUCCESS:
        if (autoCommit) {
          this.#commit(queue);
        }
        return 0;
      case ConsumeOrderlyStatus.COMMIT:
        this.#commit(queue);
        return 0;
      case ConsumeOrderlyStatus.ROLLBACK:
        if (autoCommit) {
          this.#commit(queue);
          return 0;
        }
        queue.next = 0;
        return suspendMs;
      default:
        return (await this.#fail(queue, taken)) ? suspendMs : 0;
    }
  }

  #suspendMs(context: ConsumeOrderlyContext): number {
    const { suspendCurrentQueueTimeMillis } = context;
    return suspendCurrentQueueTimeMillis === -1 ? this.#parts.settings.suspendCurrentQueueTimeMs : suspendCurrentQueueTimeMillis;
  }

  /** Everything given to the listener so far is done. */
  #commit(queue: OrderedQueue): void {
    const { processQueue } = queue;
    processQueue.remove(queue.messages.slice(0, queue.next));
    queue.messages = queue.messages.slice(queue.next);
    queue.next = 0;
    this.syncOffset(processQueue);
    this.#onRemoved(processQueue);
  }

  /** A failed call: messages whose attempts are used up leave, the others come again. @returns whether any comes again */
  async #fail(queue: OrderedQueue, taken: readonly CachedMessage[]): Promise<boolean> {
    const max = maxReconsumeTimesOf(this.#parts.settings);
    const gone: CachedMessage[] = [];
    for (const cached of taken) {
      if (cached.message.reconsumeTimes >= max && (await this.#sendBack.bury(cached.message, queue.processQueue.queue))) {
        gone.push(cached);
      } else {
        cached.message.reconsumeTimes++;
      }
    }
    queue.next -= taken.length;
    if (gone.length > 0) {
      queue.messages = queue.messages.filter((cached) => !gone.includes(cached));
      queue.processQueue.remove(gone);
      this.syncOffset(queue.processQueue);
      this.#onRemoved(queue.processQueue);
    }
    return gone.length < taken.length;
  }

  #free(queue: OrderedQueue, waitMs: number): void {
    queue.state = 'idle';
    this.#running.delete(queue.key);
    this.#calls.end();
    for (const resolve of queue.whenFree.splice(0)) {
      resolve();
    }
    if (queue.processQueue.dropped) {
      this.#queues.delete(queue.processQueue);
    } else if (waitMs > 0) {
      this.#wait(queue, waitMs);
    } else {
      this.#makeReady(queue);
    }
    if (this.#ready.length > 0) {
      this.#drainSoon();
    }
  }

  #wait(queue: OrderedQueue, waitMs: number): void {
    queue.state = 'waiting';
    const timer = this.#parts.client.timers.setTimeout(() => {
      this.#waits.delete(timer);
      this.#resume(queue);
    }, waitMs);
    this.#waits.add(timer);
  }

  #resume(queue: OrderedQueue): void {
    if (queue.state === 'waiting') {
      queue.state = 'idle';
      this.#makeReady(queue);
    }
  }
}
