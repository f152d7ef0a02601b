import type { SendHandler } from '../client/producer/pending-send.js';
import type { SendResult } from '../client/types.js';
import type { MQError } from '../common/errors.js';
import type { Message } from '../common/message/message.js';
import type { SendLedger } from './delivery-ledger.js';
import { errorName } from './error-name.js';
import { Pacer } from './pacer.js';
import type { Recorder } from './recorder.js';
import { wallClockUs, writeStamp } from './stamp.js';

/** The part of a producer that a load needs. */
export interface SendTarget {
  sendAsync(message: Message, handler: SendHandler, context: unknown): void;
}

/** Which messages of a plan are sent by one of several loads. */
export interface PlanTurn {
  readonly first: number;
  readonly every: number;
}

export interface SendLoadOptions {
  readonly target: SendTarget;
  readonly recorder: Recorder;
  /** Messages on their way at the same time, at most. */
  readonly inFlight: number;
  /** Makes the message of one place in flight, when it is first needed; it is sent again and again, with a new stamp. */
  readonly createMessage: () => Message;
  /** Changes a message before each send (keys, tags). */
  readonly prepare?: (message: Message, index: number) => void;
  /** Gives every message a sequence number; without it messages carry the time alone. */
  readonly ledger?: SendLedger;
  /** Messages per second, planned evenly (open loop); without it each answer starts the next send (closed loop). */
  readonly rate?: number;
  /** Of the plan of `rate` this load sends message number `first` and every so many-th after it; others send the rest. */
  readonly turn?: PlanTurn;
  /** Stamps say when a message was planned, not when it was really sent. */
  readonly stampsPlan?: boolean;
  /** Without a rate: how long a place in flight rests after an answer. */
  readonly pauseMs?: number;
  readonly warmupMs: number;
  /** Length of the measured window; without it the quantity ends the run. */
  readonly durationMs?: number;
  /** Messages to send in the measured window; without it the duration ends the run. */
  readonly quantity?: number;
  /** The machine's own unless a test brings another. */
  readonly time?: LoadTime;
  /** Called when the warm-up is over and the window begins. */
  readonly onWindow?: () => void;
}

/** What wakes a load in time for its next send; see {@link Pacer}. */
export interface LoadPacer {
  beat(firstInMs: number, everyMs: number): void;
  again(): void;
  close(): void;
}

/** Time as a load sees it; monotonic milliseconds. */
export interface LoadTime {
  now(): number;
  setTimeout(work: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  createPacer(onBeat: () => void): LoadPacer;
}

const SYSTEM_TIME: LoadTime = {
  now: () => performance.now(),
  setTimeout: (work, ms) => setTimeout(work, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
  createPacer: (onBeat) => new Pacer(onBeat),
};

/** How the run went in time; the counts are in the recorder. */
export interface SendLoadOutcome {
  readonly seconds: number;
  /** Planned within the window and never sent. */
  readonly unsent: number;
  readonly interrupted: boolean;
  /** The first error of the run, warm-up included. */
  readonly firstError: MQError | null;
  readonly lastError: MQError | null;
}

/** A message that is sent, answered and sent again; the context of each send. */
interface Slot {
  readonly message: Message;
  /** Monotonic ms: the planned time with a rate, else the time of the call. */
  startMs: number;
  /** With a rate: when it was really sent. */
  sentMs: number;
  /** The phase it was sent in. */
  phase: Phase;
}

type Phase = 'idle' | 'warmup' | 'window' | 'drain';

/** After an error a slot rests, so that a broker that is down is not asked a hundred thousand times a second. */
const REST_AFTER_ERROR_MS = 100;
/** A turn that comes later than this after the end of the window sends nothing of the plan any more. */
const LATE_TURN_MS = 20;
/** What a planned time may differ from that of its beat by rounding. */
const CLOCK_ERROR_MS = 1e-6;
/** Sends of one turn of the event loop, at most, so that answers are read in between. */
const SENDS_A_TURN = 256;

/**
 * Keeps a number of sends in flight, or sends at planned times. The hot path makes no promise, closure or timer for a message.
 * Latency counts from the planned time with a rate: a send that had to wait for its turn carries that wait.
 */
export class SendLoad implements SendHandler {
  readonly #options: SendLoadOptions;
  readonly #recorder: Recorder;
  readonly #time: LoadTime;
  readonly #ledger: SendLedger | undefined;
  readonly #intervalMs: number;
  readonly #pauseMs: number;
  readonly #turn: PlanTurn;
  readonly #free: Slot[] = [];
  /** Places are made when there is none free; a rate that the broker keeps up with needs few of those allowed. */
  #places = 0;
  readonly #resting: Slot[] = [];
  #phase: Phase = 'idle';
  /** Outcomes of sends of this phase are recorded; what the warm-up left in flight does not count into the window. */
  #recorded: Phase = 'warmup';
  #inFlight = 0;
  /** Sends of the current phase. */
  #issued = 0;
  #phaseStartMs = 0;
  #phaseEndMs = Number.POSITIVE_INFINITY;
  #windowStartMs = 0;
  #windowEndMs = 0;
  #lastAnswerMs = 0;
  #endedByQuantity = false;
  #unsent = 0;
  #interrupted = false;
  #firstError: MQError | null = null;
  #lastError: MQError | null = null;
  #goesOn = false;
  #pacer: LoadPacer | undefined;
  #phaseTimer: unknown;
  #restTimer: unknown;
  #finish: () => void = () => {};

  constructor(options: SendLoadOptions) {
    this.#options = options;
    this.#recorder = options.recorder;
    this.#time = options.time ?? SYSTEM_TIME;
    this.#ledger = options.ledger;
    this.#intervalMs = options.rate === undefined ? 0 : 1000 / options.rate;
    this.#pauseMs = options.pauseMs ?? 0;
    this.#turn = options.turn ?? { first: 0, every: 1 };
  }

  /** Runs warm-up and window, and waits for the answers of everything sent. */
  run(): Promise<SendLoadOutcome> {
    return new Promise((resolve) => {
      this.#finish = () => {
        this.#pacer?.close();
        resolve(this.#outcome());
      };
      this.#pacer =
        this.#options.rate === undefined
          ? undefined
          : this.#time.createPacer(() => {
              this.#goesOn = false;
              this.#paceTurn();
            });
      const warm = this.#options.warmupMs > 0;
      this.#enter(warm ? 'warmup' : 'window', this.#time.now());
      this.#sendFree();
    });
  }

  /** Ends the run now; what is in flight is still awaited. */
  stop(): void {
    if (this.#phase === 'warmup' || this.#phase === 'window') {
      this.#interrupted = true;
      this.#enter('drain', this.#time.now());
    }
  }

  onSuccess(result: SendResult, context: unknown): void {
    const slot = context as Slot;
    const nowMs = this.#time.now();
    if (slot.phase === this.#recorded) {
      this.#lastAnswerMs = nowMs;
      if (result.sendStatus === 'SEND_OK') {
        this.#recorder.success((nowMs - slot.startMs) * 1000, slot.message.body.length);
        if (this.#intervalMs > 0) {
          this.#recorder.uncorrected((nowMs - slot.sentMs) * 1000);
        }
      } else {
        this.#recorder.error(result.sendStatus);
      }
    }
    if (result.sendStatus !== 'SEND_OK') {
      this.#ledger?.failed(slot.message);
    }
    this.#inFlight--;
    if (this.#pauseMs > 0) {
      this.#time.setTimeout(() => this.#sendAgain(slot, this.#time.now()), this.#pauseMs);
      this.#finishWhenDrained();
    } else {
      this.#sendAgain(slot, nowMs);
    }
  }

  onException(error: MQError, context: unknown): void {
    const slot = context as Slot;
    this.#firstError ??= error;
    this.#lastError = error;
    this.#ledger?.failed(slot.message);
    if (slot.phase === this.#recorded) {
      this.#lastAnswerMs = this.#time.now();
      this.#recorder.error(errorName(error));
    }
    this.#inFlight--;
    this.#resting.push(slot);
    this.#restTimer ??= this.#time.setTimeout(() => this.#wake(), REST_AFTER_ERROR_MS);
    this.#finishWhenDrained();
  }

  #wake(): void {
    this.#restTimer = undefined;
    this.#free.push(...this.#resting);
    this.#resting.length = 0;
    this.#sendFree();
  }

  /** Sends what may be sent now from the slots that wait. */
  #sendFree(): void {
    if (this.#options.rate !== undefined) {
      this.#paceTurn();
      return;
    }
    const waiting = this.#free.splice(0);
    for (const slot of waiting) {
      this.#sendAgain(slot, this.#time.now());
    }
    while (this.#places < this.#options.inFlight && this.#phase !== 'drain') {
      const slot = this.#createSlot();
      this.#sendAgain(slot, this.#time.now());
    }
  }

  #hasFree(): boolean {
    return this.#free.length > 0 || this.#places < this.#options.inFlight;
  }

  #createSlot(): Slot {
    this.#places++;
    return { message: this.#options.createMessage(), startMs: 0, sentMs: 0, phase: 'idle' };
  }

  #sendAgain(slot: Slot, nowMs: number): void {
    if (this.#options.rate !== undefined) {
      this.#free.push(slot);
      // A slot that others waited for: the plan is behind.
      if ((this.#free.length === 1 && this.#places === this.#options.inFlight) || this.#phase === 'drain') {
        this.#paceTurn();
      }
      return;
    }
    if (nowMs >= this.#phaseEndMs || (this.#phase === 'window' && this.#quantityReached())) {
      this.#nextPhase(nowMs);
    }
    if (this.#phase === 'drain') {
      this.#finishWhenDrained();
    } else {
      this.#send(slot, nowMs);
    }
  }

  #send(slot: Slot, startMs: number): void {
    slot.startMs = startMs;
    slot.sentMs = this.#intervalMs > 0 ? this.#time.now() : startMs;
    slot.phase = this.#phase;
    const index = this.#issued++;
    this.#inFlight++;
    this.#options.prepare?.(slot.message, index);
    const stampUs = this.#options.stampsPlan === true ? (performance.timeOrigin + startMs) * 1000 : wallClockUs();
    if (this.#ledger === undefined) {
      writeStamp(slot.message.body, stampUs);
    } else {
      this.#ledger.stamp(slot.message, stampUs);
    }
    this.#options.target.sendAsync(slot.message, this, slot);
  }

  /** Sends everything whose planned time has come; the rest comes with a later beat. */
  #paceTurn(): void {
    const nowMs = this.#time.now();
    // What was planned before the end is sent although this turn comes a little late.
    if (nowMs >= this.#phaseEndMs + LATE_TURN_MS || (nowMs >= this.#phaseEndMs && !this.#hasFree())) {
      this.#nextPhase(nowMs);
    }
    const { first, every } = this.#turn;
    for (let sent = 0; this.#phase !== 'drain' && this.#hasFree(); sent++) {
      const plannedMs = this.#phaseStartMs + (first + this.#issued * every) * this.#intervalMs;
      if (plannedMs >= this.#phaseEndMs && nowMs >= this.#phaseEndMs) {
        this.#nextPhase(nowMs);
        continue;
      }
      if (plannedMs > nowMs + CLOCK_ERROR_MS) {
        return;
      }
      if (sent === SENDS_A_TURN) {
        this.#goOn();
        return;
      }
      if (this.#phase === 'window' && this.#quantityReached()) {
        this.#nextPhase(nowMs);
      } else {
        this.#send(this.#free.pop() ?? this.#createSlot(), plannedMs);
      }
    }
    this.#finishWhenDrained();
  }

  /** Sends the rest of what is due after the answers that wait to be read. */
  #goOn(): void {
    if (!this.#goesOn) {
      this.#goesOn = true;
      this.#pacer?.again();
    }
  }

  #quantityReached(): boolean {
    return this.#options.quantity !== undefined && this.#issued >= this.#options.quantity;
  }

  #nextPhase(nowMs: number): void {
    if (this.#phase === 'warmup') {
      this.#enter('window', nowMs);
    } else if (this.#phase === 'window') {
      this.#endedByQuantity = this.#quantityReached();
      this.#enter('drain', this.#endedByQuantity ? nowMs : Math.min(nowMs, this.#phaseEndMs));
    }
  }

  #enter(phase: 'warmup' | 'window' | 'drain', nowMs: number): void {
    this.#time.clearTimeout(this.#phaseTimer);
    if (phase === 'drain') {
      this.#leaveWindow(nowMs);
    } else {
      const lengthMs = phase === 'warmup' ? this.#options.warmupMs : this.#options.durationMs;
      this.#issued = 0;
      this.#phaseStartMs = nowMs;
      this.#phaseEndMs = lengthMs === undefined ? Number.POSITIVE_INFINITY : nowMs + lengthMs;
      if (lengthMs !== undefined) {
        this.#endPhaseAfter(lengthMs);
      }
      const { first, every } = this.#turn;
      this.#pacer?.beat(nowMs + first * this.#intervalMs - this.#time.now(), every * this.#intervalMs);
      if (phase === 'window') {
        this.#recorded = 'window';
        this.#recorder.reset();
        this.#windowStartMs = nowMs;
        this.#options.onWindow?.();
      }
    }
    this.#phase = phase;
    this.#finishWhenDrained();
  }

  #leaveWindow(nowMs: number): void {
    this.#phaseEndMs = Number.POSITIVE_INFINITY;
    this.#windowEndMs = nowMs;
    if (this.#phase === 'window' && this.#options.rate !== undefined && !this.#endedByQuantity) {
      const { first, every } = this.#turn;
      const planned = Math.ceil((Math.floor((nowMs - this.#windowStartMs) / this.#intervalMs) - first) / every);
      this.#unsent = Math.max(0, Math.min(planned, this.#options.quantity ?? planned) - this.#issued);
    }
    if (this.#phase === 'warmup') {
      this.#recorded = 'window';
      this.#windowStartMs = nowMs;
      this.#recorder.reset();
    }
    this.#recorder.closeWindow();
  }

  /** Ends the phase also when no answer comes any more. Timers can be early, because they count from the beginning of a turn. */
  #endPhaseAfter(waitMs: number): void {
    this.#phaseTimer = this.#time.setTimeout(() => {
      const nowMs = this.#time.now();
      if (nowMs < this.#phaseEndMs) {
        this.#endPhaseAfter(this.#phaseEndMs - nowMs);
        return;
      }
      if (this.#options.rate === undefined) {
        this.#nextPhase(nowMs);
      }
      this.#sendFree();
    }, waitMs + 1);
  }

  #finishWhenDrained(): void {
    if (this.#phase === 'drain' && this.#inFlight === 0) {
      this.#time.clearTimeout(this.#restTimer);
      this.#finish();
      this.#finish = () => {};
    }
  }

  #outcome(): SendLoadOutcome {
    const endMs = this.#endedByQuantity ? Math.max(this.#lastAnswerMs, this.#windowStartMs) : this.#windowEndMs;
    return {
      seconds: Math.max(0, endMs - this.#windowStartMs) / 1000,
      unsent: this.#unsent,
      interrupted: this.#interrupted,
      firstError: this.#firstError,
      lastError: this.#lastError,
    };
  }
}
