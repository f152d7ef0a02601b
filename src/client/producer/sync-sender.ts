import { ConnectError, MQError, TimeoutError } from '../../common/errors.js';
import { responseError } from '../../remoting/client.js';
import type { RemotingCommand } from '../../remoting/command.js';
import type { MessageQueue } from '../message-queue.js';
import type { MQClient } from '../mq-client.js';
import type { SendTrace } from '../trace/send-trace.js';
import { type SendResult, SendStatus } from '../types.js';
import type { AttemptSink, PendingSend } from './pending-send.js';
import { NO_QUEUE } from './pending-send.js';
import type { ProducerSettings } from './producer-options.js';
import type { TopicPublishInfo } from './publish-info.js';
import { asMQError, callTimeoutError, type FailedAttempt, sendFailedError } from './send-errors.js';
import { readSendResult, sendStatusOf } from './send-response.js';
import type { SendStats } from './send-stats.js';
import type { SendTransmitter } from './transmitter.js';

/** Where a send goes. */
export interface SendTarget {
  /** Exactly there, with one attempt. */
  queue?: MessageQueue | undefined;
  /** The first attempt goes to this broker, when the topic has a queue on it. */
  firstBroker?: string | undefined;
}

/** Sends that wait for their answer: transport errors and passing refusals are tried again on another broker while the time lasts. */
export class SyncSender implements AttemptSink {
  readonly #client: MQClient;
  readonly #transmitter: SendTransmitter;
  readonly #settings: ProducerSettings;
  readonly #stats: SendStats;
  readonly #trace: SendTrace | undefined;

  constructor(init: {
    client: MQClient;
    transmitter: SendTransmitter;
    settings: ProducerSettings;
    stats: SendStats;
    trace: SendTrace | undefined;
  }) {
    this.#client = init.client;
    this.#transmitter = init.transmitter;
    this.#settings = init.settings;
    this.#stats = init.stats;
    this.#trace = init.trace;
  }

  onAnswer(pending: PendingSend, response: RemotingCommand): void {
    (pending.context as Attempt).end(response);
  }

  onFailure(pending: PendingSend, error: MQError): void {
    (pending.context as Attempt).end(error);
  }

  /** Sends a prepared message whose sink this is. */
  async send(pending: PendingSend, target: SendTarget): Promise<SendResult> {
    try {
      const publish = await this.#transmitter.publishFor(pending, target.queue);
      const result = await this.#sendWithRetries(pending, target, publish);
      this.#stats.succeeded++;
      return result;
    } catch (error) {
      this.#stats.failed++;
      throw error;
    }
  }

  async #sendWithRetries(pending: PendingSend, target: SendTarget, publish: TopicPublishInfo | null): Promise<SendResult> {
    pending.maxAttempts = target.queue === undefined ? 1 + this.#settings.retryTimesWhenSendFailed : 1;
    const tried: FailedAttempt[] = [];
    let stored: SendResult | null = null;
    let lastBroker: string | undefined;
    for (let attempt = 0; attempt < pending.maxAttempts && (attempt === 0 || this.#remainingMs(pending) > 0); attempt++) {
      pending.queue = target.queue ?? this.#select(publish, target, lastBroker);
      lastBroker = pending.queue.brokerName;
      const beforeMs = this.#client.clock.monotonicMs();
      const answer = await this.#attempt(pending);
      const outcome = answer instanceof MQError ? answer : this.#outcomeOf(pending, answer);
      if (!(outcome instanceof MQError)) {
        stored = outcome;
        if (outcome.sendStatus === SendStatus.SEND_OK || !this.#settings.retryAnotherBrokerWhenNotStoreOK) {
          return outcome;
        }
        continue;
      }
      tried.push({ brokerName: lastBroker, costMs: Math.round(this.#client.clock.monotonicMs() - beforeMs), error: outcome });
      if (!this.#mayTryAgain(outcome, answer)) {
        break;
      }
    }
    // Stored once, if not as safely as wished: that is the better news.
    if (stored !== null) {
      return stored;
    }
    const last = tried.at(-1)?.error ?? callTimeoutError(pending.message.topic, pending.timeoutMs);
    throw sendFailedError(last, { topic: pending.message.topic, tried, costMs: this.#client.clock.monotonicMs() - pending.startMs });
  }

  #select(publish: TopicPublishInfo | null, target: SendTarget, lastBroker: string | undefined): MessageQueue {
    if (publish === null) {
      return NO_QUEUE;
    }
    const wished = lastBroker === undefined && target.firstBroker !== undefined ? publish.selectOn(target.firstBroker) : undefined;
    return wished ?? this.#transmitter.select(publish, lastBroker) ?? NO_QUEUE;
  }

  #outcomeOf(pending: PendingSend, response: RemotingCommand): SendResult | MQError {
    const status = sendStatusOf(response.code);
    if (status === undefined) {
      return responseError(response, pending.addr);
    }
    try {
      const result = readSendResult(response, status, pending, this.#settings.namespace);
      if (this.#trace !== undefined) {
        this.#trace.sent(pending, result);
      }
      return result;
    } catch (error) {
      return asMQError(error);
    }
  }

  #mayTryAgain(error: MQError, answer: RemotingCommand | MQError): boolean {
    if (answer instanceof MQError) {
      return (error instanceof ConnectError || error instanceof TimeoutError) && error.code !== 'SEND_CALL_TIMEOUT';
    }
    return this.#settings.retryResponseCodes.has(answer.code);
  }

  #attempt(pending: PendingSend): Promise<RemotingCommand | MQError> {
    return new Promise((resolve) => {
      (pending.context as Attempt).end = resolve;
      this.#transmitter.transmit(pending);
    });
  }

  #remainingMs(pending: PendingSend): number {
    return pending.timeoutMs - (this.#client.clock.monotonicMs() - pending.startMs);
  }
}

/** The context of a send that waits: how its attempt of the moment ends. */
interface Attempt {
  end(outcome: RemotingCommand | MQError): void;
}

/** A fresh context for {@link SyncSender.send}. */
export function newAttempt(): Attempt {
  return { end: () => {} };
}
