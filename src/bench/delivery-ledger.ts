import { randomInt } from 'node:crypto';
import type { Message } from '../common/message/message.js';
import { RangeSet } from './delivery-ranges.js';
import { readSequenceStamp, SEQUENCE_STAMP_BYTES, type SequenceStamp, writeSequenceStamp, writeStamp } from './stamp.js';

/** The sequence numbers of one producer of a run. */
export interface ProducerSequences {
  readonly producer: number;
  /** Messages of each lane; the first is the lane of messages without an order. */
  readonly lanes: readonly number[];
  /** Numbers whose send was not answered with SEND_OK: lane, first, last. They may arrive or not. */
  readonly unconfirmed: readonly (readonly [lane: number, from: number, to: number])[];
}

/** What a run sent, as its result carries it; a consumer's `--expect` reads it. */
export interface SentSequences {
  readonly runId: number;
  readonly producers: readonly ProducerSequences[];
  /** Messages without a sequence number: too small for one, or sent as a file has them. */
  readonly uncheckable: number;
}

/** A message as a ledger sees it. */
export interface LaneMessage extends Message {
  /** The ordered key that it belongs to, 1 to 65535. */
  lane?: number;
  /** The body must arrive as it is: it cannot be stamped. */
  readonly isVerbatim?: boolean;
}

/** Gives the messages of one producer their sequence numbers, and remembers which of them were not confirmed. */
export class SendLedger {
  readonly #stamp: SequenceStamp;
  readonly #counts: number[] = [0];
  readonly #unconfirmed = new Map<number, RangeSet>();
  readonly #scratch: SequenceStamp = { runId: 0, producer: 0, lane: 0, sequence: 0 };
  #uncheckable = 0;

  /**
   * @param options.runId shared by the producers of one run; a new one when absent
   * @param options.producer 0 to 65535, different for each producer of the run
   */
  constructor(options: { readonly runId?: number; readonly producer?: number } = {}) {
    this.#stamp = { runId: options.runId ?? newRunId(), producer: options.producer ?? 0, lane: 0, sequence: 0 };
  }

  /** Stamps the body of a message that is about to be sent with the next number of its lane. */
  stamp(message: LaneMessage, sendTimeUs: number): void {
    const { body, lane = 0 } = message;
    if (message.isVerbatim === true) {
      this.#uncheckable++;
      return;
    }
    if (body.length < SEQUENCE_STAMP_BYTES) {
      this.#uncheckable++;
      writeStamp(body, sendTimeUs);
      return;
    }
    const stamp = this.#stamp;
    const sequence = this.#counts[lane] ?? 0;
    stamp.lane = lane;
    stamp.sequence = sequence;
    this.#counts[lane] = sequence + 1;
    writeSequenceStamp(body, sendTimeUs, stamp);
  }

  /** The send of a stamped message was not confirmed. */
  failed(message: Message): void {
    const stamp = this.#scratch;
    if (readSequenceStamp(message.body, stamp) && stamp.runId === this.#stamp.runId) {
      let ranges = this.#unconfirmed.get(stamp.lane);
      if (ranges === undefined) {
        ranges = new RangeSet();
        this.#unconfirmed.set(stamp.lane, ranges);
      }
      ranges.add(stamp.sequence);
    }
  }

  /** Everything so far; right when nothing is on its way. */
  sent(): SentSequences {
    const unconfirmed = [...this.#unconfirmed].flatMap(([lane, set]) => set.ranges().map(([from, to]) => [lane, from, to] as const));
    const lanes = Array.from(this.#counts, (count) => count ?? 0);
    return {
      runId: this.#stamp.runId,
      producers: [{ producer: this.#stamp.producer, lanes, unconfirmed }],
      uncheckable: this.#uncheckable,
    };
  }
}

/** A number that tells the messages of this run from those of others. */
export function newRunId(): number {
  return randomInt(1, 2 ** 32);
}

/** What several producers of one run sent. */
export function mergeSent(parts: readonly SentSequences[]): SentSequences | undefined {
  const first = parts[0];
  return first === undefined
    ? undefined
    : {
        runId: first.runId,
        producers: parts.flatMap((part) => part.producers),
        uncheckable: parts.reduce((sum, part) => sum + part.uncheckable, 0),
      };
}

/** Messages that were confirmed, and so must arrive. */
export function confirmedCount(sent: SentSequences): number {
  let count = 0;
  for (const { lanes, unconfirmed } of sent.producers) {
    count += lanes.reduce((sum, lane) => sum + lane, 0);
    count -= unconfirmed.reduce((sum, [, from, to]) => sum + to - from + 1, 0);
  }
  return count;
}
