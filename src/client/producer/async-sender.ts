import { ConnectError, type MQError, TimeoutError } from '../../common/errors.js';
import { responseError } from '../../remoting/client.js';
import type { RemotingCommand } from '../../remoting/command.js';
import { throwLater } from '../callback.js';
import type { MQClient } from '../mq-client.js';
import type { SendTrace } from '../trace/send-trace.js';
import type { SendResult } from '../types.js';
import { SendPermits } from './back-pressure.js';
import type { InFlight } from './in-flight.js';
import type { AttemptSink, PendingSend } from './pending-send.js';
import type { ProducerSettings } from './producer-options.js';
import { asMQError, permitRefusedError, permitTimeoutError } from './send-errors.js';
import { readSendResult, sendStatusOf } from './send-response.js';
import type { SendStats } from './send-stats.js';
import type { SendTransmitter } from './transmitter.js';

/**
 * Sends whose outcome goes to a handler: no promise, closure or timer for a message once its route is known. Transport errors are
 * tried again on another broker, with the same queue id; error codes of a broker are not.
 */
export class AsyncSender implements AttemptSink {
  readonly #client: MQClient;
  readonly #transmitter: SendTransmitter;
  readonly #settings: ProducerSettings;
  readonly #stats: SendStats;
  readonly #inFlight: InFlight;
  readonly #permits: SendPermits | null;
  readonly #trace: SendTrace | undefined;

  constructor(init: {
    client: MQClient;
    transmitter: SendTransmitter;
    settings: ProducerSettings;
    stats: SendStats;
    inFlight: InFlight;
    trace?: SendTrace | undefined;
  }) {
    this.#client = init.client;
    this.#transmitter = init.transmitter;
    this.#settings = init.settings;
    this.#stats = init.stats;
    this.#inFlight = init.inFlight;
    this.#trace = init.trace;
    this.#permits = init.settings.enableBackpressureForAsyncMode ? this.#createPermits() : null;
  }

  /** Sends that wait for a permit. */
  get waiting(): number {
    return this.#permits?.waiting ?? 0;
  }

  /** Resolves when a send would not have to wait. */
  ready(): Promise<void> {
    return this.#permits?.ready() ?? Promise.resolve();
  }

  close(): void {
    this.#permits?.close();
  }

  /**
   * Sends a prepared message.
   * @returns false when it waits for a permit, or got none.
   */
  send(pending: PendingSend): boolean {
    this.#inFlight.enter();
    pending.maxAttempts = 1 + this.#settings.retryTimesWhenSendAsyncFailed;
    if (this.#permits !== null) {
      const outcome = this.#permits.acquire(pending);
      if (outcome === 'refused') {
        this.#failSoon(pending, permitRefusedError(pending.message.topic));
      }
      if (outcome !== 'granted') {
        return false;
      }
    }
    this.#go(pending);
    return true;
  }

  onAnswer(pending: PendingSend, response: RemotingCommand): void {
    const status = sendStatusOf(response.code);
    if (status === undefined) {
      this.#finish(pending, null, responseError(response, pending.addr));
      return;
    }
    let result: SendResult | null = null;
    let problem: MQError | null = null;
    try {
      result = readSendResult(response, status, pending, this.#settings.namespace);
      if (this.#trace !== undefined) {
        this.#trace.sent(pending, result);
      }
    } catch (error) {
      problem = asMQError(error);
    }
    this.#finish(pending, result, problem);
  }

  onFailure(pending: PendingSend, error: MQError): void {
    if (!this.#mayTryAgain(pending, error)) {
      this.#failSoon(pending, error);
      return;
    }
    if (!pending.fixedQueue) {
      // The queue id stays, only the broker changes: what Apache's client does.
      const publish = this.#transmitter.cached(pending.message.topic);
      const other = publish === undefined ? undefined : this.#transmitter.select(publish, pending.queue.brokerName);
      if (other !== undefined) {
        pending.queue = { topic: pending.queue.topic, brokerName: other.brokerName, queueId: pending.queue.queueId };
      }
    }
    this.#client.timers.setImmediate(() => this.#transmitter.transmit(pending));
  }

  #mayTryAgain(pending: PendingSend, error: MQError): boolean {
    return (
      (error instanceof ConnectError || error instanceof TimeoutError) &&
      error.code !== 'CONNECTION_OVERLOADED' &&
      error.code !== 'SEND_CALL_TIMEOUT' &&
      pending.attempts < pending.maxAttempts &&
      pending.timeoutMs > this.#client.clock.monotonicMs() - pending.startMs
    );
  }

  #go(pending: PendingSend): void {
    if (pending.fixedQueue) {
      if (this.#transmitter.knowsBroker(pending.queue)) {
        this.#transmitter.transmit(pending);
        return;
      }
    } else {
      const publish = this.#transmitter.cached(pending.message.topic);
      const selected = publish === undefined ? undefined : this.#transmitter.select(publish);
      if (selected !== undefined) {
        pending.queue = selected;
        this.#transmitter.transmit(pending);
        return;
      }
    }
    void this.#resolveThenTransmit(pending);
  }

  async #resolveThenTransmit(pending: PendingSend): Promise<void> {
    try {
      const publish = await this.#transmitter.publishFor(pending, pending.fixedQueue ? pending.queue : undefined);
      if (publish !== null) {
        pending.queue = this.#transmitter.select(publish) ?? pending.queue;
      }
    } catch (error) {
      this.#finish(pending, null, asMQError(error));
      return;
    }
    this.#transmitter.transmit(pending);
  }

  /** Not in this call stack: a refused request fails within `sendAsync`, and the caller may well send again at once. */
  #failSoon(pending: PendingSend, error: MQError): void {
    this.#client.timers.setImmediate(() => this.#finish(pending, null, error));
  }

  #finish(pending: PendingSend, result: SendResult | null, error: MQError | null): void {
    this.#permits?.release(pending);
    this.#inFlight.leave();
    try {
      if (result !== null) {
        this.#stats.succeeded++;
        pending.handler?.onSuccess(result, pending.context);
      } else if (error !== null) {
        this.#stats.failed++;
        pending.handler?.onException(error, pending.context);
      }
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  #createPermits(): SendPermits {
    return new SendPermits({
      count: this.#settings.backPressureForAsyncSendNum,
      bytes: this.#settings.backPressureForAsyncSendSize,
      clock: this.#client.clock,
      timers: this.#client.timers,
      onGranted: (pending) => this.#go(pending),
      onExpired: (pending) => this.#failSoon(pending, permitTimeoutError(pending.message.topic, pending.timeoutMs)),
    });
  }
}
