import type { Clock, Timers } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection } from '../../src/remoting/server.js';
import { MAX_HELD_PULLS } from '../limits.js';
import type { MessageFilter } from '../store/index.js';
import { ByConnection } from './by-connection.js';
import { DeadlineWheel, WheelEntry } from './deadline-wheel.js';

/** A pull that waits for messages. */
export class HeldPull extends WheelEntry {
  readonly connection: Connection;
  readonly request: RemotingCommand;
  readonly topic: string;
  readonly group: string;
  readonly queueId: number;
  readonly queueOffset: number;
  /** Messages from here on wake it: those before it are known not to match. */
  readonly wakeOffset: number;
  /** Null: any message wakes it. */
  readonly filter: MessageFilter | null;
  /** @internal Place in its queue's list, −1 when it waits no more. */
  index = -1;

  constructor(fields: {
    connection: Connection;
    request: RemotingCommand;
    topic: string;
    group: string;
    queueId: number;
    queueOffset: number;
    wakeOffset?: number;
    filter: MessageFilter | null;
    deadlineMs: number;
  }) {
    super();
    this.connection = fields.connection;
    this.request = fields.request;
    this.topic = fields.topic;
    this.group = fields.group;
    this.queueId = fields.queueId;
    this.queueOffset = fields.queueOffset;
    this.wakeOffset = fields.wakeOffset ?? fields.queueOffset;
    this.filter = fields.filter;
    this.deadlineMs = fields.deadlineMs;
  }
}

/** Answers a pull that is held no more. */
export type PullResumer = (held: HeldPull) => void;

/**
 * Holds pulls that found nothing. An arrival marks the pulls it matches; `wakeArrived`, which runs once the store's turn is over, answers
 * them, so that a send and the pulls it wakes leave in the same turn. Deadlines stand on one wheel.
 */
export class PullHoldService {
  readonly #queues = new Map<string, Map<number, HeldPull[]>>();
  readonly #byConnection = new ByConnection<HeldPull>();
  readonly #wheel: DeadlineWheel;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #maxHeld: number;
  #arrived: HeldPull[] = [];
  #wakeScheduled = false;
  #count = 0;
  #resume: PullResumer = () => {};

  constructor(options: { clock: Clock; timers: Timers; logger: Logger; maxHeld?: number }) {
    this.#timers = options.timers;
    this.#logger = options.logger;
    this.#maxHeld = options.maxHeld ?? MAX_HELD_PULLS;
    this.#wheel = new DeadlineWheel({
      clock: options.clock,
      timers: options.timers,
      logger: options.logger,
      onExpired: (entry) => {
        const held = entry as HeldPull;
        this.#unlink(held);
        this.#resume(held);
      },
    });
  }

  setResumer(resume: PullResumer): void {
    this.#resume = resume;
  }

  /** Pulls that wait. */
  get size(): number {
    return this.#count;
  }

  /** Parks a pull; false when too many wait already: answer it then. */
  hold(held: HeldPull): boolean {
    if (this.#count >= this.#maxHeld) return false;
    let queues = this.#queues.get(held.topic);
    if (queues === undefined) {
      queues = new Map();
      this.#queues.set(held.topic, queues);
    }
    let list = queues.get(held.queueId);
    if (list === undefined) {
      list = [];
      queues.set(held.queueId, list);
    }
    held.index = list.length;
    list.push(held);
    this.#byConnection.add(held);
    this.#wheel.add(held);
    this.#count++;
    return true;
  }

  /** Arrival listener of the store: one comparison when nobody waits. */
  readonly onArrival = (
    topic: string,
    queueId: number,
    maxOffsetAfter: number,
    tagsCode: number | bigint,
    _storeTimestamp = 0,
    isUntaggedBatch = false,
  ): void => {
    if (this.#count === 0) return;
    const list = this.#queues.get(topic)?.get(queueId);
    if (list === undefined) return;
    for (let i = list.length - 1; i >= 0; i--) {
      const held = list[i]!;
      if (maxOffsetAfter <= held.wakeOffset) continue;
      if (!isUntaggedBatch && held.filter?.isMatchedByConsumeQueue?.(tagsCode) === false) continue;
      this.#release(held);
      this.#arrived.push(held);
    }
    // Dispatch that runs outside a turn of the server (after an fdatasync, from the delay service) has nobody to call wakeArrived.
    if (this.#arrived.length > 0 && !this.#wakeScheduled) {
      this.#wakeScheduled = true;
      this.#timers.setImmediate(() => {
        this.#wakeScheduled = false;
        this.wakeArrived();
      });
    }
  };

  /** Answers the pulls that arrivals marked. */
  wakeArrived(): void {
    if (this.#arrived.length === 0) return;
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const held of arrived) this.#answer(held);
  }

  /** Answers the pulls of a group on a queue now: its offset was reset. */
  wakeGroup(topic: string, group: string, queueId: number): void {
    for (const held of [...(this.#queues.get(topic)?.get(queueId) ?? [])]) {
      if (held.group !== group) continue;
      this.#release(held);
      this.#answer(held);
    }
  }

  /** Answers all pulls of a topic now: it was deleted. */
  wakeTopic(topic: string): void {
    for (const list of [...(this.#queues.get(topic)?.values() ?? [])]) {
      for (const held of [...list]) {
        this.#release(held);
        this.#answer(held);
      }
    }
  }

  /** Forgets the pulls of a connection that is gone. */
  onConnectionClosed(connection: Connection): void {
    for (const held of this.#byConnection.of(connection)) this.#release(held);
  }

  /** Runs the deadlines that are due; for tests that move the clock. */
  checkDeadlines(): void {
    this.#wheel.advance();
  }

  /** Forgets everything: the connections are about to close. */
  stop(): void {
    this.#wheel.stop();
    this.#queues.clear();
    this.#byConnection.clear();
    this.#arrived = [];
    this.#count = 0;
  }

  /** What goes wrong with one pull must not keep the others waiting. */
  #answer(held: HeldPull): void {
    try {
      this.#resume(held);
    } catch (error) {
      this.#logger.error(`a held pull of ${held.topic}/${held.queueId} failed: ${(error as Error).message}`, { error });
    }
  }

  #release(held: HeldPull): void {
    this.#wheel.remove(held);
    this.#unlink(held);
  }

  #unlink(held: HeldPull): void {
    if (held.index < 0) return;
    const queues = this.#queues.get(held.topic);
    const list = queues?.get(held.queueId);
    if (queues !== undefined && list !== undefined) {
      const last = list.pop()!;
      if (last !== held) {
        list[held.index] = last;
        last.index = held.index;
      }
      if (list.length === 0) {
        queues.delete(held.queueId);
        if (queues.size === 0) this.#queues.delete(held.topic);
      }
    }
    held.index = -1;
    this.#byConnection.delete(held);
    this.#count--;
  }
}
