import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';

/** A thread that sleeps: as exact as the system's own timers, and without work while it waits. */
const SLEEPER = `
const { request, port } = require('node:worker_threads').workerData;
const never = new Int32Array(new SharedArrayBuffer(4));
for (;;) {
  Atomics.wait(request, 0, 0);
  const microseconds = Atomics.exchange(request, 0, 0);
  if (microseconds < 0) break;
  Atomics.wait(never, 0, 0, microseconds / 1000);
  port.postMessage(0);
}
port.close();
`;
const CLOSE = -1;
/** Nearer than this a turn of the event loop is as good as a wake-up. */
const NEAR_MS = 0.03;
/** A longer wait is cut: whoever waits looks at the clock again. */
const MAX_WAIT_MS = 60_000;
/** What a wake-up takes until it arrives, about: the timer's slack and the way between two threads. */
const WAY_MS = 0.08;

/**
 * Calls back after parts of a millisecond, which timers of the event loop cannot and turning in it can only by using up a core: the broker
 * may need that one.
 */
export class Pacer {
  readonly #onTime: () => void;
  readonly #request = new Int32Array(new SharedArrayBuffer(4));
  readonly #port: MessagePort;

  /** @param onTime called once for each {@link wakeIn} */
  constructor(onTime: () => void) {
    this.#onTime = onTime;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.on('message', onTime);
    const sleeper = new Worker(SLEEPER, { eval: true, workerData: { request: this.#request, port: port2 }, transferList: [port2] });
    sleeper.unref();
  }

  /** One wait at a time; it may end a little early. */
  wakeIn(waitMs: number): void {
    if (waitMs <= NEAR_MS) {
      setImmediate(this.#onTime);
      return;
    }
    Atomics.store(this.#request, 0, Math.max(1, Math.round((Math.min(waitMs, MAX_WAIT_MS) - WAY_MS) * 1000)));
    Atomics.notify(this.#request, 0);
  }

  close(): void {
    this.#port.close();
    Atomics.store(this.#request, 0, CLOSE);
    Atomics.notify(this.#request, 0);
  }
}
