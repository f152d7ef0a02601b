import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sampleResult, sampleRuns } from '../bench/report/samples.js';
import { inBrowser, startBrowser } from '../browser.js';
import { runLauncher } from '../peers/index.js';

/** Kept, so that people can look at them. */
const SCREENSHOTS = resolve(import.meta.dirname, '../output/report');

type Theme = 'light' | 'dark';

/** A chart, and how many pixels of its canvas are painted at all and in a colour. */
interface Ink {
  readonly id: string;
  readonly painted: number;
  readonly coloured: number;
}

/** Runs in the page. */
const INK_SCRIPT = `[...document.querySelectorAll('.plot')].map((plot) => {
  const canvas = plot.querySelector('canvas');
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const pixels = copy.getImageData(0, 0, canvas.width, canvas.height).data;
  let painted = 0;
  let coloured = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    const [r, g, b, a] = pixels.subarray(at, at + 4);
    painted += a > 0 ? 1 : 0;
    coloured += a > 60 && Math.max(r, g, b) - Math.min(r, g, b) > 60 ? 1 : 0;
  }
  return { id: plot.id, painted, coloured };
})`;

/** Whatever was asked for before is drawn then. */
const nextFrame = (page: Page) => page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))');

function expectInk(ink: readonly Ink[]): void {
  for (const { id, coloured, painted } of ink) {
    expect(coloured, `${id}: coloured pixels`).toBeGreaterThan(300);
    expect(painted, `${id}: painted pixels`).toBeGreaterThan(3000);
  }
}

inBrowser('the report in a browser', () => {
  let browser: Browser;
  let dir: string;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'mqkit-report-'));
    mkdirSync(SCREENSHOTS, { recursive: true });
    process.stderr.write(`screenshots of the report: ${SCREENSHOTS}\n`);
    browser = await startBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Makes a report by the command as users run it. */
  async function report(name: string, results: Readonly<Record<string, unknown>>): Promise<string> {
    const files = Object.entries(results).map(([file, result]) => {
      const path = join(dir, `${file}.json`);
      writeFileSync(path, JSON.stringify(result));
      return path;
    });
    const output = join(dir, `${name}.html`);
    const { exitCode, stderr } = await runLauncher('mqbench', ['report', ...files, '-o', output], {});
    expect(exitCode, stderr).toBe(0);
    return output;
  }

  interface Opened {
    readonly page: Page;
    /** Console messages, errors of scripts and requests for anything but the file itself. */
    readonly noise: string[];
  }

  async function open(file: string, theme: Theme, width = 1280): Promise<Opened> {
    const page = await browser.newPage({ colorScheme: theme, viewport: { width, height: 900 } });
    // A busy machine takes its time.
    page.setDefaultTimeout(90_000);
    const noise: string[] = [];
    const url = pathToFileURL(file).href;
    page.on('console', (message) => noise.push(`console: ${message.text()}`));
    page.on('pageerror', (error) => noise.push(`error: ${error.message}`));
    page.on('request', (request) => {
      if (request.url() !== url && !request.url().startsWith('data:')) noise.push(`request: ${request.url()}`);
    });
    page.on('dialog', (dialog) => {
      noise.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(url);
    await page.waitForSelector('html[data-ready]', { state: 'attached' });
    return { page, noise };
  }

  const screenshot = (page: Page, name: string, fullPage = true) => page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage });

  it.each<Theme>(['light', 'dark'])('draws every chart of several results, %s', async (theme) => {
    const file = await report(`several-${theme}`, {
      before: await sampleResult({ seed: 1 }),
      after: await sampleResult({ seed: 2, rate: 24_000, p50Ms: 0.5, config: { inFlight: 128 } }),
      drain: await sampleResult({ seed: 3, kind: 'consumer', rate: 31_000, errorsAt: 20 }),
    });
    const { page, noise } = await open(file, theme);
    const ink = await page.evaluate<Ink[]>(INK_SCRIPT);
    await screenshot(page, `several-${theme}`);
    expect(ink.map(({ id }) => id)).toEqual([
      'plot-throughput',
      'plot-latency-0',
      'plot-latency-1',
      'plot-percentiles',
      'plot-errors',
      'plot-broker-cpu',
      'plot-broker-memory',
    ]);
    expectInk(ink);
    expect(noise).toEqual([]);
    await page.close();
  });

  it.each<Theme>(['light', 'dark'])('draws sweeps and searches, %s', async (theme) => {
    const file = await report(`runs-${theme}`, { matrix: await sampleRuns('sweep'), limit: await sampleRuns('search') });
    const { page, noise } = await open(file, theme);
    const ink = await page.evaluate<Ink[]>(INK_SCRIPT);
    await screenshot(page, `runs-${theme}`);
    expect(ink.map(({ id }) => id)).toEqual(['plot-scaling-0', 'plot-rate-0', 'plot-p99-0', 'plot-knee-1']);
    expectInk(ink);
    expect(noise).toEqual([]);
    await page.close();
  });

  it('draws a single result for a telephone and for a desk', async () => {
    const { page, noise } = await open(await report('single', { run: await sampleResult({ config: { rate: 20_000 } }) }), 'light', 390);
    const ink = await page.evaluate<Ink[]>(INK_SCRIPT);
    await screenshot(page, 'telephone');
    expectInk(ink);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await nextFrame(page);
    await screenshot(page, 'desk');
    expectInk(await page.evaluate<Ink[]>(INK_SCRIPT));
    expect(noise).toEqual([]);
    await page.close();
  });

  it('runs nothing that a result says', async () => {
    const attack =
      '</script><img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>"\'><iframe src="javascript:alert(4)">';
    const result = await sampleResult({ seconds: 5, config: { topic: attack, [attack]: attack } });
    const hostile = { ...result, kind: attack, command: attack, warnings: [attack], failure: attack, [attack]: result.send };
    const sweep = { ...hostile, kind: 'sweep', runs: [hostile, result] };
    const { page, noise } = await open(await report('hostile', { 'a"><img src=y onerror=alert(5)>': hostile, sweep }), 'light');
    for (const plot of await page.$$('.plot .u-over')) await plot.hover();
    for (const details of await page.$$('summary')) await details.click();
    await screenshot(page, 'hostile', false);
    expect(await page.evaluate<number>("document.querySelectorAll('img, iframe, [onload], [onerror]').length")).toBe(0);
    expect(noise).toEqual([]);
    await page.close();
  });

  it('would be refused by the browser if it asked for anything', async () => {
    const { page, noise } = await open(await report('policy', { run: await sampleResult({ seconds: 5 }) }), 'light');
    const refused = `fetch('https://example.invalid/').then(() => 'sent', (error) => error.name)`;
    expect(await page.evaluate<string>(refused)).toBe('TypeError');
    expect(noise.filter((line) => line.startsWith('console')).join()).toMatch(/Content Security Policy/);
    await page.close();
  });

  it('switches results, metrics, scale and colours with the keyboard alone', async () => {
    const { page, noise } = await open(await report('keys', { a: await sampleResult(), b: await sampleResult({ seed: 2 }) }), 'light');
    const inkOf = async (id: string) => (await page.evaluate<Ink[]>(INK_SCRIPT)).find((one) => one.id === id)?.coloured ?? 0;
    const press = async (selector: string) => {
      await page.focus(selector);
      await page.keyboard.press('Enter');
      await nextFrame(page);
    };
    const both = await inkOf('plot-throughput');
    await press('button[data-result="1"]');
    const one = await inkOf('plot-throughput');
    expect(one).toBeLessThan(0.8 * both);
    expect(await page.getAttribute('button[data-result="1"]', 'aria-pressed')).toBe('false');
    const p99 = await inkOf('plot-latency-0');
    await press('#switches-latency-0 button:nth-child(4)');
    expect(await inkOf('plot-latency-0')).not.toBe(p99);
    await press('#switches-latency-0 button:last-child');
    expect(await inkOf('plot-latency-0')).toBeGreaterThan(300);
    await press('[data-theme-choice="dark"]');
    expect(await page.evaluate<string>('getComputedStyle(document.body).colorScheme')).toBe('dark');
    await page.focus('#plot-throughput');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    expect(await page.textContent('#status')).toMatch(/^58 s; a \d/);
    await screenshot(page, 'keyboard');
    expect(noise).toEqual([]);
    await page.close();
  });

  it('prints on white paper with everything opened', async () => {
    const { page, noise } = await open(await report('print', { run: await sampleResult() }), 'dark');
    const pdf = await page.pdf({ path: join(SCREENSHOTS, 'print.pdf'), format: 'A4' });
    expect(pdf.length).toBeGreaterThan(20_000);
    await page.emulateMedia({ media: 'print' });
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    expect(await page.evaluate<number>("document.querySelectorAll('details:not([open])').length")).toBe(0);
    expect(await page.evaluate<string>('getComputedStyle(document.body).colorScheme')).toBe('light');
    await screenshot(page, 'print');
    await page.evaluate("dispatchEvent(new Event('afterprint'))");
    expect(await page.evaluate<number>("document.querySelectorAll('details[open]').length")).toBe(0);
    expect(noise).toEqual([]);
    await page.close();
  });

  it('stays usable with ten results of ten hours', async () => {
    const results: [name: string, result: unknown][] = [];
    for (let index = 0; index < 10; index++) {
      const short = await sampleResult({ seed: index, seconds: 40, rate: 10_000 + 1500 * index, p50Ms: 1 + index / 4 });
      const send = short.send as { series: Record<string, unknown>[] };
      const series = Array.from({ length: 36_000 }, (_, atSeconds) => {
        const { rate, p99Ms, maxMs } = send.series[(atSeconds * 7) % 40] ?? {};
        return { atSeconds, count: 1, rate, p99Ms, maxMs };
      });
      results.push([`hours-${index}`, { ...short, send: { ...send, series } }]);
    }
    const { page, noise } = await open(await report('hours', Object.fromEntries(results)), 'dark');
    await screenshot(page, 'hours', false);
    expectInk(await page.evaluate<Ink[]>(INK_SCRIPT));
    expect(noise).toEqual([]);
    await page.close();
  });
});
