import type { DoctorReport } from '../../client/admin/doctor/diagnose.js';
import type { EvidenceValue, Finding, Severity } from '../../client/admin/doctor/finding.js';

/** How text is shown: on a terminal with colours and broken at its width. */
export interface TextStyle {
  readonly colour: boolean;
  readonly width: number | null;
}

const COLOURS: Readonly<Record<Severity, string>> = { critical: '\u001b[1;31m', warning: '\u001b[33m', info: '\u001b[36m' };
const DIM = '\u001b[2m';
const BOLD = '\u001b[1m';
const GREEN = '\u001b[32m';
const RESET = '\u001b[0m';
const MARKS: Readonly<Record<Severity, string>> = { critical: 'CRITICAL', warning: 'WARNING', info: 'INFO' };
const INDENT = '          ';
/** Parts of a value that is a list. */
const SHOWN_ITEMS = 6;
const MIN_WIDTH = 40;

/** The findings one below the other, worst first, and what they come to. */
export function doctorText(report: DoctorReport, style: TextStyle & { readonly limit: number }): string[] {
  const paint = (colour: string, text: string): string => (style.colour ? `${colour}${text}${RESET}` : text);
  const lines: string[] = [];
  const shown = new Map<string, number>();
  const hidden = new Map<string, number>();
  for (const finding of report.findings) {
    const key = `${finding.severity} ${finding.id}`;
    const count = (shown.get(key) ?? 0) + 1;
    shown.set(key, count);
    if (style.limit > 0 && count > style.limit) {
      hidden.set(key, (hidden.get(key) ?? 0) + 1);
    }
  }
  const printed = new Map<string, number>();
  for (const finding of report.findings) {
    const key = `${finding.severity} ${finding.id}`;
    const count = (printed.get(key) ?? 0) + 1;
    printed.set(key, count);
    if (style.limit === 0 || count <= style.limit) {
      lines.push(...findingLines(finding, style, paint), '');
    } else if (count === style.limit + 1) {
      const more = hidden.get(key) ?? 0;
      lines.push(
        `${paint(COLOURS[finding.severity], MARKS[finding.severity].padEnd(8))}  ${more} more of ${finding.id} ${paint(DIM, '(--limit 0 shows all)')}`,
        '',
      );
    }
  }
  return [...lines, summary(report, paint)];
}

function findingLines(finding: Finding, style: TextStyle, paint: (colour: string, text: string) => string): string[] {
  const { severity, id, what, evidence, advice, fix } = finding;
  const mark = paint(COLOURS[severity], MARKS[severity].padEnd(8));
  const [first = '', ...rest] = wrap(what, style.width === null ? null : style.width - INDENT.length);
  const facts = Object.entries(evidence).map(([key, value]) => `${key}=${shownValue(value)}`);
  return [
    `${mark}  ${paint(BOLD, first)}`,
    ...rest.map((line) => `${INDENT}${paint(BOLD, line)}`),
    ...labelled('check', [id], style, paint),
    ...labelled('evidence', facts, style, paint),
    ...labelled('advice', [advice], style, paint),
    // Never broken, so that it can be copied.
    ...(fix === null ? [] : [`${INDENT}${paint(DIM, 'fix'.padEnd(9))} ${paint(GREEN, fix)}`]),
  ];
}

function labelled(label: string, parts: readonly string[], style: TextStyle, paint: (colour: string, text: string) => string): string[] {
  const indent = INDENT.length + 10;
  const broken = wrap(parts.join(style.width === null ? '  ' : ' \u00b7 '), style.width === null ? null : style.width - indent);
  return broken.map((line, i) => `${INDENT}${paint(DIM, (i === 0 ? label : '').padEnd(9))} ${line}`);
}

function wrap(text: string, width: number | null): string[] {
  if (width === null || text.length <= Math.max(width, MIN_WIDTH)) {
    return [text];
  }
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > Math.max(width, MIN_WIDTH)) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function shownValue(value: EvidenceValue): string {
  if (typeof value !== 'object' || value === null) {
    return String(value);
  }
  const more = value.length - SHOWN_ITEMS;
  return `[${value.slice(0, SHOWN_ITEMS).join(', ')}${more > 0 ? `, and ${more} more` : ''}]`;
}

function summary({ counts, looked, tookMs, scope, name }: DoctorReport, paint: (colour: string, text: string) => string): string {
  const count = (severity: Severity, word: string, plural: string): string => {
    const text = `${counts[severity]} ${counts[severity] === 1 ? word : plural}`;
    return counts[severity] === 0 ? text : paint(COLOURS[severity], text);
  };
  const total = counts.critical + counts.warning + counts.info;
  const verdict =
    total === 0
      ? paint(GREEN, 'nothing found')
      : `${count('critical', 'critical', 'critical')}, ${count('warning', 'warning', 'warnings')}, ${count('info', 'remark', 'remarks')}`;
  const parts = (
    [
      [looked.namesrvs, 'name server'],
      [looked.brokers, 'broker'],
      [looked.topics, 'topic'],
      [looked.groups, 'group'],
      [looked.clients, 'client'],
    ] as const
  ).flatMap(([amount, word]) => (amount === 0 ? [] : [`${amount} ${word}${amount === 1 ? '' : 's'}`]));
  const what = scope === 'all' ? '' : `${scope}${name === null ? 's' : ` ${name}`}: `;
  return `${what}${verdict} ${paint(DIM, `(${parts.join(', ')}; ${(tookMs / 1000).toFixed(1)} s)`)}`;
}

/** One line a finding, nothing cut. */
export function wideText({ findings }: DoctorReport): string[] {
  const rows = [
    ['#severity', '#check', '#kind', '#name', '#what', '#fix'],
    ...findings.map(({ severity, id, kind, name, what, fix }) => [severity, id, kind, name, what, fix ?? '-']),
  ];
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
