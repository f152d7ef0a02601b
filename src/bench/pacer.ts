import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';

/**
 * A thread that sleeps: as exact as the system's own timers, and without work while it waits. Cell 0 counts the requests, cell 1 holds the wait
 * of the last one in microseconds; a request that comes while it sleeps takes the place of the one before.
 */
const SLEEPER = `
const { request, port } = require('node:worker_threads').workerData;
let seen = 0;
let microseconds = 0;
while (microseconds >= 0) {
  Atomics.wait(request, 0, seen);
  do {
    seen = Atomics.load(request, 0);
    microseconds = Atomics.load(request, 1);
  } while (microseconds >= 0 && Atomics.wait(request, 0, seen, microseconds / 1000) !== 'timed-out');
  if (microseconds >= 0) port.postMessage(seen);
}
port.close();
`;
const CLOSE = -1;
/**
 * The shortest sleep: what is due in less comes that much later, together with what follows it. Some 10,000 wake-ups a second cost a quarter of a
 * core; one for each of 30,000 sends cost more than one, and the broker was what had to do without.
 */
const LEAST_SLEEP_US = 20;
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
  readonly #request = new Int32Array(new SharedArrayBuffer(8));
  readonly #port: MessagePort;

  /** @param onTime called when the last {@link wakeIn} is over; one more call may come where that was near */
  constructor(onTime: () => void) {
    this.#onTime = onTime;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.on('message', (seen: number) => {
      // What a later request took the place of is over, too.
      if (seen === this.#request[0]) {
        onTime();
      }
    });
    const sleeper = new Worker(SLEEPER, { eval: true, workerData: { request: this.#request, port: port2 }, transferList: [port2] });
    sleeper.unref();
  }

  /** Waits for this now, and for nothing else; it may end a little early, and takes a tenth of a millisecond at least. What is late already waits for no more than a turn. */
  wakeIn(waitMs: number): void {
    if (waitMs <= 0) {
      setImmediate(this.#onTime);
      return;
    }
    this.#ask(Math.max(LEAST_SLEEP_US, Math.round((Math.min(waitMs, MAX_WAIT_MS) - WAY_MS) * 1000)));
  }

  close(): void {
    this.#port.close();
    this.#ask(CLOSE);
  }

  #ask(microseconds: number): void {
    // The wait before the count: who reads the count first may find a newer wait, and asks again.
    Atomics.store(this.#request, 1, microseconds);
    Atomics.add(this.#request, 0, 1);
    Atomics.notify(this.#request, 0);
  }
}
