import { type CheckRange, isAlert } from './range.js';

/** Answers of a check; a process ends with their place in the list. */
export const CHECK_STATUSES = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;
export type CheckStatus = (typeof CHECK_STATUSES)[number];

export type CheckUnit = '' | 'ms' | 's' | '%' | 'B';

/** A value that was read, of one thing. */
export interface Reading {
  readonly name: string;
  /** Null: it could not be read. */
  readonly value: number | null;
  /** What is wrong whatever the value, or why there is none. */
  readonly reason?: string;
  /** A thing that must be there and is not, as opposed to one that is not known. */
  readonly isFailed?: boolean;
}

/** What was read for one check. */
export interface Readings {
  /** `group Billing`. */
  readonly target: string;
  /** Each is held against the limits. */
  readonly readings: readonly Reading[];
  /** Further values, which are only shown. */
  readonly beside?: readonly { readonly name: string; readonly value: number; readonly unit: CheckUnit }[];
  /** What was done for it, and what else is worth knowing. */
  readonly notes?: readonly string[];
}

export interface CheckLimits {
  readonly warning: CheckRange | null;
  readonly critical: CheckRange | null;
}

export interface CheckValue {
  readonly name: string;
  readonly value: number | null;
  readonly status: CheckStatus;
  readonly reason?: string;
}

export interface CheckResult {
  readonly check: string;
  readonly metric: string;
  readonly unit: CheckUnit;
  readonly target: string;
  readonly status: CheckStatus;
  readonly warning: string | null;
  readonly critical: string | null;
  /** Worst first, then the highest. */
  readonly values: readonly CheckValue[];
  readonly beside: readonly { readonly name: string; readonly value: number; readonly unit: CheckUnit }[];
  readonly notes: readonly string[];
}

/** From worst to best: something that is known to be bad outweighs what is not known. */
const BADNESS: readonly CheckStatus[] = ['CRITICAL', 'WARNING', 'UNKNOWN', 'OK'];

export function worst(statuses: readonly CheckStatus[]): CheckStatus {
  return BADNESS.find((status) => statuses.includes(status)) ?? 'UNKNOWN';
}

/** Holds what was read against the limits. Without a single value nothing is known. */
export function judge(
  { check, metric, unit }: Pick<CheckResult, 'check' | 'metric' | 'unit'>,
  { target, readings, beside = [], notes = [] }: Readings,
  limits: CheckLimits,
): CheckResult {
  const values = readings
    .map(
      ({ name, value, reason, isFailed }): CheckValue => ({
        name,
        value,
        status: statusOf({ value, isFailed: isFailed === true, isDoubtful: reason !== undefined }, limits),
        ...(reason === undefined ? {} : { reason }),
      }),
    )
    .sort((a, b) => BADNESS.indexOf(a.status) - BADNESS.indexOf(b.status) || (b.value ?? 0) - (a.value ?? 0));
  return {
    check,
    metric,
    unit,
    target,
    status: worst(values.map(({ status }) => status)),
    warning: limits.warning?.text ?? null,
    critical: limits.critical?.text ?? null,
    values,
    beside,
    notes,
  };
}

function statusOf(
  { value, isFailed, isDoubtful }: { value: number | null; isFailed: boolean; isDoubtful: boolean },
  { warning, critical }: CheckLimits,
): CheckStatus {
  if (isFailed || (value !== null && critical !== null && isAlert(critical, value))) {
    return 'CRITICAL';
  }
  if (value === null) {
    return 'UNKNOWN';
  }
  if (warning !== null && isAlert(warning, value)) {
    return 'WARNING';
  }
  // A part of it is missing: what is there is well, and that is all that is known.
  return isDoubtful ? 'UNKNOWN' : 'OK';
}
