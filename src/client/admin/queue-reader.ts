import { setTimeout as sleep } from 'node:timers/promises';
import { MQError, ProtocolError } from '../../common/errors.js';
import { buildPullSysFlag } from '../../common/sys-flag.js';
import { TOOLS_CONSUMER_GROUP } from '../../common/topic-names.js';
import type { SubscriptionData } from '../../remoting/bodies/subscription.js';
import { RequestCode } from '../../remoting/codes.js';
import { type PullResult, readPullResult } from '../consumer/pull-result.js';
import type { MessageQueue } from '../message-queue.js';
import type { AdminClient } from './admin-client.js';
import type { QueueAnswer, QueueSource } from './merge-queues.js';
import { type MessageView, pulledView } from './message-view.js';

/** As many as a broker gives at once unless it is told otherwise. */
const PULL_MAX_NUMS = 32;
/** Bodies of one answer: two of them are held for each queue. Brokers before 5.0 do not read it. */
const PULL_MAX_BYTES = 1024 * 1024;
/** How long a broker holds the pull of a queue that has nothing new. */
const HOLD_MS = 15_000;
const RETRIES = 2;
const RETRY_PAUSE_MS = 500;
const FOLLOW_PAUSE_MS = 1_000;
const POLL_PAUSE_MS = 500;

/** What a reader has to say while it goes on. */
export type ReadNotice =
  /** The queue cannot be read at the moment; it is tried again. */
  | { readonly kind: 'broken'; readonly queue: MessageQueue; readonly error: MQError }
  | { readonly kind: 'mended'; readonly queue: MessageQueue }
  /** The messages of these offsets, the last not included, are not there any more. */
  | { readonly kind: 'gap'; readonly queue: MessageQueue; readonly fromOffset: number; readonly toOffset: number }
  /** Among the messages of these offsets, the last not included, are some that cannot be read; they are left out. */
  | {
      readonly kind: 'unreadable';
      readonly queue: MessageQueue;
      readonly fromOffset: number;
      readonly toOffset: number;
      readonly errors: readonly MQError[];
    };

/** A queue, and what of it is to be read. */
export interface QueueRead {
  readonly queue: MessageQueue;
  readonly from: number;
  /** The offset behind the last one; infinite where new messages are waited for. */
  readonly to: number;
  readonly subscription: SubscriptionData;
  isWanted(message: MessageView): boolean;
  /** Where the queue is at the moment. */
  addr(): Promise<string> | string;
  readonly signal?: AbortSignal | undefined;
  readonly onNotice?: ((notice: ReadNotice) => void) | undefined;
  /** Whether the broker is to hold pulls that find nothing new; else it is asked again and again. */
  readonly mayHold?: boolean;
  /** Whether it was told that the queue cannot be read. */
  readonly isBroken?: boolean;
}

/** Reads one queue by pulls that commit nothing. */
export class QueueReader implements QueueSource {
  readonly #admin: AdminClient;
  readonly #read: QueueRead;
  #offset: number;
  #isIdle = false;
  #isBroken: boolean;

  constructor(admin: AdminClient, read: QueueRead) {
    this.#admin = admin;
    this.#read = read;
    this.#offset = read.from;
    this.#isBroken = read.isBroken === true;
  }

  get queue(): MessageQueue {
    return this.#read.queue;
  }

  /** What is read next. */
  get offset(): number {
    return this.#offset;
  }

  get #follows(): boolean {
    return this.#read.to === Number.POSITIVE_INFINITY;
  }

  async pull(onStuck?: () => void): Promise<QueueAnswer> {
    const { to } = this.#read;
    if (this.#offset >= to) {
      return { messages: [], state: 'done' };
    }
    const result = await this.#persistently(onStuck);
    const { pullStatus, nextBeginOffset: next } = result;
    switch (pullStatus) {
      case 'FOUND':
        return this.#found(result);
      case 'NO_MATCHED_MSG':
        return this.#moved(next, result.maxOffset);
      case 'OFFSET_ILLEGAL':
        return this.#illegal(next);
      default:
        return this.#stays('has no message there');
    }
  }

  #found(result: PullResult): QueueAnswer {
    const { to, queue, onNotice } = this.#read;
    const { unreadable } = result;
    if (unreadable.length > 0) {
      onNotice?.({ kind: 'unreadable', queue, fromOffset: this.#offset, toOffset: result.nextBeginOffset, errors: unreadable });
    }
    const messages = result.messages.map(pulledView).filter((message) => message.queueOffset < to && this.#read.isWanted(message));
    return { ...this.#moved(result.nextBeginOffset, result.maxOffset), messages };
  }

  #moved(next: number, maxOffset: number): QueueAnswer {
    if (next <= this.#offset) {
      // A broker that does not go on would be asked for ever.
      return this.#stays(`goes on at ${next}`);
    }
    this.#offset = next;
    this.#isIdle = next >= maxOffset;
    return { messages: [], state: next >= this.#read.to ? 'done' : this.#follows && this.#isIdle ? 'idle' : 'more' };
  }

  /** Nothing more is there: new messages are waited for, or else it is less than the broker said before. */
  #stays(what: string): QueueAnswer {
    const { queue, to } = this.#read;
    if (!this.#follows) {
      throw new ProtocolError(`queue ${queue.brokerName}:${queue.queueId} ${what}, at offset ${this.#offset} of those before ${to}`, {
        code: 'QUEUE_ENDS_EARLY',
        context: { ...queue, offset: this.#offset, to },
      });
    }
    this.#isIdle = true;
    return { messages: [], state: 'idle' };
  }

  /** Messages were deleted while they were waited for, or the queue is not what it was. */
  #illegal(next: number): QueueAnswer {
    const { queue, to } = this.#read;
    const before = this.#offset;
    if (next === before || (next < before && !this.#follows)) {
      return this.#stays(`goes on at ${next}`);
    }
    this.#offset = next;
    if (next > before) {
      this.#read.onNotice?.({ kind: 'gap', queue, fromOffset: before, toOffset: Math.min(next, to) });
    }
    return { messages: [], state: next >= to ? 'done' : 'more' };
  }

  /** Asks again after what may pass: a few times, and where new messages are waited for without end. */
  async #persistently(onStuck?: () => void): Promise<PullResult> {
    const { queue, signal, onNotice } = this.#read;
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await this.#once();
        if (this.#isBroken) {
          this.#isBroken = false;
          onNotice?.({ kind: 'mended', queue });
        }
        return result;
      } catch (error) {
        const mayPass = error instanceof MQError && (error.retriable || (this.#follows && this.#isBroken));
        if (!mayPass || signal?.aborted === true || (!this.#follows && attempt >= RETRIES)) {
          throw error;
        }
        if (this.#follows) {
          onStuck?.();
        }
        if (this.#follows && !this.#isBroken) {
          this.#isBroken = true;
          onNotice?.({ kind: 'broken', queue, error });
        }
        this.#isIdle = false;
        await sleep(this.#follows ? FOLLOW_PAUSE_MS : RETRY_PAUSE_MS, undefined, signal === undefined ? {} : { signal }).catch(
          () => undefined,
        );
      }
    }
  }

  async #once(): Promise<PullResult> {
    const { queue, subscription } = this.#read;
    const waits = this.#follows && this.#isIdle;
    const holdMs = waits && this.#read.mayHold === true ? HOLD_MS : 0;
    if (waits && holdMs === 0) {
      await pause(POLL_PAUSE_MS, this.#read.signal);
    }
    const addr = await this.#read.addr();
    const response = await this.#admin.remoting.invoke(
      addr,
      {
        code: RequestCode.PULL_MESSAGE,
        extFields: {
          consumerGroup: TOOLS_CONSUMER_GROUP,
          topic: queue.topic,
          queueId: String(queue.queueId),
          queueOffset: String(this.#offset),
          maxMsgNums: String(Math.min(PULL_MAX_NUMS, this.#read.to - this.#offset)),
          sysFlag: String(buildPullSysFlag({ subscription: true, suspend: holdMs > 0 })),
          commitOffset: '0',
          suspendTimeoutMillis: String(holdMs),
          subscription: subscription.subString,
          subVersion: '0',
          expressionType: subscription.expressionType,
          maxMsgBytes: String(PULL_MAX_BYTES),
          bname: queue.brokerName,
        },
      },
      this.#admin.timeoutMs + holdMs,
    );
    return readPullResult(response, {
      queue,
      tagsSet: subscription.tagsSet,
      queueOffset: this.#offset,
      addr,
    });
  }
}

/** Ends early with the signal. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}
