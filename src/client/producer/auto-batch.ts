/*
 * Collects single sends into batches: those of one topic, queue, tag and WAIT flag. A batch leaves when it is full or when its first
 * message has waited long enough. Mirrors ProduceAccumulator of 5.3. Nothing is made for a message but its entry in the batch.
 */

import type { Clock, TimerHandle, Timers } from '../../common/clock.js';
import type { MQError } from '../../common/errors.js';
import { type Message, timerProperties } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { isRetryTopic } from '../../common/topic-names.js';
import { throwLater } from '../callback.js';
import { type MessageQueue, queueText } from '../message-queue.js';
import type { SendResult } from '../types.js';
import { bytesInBatch } from './batch.js';
import type { SendHandler } from './pending-send.js';
import { asMQError } from './send-errors.js';

/** Properties of messages that must go alone: their place in the log is not the one a batch would give them. */
const ALONE = [
  MessageConst.DELAY,
  MessageConst.TIMER_DELAY_SEC,
  MessageConst.TIMER_DELAY_MS,
  MessageConst.TIMER_DELIVER_MS,
  MessageConst.PGROUP,
  MessageConst.MSG_TYPE,
];

interface Bucket {
  readonly queue: MessageQueue | undefined;
  readonly messages: Message[];
  readonly handlers: SendHandler[];
  readonly contexts: unknown[];
  readonly dueMs: number;
  bytes: number;
}

export interface AutoBatcherInit {
  maxDelayMs: number;
  maxBytes: number;
  totalBytes: number;
  clock: Clock;
  timers: Timers;
  /** Sends a batch, or a single message as such. */
  send(messages: readonly Message[], queue: MessageQueue | undefined): Promise<SendResult>;
}

/** The batches that fill up, of one producer. */
export class AutoBatcher {
  readonly #init: AutoBatcherInit;
  /** In order of their due times: each waits as long as the others. */
  readonly #buckets = new Map<string, Bucket>();
  #heldBytes = 0;
  #timer: TimerHandle | undefined;

  constructor(init: AutoBatcherInit) {
    this.#init = init;
  }

  /**
   * Takes a checked message.
   * @returns false when it must be sent alone.
   */
  add(message: Message, handler: SendHandler, context: unknown, queue: MessageQueue | undefined): boolean {
    if (mustGoAlone(message)) {
      return false;
    }
    const bytes = bytesInBatch(message);
    const key = `${message.topic}\u0000${message.tags ?? ''}\u0000${message.waitStoreMsgOK !== false}\u0000${queue === undefined ? '' : queueText(queue)}`;
    let bucket = this.#buckets.get(key);
    if (bucket !== undefined && bucket.bytes + bytes > this.#init.maxBytes) {
      // Also ahead of a message that is too large to be batched: what came first leaves first.
      this.#flush(key, bucket);
      bucket = undefined;
    }
    if (bytes > this.#init.maxBytes || this.#heldBytes + bytes > this.#init.totalBytes) {
      return false;
    }
    if (bucket === undefined) {
      const dueMs = this.#init.clock.monotonicMs() + this.#init.maxDelayMs;
      bucket = { queue, messages: [], handlers: [], contexts: [], dueMs, bytes: 0 };
      this.#buckets.set(key, bucket);
      this.#timer ??= this.#init.timers.setTimeout(this.#flushDue, this.#init.maxDelayMs);
    }
    bucket.messages.push(message);
    bucket.handlers.push(handler);
    bucket.contexts.push(context);
    bucket.bytes += bytes;
    this.#heldBytes += bytes;
    return true;
  }

  /** Sends everything that waits. */
  flush(): void {
    if (this.#timer !== undefined) {
      this.#init.timers.clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    for (const [key, bucket] of [...this.#buckets]) {
      this.#flush(key, bucket);
    }
  }

  readonly #flushDue = (): void => {
    this.#timer = undefined;
    const nowMs = this.#init.clock.monotonicMs();
    for (const [key, bucket] of [...this.#buckets]) {
      if (bucket.dueMs > nowMs) {
        this.#timer = this.#init.timers.setTimeout(this.#flushDue, Math.ceil(bucket.dueMs - nowMs));
        return;
      }
      this.#flush(key, bucket);
    }
  };

  #flush(key: string, bucket: Bucket): void {
    this.#buckets.delete(key);
    this.#heldBytes -= bucket.bytes;
    void this.#send(bucket);
  }

  async #send(bucket: Bucket): Promise<void> {
    const { messages, handlers, contexts } = bucket;
    let results: SendResult[] | null = null;
    let failure: MQError | null = null;
    try {
      results = splitResult(await this.#init.send(messages, bucket.queue), messages.length);
    } catch (error) {
      failure = asMQError(error);
    }
    for (const [i, handler] of handlers.entries()) {
      try {
        const result = results?.[i];
        if (result !== undefined) {
          handler.onSuccess(result, contexts[i]);
        } else if (failure !== null) {
          handler.onException(failure, contexts[i]);
        }
      } catch (thrown) {
        throwLater(thrown);
      }
    }
  }
}

/** The result of each message of a batch. A broker that keeps the batch as one record has one id and offset for all. */
function splitResult(result: SendResult, count: number): SendResult[] {
  const msgIds = result.msgId.split(',');
  const offsetMsgIds = result.offsetMsgId.split(',');
  if (count === 1 || msgIds.length !== count) {
    return new Array<SendResult>(count).fill(result);
  }
  return msgIds.map((msgId, i) => ({
    ...result,
    msgId,
    offsetMsgId: offsetMsgIds[i] ?? result.offsetMsgId,
    queueOffset: result.queueOffset + i,
  }));
}

function mustGoAlone(message: Message): boolean {
  if ((message.delayTimeLevel ?? 0) > 0 || timerProperties(message).length > 0 || isRetryTopic(message.topic)) {
    return true;
  }
  const properties = message.properties;
  return properties !== undefined && properties.size > 0 && ALONE.some((name) => properties.has(name));
}
