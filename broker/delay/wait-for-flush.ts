import type { Clock, Timers } from '../../src/common/clock.js';

const POLL_MS = 10;

/**
 * Has the commit log flushed up to an offset, and waits for it.
 * @returns false when that took longer than `timeoutMs`
 */
export async function waitForFlush(
  store: { readonly flushedWhere: number; requestFlush(): void },
  options: { offset: number; timeoutMs: number; clock: Clock; timers: Timers },
): Promise<boolean> {
  const { offset, clock, timers } = options;
  const untilMs = clock.monotonicMs() + options.timeoutMs;
  if (store.flushedWhere < offset) store.requestFlush();
  while (store.flushedWhere < offset) {
    if (clock.monotonicMs() >= untilMs) return false;
    await new Promise<void>((resolve) => timers.setTimeout(resolve, POLL_MS));
  }
  return true;
}
