import type { CheckResult, CheckStatus, CheckUnit, CheckValue } from '../../client/admin/check/check.js';

/** How the result of a check is printed. */
export const CHECK_FORMATS = ['text', 'nagios', 'prometheus', 'json'] as const;
export type CheckFormat = (typeof CHECK_FORMATS)[number];

const COLOURS: Readonly<Record<CheckStatus, string>> = {
  OK: '\u001b[32m',
  WARNING: '\u001b[33m',
  CRITICAL: '\u001b[1;31m',
  UNKNOWN: '\u001b[35m',
};
const RESET = '\u001b[0m';

function amount(value: number, unit: CheckUnit): string {
  return unit === '' ? String(value) : unit === '%' ? `${value}%` : `${value} ${unit}`;
}

function valueText({ value, reason }: CheckValue, unit: CheckUnit): string {
  const shown = value === null ? '' : amount(value, unit);
  return reason === undefined ? shown : shown === '' ? reason : `${shown}, ${reason}`;
}

/** What it comes to, in one line without the status. */
function headline({ check, metric, unit, target, status, values }: CheckResult): string {
  const [first] = values;
  const title = `${check} ${metric} of ${target}`;
  if (first === undefined) {
    return `${title}: nothing was read`;
  }
  const isNamed = first.name !== metric && !target.endsWith(first.name);
  const text = `${isNamed ? `${first.name} ` : ''}${valueText(first, unit)}`;
  if (values.length === 1) {
    return `${title}: ${text}`;
  }
  const bad = values.filter((value) => value.status !== 'OK').length;
  return status === 'OK'
    ? `${title}: all ${values.length} are well, highest ${text}`
    : `${title}: ${bad} of ${values.length} not well, ${text}`;
}

function limitText({ warning, critical }: CheckResult): string {
  const parts = [warning === null ? '' : `warning ${warning}`, critical === null ? '' : `critical ${critical}`].filter(
    (part) => part !== '',
  );
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

export function checkText(result: CheckResult, { colour }: { colour: boolean }): string[] {
  const paint = (status: CheckStatus, width = 0): string =>
    colour ? `${COLOURS[status]}${status.padEnd(width)}${RESET}` : status.padEnd(width);
  const width = Math.max(0, ...result.values.map(({ name }) => name.length));
  const rows =
    result.values.length < 2
      ? []
      : result.values.map((value) => `  ${paint(value.status, 8)}  ${value.name.padEnd(width)}  ${valueText(value, result.unit)}`);
  const beside =
    result.beside.length < 2 ? [] : [`  ${result.beside.map(({ name, value, unit }) => `${name} ${amount(value, unit)}`).join(', ')}`];
  return [
    `${paint(result.status)} ${headline(result)}${limitText(result)}`,
    ...rows,
    ...beside,
    ...result.notes.map((note) => `  ${note}`),
  ];
}

/** Status, text and performance data in the form of monitoring plug-ins. */
export function nagiosText(result: CheckResult): string[] {
  const { check, unit, values, beside, warning, critical, notes } = result;
  const label = (name: string): string => `'${name.replaceAll("'", '').replaceAll('=', '_')}'`;
  const data = [
    ...values.flatMap(({ name, value }) => (value === null ? [] : [`${label(name)}=${value}${unit};${warning ?? ''};${critical ?? ''};0`])),
    ...beside
      .filter(({ name }) => !values.some((value) => value.name === name))
      .map(({ name, value, unit: its }) => `${label(name)}=${value}${its}`),
  ];
  const safe = (text: string): string => text.replaceAll('|', '/').replaceAll(/[\r\n]+/g, ' ');
  const more = values.slice(1).filter(({ status }) => status !== 'OK');
  return [
    `${check.toUpperCase()} ${result.status} - ${safe(headline(result))}${data.length === 0 ? '' : ` | ${data.join(' ')}`}`,
    ...more.map((value) => safe(`${value.status} ${value.name}: ${valueText(value, unit)}`)),
    ...notes.map(safe),
  ];
}

/** Gauges in the text format of Prometheus, for a textfile collector. */
export function prometheusText(result: CheckResult, code: number): string[] {
  const { check, metric, target, unit, values, beside } = result;
  const labels = (more: Readonly<Record<string, string>>): string =>
    Object.entries({ check, target, ...more })
      .map(([key, value]) => `${key}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`)
      .join(',');
  const known = values.flatMap(({ name, value }) => (value === null ? [] : [{ name, value, metric, unit }]));
  const others = beside.map(({ name, value, unit: its }) => ({ name, value, metric: 'beside', unit: its }));
  const rows = [...known, ...others];
  return [
    '# HELP mqadmin_check_status Answer of the check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.',
    '# TYPE mqadmin_check_status gauge',
    `mqadmin_check_status{${labels({})}} ${code}`,
    ...(rows.length === 0
      ? []
      : [
          '# HELP mqadmin_check_value Values that were held against the limits, and others beside them.',
          '# TYPE mqadmin_check_value gauge',
        ]),
    ...rows.map((row) => `mqadmin_check_value{${labels({ metric: row.metric, name: row.name, unit: row.unit })}} ${row.value}`),
  ];
}
