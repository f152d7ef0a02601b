import { DeliveryCheck } from './delivery-check.js';
import { mergeSent } from './delivery-ledger.js';
import { judgeDelivery } from './delivery-report.js';
import type { ExpectedFile } from './expected-file.js';
import type { BenchResult } from './result.js';

type Delivered = Pick<BenchResult, 'sequences' | 'deliveryState'>;

/** The sequence numbers that several workers sent, and those that they saw as members of one group. */
export function mergeDelivered(parts: readonly Delivered[]): Delivered {
  const sequences = mergeSent(parts.flatMap((part) => part.sequences ?? []));
  const states = parts.flatMap((part) => part.deliveryState ?? []);
  const check = new DeliveryCheck();
  for (const state of states) {
    check.merge(state);
  }
  return {
    ...(sequences === undefined ? {} : { sequences }),
    ...(states.length === 0 ? {} : { deliveryState: check.state() }),
  };
}

/** Puts the judgement in the place of what the consumers saw. Gaps say nothing: a member outside of the team may have had a queue. */
export async function judgeMerged<R extends BenchResult>(result: R, file: ExpectedFile | undefined, signal?: AbortSignal): Promise<R> {
  const { deliveryState, ...rest } = result;
  if (deliveryState === undefined) {
    return result;
  }
  const check = new DeliveryCheck();
  check.merge(deliveryState);
  const { sequences: expected, fault } = (await file?.read({ check, signal })) ?? {};
  if (fault !== undefined) {
    fault.context.result = rest;
    throw fault;
  }
  const isKnown = expected !== undefined || check.received > 0;
  return (isKnown ? { ...rest, delivery: judgeDelivery(check, { expected, gaps: false }) } : rest) as R;
}
