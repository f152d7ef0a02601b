import { type MQError, ProtocolError } from '../../common/errors.js';
import type { IntervalSnapshot } from '../recorder.js';
import { type FromWorker, fromWire, type WorkerOutcome } from './protocol.js';

/** One worker's part of a run, wherever it is done. */
export interface WorkerRun {
  /** The clients are warm. Rejects like `result` when there is nothing to wait for. */
  readonly ready: Promise<void>;
  readonly result: Promise<WorkerOutcome>;
  start(): void;
  /** Ends the load; the result so far follows. */
  stop(): void;
  /** Nothing more is expected of it. */
  abandon(error: MQError): void;
  /** Ends whatever is left of it. */
  close(): Promise<void>;
}

/** Turns the messages of one worker into promises. */
export class WorkerInbox {
  readonly ready: Promise<void>;
  readonly result: Promise<WorkerOutcome>;
  readonly #onProgress: (snapshot: IntervalSnapshot) => void;
  #resolveReady: () => void = () => {};
  #resolveResult: (outcome: WorkerOutcome) => void = () => {};
  #reject: (error: MQError) => void = () => {};
  #ended = false;

  constructor(onProgress: (snapshot: IntervalSnapshot) => void) {
    this.#onProgress = onProgress;
    let rejectReady: (error: MQError) => void;
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      rejectReady = reject;
    });
    this.result = new Promise((resolve, reject) => {
      this.#resolveResult = resolve;
      this.#reject = (error) => {
        reject(error);
        rejectReady(error);
      };
    });
    // Whoever waits for one of them hears of the failure there.
    this.ready.catch(() => undefined);
    this.result.catch(() => undefined);
  }

  /** A result or a failure came. */
  get ended(): boolean {
    return this.#ended;
  }

  receive(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.#resolveReady();
        break;
      case 'progress':
        this.#onProgress(message.snapshot);
        break;
      case 'result':
        this.#ended = true;
        this.#resolveReady();
        this.#resolveResult({ result: message.result, pointHistograms: message.pointHistograms });
        break;
      case 'failed':
        this.fail(fromWire(message.error));
        break;
      case 'beat':
        break;
      default:
        this.fail(new ProtocolError(`a worker said ${JSON.stringify(message).slice(0, 80)}`));
    }
  }

  fail(error: MQError): void {
    this.#ended = true;
    this.#reject(error);
  }
}
