import { UsageError } from '../common/errors.js';
import type { BenchHooks } from './progress.js';

/** Smallest value of each number that workloads have in common, and whether it counts something. */
const NUMBERS: Readonly<Record<string, { readonly least: number; readonly whole?: true }>> = {
  bodyBytes: { least: 1, whole: true },
  inFlight: { least: 1, whole: true },
  concurrency: { least: 1, whole: true },
  batchSize: { least: 1, whole: true },
  quantity: { least: 1, whole: true },
  rate: { least: Number.MIN_VALUE },
  durationMs: { least: 1 },
  warmupMs: { least: 0 },
  intervalMs: { least: 0 },
  failRate: { least: 0 },
};

/** Kinds that go on until something ends them. */
const ENDLESS_KINDS: ReadonlySet<string> = new Set(['producer', 'consumer', 'batch', 'transaction']);

/**
 * Refuses what no command line lets through.
 * @throws UsageError for a number that makes no sense, and for a run without an end
 */
export function checkOptions({ kind, ...options }: Readonly<Record<string, unknown>>, hooks: BenchHooks): void {
  for (const name of ['namesrvAddr', 'topic']) {
    if (typeof options[name] !== 'string' || options[name] === '') {
      throw new UsageError(`${name} is missing`);
    }
  }
  for (const [name, { least, whole }] of Object.entries(NUMBERS)) {
    const value = options[name];
    if (value !== undefined && !(Number.isFinite(value) && (value as number) >= least && (whole !== true || Number.isInteger(value)))) {
      const expected = least === Number.MIN_VALUE ? 'above 0' : `of at least ${least}`;
      throw new UsageError(`${name} ${String(value)}: expected a ${whole === true ? 'whole number' : 'number'} ${expected}`);
    }
  }
  const isOpen = ENDLESS_KINDS.has(String(kind)) && options.durationMs === undefined && options.quantity === undefined;
  if (isOpen && hooks.signal === undefined) {
    throw new UsageError('the run has no end: give it durationMs, quantity, or a signal');
  }
}
