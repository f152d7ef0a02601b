import type { TimerHandle } from '../../common/clock.js';
import { ConnectError } from '../../common/errors.js';
import { type BrokerCall, getConsumerIdList, getMaxOffset, searchOffset } from '../broker-requests.js';
import { throwLater } from '../callback.js';
import { compareText, type MessageQueue, queueKey } from '../message-queue.js';
import { MessageModel } from '../types.js';
import type { ConsumerParts, PushSettings } from './parts.js';
import { ProcessQueue } from './process-queue.js';
import type { QueueLocks } from './queue-locks.js';
import type { QueuePullerOwner } from './queue-puller.js';
import { computeStartOffset } from './start-offset.js';

/** Where another member may have owned a queue until now: how long its new owner waits for the last commit, ms. */
const HAND_OVER_MS = 500;
/** Next pass after one that could not divide everything, ms. */
const UNBALANCED_INTERVAL_MS = 1_000;
/** Next pass after one that could not lock every queue, ms. */
const UNLOCKED_INTERVAL_MS = 500;
/** A queue that was not pulled for so long has lost its puller somehow; it is started again, ms. */
const PULL_MAX_IDLE_MS = 120_000;

/** Pulls one owned queue. */
export interface QueueTask {
  readonly processQueue: ProcessQueue;
  /** Begins after the delay. */
  start(delayMs: number): void;
  /** No more pulls; the answer of the one on its way is thrown away. */
  stop(): void;
}

/** What the division of queues needs of a consumer. */
export interface RebalanceParts extends Pick<ConsumerParts, 'client' | 'subscriptions' | 'offsets'> {
  readonly settings: Readonly<
    Pick<
      PushSettings,
      | 'consumerGroup'
      | 'messageModel'
      | 'consumeFromWhere'
      | 'consumeTimestampMs'
      | 'allocateMessageQueueStrategy'
      | 'rebalanceIntervalMs'
      | 'rebalanceMinIntervalMs'
    >
  >;
}

/** What becomes of the owned queues. */
export interface QueueOwner<T extends QueueTask> {
  createTask(processQueue: ProcessQueue, rebalancer: Rebalancer<T>): T;
  /** Brings the committable offset of a queue into the offset store. */
  syncOffset(processQueue: ProcessQueue): void;
}

/** What a broker assigned of one topic. */
export interface AssignedQueues {
  /** To be pulled. */
  readonly pulled: readonly MessageQueue[];
  /** Queues that are popped came or went. */
  readonly isChanged: boolean;
}

/** Has a broker divide the queues, and pops those that are not to be pulled. */
export interface QueueAssigner {
  /**
   * @returns null when the broker cannot say: everything stays as it is; `unsupported` when it does not assign queues
   * @throws BrokerError, or what a request throws
   */
  assign(topic: string, addr: string): Promise<AssignedQueues | null | 'unsupported'>;
  dropUnsubscribed(): void;
  stopPopping(): void;
}

/** How the queues of an ordered group change hands. */
export interface OrderedHandOver {
  readonly locks: QueueLocks;
  /** Resolves when no call of the queue runs any more. */
  readonly finish: (processQueue: ProcessQueue) => Promise<void>;
}

/**
 * Divides the queues of the subscribed topics among the members of the group, and keeps one puller for each owned queue. Every member
 * computes the same division from the same lists. Runs on a timer, and at once when a broker says that the membership changed.
 */
export class Rebalancer<T extends QueueTask> implements QueuePullerOwner {
  readonly #parts: RebalanceParts;
  readonly #owner: QueueOwner<T>;
  readonly #pullers = new Map<string, T>();
  #timer: TimerHandle | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  /** The last pass found queues whose lock another member still has. */
  #unlocked = false;
  #lastPassMs = Number.NEGATIVE_INFINITY;
  #stopped = false;
  /** Set for an ordered group that shares its queues: those are locked before they are owned, and handed over when nothing of them runs. */
  ordered: OrderedHandOver | null = null;
  /** Set for a group whose queues a broker assigns. */
  assigner: QueueAssigner | null = null;
  /** Called with the owned queues of a topic when they changed. */
  onQueuesChanged: ((topic: string, queues: readonly MessageQueue[]) => void) | undefined;

  constructor(parts: RebalanceParts, owner: QueueOwner<T>) {
    this.#parts = parts;
    this.#owner = owner;
  }

  /** The owned queues. */
  get processQueues(): ProcessQueue[] {
    return [...this.#pullers.values()].map((puller) => puller.processQueue);
  }

  get pullers(): T[] {
    return [...this.#pullers.values()];
  }

  get queues(): MessageQueue[] {
    return this.processQueues.map((processQueue) => processQueue.queue);
  }

  puller(queue: MessageQueue): T | undefined {
    return this.#pullers.get(queueKey(queue));
  }

  /** One pass now; a call during a pass makes one more. Resolves when it is done. */
  rebalance(): Promise<void> {
    if (this.#stopped) {
      return Promise.resolve();
    }
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#clearTimer();
    this.#running = this.#passes();
    return this.#running;
  }

  /** Asks for a pass at once, or as soon as the minimum gap to the last one is over. */
  wake(): void {
    const { client, settings } = this.#parts;
    const waitMs = this.#lastPassMs + settings.rebalanceMinIntervalMs - client.clock.monotonicMs();
    if (this.#running !== undefined || waitMs <= 0) {
      void this.rebalance();
    } else if (!this.#stopped) {
      this.#schedule(waitMs);
    }
  }

  /** No more passes, no more pulls. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#clearTimer();
    this.assigner?.stopPopping();
    for (const puller of this.#pullers.values()) {
      puller.stop();
    }
    await this.#running;
  }

  /** Gives a queue up without committing; the next pass starts it again. */
  drop(processQueue: ProcessQueue): void {
    processQueue.dropped = true;
    this.#pullers.get(queueKey(processQueue.queue))?.stop();
    this.#pullers.delete(queueKey(processQueue.queue));
  }

  onOffsetIllegal(processQueue: ProcessQueue, nextBeginOffset: number): void {
    const { offsets } = this.#parts;
    this.drop(processQueue);
    processQueue.clear();
    offsets.updateAndFreeze(processQueue.queue, nextBeginOffset);
    void offsets.persist(processQueue.queue, { wait: true }).then(() => {
      offsets.remove(processQueue.queue);
      return this.rebalance();
    });
  }

  async startOffset(processQueue: ProcessQueue): Promise<number> {
    const { client, offsets, settings } = this.#parts;
    const { queue } = processQueue;
    const call = (): BrokerCall => {
      const addr = client.routes.masterAddr(queue.brokerName) ?? client.routes.readAddr(queue.brokerName)?.addr;
      if (addr === undefined) {
        throw new ConnectError(`broker ${queue.brokerName} has no address`, { code: 'BROKER_NOT_EXIST' });
      }
      return { remoting: client.remoting, addr, timeoutMs: client.apiTimeoutMs };
    };
    return computeStartOffset(queue.topic, settings.consumeFromWhere, settings.consumeTimestampMs, {
      stored: () => offsets.read(queue),
      maxOffset: async () => getMaxOffset(call(), queue),
      searchOffset: async (timestampMs) => searchOffset(call(), queue, { timestampMs }),
    });
  }

  async #passes(): Promise<void> {
    let balanced: boolean;
    do {
      this.#again = false;
      this.#unlocked = false;
      balanced = await this.#pass();
    } while (this.#again && !this.#stopped);
    // In the same turn as the test above, so that no call falls between them.
    this.#running = undefined;
    this.#lastPassMs = this.#parts.client.clock.monotonicMs();
    if (!this.#stopped) {
      const intervalMs = balanced ? this.#parts.settings.rebalanceIntervalMs : UNBALANCED_INTERVAL_MS;
      this.#schedule(this.#unlocked ? UNLOCKED_INTERVAL_MS : intervalMs);
    }
  }

  async #pass(): Promise<boolean> {
    const { client, subscriptions } = this.#parts;
    let balanced = true;
    const changed: string[] = [];
    for (const topic of [...subscriptions.keys()]) {
      try {
        const outcome = await this.#divide(topic);
        balanced &&= outcome !== 'unknown';
        if (outcome === 'changed') {
          changed.push(topic);
        }
      } catch (error) {
        // A strategy of the application may throw anything; the next pass tries again.
        client.logger.warn(`queues of topic ${topic} could not be divided: ${String(error)}`, { error });
        balanced = false;
      }
      if (this.#stopped) {
        return true;
      }
    }
    this.#dropUnsubscribed();
    this.#afterChange(changed);
    return balanced;
  }

  /** Says what the division of one topic led to; `unknown` when the lists could not be had. */
  async #divide(topic: string): Promise<'same' | 'changed' | 'unknown'> {
    const { client, settings } = this.#parts;
    const route = client.routes.get(topic);
    if (route === undefined || route.isDefault) {
      return 'same';
    }
    if (settings.messageModel === MessageModel.BROADCASTING) {
      const owned = new Set(route.subscribeQueues.map(queueKey));
      return this.#own(topic, route.subscribeQueues, { memberCount: 1, owned }) ? 'changed' : 'same';
    }
    const addr = client.routes.anyAddrOf(topic, (count) => client.random.nextInt(count));
    if (addr === undefined) {
      return 'unknown';
    }
    if (client.brokerVersion(addr) === undefined) {
      await client.heartbeat();
    }
    const assigned = this.assigner === null ? 'unsupported' : await this.assigner.assign(topic, addr);
    if (assigned !== 'unsupported') {
      return this.#takeAssigned(topic, assigned);
    }
    const clientIds = await getConsumerIdList({ remoting: client.remoting, addr, timeoutMs: client.apiTimeoutMs }, settings.consumerGroup);
    if (clientIds === null || this.#stopped) {
      return 'unknown';
    }
    const queues = settings.allocateMessageQueueStrategy.allocate({
      consumerGroup: settings.consumerGroup,
      clientId: client.clientId,
      queues: route.subscribeQueues,
      clientIds: [...new Set(clientIds)].sort(compareText),
    });
    const { owned, isComplete, granted } = await this.#lockNew(queues);
    if (this.#stopped) {
      // Nobody would give these back.
      await this.ordered?.locks.unlock(granted, { wait: true });
      return 'unknown';
    }
    const changed = this.#own(topic, queues, { memberCount: clientIds.length, owned });
    if (!clientIds.includes(client.clientId)) {
      // A broker that lost this member (it was restarted, say) makes it own nothing: it is told, and asked again soon.
      void client.heartbeat();
      return 'unknown';
    }
    if (!isComplete) {
      this.#unlocked = true;
    }
    return changed ? 'changed' : 'same';
  }

  #takeAssigned(topic: string, assigned: AssignedQueues | null): 'same' | 'changed' | 'unknown' {
    if (assigned === null || this.#stopped) {
      return 'unknown';
    }
    const { pulled, isChanged } = assigned;
    const hasMoved = this.#own(topic, pulled, { memberCount: 2, owned: new Set(pulled.map(queueKey)) });
    return hasMoved || isChanged ? 'changed' : 'same';
  }

  /** Locks what of the queues is new, where that is needed. @returns those that may be owned, whether these are all, and the new locks */
  async #lockNew(queues: readonly MessageQueue[]): Promise<{ owned: Set<string>; isComplete: boolean; granted: MessageQueue[] }> {
    const owned = new Set(queues.map(queueKey));
    if (this.ordered === null) {
      return { owned, isComplete: true, granted: [] };
    }
    const leaving = (key: string): boolean => this.#pullers.get(key)?.processQueue.isLeaving === true;
    const fresh = queues.filter((queue) => !this.#pullers.has(queueKey(queue)));
    const granted = fresh.length === 0 ? new Set<string>() : await this.ordered.locks.lock(fresh);
    for (const queue of queues) {
      const key = queueKey(queue);
      if (leaving(key) || (!this.#pullers.has(key) && !granted.has(key))) {
        owned.delete(key);
      }
    }
    return { owned, isComplete: owned.size === queues.length, granted: fresh.filter((queue) => granted.has(queueKey(queue))) };
  }

  /** Makes the owned queues of a topic these, as far as they may be owned. @returns whether anything changed. */
  #own(
    topic: string,
    queues: readonly MessageQueue[],
    { memberCount, owned }: { memberCount: number; owned: ReadonlySet<string> },
  ): boolean {
    const { client, offsets } = this.#parts;
    const wanted = new Set(queues.map(queueKey));
    const nowMs = client.clock.nowMs();
    let changed = false;
    for (const [key, puller] of [...this.#pullers]) {
      const { processQueue } = puller;
      if (processQueue.queue.topic !== topic || processQueue.isLeaving) {
        continue;
      }
      const idle = nowMs - processQueue.lastPullTimestamp > PULL_MAX_IDLE_MS;
      if (!wanted.has(key) || idle) {
        this.#giveUp(puller);
        changed = true;
      }
    }
    for (const queue of queues) {
      const key = queueKey(queue);
      if (!this.#pullers.has(key) && owned.has(key)) {
        offsets.remove(queue);
        const processQueue = new ProcessQueue(queue, nowMs);
        processQueue.lockedMs = this.ordered === null ? processQueue.lockedMs : client.clock.monotonicMs();
        const puller = this.#owner.createTask(processQueue, this);
        this.#pullers.set(key, puller);
        // Who had the lock before has committed.
        puller.start(memberCount > 1 && this.ordered === null ? HAND_OVER_MS : 0);
        changed = true;
      }
    }
    return changed;
  }

  /** Commits what is done and lets go; messages still being consumed will reach the next owner too. */
  #giveUp(puller: T): void {
    const { offsets } = this.#parts;
    const { processQueue } = puller;
    if (this.ordered !== null) {
      void this.#handOver(puller, this.ordered);
      return;
    }
    this.#owner.syncOffset(processQueue);
    this.drop(processQueue);
    void offsets.persist(processQueue.queue, { wait: false }).then(() => {
      if (!this.#pullers.has(queueKey(processQueue.queue))) {
        offsets.remove(processQueue.queue);
      }
    });
  }

  /** An ordered queue is another member's only when the call that runs has ended, its result is committed and the lock is given back. */
  async #handOver(puller: T, { finish, locks }: OrderedHandOver): Promise<void> {
    const { offsets } = this.#parts;
    const { processQueue } = puller;
    processQueue.isLeaving = true;
    puller.stop();
    await finish(processQueue);
    if (processQueue.dropped) {
      return;
    }
    this.#owner.syncOffset(processQueue);
    await offsets.persist(processQueue.queue, { wait: true });
    this.drop(processQueue);
    offsets.remove(processQueue.queue);
    await locks.unlock([processQueue.queue], { wait: true });
  }

  #dropUnsubscribed(): void {
    this.assigner?.dropUnsubscribed();
    for (const puller of [...this.#pullers.values()]) {
      if (!puller.processQueue.isLeaving && !this.#parts.subscriptions.has(puller.processQueue.queue.topic)) {
        this.#giveUp(puller);
      }
    }
  }

  /** Subscriptions of changed topics get a new version, which tells brokers to take this member's expression. */
  #afterChange(topics: readonly string[]): void {
    if (topics.length === 0) {
      return;
    }
    const { client, subscriptions } = this.#parts;
    for (const topic of topics) {
      const subscription = subscriptions.get(topic);
      if (subscription !== undefined) {
        subscriptions.set(topic, { ...subscription, subVersion: client.clock.nowMs() });
      }
      this.#tellChange(topic);
    }
    void client.heartbeat();
  }

  #tellChange(topic: string): void {
    try {
      this.onQueuesChanged?.(
        topic,
        this.queues.filter((queue) => queue.topic === topic),
      );
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  #schedule(delayMs: number): void {
    this.#clearTimer();
    this.#timer = this.#parts.client.timers.setTimeout(() => {
      this.#timer = undefined;
      void this.rebalance();
    }, delayMs);
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) {
      this.#parts.client.timers.clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }
}
