import type { Random } from '../common/clock.js';

/**
 * How a benchmark transaction ends, at the end of its message's body: the producer that a broker asks about it need not remember it.
 *
 * | bytes | field | |
 * | --- | --- | --- |
 * | 0-3 | magic | `mqbt` |
 * | 4-11 | batchId | IEEE double, big endian: of the run |
 * | 12-19 | index | IEEE double: counts the run's transactions |
 * | 20 | sent | what the local transaction answers |
 * | 21-40 | checks | what the checks answer, one after the other |
 */
export const PLAN_BYTES = 41;
/** As many answers as a message has; brokers ask less often. */
const CHECKS = 20;
const MAGIC = 0x6d716274;
const BATCH_AT = 4;
const INDEX_AT = 12;
const SENT_AT = 20;
const CHECKS_AT = 21;

/** How a transaction, or a check of it, ends; in the order of Apache's LocalTransactionState. */
export const STATES = ['COMMIT_MESSAGE', 'ROLLBACK_MESSAGE', 'UNKNOW'] as const;
export type PlannedState = (typeof STATES)[number];
const [COMMIT, ROLLBACK, UNKNOWN] = [0, 1, 2] as const;

/** Shares of the ends, 0 to 1. What is not rolled back is unknown with its own share, as in Apache's tool. */
export interface PlanRates {
  readonly sendRollbackRate: number;
  readonly sendUnknownRate: number;
  readonly checkRollbackRate: number;
  readonly checkUnknownRate: number;
}

/** Writes the plan of one transaction. */
export function writePlan(body: Buffer, plan: { batchId: number; index: number; rates: PlanRates; random: Random }): void {
  const at = body.length - PLAN_BYTES;
  const { batchId, index, rates, random } = plan;
  body.writeUInt32BE(MAGIC, at);
  body.writeDoubleBE(batchId, at + BATCH_AT);
  body.writeDoubleBE(index, at + INDEX_AT);
  body[at + SENT_AT] = draw(random, rates.sendRollbackRate, rates.sendUnknownRate);
  for (let i = 0; i < CHECKS; i++) {
    body[at + CHECKS_AT + i] = draw(random, rates.checkRollbackRate, rates.checkUnknownRate);
  }
}

function draw(random: Random, rollbackRate: number, unknownRate: number): number {
  if (rollbackRate > 0 && random.nextFloat() < rollbackRate) {
    return ROLLBACK;
  }
  return unknownRate > 0 && random.nextFloat() < unknownRate ? UNKNOWN : COMMIT;
}

/** The plan in a message's body; undefined when there is none. */
export interface TransactionPlan {
  readonly batchId: number;
  readonly index: number;
  readonly sent: PlannedState;
  /** What the n-th check answers, counted from 1. */
  check(times: number): PlannedState;
}

export function readPlan(body: Buffer): TransactionPlan | undefined {
  const at = body.length - PLAN_BYTES;
  if (at < 0 || body.readUInt32BE(at) !== MAGIC) {
    return undefined;
  }
  return {
    batchId: body.readDoubleBE(at + BATCH_AT),
    index: body.readDoubleBE(at + INDEX_AT),
    sent: stateAt(body, at + SENT_AT),
    check: (times) => stateAt(body, at + CHECKS_AT + Math.min(times, CHECKS) - 1),
  };
}

/** What the local transaction of a message answers; read for every send. */
export function plannedEnd(body: Buffer): PlannedState {
  return stateAt(body, body.length - PLAN_BYTES + SENT_AT);
}

function stateAt(body: Buffer, at: number): PlannedState {
  return STATES[body[at] ?? UNKNOWN] ?? 'UNKNOW';
}
