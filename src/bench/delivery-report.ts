import type { DeliveryCheck, ProducerLog } from './delivery-check.js';
import type { LaneLog } from './delivery-lane.js';
import { confirmedCount, type SentSequences } from './delivery-ledger.js';
import { RangeSet } from './delivery-ranges.js';
import type { Verdict } from './judge/verdict.js';
import { wholeNumber } from './text.js';

/** What became of the messages of a run; part of its result. */
export interface DeliveryReport {
  /**
   * What losses were judged by: what was sent; gaps between what arrived; or nothing, where gaps are no losses (a filter, other consumers of
   * the group).
   */
  readonly judgedBy: 'sent' | 'gaps' | 'nothing';
  /** Messages that were confirmed with SEND_OK and carry a sequence number. */
  readonly sent?: number;
  /** Messages whose send failed: they may arrive or not. */
  readonly unconfirmed?: number;
  /** Different messages that arrived. */
  readonly received: number;
  readonly lost: number;
  /** Arrivals after the first of their message. */
  readonly duplicates: number;
  /** Messages of an ordered key that arrived behind a later one. */
  readonly disordered: number;
  /** Messages without an ordered key that arrived behind a later one of their queue: nobody promises otherwise. */
  readonly reordered: number;
  /** Arrivals that cannot be checked: no sequence number, or more runs and keys than are watched. */
  readonly unchecked: number;
  /** Arrivals of other runs, where it is known what was sent. */
  readonly foreign?: number;
  /** Sequence numbers that were lost, the first few. */
  readonly lostRanges: readonly LostRange[];
}

/** Sequence numbers from one to another that did not arrive. */
export interface LostRange {
  readonly runId: number;
  readonly producer: number;
  readonly lane: number;
  readonly from: number;
  readonly to: number;
}

/** What a run forgives. */
export interface DeliveryAllowances {
  readonly loss?: boolean;
  readonly duplicates?: boolean;
  readonly disorder?: boolean;
}

const LOST_RANGES_SHOWN = 10;

/** Adds up while it goes through the lanes. */
interface Tally {
  received: number;
  lost: number;
  duplicates: number;
  disordered: number;
  reordered: number;
  lostRanges: LostRange[];
}

/** Judges what arrived. Without `expected` only gaps count, and with `gaps: false` not even those. */
export function judgeDelivery(
  check: DeliveryCheck,
  options: { readonly expected?: SentSequences | undefined; readonly gaps?: boolean } = {},
): DeliveryReport {
  const tally: Tally = { received: 0, lost: 0, duplicates: 0, disordered: 0, reordered: 0, lostRanges: [] };
  const { expected, gaps = true } = options;
  const unchecked = check.unstamped + check.unwatched;
  if (expected !== undefined) {
    judgeSent(check, expected, tally);
    const foreign = foreignArrivals(check, expected.runId);
    const sent = confirmedCount(expected);
    const unconfirmed = expected.producers
      .flatMap((producer) => producer.unconfirmed)
      .reduce((sum, [, from, to]) => sum + to - from + 1, 0);
    return { judgedBy: 'sent', sent, unconfirmed, ...tally, unchecked, foreign };
  }
  for (const [runId, producers] of check.runs) {
    for (const [producer, log] of producers) {
      for (const [lane, lines] of log.lanes) {
        count(tally, lines, lane);
        if (gaps) {
          const [from, to] = lane === 0 ? settled(log) : [lines.lowest, lines.highest];
          tally.lost +=
            lines.forgotten + lines.missing(from, to, (first, last) => note(tally, { runId, producer, lane, from: first, to: last }));
        }
      }
      countReordered(tally, log);
    }
  }
  return { judgedBy: gaps ? 'gaps' : 'nothing', ...tally, unchecked };
}

/** Adds up what several groups made of the same messages. */
export function addDeliveries(reports: readonly DeliveryReport[]): DeliveryReport | undefined {
  const first = reports[0];
  if (first === undefined) {
    return undefined;
  }
  const sum = (of: (report: DeliveryReport) => number | undefined): number =>
    reports.reduce((total, report) => total + (of(report) ?? 0), 0);
  return {
    judgedBy: first.judgedBy,
    ...(first.sent === undefined ? {} : { sent: sum((report) => report.sent) }),
    ...(first.unconfirmed === undefined ? {} : { unconfirmed: sum((report) => report.unconfirmed) }),
    received: sum((report) => report.received),
    lost: sum((report) => report.lost),
    duplicates: sum((report) => report.duplicates),
    disordered: sum((report) => report.disordered),
    reordered: sum((report) => report.reordered),
    unchecked: sum((report) => report.unchecked),
    ...(first.foreign === undefined ? {} : { foreign: sum((report) => report.foreign) }),
    lostRanges: reports.flatMap((report) => report.lostRanges).slice(0, LOST_RANGES_SHOWN),
  };
}

/** What is wrong and not allowed; nothing when all is in order. Gaps alone are no proof: their send may have failed. */
export function deliveryVerdicts(report: DeliveryReport, allow: DeliveryAllowances = {}): Verdict[] {
  const { duplicates, disordered } = report;
  const lost = report.judgedBy === 'sent' ? report.lost : 0;
  const of = report.sent === undefined ? '' : ` of ${wholeNumber(report.sent)}`;
  const first = report.lostRanges[0];
  const where = first === undefined ? '' : ` (first: ${rangeText(first)})`;
  return [
    ...faultOf('lost', lost, allow.loss, `${wholeNumber(lost)}${of} messages were lost${where}; --allow-loss accepts that`),
    ...faultOf(
      'duplicates',
      duplicates,
      allow.duplicates,
      `${wholeNumber(duplicates)} messages came again; --allow-duplicates accepts that`,
    ),
    ...faultOf(
      'disordered',
      disordered,
      allow.disorder,
      `${wholeNumber(disordered)} messages came behind a later one of their key; --allow-disorder accepts that`,
    ),
  ];
}

/** What gaps may mean, in one sentence; null without gaps. */
export function gapWarning({ judgedBy, lost, lostRanges: [first] }: DeliveryReport): string | null {
  if (judgedBy !== 'gaps' || lost === 0) {
    return null;
  }
  const where = first === undefined ? '' : ` (first: ${rangeText(first)})`;
  return `${wholeNumber(lost)} messages are missing between those that arrived${where}: they were lost, or their send failed; --expect with the producer's result tells which`;
}

function faultOf(field: string, actual: number, isAllowed: boolean | undefined, reason: string): Verdict[] {
  return actual === 0 || isAllowed === true ? [] : [{ expression: `delivery.${field}==0`, actual, limit: 0, passed: false, reason }];
}

function rangeText({ producer, lane, from, to }: LostRange): string {
  const key = lane === 0 ? '' : `, key ${lane}`;
  return `producer ${producer}${key}, number ${from}${to > from ? ` to ${to}` : ''}`;
}

function judgeSent(check: DeliveryCheck, expected: SentSequences, tally: Tally): void {
  const logs = check.runs.get(expected.runId);
  for (const { producer, lanes, unconfirmed } of expected.producers) {
    const log = logs?.get(producer);
    for (const [lane, sent] of lanes.entries()) {
      const lines = log?.lanes.get(lane);
      if (lines !== undefined) {
        count(tally, lines, lane);
      }
      if (sent > 0) {
        const excused = new RangeSet(unconfirmed.filter(([of]) => of === lane).map(([, from, to]) => [from, to]));
        const onLost = (from: number, to: number): void => note(tally, { runId: expected.runId, producer, lane, from, to });
        tally.lost += lostOf(lines, sent, excused, onLost);
      }
    }
    if (log !== undefined) {
      countReordered(tally, log);
    }
  }
}

/** Confirmed numbers below `sent` that did not arrive. */
function lostOf(lines: LaneLog | undefined, sent: number, excused: RangeSet, onLost: (from: number, to: number) => void): number {
  let lost = 0;
  let start = 0;
  for (const [from, to] of [...excused.ranges(), [sent, sent] as const]) {
    if (from > start) {
      lost += missingOf(lines, start, from - 1, onLost);
    }
    start = to + 1;
  }
  return lost + (lines?.forgotten ?? 0);
}

function missingOf(lines: LaneLog | undefined, from: number, to: number, onLost: (from: number, to: number) => void): number {
  if (lines === undefined) {
    onLost(from, to);
    return to - from + 1;
  }
  return lines.missing(from, to, onLost);
}

function count(tally: Tally, lines: LaneLog, lane: number): void {
  tally.received += lines.received;
  tally.duplicates += lines.duplicates;
  tally.disordered += lane === 0 ? 0 : lines.disordered;
}

function countReordered(tally: Tally, log: ProducerLog): void {
  for (const queue of log.queues) {
    tally.reordered += queue.reordered;
  }
}

function note(tally: Tally, range: LostRange): void {
  if (tally.lostRanges.length < LOST_RANGES_SHOWN) {
    tally.lostRanges.push(range);
  }
}

/** Numbers that every queue has passed: one that is missing there is in none of them. */
function settled(log: ProducerLog): readonly [number, number] {
  return [Math.max(...log.queues.map((queue) => queue.first)), Math.min(...log.queues.map((queue) => queue.highest))];
}

function foreignArrivals(check: DeliveryCheck, runId: number): number {
  let foreign = 0;
  for (const [of, producers] of check.runs) {
    if (of !== runId) {
      for (const log of producers.values()) {
        for (const lines of log.lanes.values()) {
          foreign += lines.received + lines.duplicates;
        }
      }
    }
  }
  return foreign;
}
