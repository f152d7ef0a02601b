import type { IntervalSnapshot, RecordedPoint, Recorder } from './recorder.js';

/** What a run tells while it goes on, and how it is ended early. */
export interface BenchHooks {
  /** Ends the run; the result so far is returned. */
  readonly signal?: AbortSignal;
  /** Called every `intervalMs` with what happened since the last call. */
  readonly onInterval?: (snapshot: IntervalSnapshot) => void;
  readonly intervalMs?: number;
  /** Called with each second of the window, about a second after its end. */
  readonly onPoint?: (recorded: RecordedPoint) => void;
  /** Called with warm clients; the load begins when its promise resolves, so that several processes begin together. */
  readonly ready?: () => Promise<void>;
  /** The run is one of several that make up a load: that it received nothing, or nothing any more, is no failure of its own. */
  readonly isPart?: boolean;
}

const DEFAULT_INTERVAL_MS = 1000;

/** Takes snapshots and ends the seconds of the series, until the function returned is called. */
export function reportProgress(recorder: Recorder, hooks: BenchHooks): () => void {
  const timer = setInterval(() => {
    const snapshot = recorder.snapshot();
    hooks.onInterval?.(snapshot);
  }, hooks.intervalMs ?? DEFAULT_INTERVAL_MS);
  recorder.onPoint = hooks.onPoint;
  let pointTimer: NodeJS.Timeout | undefined;
  const tick = (): void => {
    recorder.tick();
    pointTimer = setTimeout(tick, Math.max(1, recorder.nextPointInMs));
  };
  tick();
  return () => {
    clearInterval(timer);
    clearTimeout(pointTimer);
  };
}
