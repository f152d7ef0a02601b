import { randomInt } from 'node:crypto';

/** Where time comes from, so that tests can stop it. */
export interface Clock {
  /** Wall clock, ms since 1970. */
  nowMs(): number;
  /** Monotonic, ns since an arbitrary moment. */
  monotonicNs(): bigint;
  /** Monotonic, ms (with fraction) since an arbitrary moment. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicNs: () => process.hrtime.bigint(),
  monotonicMs: () => performance.now(),
};

/** A pending timer; opaque to the caller. */
export type TimerHandle = ReturnType<typeof globalThis.setTimeout> | number;
export type ImmediateHandle = ReturnType<typeof globalThis.setImmediate> | number;

/** Where timers come from, so that tests can fire them. */
export interface Timers {
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  clearTimeout(handle: TimerHandle): void;
  setInterval(callback: () => void, periodMs: number): TimerHandle;
  clearInterval(handle: TimerHandle): void;
  setImmediate(callback: () => void): ImmediateHandle;
}

export const systemTimers: Timers = {
  setTimeout: (callback, delayMs) => globalThis.setTimeout(callback, delayMs),
  clearTimeout: (handle) => globalThis.clearTimeout(handle),
  setInterval: (callback, periodMs) => globalThis.setInterval(callback, periodMs),
  clearInterval: (handle) => globalThis.clearInterval(handle),
  setImmediate: (callback) => globalThis.setImmediate(callback),
};

/** Where randomness comes from, so that a seed repeats a run. */
export interface Random {
  /** Integer in [0, boundExclusive); the bound is at most 2^31. */
  nextInt(boundExclusive: number): number;
  /** Number in [0, 1). */
  nextFloat(): number;
}

export const systemRandom: Random = {
  nextInt: (boundExclusive) => Math.floor(Math.random() * boundExclusive),
  nextFloat: () => Math.random(),
};

/** A repeatable source (mulberry32); the same seed gives the same numbers on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  const nextFloat = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return { nextFloat, nextInt: (boundExclusive) => Math.floor(nextFloat() * boundExclusive) };
}

/** A seed for a run that was given none; print it, so that the run can be repeated. */
export function freshSeed(): number {
  return randomInt(0x7fffffff);
}
