import type { TimerHandle } from '../../common/clock.js';
import type { MQError } from '../../common/errors.js';
import { encodePopReceipt, type PopReceipt, storedTopicOf } from '../../common/pop.js';
import { type ResponseHandler, responseError } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand } from '../../remoting/command.js';
import type { ConsumerParts } from './parts.js';
import { visibleAtMs } from './pop-result.js';
import type { PulledMessage } from './pulled-message.js';
import { RunningCalls } from './running-calls.js';

const ACK_TIMEOUT_MS = 3_000;
/** Pause before an acknowledgement that failed is sent again, ms. */
const RETRY_MS = 200;

/** An acknowledgement on its way. */
interface Ack {
  readonly message: PulledMessage;
  readonly receipt: PopReceipt;
  addr: string;
}

/** Tells brokers what became of popped messages. */
export class PopAcks implements ResponseHandler {
  readonly #parts: ConsumerParts;
  readonly #calls: RunningCalls;
  readonly #retries = new Set<TimerHandle>();
  #isStopped = false;

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
    this.#calls = new RunningCalls(parts.client.timers);
  }

  /** Acknowledges; sent again after a failure, until the message is visible again anyway. */
  ack(message: PulledMessage, receipt: PopReceipt): void {
    this.#calls.begin();
    this.#send({ message, receipt, addr: '' });
  }

  /** Makes a failed message visible again after a delay. @returns whether the broker knows. */
  async changeInvisibleTime(message: PulledMessage, receipt: PopReceipt, invisibleTimeMs: number): Promise<boolean> {
    const { client } = this.#parts;
    const addr = client.routes.masterAddr(receipt.brokerName);
    if (addr === undefined) return false;
    const extFields = { ...this.#fields(message, receipt), invisibleTime: String(invisibleTimeMs) };
    this.#calls.begin();
    try {
      const request = { code: RequestCode.CHANGE_MESSAGE_INVISIBLETIME, extFields };
      const response = await client.remoting.invoke(addr, request, ACK_TIMEOUT_MS);
      if (response.code === ResponseCode.SUCCESS) return true;
      throw responseError(response, addr);
    } catch (error) {
      client.logger.warn(`message ${message.msgId} comes again at its old time: ${String(error)}`);
      return false;
    } finally {
      this.#calls.end();
    }
  }

  /** Waits for the answers that are due, at most `timeoutMs`; nothing is sent again from here on. */
  async stop(timeoutMs: number): Promise<void> {
    this.#isStopped = true;
    for (const timer of this.#retries) {
      this.#parts.client.timers.clearTimeout(timer);
      this.#calls.end();
    }
    this.#retries.clear();
    await this.#calls.idle(timeoutMs);
  }

  onResponse(response: RemotingCommand, context: unknown): void {
    const ack = context as Ack;
    if (response.code === ResponseCode.SUCCESS) this.#calls.end();
    else this.onError(responseError(response, ack.addr), ack);
  }

  onError(error: MQError, context: unknown): void {
    const ack = context as Ack;
    const { client } = this.#parts;
    client.logger.warn(`message ${ack.message.msgId} could not be acknowledged: ${error.message}`);
    if (this.#isStopped || client.clock.nowMs() + RETRY_MS >= visibleAtMs(ack.receipt)) {
      this.#calls.end();
      return;
    }
    const timer = client.timers.setTimeout(() => {
      this.#retries.delete(timer);
      this.#send(ack);
    }, RETRY_MS);
    this.#retries.add(timer);
  }

  #send(ack: Ack): void {
    const { client } = this.#parts;
    const addr = client.routes.masterAddr(ack.receipt.brokerName);
    if (addr === undefined) {
      client.logger.warn(`message ${ack.message.msgId} cannot be acknowledged: broker ${ack.receipt.brokerName} has no address`);
      this.#calls.end();
      return;
    }
    ack.addr = addr;
    const extFields = this.#fields(ack.message, ack.receipt);
    client.remoting.send(addr, { code: RequestCode.ACK_MESSAGE, extFields }, ACK_TIMEOUT_MS, this, ack);
  }

  #fields(message: PulledMessage, receipt: PopReceipt): Record<string, string> {
    const { consumerGroup } = this.#parts.settings;
    const { queueId, queueOffset, brokerName, retryFlag } = receipt;
    return {
      consumerGroup,
      topic: storedTopicOf(message.topic, consumerGroup, retryFlag),
      queueId: String(queueId),
      offset: String(queueOffset < 0 ? message.queueOffset : queueOffset),
      extraInfo: encodePopReceipt(receipt),
      bname: brokerName,
    };
  }
}

/** Pauses before a message that failed comes again, s, by how often it failed; Apache's table. */
const DELAYS_S = [10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200];

/** @param delayLevel a listener's choice; 0 goes by the failures so far */
export function popDelayMs(delayLevel: number, reconsumeTimes: number): number {
  const index = Math.min(delayLevel === 0 ? reconsumeTimes : delayLevel, DELAYS_S.length - 1);
  return DELAYS_S[Math.max(0, index)]! * 1000;
}
