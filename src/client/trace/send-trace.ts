import type { Clock } from '../../common/clock.js';
import { type Message, timerProperties } from '../../common/message/message.js';
import { KEY_SEPARATOR, MessageConst } from '../../common/message/properties.js';
import { withoutNamespace } from '../namespace.js';
import type { PendingSend } from '../producer/pending-send.js';
import { type SendResult, SendStatus } from '../types.js';
import type { TraceDispatcher } from './trace-dispatcher.js';
import { type PubTrace, TraceMessageType } from './trace-record.js';

/** A transaction whose end a broker was told. */
export interface EndedTransactionTrace {
  readonly topic: string;
  readonly msgId: string;
  readonly tags: string | undefined;
  readonly keys: Message['keys'];
  readonly storeHost: string;
  readonly regionId: string;
  readonly transactionId: string;
  readonly transactionState: string;
  readonly fromTransactionCheck: boolean;
}

/** Traces what a producer does. Sends without an answer, and those that failed, leave no trace: nothing is known of them. */
export class SendTrace {
  readonly #dispatcher: TraceDispatcher;
  readonly #clock: Clock;
  readonly #groupName: string;
  readonly #namespace: string;

  /** @param user.group as brokers know it */
  constructor(dispatcher: TraceDispatcher, user: { clock: Clock; group: string; namespace: string }) {
    this.#dispatcher = dispatcher;
    this.#clock = user.clock;
    this.#namespace = user.namespace;
    this.#groupName = withoutNamespace(user.namespace, user.group);
  }

  /** An attempt stored its message or batch. */
  sent(pending: PendingSend, result: SendResult): void {
    const { message, messages } = pending;
    if (!result.traceOn || this.#dispatcher.isUntraced(message.topic)) {
      return;
    }
    const costTime = Math.round(this.#clock.monotonicMs() - pending.attemptStartMs);
    const common = {
      traceType: 'Pub' as const,
      timestamp: this.#clock.nowMs() - costTime,
      regionId: result.regionId,
      groupName: this.#groupName,
      topic: result.messageQueue.topic,
      storeHost: pending.addr,
      costTime,
      success: result.sendStatus === SendStatus.SEND_OK,
    };
    if (messages === null) {
      const { msgId } = pending;
      const bodyLength = pending.body.length;
      this.#dispatcher.append([{ ...common, ...ownFields(message), msgId, bodyLength, offsetMsgId: result.offsetMsgId }]);
      return;
    }
    // A record for each message of a batch, so that each is found by its own id.
    const msgIds = pending.msgId.split(',');
    const offsetMsgIds = result.offsetMsgId.split(',');
    const records: PubTrace[] = messages.map((one, i) => ({
      ...common,
      ...ownFields(one),
      msgId: msgIds[i] ?? pending.msgId,
      bodyLength: one.body.length,
      offsetMsgId: offsetMsgIds[i] ?? result.offsetMsgId,
    }));
    this.#dispatcher.append(records);
  }

  /** A broker was told how a transaction ended. */
  ended(ended: EndedTransactionTrace): void {
    const { tags, keys, topic } = ended;
    if (this.#dispatcher.isUntraced(topic)) {
      return;
    }
    this.#dispatcher.append([
      {
        ...ended,
        traceType: 'EndTransaction',
        timestamp: this.#clock.nowMs(),
        groupName: this.#groupName,
        topic: withoutNamespace(this.#namespace, topic),
        tags: tags ?? null,
        keys: keysText(keys),
        msgType: TraceMessageType.TRANS_COMMIT,
      },
    ]);
  }

  /** A broker dropped a timer message. */
  recalled(recalled: { topic: string; msgId: string; regionId: string }): void {
    const { msgId, regionId } = recalled;
    const topic = withoutNamespace(this.#namespace, recalled.topic);
    const timestamp = this.#clock.nowMs();
    this.#dispatcher.append([{ traceType: 'Recall', timestamp, regionId, groupName: this.#groupName, topic, msgId, success: true }]);
  }
}

function ownFields(message: Message): Pick<PubTrace, 'tags' | 'keys' | 'msgType'> {
  const { properties } = message;
  return {
    tags: message.tags ?? properties?.get(MessageConst.TAGS) ?? null,
    keys: keysText(message.keys ?? properties?.get(MessageConst.KEYS)),
    msgType: msgTypeOf(message),
  };
}

function msgTypeOf(message: Message): number {
  const { properties } = message;
  const isDelayed =
    (message.delayTimeLevel ?? 0) > 0 || properties?.has(MessageConst.DELAY) === true || timerProperties(message).length > 0;
  if (isDelayed) {
    return TraceMessageType.DELAY;
  }
  return properties?.get(MessageConst.TRAN_MSG) === 'true' ? TraceMessageType.TRANS_HALF : TraceMessageType.NORMAL;
}

function keysText(keys: Message['keys']): string | null {
  const text = typeof keys === 'string' ? keys : keys?.join(KEY_SEPARATOR);
  return text === undefined || text === '' ? null : text;
}
