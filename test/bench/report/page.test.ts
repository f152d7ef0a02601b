import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { escapeText, html, scriptJson } from '../../../src/bench/report/html.js';
import type { PageData } from '../../../src/bench/report/model.js';
import { reportPage } from '../../../src/bench/report/page.js';
import { resultView } from '../../../src/bench/report/result-view.js';
import { MOST_ROWS, thin } from '../../../src/bench/report/thin.js';
import { sampleResult, sampleRuns } from './samples.js';

const seed = Number(process.env.MQKIT_SEED);
const MADE = { at: new Date('2026-11-20T12:00:00Z'), version: '0.0.0' };

function pageOf(...results: Record<string, unknown>[]): string {
  return reportPage(
    results.map((result, index) => resultView(result, { index, label: `result-${index}`, file: `result-${index}.json` })),
    MADE,
  );
}

function dataOf(page: string): PageData {
  return JSON.parse(/<script type="application\/json" id="report-data">(.*?)<\/script>/s.exec(page)?.[1] ?? 'null') as PageData;
}

describe('text of results', () => {
  it('cannot begin a tag, leave an attribute, or turn the direction of what follows', () => {
    const text = escapeText('<b>&"\'`\u202e\u0000\n');
    expect(text).toBe('&lt;b&gt;&amp;&quot;&#39;&#96;\ufffd\ufffd\n');
    expect(html`<p title="${'"><script>'}">${'</p>'}</p>`.text).toBe('<p title="&quot;&gt;&lt;script&gt;">&lt;/p&gt;</p>');
  });

  it('keeps its meaning in the script element and never ends it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('</script>', '<!--', ']]>', '\u2028', '&lt;'), (value, mark) => {
        const { text } = scriptJson({ value, mark });
        expect(text).not.toMatch(/[<>&\u2028\u2029]/);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify({ value, mark })));
      }),
      { seed },
    );
  });

  it('is cut where it is endless', async () => {
    const page = pageOf(await sampleResult({ seconds: 2, config: { topic: 'x'.repeat(1_000_000) } }));
    expect(page.length).toBeLessThan(300_000);
  });
});

describe('a hostile result', () => {
  const attack = '</script></style><img src=x onerror=alert(1)><script>alert(2)</script>"\'><svg onload=alert(3)>';
  let page: string;

  beforeAll(async () => {
    const result = await sampleResult({ seconds: 3 });
    const hostile = JSON.parse(
      JSON.stringify({
        ...result,
        kind: attack,
        command: attack,
        warnings: [attack],
        failure: attack,
        assertions: [{ expression: attack, passed: false, reason: attack }],
        config: { topic: attack, [attack]: attack, nested: { [attack]: [attack] } },
        environment: { node: attack, startedAt: attack, broker: { series: [{ atSeconds: attack, cpuPercent: attack }] } },
        [attack]: result.send,
        runs: [{ ...result, config: { [attack]: attack } }, result],
      }),
    ) as Record<string, unknown>;
    page = reportPage([resultView(hostile, { index: 0, label: attack, file: attack })], MADE);
  });

  it('adds no element to the page', () => {
    expect(page.match(/<img|<svg (?!class="bar" )/)).toBeNull();
    expect([...page.matchAll(/<script/g)]).toHaveLength(2);
    expect([...page.matchAll(/<\/script>/g)]).toHaveLength(2);
    expect([...page.matchAll(/<\/style>/g)]).toHaveLength(1);
  });

  it('still stands there as text', () => {
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(dataOf(page).results).toEqual([attack]);
  });
});

function deeplyNested(): unknown {
  let value: unknown = [];
  for (let depth = 0; depth < 100_000; depth++) value = depth % 2 === 0 ? { value } : [value];
  return value;
}

describe('results of another shape than expected', () => {
  const kinds: [name: string, result: Record<string, unknown>][] = [
    ['nothing but a schema', {}],
    ['nulls', { kind: null, config: null, environment: null, send: null, runs: null, warnings: null, assertions: null }],
    ['texts', { kind: 'x', config: 'x', environment: 'x', send: 'x', runs: 'x', warnings: 'x', assertions: 'x' }],
    [
      'odd figures',
      { send: { rate: 1, latencyMs: { p50: 'x', p99: null }, histogram: 'no histogram', series: [null, 3, { atSeconds: 'x' }, {}] } },
    ],
    ['an inherited name', { send: { rate: 1, latencyMs: {}, constructorMs: {}, series: [{ atSeconds: 0, rate: 1 }] } }],
    ['deep nesting', { config: deeplyNested(), extra: deeplyNested(), runs: [{ config: deeplyNested() }] }],
    ['an empty sweep', { kind: 'sweep', runs: [{}, null, { result: {} }] }],
  ];
  it.each(kinds)('%s', (_, result) => {
    expect(pageOf({ schema: 'mqbench/1', ...result })).toContain('</html>');
  });

  it('of any JSON', () => {
    const part = fc.oneof(fc.jsonValue(), fc.record({ rate: fc.double(), latencyMs: fc.jsonValue(), series: fc.array(fc.jsonValue()) }));
    const record = { config: part, environment: part, send: part, runs: part, warnings: part, delivery: part };
    fc.assert(
      fc.property(fc.record(record), (result) => {
        const value = JSON.parse(JSON.stringify({ schema: 'mqbench/1', ...result })) as Record<string, unknown>;
        expect(pageOf(value)).toContain('</html>');
      }),
      { seed, numRuns: 50 },
    );
  });
});

describe('the page', () => {
  it('asks nobody for anything', async () => {
    const page = pageOf(await sampleResult({ seconds: 5 }), await sampleRuns('search'));
    expect(page).toContain('default-src &#39;none&#39;');
    expect([...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, target]) => target?.slice(0, 5))).toEqual(['data:', '#cont']);
  });

  it('names the settings in which results differ, and only those', async () => {
    const page = pageOf(await sampleResult({ seconds: 3 }), await sampleResult({ seconds: 3, config: { inFlight: 7 } }));
    const part = /What differs between the results.*?<\/section>/s.exec(page)?.[0] ?? '';
    expect(part).toContain('inFlight');
    expect(part).not.toContain('bodyBytes');
  });

  it('shows failed assertions, failures, losses and warnings before any figure', async () => {
    const assertions = [
      { expression: 'send.errors==0', actual: 12, limit: 0, passed: false, reason: 'was 12, 12 above 0' },
      { expression: 'send.rate>1', actual: 20_000, limit: 1, passed: true },
    ];
    const extra = {
      assertions,
      warnings: ['the disk was slow'],
      delivery: { lost: 3, duplicates: 0, disordered: 0 },
      partial: true,
      failure: 'it broke',
    };
    const page = pageOf(await sampleResult({ seconds: 10, errorsAt: 4, extra }));
    const findings = page.slice(page.indexOf('<main'), page.indexOf('class="tiles"'));
    for (const text of [
      'An assertion failed',
      'was 12, 12 above 0',
      'the disk was slow',
      '3 lost',
      'it broke',
      '12 messages failed: 12 × SYSTEM_BUSY',
    ]) {
      expect(findings).toContain(text);
    }
  });

  it('draws percentiles from the summary where there is no histogram, and says so', async () => {
    const page = pageOf(await sampleResult({ seconds: 3, histogram: false }));
    expect(page).toContain('Drawn from a few percentiles, not from a histogram: result-0');
    const curve = dataOf(page).charts.find(({ id }) => id === 'percentiles');
    expect(curve?.lines[0]?.x).toEqual([2, 10, 100, 1000, 10_000]);
  });

  it('draws the percentile curve of the whole histogram up to the greatest latency', async () => {
    const result = await sampleResult({ seconds: 20 });
    const { latencyMs } = result.send as { latencyMs: { p99: number; max: number } };
    const line = dataOf(pageOf(result)).charts.find(({ id }) => id === 'percentiles')?.lines[0];
    expect(line?.x.at(-1)).toBe(4000);
    expect(line?.y.at(-1)).toBe(latencyMs.max);
    expect(line?.y[line.x.findIndex((x) => x > 99.9)]).toBeCloseTo(latencyMs.p99, 3);
  });

  it('leaves out seconds without messages instead of drawing no latency', async () => {
    const result = await sampleResult({ seconds: 3 });
    const series = (result.send as { series: Record<string, unknown>[] }).series;
    series[1] = { atSeconds: 1, seconds: 1, count: 0, rate: 0, errors: 0, p50Ms: 0, p99Ms: 0, p999Ms: 0, meanMs: 0, maxMs: 0 };
    const charts = dataOf(pageOf(result)).charts;
    expect(charts.find(({ id }) => id === 'latency-0')?.lines[0]?.y[1]).toBeNull();
    expect(charts.find(({ id }) => id === 'throughput')?.lines[0]?.y[1]).toBe(0);
  });
});

describe('results that are made of more than one run', () => {
  it('a sweep is the table that users publish, best row marked, with its scaling', async () => {
    const page = pageOf(await sampleRuns('sweep'));
    const table = /<h2>Sweep .*?<\/table>/s.exec(page)?.[0] ?? '';
    expect(table.match(/<tr>/g)).toHaveLength(7);
    expect(table.match(/best<\/span>/g)).toHaveLength(1);
    const scaling = dataOf(page).charts.find(({ id }) => id === 'scaling-0');
    expect(scaling?.lines.map(({ metric, x }) => ({ metric, x }))).toEqual([
      { metric: '128 B', x: [1, 8, 64] },
      { metric: '1024 B', x: [1, 8, 64] },
    ]);
  });

  it('a search shows its rate, its limit and why steps failed', async () => {
    const page = pageOf(await sampleRuns('search'));
    expect(page).toContain('Highest sustainable rate, p99 &lt; 20.0 ms');
    expect(page.match(/class="mark bad">failed/g)).toHaveLength(2);
    expect(dataOf(page).charts[0]?.marks).toEqual([
      { axis: 'y', value: 20, label: 'limit of p99' },
      { axis: 'x', value: 40_000, label: 'sustainable' },
    ]);
  });

  it('a comparison shows its verdict, every metric with its interval, and the pairs', async () => {
    const metric = {
      name: 'send.rate',
      better: 'higher',
      unit: 'msg/s',
      base: 100,
      vs: 80,
      ratio: 0.8,
      ratioLow: 0.75,
      ratioHigh: 0.85,
      p: 0.016,
    };
    const comparison = { primary: 'send.rate', verdict: 'slower', test: 'Some test', metrics: [{ ...metric, verdict: 'slower' }] };
    const runs = [await sampleResult({ seconds: 2 }), await sampleResult({ seconds: 2, rate: 15_000 })];
    const page = pageOf({ schema: 'mqbench/1', kind: 'compare', comparison, runs, sides: ['base', 'vs'] });
    for (const text of ['send.rate: slower (0.800 of base)', '0.750 to 0.850', 'class="mark bad">slower', '>base 1<', '>vs 1<']) {
      expect(page.includes(text), text).toBe(true);
    }
    expect(dataOf(page).charts.find(({ id }) => id === 'pairs-0')?.metrics).toEqual(['base', 'vs']);
  });

  it('groups of a fan-out are a table, and what else was counted stands in another', async () => {
    const groups = [1, 2].map((index) => ({ consumerGroup: `group-${index}`, rate: 100, endToEndMs: { p50: 1, p90: 7.77, p99: 2 } }));
    const page = pageOf({ ...(await sampleResult({ seconds: 2 })), groups, fairness: { groups: 0.987 } });
    const part = /<h2>Also counted.*?<\/section>/s.exec(page)?.[0] ?? '';
    for (const text of ['fairness.groups', '0.987', 'group-1', 'group-2', 'endToEndMs.p99']) {
      expect(part.includes(text), text).toBe(true);
    }
    expect(part.includes('7.77')).toBe(false);
  });

  it('a soak shows what drifts, and one that was cut short shows what it has', async () => {
    const { send, ...rest } = await sampleResult({ seconds: 30, kind: 'soak' });
    const { series, ...soFar } = send as { series: Record<string, unknown>[] };
    const samples = series.map((point, index) => ({ ...point, generatorRssBytes: 1e8 + 1e6 * index, brokerRssBytes: 2e8 }));
    const drift = {
      generatorRssBytes: { slopePerHour: 3.6e9, lowPerHour: 3e9, highPerHour: 4e9, median: 1.15e8, changePercent: 26, verdict: 'rising' },
    };
    const findings = ['the memory of the generator grows'];
    const page = pageOf({ ...rest, samples, soFar, drift, findings, verdict: 'drifting', partial: true });
    for (const text of ['the memory of the generator grows', 'class="mark bad">drifting', 'class="mark bad">rising', '26 %']) {
      expect(page.includes(text), text).toBe(true);
    }
    expect(dataOf(page).charts.map(({ id }) => id)).toEqual(expect.arrayContaining(['memory-0', 'throughput', 'latency-0', 'percentiles']));
  });
});

describe('a long series', () => {
  it('keeps the extremes of every column, and a mean between them', () => {
    const value = fc.oneof(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), fc.constant(null));
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 300 }), fc.integer({ min: 4, max: 40 }), (rows, most) => {
        const columns = [rows.map(([a]) => a), rows.map(([, b]) => b)];
        const thinned = thin({ x: rows.map((_, index) => index), columns }, most);
        expect(thinned.x).toHaveLength(Math.min(most, rows.length));
        expect(thinned.x).toEqual(thinned.x.toSorted((a, b) => a - b));
        columns.forEach((column, index) => {
          const { y = [], range = { low: y, high: y } } = thinned.columns[index] ?? {};
          const numbers = (values: readonly (number | null)[]) => values.filter((one) => one !== null);
          expect(Math.max(...numbers(range.high))).toBe(Math.max(...numbers(column)));
          expect(Math.min(...numbers(range.low))).toBe(Math.min(...numbers(column)));
          y.forEach((mean, at) => {
            if (mean !== null) expect(mean >= (range.low[at] ?? mean) && mean <= (range.high[at] ?? mean)).toBe(true);
          });
        });
      }),
      { seed },
    );
  });

  it('of ten hours in ten results makes a page that opens', () => {
    const series = Array.from({ length: 36_000 }, (_, atSeconds) => ({
      atSeconds,
      seconds: 1,
      count: 10,
      rate: atSeconds === 20_001 ? 77_777 : 1000 + (atSeconds % 100),
      errors: 0,
      p50Ms: 1,
      p99Ms: 2,
      p999Ms: 3,
      maxMs: 4,
      meanMs: 1,
    }));
    const send = { count: 1, rate: 1, errors: 0, latencyMs: { p50: 1, p99: 2 }, series };
    const page = pageOf(...Array.from({ length: 10 }, () => ({ schema: 'mqbench/1', kind: 'producer', send })));
    expect(page.length).toBeLessThan(3_000_000);
    const [throughput] = dataOf(page).charts;
    expect(throughput?.lines).toHaveLength(10);
    expect(throughput?.lines[9]?.x.length).toBeLessThanOrEqual(MOST_ROWS);
    expect(Math.max(...(throughput?.lines[9]?.range?.high ?? []).map((one) => one ?? 0))).toBe(77_777);
  });
});
