import type { Clock, TimerHandle, Timers } from '../../src/common/clock.js';
import { retryFlagOf } from '../../src/common/pop.js';
import { asArray, asNumber, asObject, asText, numberMapEntries } from '../json.js';
import type { TableFile } from '../topics/index.js';

/** What was last popped in order of a queue for a group. */
interface OrderInfo {
  popTime: number;
  invisibleTime: number;
  /** Queue offsets. */
  offsets: number[];
  /** When single messages become visible, where that was changed. */
  nextVisible: Map<number, number>;
  /** How often messages were popped before. */
  consumed: Map<number, number>;
  lastConsumeTimestamp: number;
  /** Bit i: the message at `offsets[i]` is acknowledged. */
  acked: bigint;
  attemptId: string;
}

/** A queue of a topic as a group sees it. */
export interface OrderedQueue {
  topic: string;
  group: string;
  queueId: number;
}

/** Outcome of an acknowledgement: the group's new offset, or why there is none. */
export type OrderedAck = number | 'unknown' | 'outdated';

/** Infos that nobody touched for so long are dropped, ms. */
const FORGET_MS = 24 * 3_600_000;

/**
 * Popping in order: as long as a message of the last pop of a queue is neither acknowledged nor visible again, the queue gives nothing to anybody
 * else. Owns config/consumerOrderInfo.json, saved with the offsets.
 */
export class OrderInfoManager {
  readonly #file: TableFile;
  readonly #clock: Clock;
  readonly #timers: Timers;
  /** By `topic@group`, then by queueId. */
  readonly #table = new Map<string, Map<number, OrderInfo>>();
  /** Timers that tell when a queue is free. */
  readonly #frees = new Map<string, TimerHandle>();
  #isDirty = false;
  #onFree: (queue: OrderedQueue) => void = () => {};

  constructor(options: { file: TableFile; clock: Clock; timers: Timers }) {
    this.#file = options.file;
    this.#clock = options.clock;
    this.#timers = options.timers;
  }

  /** Called when a queue that was held may be popped again. */
  setListener(onFree: (queue: OrderedQueue) => void): void {
    this.#onFree = onFree;
  }

  /** @param endOf the offset that the next message of a queue gets: a power cut may have taken what was popped, and others get its offsets */
  load(endOf: (topic: string, queueId: number) => number): void {
    for (const [key, queues] of Object.entries(asObject(asObject(this.#file.load())?.table) ?? {})) {
      const at = key.indexOf('@');
      const [topic, group] = [key.slice(0, at), key.slice(at + 1)];
      const entries: [unknown, unknown][] = queues instanceof Map ? [...queues] : Object.entries(asObject(queues) ?? {});
      for (const [id, value] of entries) {
        const queueId = asNumber(id, 0);
        const info = readInfo(asObject(value));
        if (info === null) continue;
        if (dropLost(info, endOf(topic, queueId))) this.#isDirty = true;
        if (info.offsets.length === 0) continue;
        this.#queues(key).set(queueId, info);
        this.#watch({ topic, group, queueId }, info);
      }
    }
  }

  flush(options: { background?: boolean } = {}): void {
    const { problem, isSaving } = this.#file;
    if (isSaving ? options.background === true : !this.#isDirty && problem === null) return;
    const table = this.toTable();
    this.#isDirty = false;
    this.#file.save(table, options);
  }

  /** No more calls of the listener. */
  stop(): void {
    for (const timer of this.#frees.values()) this.#timers.clearTimeout(timer);
    this.#frees.clear();
  }

  /** Whether a pop must leave the queue alone. The same attempt again gets the same messages. */
  isBlocked(queue: OrderedQueue, attemptId: string): boolean {
    const info = this.#find(queue);
    if (info === undefined || (attemptId !== '' && info.attemptId === attemptId)) return false;
    return this.#freeAtMs(info) > this.#clock.nowMs();
  }

  /** Notes a pop. @returns the queue's part of `orderCountInfo`: how often its messages were popped before */
  update(queue: OrderedQueue, pop: { popTime: number; invisibleTime: number; offsets: number[]; attemptId: string }): string {
    const before = this.#find(queue);
    const consumed = consumedBefore(before, pop);
    const info: OrderInfo = { ...pop, consumed, nextVisible: new Map(), lastConsumeTimestamp: this.#clock.nowMs(), acked: 0n };
    this.#queues(keyOf(queue)).set(queue.queueId, info);
    this.#isDirty = true;
    this.#watch(queue, info);
    const flag = retryFlagOf(queue.topic);
    const parts = [...consumed].map(([offset, times]) => `${flag} qo${queue.queueId}%${offset} ${times}`);
    const least = consumed.size === pop.offsets.length ? Math.min(...consumed.values()) : 0;
    return [...parts, `${flag} ${queue.queueId} ${least}`].join(';');
  }

  /** Notes an acknowledgement. */
  acknowledge(queue: OrderedQueue, offset: number, popTime: number): OrderedAck {
    const info = this.#find(queue);
    if (info === undefined) return offset + 1;
    if (info.popTime !== popTime) return 'outdated';
    const index = info.offsets.indexOf(offset);
    if (index < 0) return 'unknown';
    info.acked |= 1n << BigInt(index);
    this.#isDirty = true;
    this.#watch(queue, info);
    const first = info.offsets.find((_, i) => !isAcked(info, i));
    return first ?? info.offsets.at(-1)! + 1;
  }

  /** Changes when a message of the last pop becomes visible; nothing when another pop came since. */
  setNextVisible(queue: OrderedQueue, message: { offset: number; popTime: number; visibleAtMs: number }): void {
    const info = this.#find(queue);
    if (info === undefined || info.popTime !== message.popTime) return;
    info.nextVisible.set(message.offset, message.visibleAtMs);
    this.#isDirty = true;
    this.#watch(queue, info);
  }

  /** The group was put elsewhere: nothing holds the queue. */
  clear(queue: OrderedQueue): void {
    if (this.#table.get(keyOf(queue))?.delete(queue.queueId) === true) this.#isDirty = true;
  }

  /** What consumerOrderInfo.json holds. */
  toTable(): { table: Record<string, Map<number, unknown>> } {
    const table: Record<string, Map<number, unknown>> = {};
    const oldestMs = this.#clock.nowMs() - FORGET_MS;
    for (const [key, queues] of this.#table) {
      for (const [queueId, info] of queues) if (info.lastConsumeTimestamp < oldestMs) queues.delete(queueId);
      if (queues.size > 0) table[key] = new Map([...queues].map(([queueId, info]) => [queueId, writeInfo(info)]));
      else this.#table.delete(key);
    }
    return { table };
  }

  /** When the last message that is not acknowledged becomes visible. */
  #freeAtMs(info: OrderInfo): number {
    let freeAtMs = 0;
    for (const [i, offset] of info.offsets.entries()) {
      if (isAcked(info, i)) continue;
      freeAtMs = Math.max(freeAtMs, info.nextVisible.get(offset) ?? info.popTime + info.invisibleTime);
    }
    return freeAtMs;
  }

  #watch(queue: OrderedQueue, info: OrderInfo): void {
    const key = `${keyOf(queue)}@${queue.queueId}`;
    const present = this.#frees.get(key);
    if (present !== undefined) this.#timers.clearTimeout(present);
    this.#frees.delete(key);
    const waitMs = this.#freeAtMs(info) - this.#clock.nowMs();
    if (waitMs <= 0) {
      this.#onFree(queue);
      return;
    }
    const timer = this.#timers.setTimeout(() => {
      this.#frees.delete(key);
      this.#onFree(queue);
    }, waitMs);
    this.#frees.set(key, timer);
  }

  #find(queue: OrderedQueue): OrderInfo | undefined {
    return this.#table.get(keyOf(queue))?.get(queue.queueId);
  }

  #queues(key: string): Map<number, OrderInfo> {
    let queues = this.#table.get(key);
    if (queues === undefined) {
      queues = new Map();
      this.#table.set(key, queues);
    }
    return queues;
  }
}

function keyOf({ topic, group }: OrderedQueue): string {
  return `${topic}@${group}`;
}

function isAcked(info: OrderInfo, index: number): boolean {
  return (info.acked & (1n << BigInt(index))) !== 0n;
}

/** The counts of messages that the last pop had, too; a repeated attempt counts nothing. */
function consumedBefore(before: OrderInfo | undefined, pop: { offsets: number[]; attemptId: string }): Map<number, number> {
  if (before === undefined) return new Map();
  if (before.attemptId !== '' && before.attemptId === pop.attemptId) return before.consumed;
  const again = pop.offsets.filter((offset) => before.offsets.includes(offset));
  return new Map(again.map((offset) => [offset, (before.consumed.get(offset) ?? 0) + 1]));
}

/** Forgets messages at or beyond the end. @returns whether there were any */
function dropLost(info: OrderInfo, end: number): boolean {
  const lost = info.offsets.findIndex((offset) => offset >= end);
  if (lost < 0) return false;
  for (const offset of info.offsets.splice(lost)) {
    info.consumed.delete(offset);
    info.nextVisible.delete(offset);
  }
  info.acked = BigInt.asUintN(lost, info.acked);
  return true;
}

function writeInfo(info: OrderInfo): unknown {
  const [first = 0, ...others] = info.offsets;
  return {
    ...(info.attemptId === '' ? {} : { a: info.attemptId }),
    cm: BigInt.asIntN(64, info.acked),
    i: info.invisibleTime,
    l: info.lastConsumeTimestamp,
    o: [first, ...others.map((offset) => offset - first)],
    oc: info.consumed,
    ot: info.nextVisible,
    popTime: info.popTime,
  };
}

function readInfo(fields: Record<string, unknown> | null): OrderInfo | null {
  if (fields === null) return null;
  const [first, ...others] = asArray(fields.o).map((offset) => asNumber(offset, 0));
  if (first === undefined) return null;
  return {
    popTime: asNumber(fields.popTime, 0),
    invisibleTime: asNumber(fields.i, 0),
    offsets: [first, ...others.map((difference) => first + difference)],
    nextVisible: new Map(numberMapEntries(fields.ot)),
    consumed: new Map(numberMapEntries(fields.oc)),
    lastConsumeTimestamp: asNumber(fields.l, 0),
    acked: BigInt(asNumber(fields.cm, 0)),
    attemptId: asText(fields.a, ''),
  };
}
