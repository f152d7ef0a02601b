import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';

/**
 * A thread that sleeps from beat to beat: as exact as the system's own timers, and without work in between. Its plan is two numbers, the time of the
 * first beat (ms, of the system's monotonic clock) and the time between two; cell 0 counts the plans. Cell 1 says that a beat is on its way: beats
 * that a busy event loop has no time for are not heaped up. It never calls before the time: the end of a sleep, which comes about that early, is spent at the clock.
 */
const SLEEPER = `
const { cells, plan, port } = require('node:worker_threads').workerData;
const now = () => {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
};
const EARLY_MS = 0.03;
let seen = 0;
let firstMs = 0;
let everyMs = -1;
let beat = 0;
for (;;) {
  if (everyMs <= 0) Atomics.wait(cells, 0, seen);
  if (Atomics.load(cells, 0) !== seen) {
    seen = Atomics.load(cells, 0);
    [firstMs, everyMs] = plan;
    beat = 0;
    if (everyMs < 0) break;
  }
  const dueMs = firstMs + beat * everyMs;
  const waitMs = dueMs - now() - EARLY_MS;
  if (waitMs > 0 && Atomics.wait(cells, 0, seen, Math.min(waitMs, 60_000)) !== 'timed-out') continue;
  if (waitMs > 60_000) continue;
  while (now() < dueMs);
  if (Atomics.exchange(cells, 1, 1) === 0) port.postMessage(0);
  beat = Math.max(beat + 1, Math.ceil((now() - firstMs) / everyMs));
}
port.close();
`;
const PLANS = 0;
const ON_ITS_WAY = 1;
const CLOSE = -1;
/**
 * The shortest time between two beats: what is due in between comes that much later, together. 10,000 wake-ups a second cost a third of a core,
 * and the broker was what had to do without.
 */
const LEAST_MS = 0.2;

/**
 * Calls back every few parts of a millisecond, which timers of the event loop cannot and turning in it can only by using up a core: the broker
 * may need that one.
 */
export class Pacer {
  readonly #onBeat: () => void;
  readonly #cells = new Int32Array(new SharedArrayBuffer(8));
  readonly #plan = new Float64Array(new SharedArrayBuffer(16));
  readonly #port: MessagePort;

  /** @param onBeat called at each beat, never before its time; a late call stands for all beats that are over */
  constructor(onBeat: () => void) {
    this.#onBeat = onBeat;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.on('message', () => {
      Atomics.store(this.#cells, ON_ITS_WAY, 0);
      onBeat();
    });
    const workerData = { cells: this.#cells, plan: this.#plan, port: port2 };
    const sleeper = new Worker(SLEEPER, { eval: true, workerData, transferList: [port2] });
    sleeper.unref();
  }

  /** Beats from now on every so often, first in `firstInMs`, and no more as before; at most 5,000 times a second. */
  beat(firstInMs: number, everyMs: number): void {
    const [seconds, nanoseconds] = process.hrtime();
    this.#tell(seconds * 1000 + nanoseconds / 1e6 + firstInMs, Math.max(LEAST_MS, everyMs));
  }

  /** Calls once more after what else the event loop has to do. */
  again(): void {
    setImmediate(this.#onBeat);
  }

  close(): void {
    this.#port.close();
    this.#tell(0, CLOSE);
  }

  #tell(firstMs: number, everyMs: number): void {
    // A sleeper that reads between the two finds the count changed, and reads again.
    this.#plan[0] = firstMs;
    this.#plan[1] = everyMs;
    Atomics.add(this.#cells, PLANS, 1);
    Atomics.notify(this.#cells, PLANS);
  }
}
