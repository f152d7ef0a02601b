import { freshSeed } from '../../common/clock.js';
import { UsageError } from '../../common/errors.js';
import type { ConsumerBenchOptions } from '../consumer-bench.js';
import { newRunId } from '../delivery-ledger.js';
import type { ProducerBenchOptions } from '../producer-bench.js';

/** Divides a count into whole parts whose sum is the count; the first ones are larger by one where it does not come out even. */
export function splitCount(count: number, parts: number): number[] {
  const least = Math.floor(count / parts);
  const rest = count - least * parts;
  return Array.from({ length: parts }, (_, index) => least + (index < rest ? 1 : 0));
}

/** The part of each of so many workers in a load of sends. Every n-th message of the plan is one worker's. */
export function splitProducer(options: ProducerBenchOptions, workers: number): ProducerBenchOptions[] {
  const inFlight = partsOf('-w', options.inFlight, workers);
  const quantity = options.quantity === undefined ? undefined : partsOf('-q', options.quantity, workers);
  const { runId = newRunId(), producer = 0 } = options.sequence ?? {};
  const seed = options.seed ?? freshSeed();
  return inFlight.map((part, index) => ({
    ...options,
    seed: seed + index,
    sequence: { runId, producer: producer + index },
    inFlight: part,
    ...(quantity === undefined ? {} : { quantity: quantity[index] ?? 0 }),
    ...(options.rate === undefined ? {} : { turn: { first: index, every: workers } }),
  }));
}

/**
 * The part of each of so many workers in a consumption; all are members of the same group. Which of them gets how many messages is the
 * group's affair: each has the whole quantity, and whoever counts all of them ends the run.
 */
export function splitConsumer(options: ConsumerBenchOptions, workers: number): ConsumerBenchOptions[] {
  const concurrency = partsOf('-w', options.concurrency, workers);
  return concurrency.map((part, index) => ({
    ...options,
    concurrency: part,
    ...(options.seed === undefined ? {} : { seed: options.seed + index }),
  }));
}

function partsOf(option: string, count: number, workers: number): number[] {
  if (count < workers) {
    throw new UsageError(`${option} ${count} cannot be divided among ${workers} workers: each needs at least one`, {
      hint: `give ${option} ${workers} or more, or fewer workers`,
    });
  }
  return splitCount(count, workers);
}
