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
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let painted = 0;
  let coloured = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    const [r, g, b, a] = pixels.subarray(at, at + 4);
    painted += a > 0 ? 1 : 0;
    coloured += a > 60 && Math.max(r, g, b) - Math.min(r, g, b) > 60 ? 1 : 0;
  }
  return { id: plot.id, painted, coloured };
})`;

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

  const screenshot = (page: Page, name: string) => page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });

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
    expect(ink.map(({ id }) => id)).toEqual(['plot-rate-0', 'plot-p99-0', 'plot-knee-1']);
    expectInk(ink);
    expect(noise).toEqual([]);
    await page.close();
  });

  it.each<Theme>(['light', 'dark'])('draws a single result for a telephone, %s', async (theme) => {
    const file = await report(`single-${theme}`, { run: await sampleResult({ config: { rate: 20_000 } }) });
    const { page, noise } = await open(file, theme, 390);
    const ink = await page.evaluate<Ink[]>(INK_SCRIPT);
    await screenshot(page, `telephone-${theme}`);
    expectInk(ink);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await page.setViewportSize({ width: 1280, height: 900 });
    await screenshot(page, `single-${theme}`);
    expect(noise).toEqual([]);
    await page.close();
  });
});
