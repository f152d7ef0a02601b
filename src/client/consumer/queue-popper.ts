import type { TimerHandle } from '../../common/clock.js';
import { MQError, type ProtocolError } from '../../common/errors.js';
import { type ResponseHandler, responseError } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand } from '../../remoting/command.js';
import type { MessageQueue } from '../message-queue.js';
import { ConsumeFromWhere } from '../types.js';
import type { ConsumerParts } from './parts.js';
import { type PoppedMessage, readPoppedMessages } from './pop-result.js';

const POLL_TIME_MS = 15_000;
const POP_TIMEOUT_MS = 25_000;
const DELAY_ON_EXCEPTION_MS = 1_000;
const DELAY_ON_SUSPEND_MS = 1_000;
const DELAY_ON_FLOW_CONTROL_MS = 50;
const DELAY_ON_BROKER_FLOW_CONTROL_MS = 20;
/** A broker that says "nothing" sooner than this did not wait, whatever its reason, ms. */
const SHORTEST_POLL_MS = 1_000;
const INIT_MODE_MIN = 0;
const INIT_MODE_MAX = 1;

/** What a popper needs of its owner. */
export interface QueuePopperOwner {
  /** Messages that wait to be done with. */
  waitingCount(): number;
  /** Takes what was popped. */
  onPopped(messages: readonly PoppedMessage[], costMs: number): void;
}

/** Pops one assigned queue, or all queues of a broker (queueId −1): one request at a time, which the broker holds until there is something. */
export class QueuePopper implements ResponseHandler {
  readonly queue: MessageQueue;
  lastPopTimestamp = 0;
  readonly #parts: ConsumerParts;
  readonly #owner: QueuePopperOwner;
  #timer: TimerHandle | undefined;
  #startMs = 0;
  #isStopped = false;

  constructor(parts: ConsumerParts, queue: MessageQueue, owner: QueuePopperOwner) {
    this.#parts = parts;
    this.queue = queue;
    this.#owner = owner;
  }

  start(): void {
    this.#pop();
  }

  /** No more pops. What the one on its way brings comes again after its invisible time. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== undefined) this.#parts.client.timers.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  onResponse(response: RemotingCommand): void {
    const { clock } = this.#parts.client;
    const costMs = clock.monotonicMs() - this.#startMs;
    if (response.code === ResponseCode.SUCCESS) {
      this.#onFound(response, costMs);
      return;
    }
    if (this.#isStopped) return;
    switch (response.code) {
      case ResponseCode.POLLING_TIMEOUT:
      case ResponseCode.PULL_NOT_FOUND:
        this.#later(costMs < SHORTEST_POLL_MS ? DELAY_ON_EXCEPTION_MS : 0);
        return;
      case ResponseCode.POLLING_FULL:
        this.#later(DELAY_ON_EXCEPTION_MS);
        return;
      default:
        this.#onFailure(responseError(response, this.queue.brokerName), response.code === ResponseCode.FLOW_CONTROL);
    }
  }

  onError(error: MQError): void {
    if (!this.#isStopped) this.#onFailure(error, false);
  }

  #onFound(response: RemotingCommand, costMs: number): void {
    try {
      // Also when this popper was stopped meanwhile: the messages are here, and nobody else gets them soon.
      const unreadable: ProtocolError[] = [];
      const popped = readPoppedMessages(response, this.queue.brokerName, unreadable);
      if (unreadable.length > 0) this.#parts.unreadable.add(unreadable, this.queue);
      this.#owner.onPopped(popped, costMs);
    } catch (error) {
      if (!(error instanceof MQError)) throw error;
      this.#onFailure(error, false);
      return;
    }
    this.#later(this.#parts.settings.pullIntervalMs);
  }

  #onFailure(error: MQError, isFlowControl: boolean): void {
    const { topic, brokerName, queueId } = this.queue;
    this.#parts.client.logger.warn(`pop of ${topic}/${brokerName}/${queueId} failed: ${error.message}`);
    this.#later(isFlowControl ? DELAY_ON_BROKER_FLOW_CONTROL_MS : DELAY_ON_EXCEPTION_MS);
  }

  #pop(): void {
    const parts = this.#parts;
    const { client, settings } = parts;
    if (this.#isStopped || !parts.isRunning()) return;
    this.lastPopTimestamp = client.clock.nowMs();
    if (parts.isSuspended()) {
      this.#later(DELAY_ON_SUSPEND_MS);
      return;
    }
    if (this.#owner.waitingCount() > settings.popThresholdForQueue) {
      this.#later(DELAY_ON_FLOW_CONTROL_MS);
      return;
    }
    const subscription = parts.subscriptions.get(this.queue.topic);
    const addr = client.routes.masterAddr(this.queue.brokerName);
    if (subscription === undefined || addr === undefined) {
      this.#later(DELAY_ON_EXCEPTION_MS);
      return;
    }
    this.#startMs = client.clock.monotonicMs();
    const isFirst = settings.consumeFromWhere === ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET;
    const extFields = {
      consumerGroup: settings.consumerGroup,
      topic: this.queue.topic,
      queueId: String(this.queue.queueId),
      maxMsgNums: String(settings.popBatchNums),
      invisibleTime: String(settings.popInvisibleTimeMs),
      pollTime: String(POLL_TIME_MS),
      bornTime: String(client.clock.nowMs()),
      initMode: String(isFirst ? INIT_MODE_MIN : INIT_MODE_MAX),
      expType: subscription.expressionType,
      exp: subscription.subString,
      order: 'false',
      bname: this.queue.brokerName,
    };
    client.remoting.send(addr, { code: RequestCode.POP_MESSAGE, extFields }, POP_TIMEOUT_MS, this, null);
  }

  #later(delayMs: number): void {
    if (this.#isStopped) return;
    if (delayMs === 0) {
      this.#pop();
      return;
    }
    this.#timer = this.#parts.client.timers.setTimeout(() => {
      this.#timer = undefined;
      this.#pop();
    }, delayMs);
  }
}
