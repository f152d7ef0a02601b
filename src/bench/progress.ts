import type { IntervalSnapshot, Recorder } from './recorder.js';

/** What a run tells while it goes on, and how it is ended early. */
export interface BenchHooks {
  /** Ends the run; the result so far is returned. */
  readonly signal?: AbortSignal;
  /** Called every `intervalMs` with what happened since the last call. */
  readonly onInterval?: (snapshot: IntervalSnapshot) => void;
  readonly intervalMs?: number;
}

const DEFAULT_INTERVAL_MS = 1000;

/** Takes snapshots until the function returned is called. Without a listener they only keep the interval histogram small. */
export function reportProgress(recorder: Recorder, hooks: BenchHooks): () => void {
  const timer = setInterval(() => {
    const snapshot = recorder.snapshot();
    hooks.onInterval?.(snapshot);
  }, hooks.intervalMs ?? DEFAULT_INTERVAL_MS);
  return () => clearInterval(timer);
}
