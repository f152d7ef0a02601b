import { MessageConst } from '../../common/message/properties.js';
import type { PulledMessage } from '../consumer/pulled-message.js';
import type { MQClient } from '../mq-client.js';
import { DEFAULT_REGION } from '../producer/send-response.js';
import { ConsumeStatus } from '../types.js';
import type { TraceDispatcher } from './trace-dispatcher.js';
import type { SubAfterTrace, SubBeforeTrace } from './trace-record.js';

/** How a listener call ended: ordinals of Java's ConsumeReturnType. */
export const ConsumeReturnType = { SUCCESS: 0, TIME_OUT: 1, EXCEPTION: 2, RETURNNULL: 3, FAILED: 4 } as const;

/** A listener call that leaves a trace. */
export interface TracedCall {
  readonly requestId: string;
  readonly startMs: number;
  readonly messageCount: number;
  readonly messages: readonly { readonly msgId: string; readonly keys: string | null }[];
  /** The listener threw, or its promise was rejected. */
  threw: boolean;
}

/** Traces what a consumer's listener gets, and how its calls end. */
export class ConsumeTrace {
  readonly #dispatcher: TraceDispatcher;
  readonly #client: MQClient;
  readonly #groupName: string;

  constructor(dispatcher: TraceDispatcher, user: { client: MQClient; group: string }) {
    this.#dispatcher = dispatcher;
    this.#client = user.client;
    this.#groupName = user.group;
  }

  /** The trace of a consumer whose messages are traced; undefined without a dispatcher. */
  static of(dispatcher: TraceDispatcher | undefined, client: MQClient, group: string): ConsumeTrace | undefined {
    return dispatcher === undefined ? undefined : new ConsumeTrace(dispatcher, { client, group });
  }

  /** The listener is about to get messages of one topic. @returns undefined when none of them leaves a trace */
  before(messages: readonly PulledMessage[]): TracedCall | undefined {
    const { clock, uniqKeys } = this.#client;
    const timestamp = clock.nowMs();
    const requestId = uniqKeys.create();
    const records: SubBeforeTrace[] = [];
    for (const message of messages) {
      if (message.property(MessageConst.TRACE_ON) === 'false' || this.#dispatcher.isUntraced(message.topic)) {
        continue;
      }
      records.push({
        traceType: 'SubBefore',
        timestamp,
        regionId: message.property(MessageConst.MSG_REGION) ?? DEFAULT_REGION,
        groupName: this.#groupName,
        requestId,
        msgId: message.msgId,
        retryTimes: message.reconsumeTimes,
        keys: message.property(MessageConst.KEYS) ?? null,
      });
    }
    if (records.length === 0) {
      return undefined;
    }
    this.#dispatcher.append(records);
    return { requestId, startMs: clock.monotonicMs(), messageCount: messages.length, messages: records, threw: false };
  }

  /** A poll gives messages away: all that can be told of them is that they came. */
  polled(messages: readonly PulledMessage[]): void {
    const call = this.before(messages);
    if (call !== undefined) {
      this.after(call, true, { status: ConsumeStatus.CONSUME_SUCCESS, timeoutMs: Number.POSITIVE_INFINITY });
    }
  }

  /**
   * The call is over.
   * @param outcome.status what the listener answered, if anything
   */
  after(call: TracedCall, success: boolean, outcome: { status: string | null | undefined; timeoutMs: number }): void {
    const { requestId, messages } = call;
    const { clock } = this.#client;
    const tookMs = clock.monotonicMs() - call.startMs;
    const isLate = tookMs >= outcome.timeoutMs;
    const contextCode = returnTypeOf(call, { success, isAnswer: typeof outcome.status === 'string', isLate });
    const timestamp = clock.nowMs();
    const costTime = Math.trunc(tookMs / call.messageCount);
    const groupName = this.#groupName;
    const records: SubAfterTrace[] = messages.map(({ msgId, keys }) => ({
      traceType: 'SubAfter',
      requestId,
      msgId,
      costTime,
      success,
      keys,
      contextCode,
      timestamp,
      groupName,
    }));
    this.#dispatcher.append(records);
  }
}

function returnTypeOf(call: TracedCall, outcome: { success: boolean; isAnswer: boolean; isLate: boolean }): number {
  if (call.threw) {
    return ConsumeReturnType.EXCEPTION;
  }
  if (!outcome.isAnswer) {
    return ConsumeReturnType.RETURNNULL;
  }
  if (outcome.isLate) {
    return ConsumeReturnType.TIME_OUT;
  }
  return outcome.success ? ConsumeReturnType.SUCCESS : ConsumeReturnType.FAILED;
}
