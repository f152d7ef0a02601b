import { isRetryTopic } from '../../src/common/topic-names.js';
import type { ConsumerOffsetManager } from '../offsets/index.js';
import type { MessageStore } from '../store/index.js';

/** `initMode` of a pop: where a group without an offset begins. */
export const INIT_MODE_MAX = 1;

/** A run of a queue that was handed out and whose check point is on its way. */
export interface Taken {
  /** Changes when a run behind it failed. */
  queue: TakenQueue;
  readonly startOffset: number;
  readonly nextOffset: number;
  isWritten: boolean;
}

/** What was taken of one queue for one group and is not committed yet, oldest first. */
interface TakenQueue {
  readonly key: string;
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
  readonly runs: Taken[];
  nextOffset: number;
}

/**
 * Where the next pop of a queue begins. The group's offset moves when the check point of what was handed out is stored, in the order of the
 * queue; until then the run counts here, so that pops of one turn get different messages.
 */
export class PopOffsets {
  readonly #store: MessageStore;
  readonly #offsets: ConsumerOffsetManager;
  readonly #policy: { readonly initPopOffsetByCheckMsgInMem: boolean };
  readonly #queues = new Map<string, TakenQueue>();
  #onReset: (queue: { group: string; topic: string; queueId: number }) => void = () => {};

  constructor(options: {
    store: MessageStore;
    offsets: ConsumerOffsetManager;
    policy: { readonly initPopOffsetByCheckMsgInMem: boolean };
  }) {
    this.#store = options.store;
    this.#offsets = options.offsets;
    this.#policy = options.policy;
  }

  /** Called when a reset put a group elsewhere. */
  setResetListener(onReset: (queue: { group: string; topic: string; queueId: number }) => void): void {
    this.#onReset = onReset;
  }

  /** The offset to pop from. A waiting reset counts at once; a group without an offset gets one. */
  next(group: string, topic: string, queueId: number, initMode: number): number {
    const key = keyOf(group, topic, queueId);
    const reset = this.#offsets.takeReset(group, topic, queueId);
    if (reset >= 0) {
      this.#queues.delete(key);
      this.#offsets.commit(group, topic, queueId, reset);
      this.#onReset({ group, topic, queueId });
      return reset;
    }
    const committed = this.#offsets.query(group, topic, queueId);
    const taken = this.#queues.get(key);
    if (taken !== undefined) return Math.max(taken.nextOffset, committed);
    if (committed >= 0) return committed;
    const first = this.#first(topic, queueId, initMode);
    this.#offsets.commit(group, topic, queueId, first);
    return first;
  }

  /** As `next`, but nothing changes: for questions. */
  peek(group: string, topic: string, queueId: number): number {
    const committed = this.#offsets.query(group, topic, queueId);
    const taken = this.#queues.get(keyOf(group, topic, queueId));
    if (taken !== undefined) return Math.max(taken.nextOffset, committed);
    return committed >= 0 ? committed : Math.max(0, this.#store.minOffset(topic, queueId));
  }

  /** Notes that a pop takes a run. */
  take(group: string, topic: string, queueId: number, run: { startOffset: number; nextOffset: number }): Taken {
    const key = keyOf(group, topic, queueId);
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = { key, group, topic, queueId, runs: [], nextOffset: run.nextOffset };
      this.#queues.set(key, queue);
    }
    queue.nextOffset = run.nextOffset;
    const taken: Taken = { queue, ...run, isWritten: false };
    queue.runs.push(taken);
    return taken;
  }

  /** The check point of a run is stored, or it needs none: the group's offset may pass it. */
  written(taken: Taken): void {
    taken.isWritten = true;
    const { queue } = taken;
    const { runs, group, topic, queueId, key } = queue;
    // A reset since then has put the group elsewhere.
    if (this.#queues.get(key) !== queue) return;
    while (runs[0]?.isWritten === true) this.#offsets.commit(group, topic, queueId, runs.shift()!.nextOffset);
    if (runs.length === 0) this.#queues.delete(key);
  }

  /** The check point of a run could not be stored: its messages, and those behind them, are to be popped again. */
  failed({ queue, startOffset }: Taken): void {
    if (this.#queues.get(queue.key) !== queue) return;
    this.#queues.delete(queue.key);
    // Runs before it that are still on their way move the offset when they are done.
    const before = queue.runs.filter((run) => run.startOffset < startOffset);
    if (before.length === 0) return;
    const rest: TakenQueue = { ...queue, runs: [], nextOffset: startOffset };
    for (const run of before) run.queue = rest;
    rest.runs.push(...before);
    this.#queues.set(queue.key, rest);
  }

  #first(topic: string, queueId: number, initMode: number): number {
    const store = this.#store;
    const min = Math.max(0, store.minOffset(topic, queueId));
    if (initMode !== INIT_MODE_MAX || isRetryTopic(topic)) return min;
    const head = min === 0 && this.#policy.initPopOffsetByCheckMsgInMem ? store.commitLogOffsetAt(topic, queueId, 0) : -1;
    if (head >= 0 && store.isInMemory(head)) return 0;
    // The last message is popped too, as from Apache's broker.
    return Math.max(0, store.maxOffset(topic, queueId) - 1);
  }
}

function keyOf(group: string, topic: string, queueId: number): string {
  return `${group}\u0000${topic}\u0000${queueId}`;
}
