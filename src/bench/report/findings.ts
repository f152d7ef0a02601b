import { BUSY_GENERATOR_PERCENT } from '../environment.js';
import { verdictText } from './comparison.js';
import { type Html, html } from './html.js';
import { asList, asNumber, asObject, asText, fieldOf } from './json-value.js';
import type { ResultView } from './result-view.js';
import { countText } from './texts.js';

/** What a reader must know before any figure: verdicts, failures and warnings; the worst first. */
export function findingsPart(results: readonly ResultView[]): Html {
  const verdicts = results.flatMap((result) => verdictsOf(result).map((verdict) => ({ result, ...verdict })));
  const failed = verdicts.filter(({ passed }) => !passed);
  const name = (result: ResultView): Html | false => results.length > 1 && html`<b>${result.label}</b>: `;
  return html`${box({
    kind: 'plain',
    title: 'Verdict',
    items: results.flatMap((result) => {
      const verdict = verdictText(result);
      return verdict === undefined ? [] : [html`${name(result)}${verdict}`];
    }),
  })}${box({
    kind: 'bad',
    title: failed.length === 1 ? 'An assertion failed' : `${failed.length} of ${verdicts.length} assertions failed`,
    items: failed.map(({ result, expression, reason }) => html`${name(result)}<code>${expression}</code> ${reason}`),
  })}${box({
    kind: 'bad',
    title: 'What went wrong',
    items: results.flatMap((result) => failuresOf(result).map((text) => html`${name(result)}${text}`)),
  })}${box({
    kind: 'warn',
    title: 'Read the figures with care',
    items: results.flatMap((result) => warningsOf(result).map((text) => html`${name(result)}${text}`)),
  })}${box({
    kind: 'good',
    title:
      verdicts.length === 1
        ? 'The assertion holds'
        : `${failed.length === 0 ? 'All' : countText(verdicts.length - failed.length)} of ${verdicts.length} assertions hold`,
    items: verdicts
      .filter(({ passed }) => passed)
      .map(
        ({ result, expression, actual }) =>
          html`${name(result)}<code>${expression}</code> ${actual === undefined ? undefined : `was ${actual}`}`,
      ),
  })}`;
}

function box({ kind, title, items }: { kind: 'bad' | 'warn' | 'good' | 'plain'; title: string; items: readonly Html[] }): Html | undefined {
  if (items.length === 0) {
    return undefined;
  }
  const list = html`<ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`;
  return html`<section class="alert ${kind}"><h2>${title}</h2>${list}</section>`;
}

interface VerdictView {
  readonly expression: string;
  readonly passed: boolean;
  readonly actual?: number;
  readonly reason: string;
}

function verdictsOf({ value }: ResultView): VerdictView[] {
  return asList(fieldOf(value, 'assertions')).flatMap((one) => {
    const verdict = asObject(one);
    const expression = asText(fieldOf(verdict, 'expression'));
    const actual = asNumber(fieldOf(verdict, 'actual'));
    return expression === undefined
      ? []
      : [
          {
            expression,
            passed: fieldOf(verdict, 'passed') === true,
            reason: asText(fieldOf(verdict, 'reason')) ?? '',
            ...(actual === undefined ? {} : { actual }),
          },
        ];
  });
}

function failuresOf({ value, tracks }: ResultView): string[] {
  const failures: string[] = [];
  const failure = asText(fieldOf(value, 'failure'));
  if (fieldOf(value, 'partial') === true || failure !== undefined) {
    failures.push(`the run could not go on${failure === undefined ? '' : `: ${failure}`}; the figures are of what was done until then`);
  }
  if (fieldOf(value, 'interrupted') === true) {
    failures.push('the run was interrupted; the figures are of what was done until then');
  }
  for (const { name, measured } of tracks) {
    const errors = asNumber(fieldOf(measured, 'errors')) ?? 0;
    if (errors > 0) {
      const codes = Object.entries(asObject(fieldOf(measured, 'errorsByCode')) ?? {}).map(
        ([code, count]) => `${countText(count)} × ${code}`,
      );
      failures.push(
        `${name}: ${countText(errors)} ${errors === 1 ? 'message' : 'messages'} failed${codes.length === 0 ? '' : `: ${codes.join(', ')}`}`,
      );
    }
  }
  failures.push(...asList(fieldOf(value, 'findings')).flatMap((one) => asText(one) ?? []));
  const delivery = asObject(fieldOf(value, 'delivery'));
  const wrong = (['lost', 'duplicates', 'disordered'] as const).flatMap((key) => {
    const count = asNumber(fieldOf(delivery, key)) ?? 0;
    return count > 0 ? [`${countText(count)} ${key === 'duplicates' && count === 1 ? 'duplicate' : key}`] : [];
  });
  return wrong.length === 0 ? failures : [...failures, `delivery: ${wrong.join(', ')}`];
}

function warningsOf({ value, environment, config }: ResultView): string[] {
  const warnings = asList(fieldOf(value, 'warnings')).flatMap((one) => asText(one) ?? []);
  if (Object.hasOwn(value, 'warnings')) {
    return warnings;
  }
  // Results that were written before there were warnings.
  const busy = asNumber(fieldOf(asObject(fieldOf(environment, 'generator')), 'cpuPercent')) ?? 0;
  const isLimit = busy >= BUSY_GENERATOR_PERCENT && asNumber(fieldOf(config, 'rate')) === undefined;
  return isLimit
    ? [`the load generator used ${Math.round(busy)} % of one core: it, and not the broker, may be what limits the figures`]
    : [];
}
