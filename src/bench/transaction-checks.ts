import type { CheckCounts } from './kind-results.js';
import { type PlannedState, readPlan } from './transaction-plan.js';

/** What a check carries. */
export interface CheckedMessage {
  readonly body: Buffer;
  readonly msgId: string;
  readonly offsetMsgId: string;
  readonly checkTimes: string | undefined;
}

/** A check that should not have come. */
export interface UnexpectedCheck {
  readonly message: CheckedMessage;
  /** What the broker had been told before. */
  readonly state: PlannedState;
  /** By a check, not by the producer itself. */
  readonly byCheck: boolean;
}

/** Transactions whose checks are remembered, to find duplicates. */
const REMEMBERED = 200_000;

/** Answers brokers that ask about transactions, as the plan in their messages says, and counts what they ask. */
export class TransactionChecks {
  readonly #batchId: number;
  readonly #onUnexpected: ((check: UnexpectedCheck) => void) | undefined;
  /** Index of a transaction → the checks of it that came, a bit each. */
  readonly #seen = new Map<number, number>();
  #counts = noChecks();
  /** Transactions that were left open and are committed or rolled back by now. */
  #settled = 0;

  constructor(batchId: number, onUnexpected?: (check: UnexpectedCheck) => void) {
    this.#batchId = batchId;
    this.#onUnexpected = onUnexpected;
  }

  get settled(): number {
    return this.#settled;
  }

  counts(): CheckCounts {
    return { ...this.#counts };
  }

  /** Counts anew: the window begins. */
  reset(): void {
    this.#counts = noChecks();
  }

  /** What the broker is told. A message of an earlier run is rolled back; one that no benchmark sent stays open. */
  answer(message: CheckedMessage): PlannedState {
    const plan = readPlan(message.body);
    if (plan === undefined) {
      return 'UNKNOW';
    }
    if (plan.batchId !== this.#batchId) {
      return 'ROLLBACK_MESSAGE';
    }
    const times = Math.max(1, Number.parseInt(message.checkTimes ?? '', 10) || 1);
    this.#counts.count++;
    const repeated = this.#isRepeated(plan.index, times);
    if (repeated) {
      this.#counts.duplicated++;
    }
    const before = this.#endBefore(plan.sent, times, (i) => plan.check(i));
    if (before !== undefined) {
      this.#counts.unexpected++;
      this.#onUnexpected?.({ message, ...before });
      return before.state;
    }
    const state = plan.check(times);
    if (repeated) {
      return state;
    }
    this.#counts.expected++;
    if (state === 'UNKNOW') {
      this.#counts.unknown++;
    } else {
      this.#settled++;
      this.#counts[state === 'COMMIT_MESSAGE' ? 'committed' : 'rolledBack']++;
    }
    return state;
  }

  /** What ended the transaction before this check, if something did. */
  #endBefore(sent: PlannedState, times: number, check: (times: number) => PlannedState): Omit<UnexpectedCheck, 'message'> | undefined {
    if (sent !== 'UNKNOW') {
      return { state: sent, byCheck: false };
    }
    for (let i = 1; i < times; i++) {
      const state = check(i);
      if (state !== 'UNKNOW') {
        return { state, byCheck: true };
      }
    }
    return undefined;
  }

  #isRepeated(index: number, times: number): boolean {
    const before = this.#seen.get(index) ?? 0;
    const bit = 1 << Math.min(times - 1, 30);
    this.#seen.set(index, before | bit);
    if (this.#seen.size > REMEMBERED) {
      this.#seen.delete(this.#seen.keys().next().value as number);
    }
    return (before & bit) !== 0;
  }
}

function noChecks(): { -readonly [K in keyof CheckCounts]: number } {
  return { count: 0, expected: 0, unexpected: 0, duplicated: 0, committed: 0, rolledBack: 0, unknown: 0 };
}
