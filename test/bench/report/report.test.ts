import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sampleResult } from './samples.js';

const BIN = resolve(import.meta.dirname, '../../../bin/mqbench.js');

describe('mqbench report', () => {
  let dir: string;
  let good: string;

  beforeAll(async () => {
    good = JSON.stringify(await sampleResult({ seconds: 3 }));
  });

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mqkit-report-'));
    writeFileSync(join(dir, 'good.json'), good);
    return () => rmSync(dir, { recursive: true, force: true });
  });

  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  /** Runs the command in the folder; `shell` comes before it. */
  function report(words: string, shell = ''): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const child = spawn('/bin/sh', ['-c', `${shell}exec "${process.execPath}" "${BIN}" report ${words}`], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const out = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      out.stderr += text;
    });
    return new Promise((done) => child.once('close', (code) => done({ code, ...out })));
  }

  it('writes one file and says how large it is', async () => {
    writeFileSync(join(dir, 'other.json'), good);
    const { code, stdout, stderr } = await report('good.json other.json -o all.html');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^all\.html: 2 results, \d+ kB\n$/);
    expect(readFileSync(join(dir, 'all.html'), 'utf8')).toContain('<title>mqbench: 2 results</title>');
    expect(readdirSync(dir).sort()).toEqual(['all.html', 'good.json', 'other.json']);
  });

  it('is called report.html where no name is given, and tells the same about itself as JSON', async () => {
    const { code, stdout } = await report('good.json --json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ file: 'report.html', results: 1 });
    expect(existsSync(join(dir, 'report.html'))).toBe(true);
  });

  it('goes to stdout with -o -', async () => {
    const { code, stdout } = await report('-o - good.json');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^<!doctype html>.*<\/html>\n$/s);
    expect(readdirSync(dir)).toEqual(['good.json']);
  });

  it('calls results by the ends of their paths that tell them apart', async () => {
    mkdirSync(join(dir, 'old'));
    writeFileSync(join(dir, 'old', 'good.json'), good);
    writeFileSync(join(dir, 'list.json'), `[${good},${good}]`);
    const { stdout } = await report('good.json old/good.json list.json -o -');
    const names = [...stdout.matchAll(/class="chip"[^>]*title="([^"]*)"/g)].map(([, name]) => name);
    expect(names.map((name) => name?.split('/').slice(-2).join('/'))).toEqual([
      `${dir.split('/').at(-1)}/good`,
      'old/good',
      'list 1',
      'list 2',
    ]);
  });

  const faults: [words: string, code: number, says: string][] = [
    ['', 2, 'no result to report on'],
    ['missing.json', 4, 'missing.json does not exist'],
    ['.', 2, '. cannot be read: it is a folder; name the files in it'],
    ['text.json', 2, 'text.json is no JSON: '],
    ['empty.json', 2, 'empty.json is no JSON: it is empty'],
    ['list.json', 2, 'list.json holds an empty list'],
    ['other.json', 2, 'other.json is no result of mqbench: it has the schema "mqbench/2", expected "mqbench/1"'],
    ['null.json', 2, 'null.json is no result of mqbench: it has no schema'],
    ['good.json other.json', 2, 'other.json is no result of mqbench'],
    ['good.json -o missing/report.html', 2, '-o missing/report.html cannot be written: '],
    ['good.json -o .', 2, '-o . cannot be written: it is a folder'],
    ['good.json -o good.json', 2, '-o good.json is one of the results; the report would take its place'],
    ['good.json -o - --json', 2, '-o - and --json both write to stdout'],
  ];
  it.each(faults)('says what is wrong with: report %s', async (words, expected, says) => {
    writeFileSync(join(dir, 'text.json'), 'hello\nworld');
    writeFileSync(join(dir, 'empty.json'), '');
    writeFileSync(join(dir, 'list.json'), '[]');
    writeFileSync(join(dir, 'null.json'), 'null');
    writeFileSync(join(dir, 'other.json'), '{"schema":"mqbench/2"}');
    const before = readdirSync(dir);
    const { code, stdout, stderr } = await report(words);
    const told = words.includes('--json') ? (JSON.parse(stderr) as { error?: { message: string } }).error?.message : stderr;
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(told).toContain(says);
    expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(words.includes('--json') ? 20 : 2);
    expect(readdirSync(dir)).toEqual(before);
  });

  it.runIf(process.platform === 'linux')('leaves nothing behind, and an older report whole, where there is no room', async () => {
    writeFileSync(join(dir, 'report.html'), 'the older one');
    // No file of this process grows beyond a few blocks: what a full disk does, for anybody.
    const { code, stderr } = await report('good.json', 'ulimit -f 40; ');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^.*-o report\.html was not written: /);
    expect(readdirSync(dir).sort()).toEqual(['good.json', 'report.html']);
    expect(readFileSync(join(dir, 'report.html'), 'utf8')).toBe('the older one');
  });

  it.runIf(process.platform === 'linux')('says that the disk is full', async () => {
    const { code, stderr } = await report('good.json -o /dev/full');
    expect(code).toBe(1);
    expect(stderr).toContain('-o /dev/full was not written: the disk is full');
  });
});
