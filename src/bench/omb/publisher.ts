import type { SendHandler } from '../../client/producer/pending-send.js';
import type { SendResult } from '../../client/types.js';
import type { MQError } from '../../common/errors.js';
import type { Message } from '../../common/message/message.js';
import { errorName } from '../error-name.js';
import { Pacer } from '../pacer.js';
import type { SendTarget } from '../send-load.js';
import { wallClockUs, writeStamp } from '../stamp.js';

/** Who counts what is sent. */
export interface PublishSink {
  /**
   * @param publishUs from the real send to the answer
   * @param delayUs from the planned to the real send
   */
  sent(publishUs: number, delayUs: number, bodyBytes: number): void;
  failed(code: string): void;
}

export interface PublisherOptions {
  readonly target: SendTarget;
  readonly sink: PublishSink;
  readonly rate: number;
  /** Messages on their way at the same time, at most. */
  readonly inFlight: number;
  /** Makes the message of one place in flight. */
  readonly createMessage: (slot: number) => Message;
  /** Addresses a message before each send. */
  readonly prepare: (message: Message, index: number) => void;
}

interface Slot {
  readonly message: Message;
  plannedMs: number;
  sentMs: number;
}

/** After an error a slot rests, so that a broker that is down is not asked a hundred thousand times a second. */
const REST_AFTER_ERROR_MS = 100;
/** Sends of one turn of the event loop, at most, so that answers are read in between. */
const SENDS_A_TURN = 256;
/** How often the end of what is in flight is looked for. */
const STOP_POLL_MS = 50;

/**
 * Sends at planned times at a rate that can be changed while it goes on. What the plan has and nothing is free for is sent late, and says so: the
 * delay counts from the planned time.
 */
export class Publisher implements SendHandler {
  readonly #options: PublisherOptions;
  readonly #free: Slot[] = [];
  readonly #resting: Slot[] = [];
  readonly #pacer: Pacer;
  #intervalMs: number;
  #nextMs = 0;
  #index = 0;
  #inFlight = 0;
  #isRunning = false;
  #goesOn = false;
  #restTimer: NodeJS.Timeout | undefined;
  #drained: () => void = () => {};
  /** The first error of all. */
  firstError: MQError | null = null;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#intervalMs = 1000 / options.rate;
    this.#pacer = new Pacer(() => {
      this.#goesOn = false;
      this.#turn();
    });
    for (let i = 0; i < options.inFlight; i++) {
      this.#free.push({ message: options.createMessage(i), plannedMs: 0, sentMs: 0 });
    }
  }

  get rate(): number {
    return 1000 / this.#intervalMs;
  }

  /** Planned until now and not sent. */
  get behind(): number {
    return this.#isRunning ? Math.max(0, Math.floor((performance.now() - this.#nextMs) / this.#intervalMs)) : 0;
  }

  start(): void {
    this.#isRunning = true;
    this.#plan();
  }

  /** Goes on at another rate; the plan begins anew. */
  setRate(rate: number): void {
    this.#intervalMs = 1000 / rate;
    this.#plan();
  }

  #plan(): void {
    this.#nextMs = performance.now();
    this.#pacer.beat(0, this.#intervalMs);
    this.#turn();
  }

  /** Sends nothing more; resolves when everything sent was answered, or when the limit has passed. */
  async stop(limitMs: number): Promise<void> {
    this.#isRunning = false;
    clearTimeout(this.#restTimer);
    const endMs = performance.now() + limitMs;
    while (this.#inFlight > 0 && performance.now() < endMs) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
        setTimeout(resolve, STOP_POLL_MS);
      });
    }
    this.#pacer.close();
  }

  onSuccess(result: SendResult, context: unknown): void {
    const slot = context as Slot;
    if (result.sendStatus === 'SEND_OK') {
      this.#options.sink.sent((performance.now() - slot.sentMs) * 1000, (slot.sentMs - slot.plannedMs) * 1000, slot.message.body.length);
    } else {
      this.#options.sink.failed(result.sendStatus);
    }
    this.#free.push(slot);
    this.#answered();
  }

  onException(error: MQError, context: unknown): void {
    this.firstError ??= error;
    this.#options.sink.failed(errorName(error));
    this.#resting.push(context as Slot);
    this.#restTimer ??= setTimeout(() => {
      this.#restTimer = undefined;
      this.#free.push(...this.#resting.splice(0));
      this.#turn();
    }, REST_AFTER_ERROR_MS);
    this.#answered();
  }

  #answered(): void {
    this.#inFlight--;
    if (this.#isRunning) {
      // A slot that others waited for: the plan is behind.
      if (this.#free.length === 1) this.#turn();
    } else if (this.#inFlight === 0) {
      this.#drained();
    }
  }

  /** Sends everything whose planned time has come; the rest comes with a later beat. */
  #turn(): void {
    if (!this.#isRunning) return;
    const nowMs = performance.now();
    for (let sent = 0; this.#free.length > 0; sent++) {
      if (this.#nextMs > nowMs) return;
      if (sent === SENDS_A_TURN) {
        if (!this.#goesOn) {
          this.#goesOn = true;
          this.#pacer.again();
        }
        return;
      }
      const plannedMs = this.#nextMs;
      this.#nextMs += this.#intervalMs;
      this.#send(this.#free.pop() as Slot, plannedMs);
    }
  }

  #send(slot: Slot, plannedMs: number): void {
    slot.plannedMs = plannedMs;
    slot.sentMs = performance.now();
    this.#inFlight++;
    this.#options.prepare(slot.message, this.#index++);
    writeStamp(slot.message.body, wallClockUs());
    this.#options.target.sendAsync(slot.message, this, slot);
  }
}
