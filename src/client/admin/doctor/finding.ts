/** From worst to least: something does not work, something will not work for long, something worth knowing. */
export const SEVERITIES = ['critical', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a finding is about. */
export type FindingKind = 'cluster' | 'namesrv' | 'broker' | 'topic' | 'group' | 'client';

export type EvidenceValue = string | number | boolean | null | readonly string[];

/** One thing that the doctor found. */
export interface Finding {
  readonly severity: Severity;
  /** Stable name of the check, `disk-commit-log` for example. */
  readonly id: string;
  readonly kind: FindingKind;
  /** The broker, topic, group, … */
  readonly name: string;
  /** One sentence. */
  readonly what: string;
  /** The values that it follows from. */
  readonly evidence: Readonly<Record<string, EvidenceValue>>;
  /** What to do, one sentence. */
  readonly advice: string;
  /** Command line that does it, or that shows more; null where there is none. */
  readonly fix: string | null;
}

export type FindingCounts = Readonly<Record<Severity, number>>;

export function countFindings(findings: readonly Finding[]): FindingCounts {
  const counts = { critical: 0, warning: 0, info: 0 };
  for (const { severity } of findings) {
    counts[severity]++;
  }
  return counts;
}

/** Worst first; within a severity by check, then by name. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const rank = (finding: Finding): string => `${SEVERITIES.indexOf(finding.severity)} ${finding.id} ${finding.name}`;
  return findings
    .map((finding) => ({ finding, rank: rank(finding) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0))
    .map(({ finding }) => finding);
}

/** A word of a command line as a shell takes it. */
export function shellWord(word: string): string {
  return /^[\w%@.,:/=+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
