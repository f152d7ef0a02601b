import type { TimerHandle } from '../../common/clock.js';
import { decodeLockOKMQSet, encodeLockBatchRequestBody } from '../../remoting/bodies/consume-stats.js';
import { responseError } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import { type MessageQueue, queueKey } from '../message-queue.js';
import type { ConsumerParts } from './parts.js';
import type { ProcessQueue } from './process-queue.js';

const LOCK_TIMEOUT_MS = 1_000;
const FIRST_RENEWAL_MS = 1_000;
/** Brokers keep a lock twice as long as members rely on it; one renewed even later may have had another owner meanwhile. */
const BROKER_LIVE_FACTOR = 2;

/** The broker-side locks of an ordered consumer's queues: one member of the group holds a queue at a time. */
export class QueueLocks {
  readonly #parts: ConsumerParts;
  readonly #owned: () => readonly ProcessQueue[];
  readonly #onLost: (processQueue: ProcessQueue) => void;
  #timer: TimerHandle | undefined;

  /**
   * @param init.owned the queues to renew
   * @param init.onLost told when a queue belongs, or may have belonged, to another member: what is cached of it is not to be consumed
   */
  constructor(parts: ConsumerParts, init: { owned: () => readonly ProcessQueue[]; onLost: (processQueue: ProcessQueue) => void }) {
    this.#parts = parts;
    this.#owned = init.owned;
    this.#onLost = init.onLost;
  }

  start(): void {
    this.#schedule(Math.min(FIRST_RENEWAL_MS, this.#parts.settings.lockIntervalMs));
  }

  stop(): void {
    if (this.#timer !== undefined) {
      this.#parts.client.timers.clearTimeout(this.#timer);
    }
    this.#timer = undefined;
  }

  /** Whether messages of the queue may be consumed now. */
  isHeld(processQueue: ProcessQueue): boolean {
    return this.#parts.client.clock.monotonicMs() - processQueue.lockedMs < this.#parts.settings.lockMaxLiveMs;
  }

  /** Asks for the locks. @returns those that were granted, by queue key; queues of a broker that does not answer are missing. */
  async lock(queues: readonly MessageQueue[]): Promise<Set<string>> {
    const granted = new Set<string>();
    await Promise.all(
      this.#byBroker(queues).map(async (ofBroker) => {
        try {
          for (const queue of await this.#lockAt(ofBroker)) {
            granted.add(queueKey(queue));
          }
        } catch (error) {
          this.#parts.client.logger.warn(`queues of broker ${ofBroker[0]?.brokerName} could not be locked: ${String(error)}`);
        }
      }),
    );
    return granted;
  }

  /** Gives locks back; errors are logged, since a lock ends by itself. With `wait`, returns when the brokers answered. */
  async unlock(queues: readonly MessageQueue[], options: { wait: boolean }): Promise<void> {
    const done = Promise.all(this.#byBroker(queues).map((ofBroker) => this.#unlockAt(ofBroker, options.wait)));
    if (options.wait) {
      await done;
    }
  }

  /** Renews all locks; what a broker did not grant any more is lost. */
  async renew(): Promise<void> {
    const { client, settings } = this.#parts;
    const { clock, logger } = client;
    await Promise.all(
      this.#byBroker(this.#owned().map(({ queue }) => queue)).map(async (ofBroker) => {
        const askedMs = clock.monotonicMs();
        let granted: Set<string>;
        try {
          granted = new Set((await this.#lockAt(ofBroker)).map(queueKey));
        } catch (error) {
          // Consumption goes on until the lock is too old to be relied on.
          logger.warn(`locks at broker ${ofBroker[0]?.brokerName} could not be renewed: ${String(error)}`);
          return;
        }
        const asked = new Set(ofBroker.map(queueKey));
        for (const processQueue of this.#owned()) {
          const key = queueKey(processQueue.queue);
          if (!asked.has(key)) {
            continue;
          }
          if (granted.has(key) && askedMs - processQueue.lockedMs < BROKER_LIVE_FACTOR * settings.lockMaxLiveMs) {
            processQueue.lockedMs = askedMs;
          } else {
            this.#onLost(processQueue);
          }
        }
      }),
    );
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#parts.client.timers.setTimeout(() => {
      void this.renew().finally(() => {
        if (this.#timer !== undefined) {
          this.#schedule(this.#parts.settings.lockIntervalMs);
        }
      });
    }, delayMs);
  }

  async #lockAt(queues: readonly MessageQueue[]): Promise<MessageQueue[]> {
    const addr = this.#masterOf(queues);
    const request = { code: RequestCode.LOCK_BATCH_MQ, body: this.#body(queues) };
    const response = await this.#parts.client.remoting.invoke(addr, request, LOCK_TIMEOUT_MS);
    if (response.code !== ResponseCode.SUCCESS) {
      throw responseError(response, addr);
    }
    return decodeLockOKMQSet(response.body);
  }

  async #unlockAt(queues: readonly MessageQueue[], wait: boolean): Promise<void> {
    const { remoting, logger } = this.#parts.client;
    const request = { code: RequestCode.UNLOCK_BATCH_MQ, body: this.#body(queues) };
    try {
      const addr = this.#masterOf(queues);
      if (wait) {
        await remoting.invoke(addr, request, LOCK_TIMEOUT_MS);
      } else {
        await remoting.invokeOneway(addr, request);
      }
    } catch (error) {
      logger.warn(`locks at broker ${queues[0]?.brokerName} could not be given back: ${String(error)}`);
    }
  }

  #masterOf(queues: readonly MessageQueue[]): string {
    const brokerName = queues[0]?.brokerName ?? '';
    const addr = this.#parts.client.routes.masterAddr(brokerName);
    if (addr === undefined) {
      throw new Error(`broker ${brokerName} has no master address`);
    }
    return addr;
  }

  #body(queues: readonly MessageQueue[]): Buffer {
    const { client, settings } = this.#parts;
    return encodeLockBatchRequestBody({
      consumerGroup: settings.consumerGroup,
      clientId: client.clientId,
      mqSet: [...queues],
      onlyThisBroker: false,
    });
  }

  #byBroker(queues: readonly MessageQueue[]): MessageQueue[][] {
    const byBroker = new Map<string, MessageQueue[]>();
    for (const queue of queues) {
      const known = byBroker.get(queue.brokerName);
      if (known === undefined) {
        byBroker.set(queue.brokerName, [queue]);
      } else {
        known.push(queue);
      }
    }
    return [...byBroker.values()];
  }
}
