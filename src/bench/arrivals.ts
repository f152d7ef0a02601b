import type { PulledMessage } from '../client/consumer/pulled-message.js';
import { SendLedger } from './delivery-ledger.js';
import type { DeliveryReport } from './delivery-report.js';
import { DeliveryWatch } from './delivery-watch.js';
import type { TimedReceive } from './kind-results.js';
import type { Recorder } from './recorder.js';

import { readSequenceStamp, readStamp, type SequenceStamp, wallClockUs } from './stamp.js';

/** The messages of a run that sends them itself: those of its window are told from the warm-up's and from others' by their numbers. */
export class RunMessages {
  readonly ledger = new SendLedger();
  readonly runId = this.ledger.sent().runId;
  #firstOfWindow = Number.POSITIVE_INFINITY;
  readonly #stamp: SequenceStamp = { runId: 0, producer: 0, lane: 0, sequence: 0 };

  /** The window begins: the next message is its first. */
  beginWindow(): void {
    this.#firstOfWindow = this.ledger.sent().producers[0]?.lanes[0] ?? 0;
  }

  /** Whether a message is one of the window. */
  isOfWindow(message: PulledMessage): boolean {
    const stamp = this.#stamp;
    return readSequenceStamp(message.body, stamp) && stamp.runId === this.runId && stamp.sequence >= this.#firstOfWindow;
  }
}

/** Records what one group gets of a run's messages, and checks it by their numbers. */
export class Arrivals {
  readonly #messages: RunMessages;
  readonly #recorders: readonly Recorder[];
  readonly #delivery: DeliveryWatch;
  #startMs = 0;
  #lastMs = 0;

  /** @param recorders all of them get every message of the window */
  constructor(topic: string, messages: RunMessages, recorders: readonly Recorder[]) {
    this.#messages = messages;
    this.#recorders = recorders;
    this.#delivery = new DeliveryWatch({ topic, queueCount: () => undefined, partial: false });
  }

  beginWindow(): void {
    this.#startMs = this.#lastMs = performance.now();
  }

  /** Seconds from the beginning of the window to the last message of it. */
  get seconds(): number {
    return (this.#lastMs - this.#startMs) / 1000;
  }

  /** Different messages of the run so far, the warm-up's included. */
  get received(): number {
    return this.#delivery.check.receivedOf(this.#messages.runId);
  }

  /** Whether everything that was acknowledged is there, the warm-up's messages included. */
  get isComplete(): boolean {
    return this.#delivery.isComplete(this.#messages.ledger.sent());
  }

  /** Notes a message; true when it belongs to the window. */
  receive(message: PulledMessage): boolean {
    this.#delivery.check.receive(message);
    if (!this.#messages.isOfWindow(message)) {
      return false;
    }
    const nowUs = wallClockUs();
    this.#lastMs = performance.now();
    const endToEndUs = nowUs - (readStamp(message.body) ?? nowUs);
    const fromStoreUs = nowUs - message.storeTimestamp * 1000;
    for (const recorder of this.#recorders) {
      recorder.success(fromStoreUs, message.body.length);
      recorder.endToEnd(endToEndUs);
    }
    return true;
  }

  /** Waits until everything that was acknowledged is there, or nothing comes any more: also of a run that was ended early. */
  drain(): Promise<void> {
    return this.#delivery.drain(this.#messages.ledger.sent(), undefined);
  }

  /** What is lost, doubled or out of order. */
  judge(): DeliveryReport | undefined {
    return this.#delivery.judge(this.#messages.ledger.sent());
  }
}

/** What a recorder of arrivals measured in so many seconds. */
export function receiveMeasured(recorder: Recorder, seconds: number): TimedReceive {
  return { ...recorder.measured(seconds), ...recorder.endToEndMeasured() };
}
