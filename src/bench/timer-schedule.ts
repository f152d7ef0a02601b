import { seededRandom } from '../common/clock.js';
import { UsageError } from '../common/errors.js';
import type { Message } from '../common/message/message.js';

/** When the messages of a run are due. */
export type TimerSchedule = SlotSchedule | LevelSchedule | SpanSchedule;

/** Times at equal distances, as Apache's TimerProducer plans them. */
export interface SlotSchedule {
  readonly kind: 'slots';
  readonly slots: number;
  readonly messagesPerSlot: number;
  readonly distanceMs: number;
  /** The first slot lies on a multiple of this. */
  readonly precisionMs: number;
  /** From the beginning of the run to the first slot. */
  readonly firstMs: number;
}

/** A delay level of the brokers. */
export interface LevelSchedule {
  readonly kind: 'level';
  readonly level: number;
  readonly levelMs: number;
}

/** So long after the send, evenly between two bounds. */
export interface SpanSchedule {
  readonly kind: 'span';
  readonly minMs: number;
  readonly maxMs: number;
}

/** The due time of a message, where every client can read it; the name is that of Apache's timer benchmark. */
export const DUE_PROPERTY = 'MY_RECORD_TIMER_DELIVER_MS';
/** More planned messages than this do not fit into memory. */
const MAX_PLANNED = 50_000_000;
/** Apache's tool plans the first slot so far behind the precision. */
const BEHIND_SLOT_MS = 10;

/** Messages that a schedule has; undefined where the load's length says it. */
export function plannedCount(schedule: TimerSchedule): number | undefined {
  return schedule.kind === 'slots' ? schedule.slots * schedule.messagesPerSlot : undefined;
}

/** @throws UsageError for a plan that does not fit into memory. */
export function checkSchedule(schedule: TimerSchedule): void {
  const planned = plannedCount(schedule) ?? 0;
  if (planned > MAX_PLANNED) {
    throw new UsageError(`${planned} planned messages are more than ${MAX_PLANNED}; make slots, messages per slot or threads fewer`);
  }
}

/** Gives each message its due time. */
export class TimerPlan {
  readonly #schedule: TimerSchedule;
  readonly #random: ReturnType<typeof seededRandom>;
  /** Slots in the order of sending. */
  readonly #order: Int32Array;
  #firstDueMs = 0;
  /** The latest due time given so far. */
  lastDueMs = 0;

  constructor(schedule: TimerSchedule, seed: number) {
    this.#schedule = schedule;
    this.#random = seededRandom(seed);
    this.#order = schedule.kind === 'slots' ? this.#shuffled(schedule) : new Int32Array(0);
  }

  /** The run begins: slots are counted from now. */
  begin(nowMs: number): void {
    if (this.#schedule.kind === 'slots') {
      const { precisionMs, firstMs } = this.#schedule;
      this.#firstDueMs = Math.floor(nowMs / precisionMs) * precisionMs + firstMs + BEHIND_SLOT_MS;
    }
  }

  /** Says in a message when it is due; called right before its send. */
  prepare(message: Message, index: number, nowMs: number): void {
    const schedule = this.#schedule;
    let dueMs: number;
    if (schedule.kind === 'slots') {
      dueMs = this.#firstDueMs + (this.#order[index % this.#order.length] ?? 0) * schedule.distanceMs;
      message.deliverTimeMs = dueMs;
    } else if (schedule.kind === 'level') {
      dueMs = nowMs + schedule.levelMs;
      message.delayTimeLevel = schedule.level;
    } else {
      const delayMs = schedule.minMs + Math.floor(this.#random.nextFloat() * (schedule.maxMs - schedule.minMs + 1));
      dueMs = nowMs + delayMs;
      message.delayTimeMs = delayMs;
    }
    message.properties?.set(DUE_PROPERTY, String(dueMs));
    this.lastDueMs = Math.max(this.lastDueMs, dueMs);
  }

  #shuffled({ slots, messagesPerSlot }: SlotSchedule): Int32Array {
    const order = new Int32Array(slots * messagesPerSlot);
    for (let i = 0; i < order.length; i++) {
      order[i] = Math.floor(i / messagesPerSlot);
    }
    for (let i = order.length - 1; i > 0; i--) {
      const other = this.#random.nextInt(i + 1);
      [order[i], order[other]] = [order[other]!, order[i]!];
    }
    return order;
  }
}
