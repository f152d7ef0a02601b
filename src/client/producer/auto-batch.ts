/*
 * Collects single sends into batches: those of one topic, queue, tag and WAIT flag. A batch leaves when it is full or when its first
 * message has waited long enough. Mirrors ProduceAccumulator of 5.3. Nothing is made for a message but its entry in the batch.
 */

import type { Clock, TimerHandle, Timers } from '../../common/clock.js';
import { BrokerError, type MQError, ProtocolError, UsageError } from '../../common/errors.js';
import { MAX_PROPERTIES_BYTES } from '../../common/limits.js';
import { BATCH_MESSAGE_OVERHEAD_BYTES } from '../../common/message/batch.js';
import { type Message, timerProperties } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { isRetryTopic } from '../../common/topic-names.js';
import { ResponseCode } from '../../remoting/codes.js';
import { throwLater } from '../callback.js';
import { type MessageQueue, queueText } from '../message-queue.js';
import type { SendResult } from '../types.js';
import { bytesInBatch } from './batch.js';
import type { SendHandler } from './pending-send.js';
import { asMQError } from './send-errors.js';

/** Properties of messages that must go alone: in a batch they would have another place in the log, or the broker would refuse them with the others. */
const ALONE = [
  MessageConst.DELAY,
  MessageConst.TIMER_DELAY_SEC,
  MessageConst.TIMER_DELAY_MS,
  MessageConst.TIMER_DELIVER_MS,
  MessageConst.PGROUP,
  MessageConst.MSG_TYPE,
  MessageConst.TRAN_MSG,
  MessageConst.INNER_NUM,
  MessageConst.INNER_MULTI_DISPATCH,
];
/** Longer properties go alone, bytes: what brokers add may make a record impossible, and the batch with it. */
const BATCHED_PROPERTIES_BYTES = MAX_PROPERTIES_BYTES - 1024;

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
    const isLong = bytes - message.body.length - BATCH_MESSAGE_OVERHEAD_BYTES > BATCHED_PROPERTIES_BYTES;
    if (isLong || bytes > this.#init.maxBytes || this.#heldBytes + bytes > this.#init.totalBytes) {
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
    const { messages, handlers, contexts, queue } = bucket;
    let results: SendResult[];
    try {
      results = splitResult(await this.#init.send(messages, queue), messages.length);
    } catch (error) {
      const failure = asMQError(error);
      for (const [i, message] of messages.entries()) {
        if (messages.length > 1 && isRefused(failure)) {
          void this.#sendAlone(message, handlers[i]!, contexts[i], queue);
        } else {
          tell(() => handlers[i]!.onException(failure, contexts[i]));
        }
      }
      return;
    }
    for (const [i, handler] of handlers.entries()) {
      tell(() => handler.onSuccess(results[i]!, contexts[i]));
    }
  }

  /** One of a batch of which nothing was stored because something is wrong with one of its messages. */
  async #sendAlone(message: Message, handler: SendHandler, context: unknown, queue: MessageQueue | undefined): Promise<void> {
    try {
      const result = await this.#init.send([message], queue);
      tell(() => handler.onSuccess(result, context));
    } catch (error) {
      tell(() => handler.onException(asMQError(error), context));
    }
  }
}

/** It could not be encoded, or its broker says that it must not be stored. */
function isRefused(error: MQError): boolean {
  return (
    error instanceof ProtocolError ||
    error instanceof UsageError ||
    (error instanceof BrokerError && error.responseCode === ResponseCode.MESSAGE_ILLEGAL)
  );
}

function tell(callback: () => void): void {
  try {
    callback();
  } catch (thrown) {
    throwLater(thrown);
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
