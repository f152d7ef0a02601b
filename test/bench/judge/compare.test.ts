import { spawn } from 'node:child_process';
import { linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandWords } from '../../../src/bench/judge/command-words.js';
import { type CompareOptions, type CompareResult, compareFiles, comparePairs } from '../../../src/bench/judge/compare.js';
import { parseLimit } from '../../../src/bench/judge/limits.js';
import { type NamedResult, parseResult } from '../../../src/bench/judge/result-file.js';
import type { BenchResult } from '../../../src/bench/result.js';
import { ConnectError } from '../../../src/common/errors.js';
import { runBench } from '../../commands/mqbench/run-bench.js';
import { resultOf, seriesOfSeconds } from './results.js';

const BIN = resolve(import.meta.dirname, '../../../bin/mqbench.js');
const OPTIONS: CompareOptions & { config: Record<string, unknown> } = { alpha: 0.05, seed: 1, limits: [], config: {} };

const schema = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../../src/bench/mqbench-1.schema.json'), 'utf8')) as object;
const validate = new Ajv2020({ allErrors: true, strictTypes: false, allowUnionTypes: true }).compile(schema);

describe('pairs of runs', () => {
  const rates = { base: [100, 102, 98, 101, 99, 103, 97], vs: [85, 86, 84, 87, 83, 85, 84] };

  /** Plays recorded rates; the sides in the order they were asked for. */
  async function play(
    of: typeof rates,
    options: Partial<CompareOptions> = {},
    extra: (run: number) => void = () => undefined,
  ): Promise<{ result: CompareResult; order: string }> {
    const left = { base: [...of.base], vs: [...of.vs] };
    let order = '';
    const result = await comparePairs(
      of.base.length,
      {
        signal: new AbortController().signal,
        run: async (side) => {
          order += side === 'base' ? 'A' : 'B';
          extra(order.length);
          return { name: side, result: resultOf({ rate: left[side].shift() ?? 0 }) };
        },
        onPair: () => undefined,
      },
      { ...OPTIONS, ...options },
    );
    return { result, order };
  }

  it('run in the order ABBA, and a loss of 15 % is found', async () => {
    const { result, order } = await play(rates);
    expect(order).toBe('ABBAABBAABBAAB');
    expect(result).toMatchObject({ kind: 'compare', comparison: { method: 'pairs', primary: 'send.rate', verdict: 'slower' } });
    const rate = result.comparison.metrics.find(({ name }) => name === 'send.rate');
    expect(rate).toMatchObject({ base: 100, vs: 85, p: 2 / 128, verdict: 'slower' });
    expect(rate?.ratio).toBeCloseTo(0.85, 6);
    expect(rate?.ratioLow).toBeLessThan(0.85);
    expect(rate?.ratioHigh).toBeGreaterThan(0.85);
    expect(result.runs).toHaveLength(14);
    expect(result.sides?.join(' ')).toBe('base vs vs base base vs vs base base vs vs base base vs');
  });

  it('the same in pairs show no difference', async () => {
    const { result } = await play({ base: rates.base, vs: [101, 99, 99, 100, 101, 100, 98] });
    expect(result.comparison.verdict).toBe('no difference shown');
    expect(result.warnings).toEqual([]);
  });

  it('that vary much say what may not have been seen', async () => {
    const { result } = await play({ base: rates.base, vs: [140, 60, 70, 130, 100, 75, 120] });
    expect(result.comparison.verdict).toBe('no difference shown');
    expect(result.warnings?.join()).toMatch(
      /^send\.rate varies so much that a difference of \d\d % may not have been seen: take more pairs/,
    );
  });

  it('fail over a limit only where the loss is proven to be larger', async () => {
    const limited = async (text: string): Promise<boolean | undefined> =>
      (await play(rates, { limits: [parseLimit(text)] })).result.assertions?.every(({ passed }) => passed);
    expect(await limited('10%')).toBe(false);
    expect(await limited('14%')).toBe(true);
    expect(await limited('rate:10%')).toBe(false);
    expect(await limited('p99:10%')).toBe(true);
    const { result } = await play(rates, { limits: [parseLimit('10%')] });
    expect(validate(JSON.parse(JSON.stringify(result))), JSON.stringify(validate.errors)).toBe(true);
  });

  it('whose limit could never fail are refused before they run', async () => {
    const few = { base: [1, 2, 3, 4, 5], vs: [1, 2, 3, 4, 5] };
    await expect(play(few, { limits: [{ lossPercent: 10 }] }, () => expect.unreachable())).rejects.toThrow(
      /--fail-over could never fail: 5 pairs cannot show a difference/,
    );
    expect((await play(few)).result.warnings?.join()).toMatch(
      /5 pairs cannot show a difference: the smallest p that they can give is 0\.063/,
    );
  });

  it('that break off give what was compared until then', async () => {
    const broken = play(rates, {}, (run) => {
      if (run === 6) throw new ConnectError('no answer');
    });
    await expect(broken).rejects.toThrow('no answer');
    const error = (await broken.catch((caught: unknown) => caught)) as ConnectError;
    expect(error.context.result).toMatchObject({ partial: true, failure: 'no answer', comparison: { runsCompared: { base: 2, vs: 2 } } });
  });
});

describe('the words of a command line', () => {
  it.each([
    ['producer -t A', ['producer', '-t', 'A']],
    ['producer -t \'A B\' --x="c d"', ['producer', '-t', 'A B', '--x=c d']],
    ['a  b\t"" c\\ d', ['a', 'b', '', 'c d']],
    ['a $HOME `b` ; c | d > e', ['a', '$HOME', '`b`', ';', 'c', '|', 'd', '>', 'e']],
    ['a "b \\"c\\" \\\\ d"', ['a', 'b "c" \\ d']],
    ['', []],
  ])('%s', (text, words) => {
    expect(commandWords(text)).toEqual(words);
  });

  it('with an open quote are refused', () => {
    expect(() => commandWords("producer 'x")).toThrow("has a ' at character 10 that is not closed");
  });
});

describe('results that cannot be compared', () => {
  const named = (name: string, more: object = {}): NamedResult => ({
    name,
    result: { ...resultOf({ series: seriesOfSeconds(60, 1000) }), ...more },
  });
  const base = [named('a.json')];

  it.each([
    ['', 'x is no JSON'],
    ['null', 'x has no schema, and not mqbench/1'],
    ['{"schema":"other/1"}', 'x has the schema "other/1", and not mqbench/1'],
    ['{"schema":"mqbench/1","kind":"producer"}', 'x is no whole result'],
  ])('%s', (text, message) => {
    expect(() => parseResult(text, 'x')).toThrow(message);
  });

  it('because of their kinds, or because they are parts', () => {
    const consumer = [named('consumer.json', { kind: 'consumer' })];
    expect(() => compareFiles(base, consumer, OPTIONS)).toThrow('a.json is of kind producer, consumer.json of kind consumer');
    const partial = [named('partial.json', { partial: true, failure: 'no answer' })];
    expect(() => compareFiles(base, partial, OPTIONS)).toThrow('partial.json is only a part of its run: no answer');
    const sweep = [named('sweep.json', { kind: 'sweep', send: undefined })];
    expect(() => compareFiles(sweep, sweep, OPTIONS)).toThrow('sweep.json is of kind sweep, which has no figures of one run to compare');
  });

  it('by a metric or a limit that they do not have', () => {
    expect(() => compareFiles(base, base, { ...OPTIONS, primary: 'p98' })).toThrow('no metric p98 is compared');
    expect(() => compareFiles(base, base, { ...OPTIONS, limits: [parseLimit('p98:5%')] })).toThrow('no metric p98 is compared');
    expect(() => compareFiles(base, base, { ...OPTIONS, limits: [parseLimit('100%')] })).toThrow('nothing can lose as much of its rate');
    expect(() => parseLimit('much')).toThrow('--fail-over "much" is no limit');
    expect(parseLimit('send.latencyMs.p99:7.5%')).toEqual({ metric: 'send.latencyMs.p99', lossPercent: 7.5 });
    expect(parseLimit('7')).toEqual({ lossPercent: 7 });
  });
});

describe('mqbench compare', () => {
  let dir: string;
  const file = (name: string, result: BenchResult | string): string => {
    const path = join(dir, name);
    writeFileSync(path, typeof result === 'string' ? result : JSON.stringify(result));
    return path;
  };

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'mqkit-compare-'));
    // A program that prints a result: its rate is the word it gets, and a little more each time, as long as there is no file "broken".
    file(
      'program.mjs',
      `import { appendFileSync, existsSync, readFileSync } from 'node:fs';
       const [rate, log, broken] = process.argv.slice(2);
       appendFileSync(log, rate + ' ');
       const runs = readFileSync(log, 'utf8').length;
       if (broken === 'broken') { console.error('no route'); process.exit(3); }
       const result = ${JSON.stringify(resultOf({ rate: 1 }))};
       result.send.rate = Number(rate) + runs % 7;
       console.log(JSON.stringify(result));`,
    );
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  interface Ended {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }

  const compare = (...args: string[]): Promise<Ended> => compareUntil(null, ...args);

  /** Presses Ctrl-C when stderr says the words. */
  function compareUntil(words: RegExp | null, ...args: string[]): Promise<Ended> {
    const child = spawn(process.execPath, [BIN, 'compare', ...args], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
    const out = { stdout: '', stderr: '' };
    let isPressed = false;
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        out[name] += text;
        if (words?.test(out.stderr) === true && !isPressed) {
          isPressed = true;
          child.kill('SIGINT');
        }
      });
    }
    return new Promise((done) => child.once('close', (code) => done({ code, ...out })));
  }

  const program = (rate: number, more = ''): string => `'${process.execPath}' program.mjs ${rate} log.txt ${more}`;

  it('runs two programs in turn, gates on a proven loss, and writes all files', async () => {
    const { code, stdout, stderr } = await compare(
      ...[
        '--run',
        program(1000),
        '--vs',
        program(800),
        '--pairs',
        '6',
        '--fail-over',
        '10%',
        '--assert',
        'comparison.runsCompared.base==6',
      ],
      ...['--json', 'out.json', '--junit', 'out.xml', '--markdown', 'out.md'],
    );
    expect(stderr).toMatch(/^assertion failed: loss of send\.rate <= 10 %: .* less, proven to exceed the limit \(p 0\.0156\)$/m);
    expect(stderr).toContain('1 of 3 assertions failed');
    expect(stderr).toMatch(/pair 6 of 6: base 1,0\d\d msg\/s, vs 8\d\d msg\/s \(-\d+\.\d %\)/);
    expect(code).toBe(99);
    expect(stdout).toMatch(/^slower: send\.rate 1,00\d to 80\d msg\/s, \d+\.\d % less$/m);
    expect(readFileSync(join(dir, 'log.txt'), 'utf8').split(' ').slice(0, 8).join(' ')).toBe('1000 800 800 1000 1000 800 800 1000');
    const result = JSON.parse(readFileSync(join(dir, 'out.json'), 'utf8')) as CompareResult;
    expect(result.assertions?.map(({ passed }) => passed)).toEqual([false, true, true]);
    expect(readFileSync(join(dir, 'out.xml'), 'utf8')).toContain('tests="4" failures="1"');
    expect(readFileSync(join(dir, 'out.md'), 'utf8')).toContain('**slower: send.rate');
  });

  it('keeps the keys in the command lines of both sides to itself', async () => {
    const side = `'${process.execPath}' '${join(dir, 'program.mjs')}' 1000 '${join(dir, 'keys.txt')}'`;
    const keys = '-ak S3cretA --secretKey=S3cretB';
    const files = [join(dir, 'keys.json'), join(dir, 'keys.xml')] as const;
    const words = ['--run', `${side} ${keys}`, `--vs=${side} ${keys}`, '--pairs', '1', '--json', files[0], '--junit', files[1]];
    const { exitCode, stdout, stderr } = await runBench('compare', words);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const written = files.map((name) => readFileSync(name, 'utf8'));
    expect([stdout, stderr, ...written].join('\n')).not.toContain('S3cret');
    expect(JSON.parse(written[0] ?? '')).toMatchObject({ config: { run: expect.stringContaining('program.mjs 1000') } });
  });

  it('puts its result in the place of the one before in one step: who reads that meanwhile has it whole', async () => {
    const a = file('whole.json', resultOf({ series: seriesOfSeconds(60, 1000) }));
    const [result, before] = [join(dir, 'result.json'), join(dir, 'before.json')];
    writeFileSync(result, 'of the run before');
    linkSync(result, before);
    const { exitCode, stderr } = await runBench('compare', [a, a, '--json', result]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(readFileSync(before, 'utf8')).toBe('of the run before');
    expect(JSON.parse(readFileSync(result, 'utf8'))).toMatchObject({ kind: 'compare' });
  });

  it('says which run failed, with its words and its exit code', async () => {
    const { code, stderr } = await compare('--run', program(1000), '--vs', program(800, 'broken'), '--pairs', '6');
    expect(stderr.trim()).toBe('--vs failed with exit code 3: no route');
    expect(code).toBe(3);
  });

  it('ended by Ctrl-C compares the pairs so far, and no assertion passes on them', async () => {
    const words = ['--run', program(1000), '--vs', program(800), '--pairs', '500', '--assert', 'comparison.metrics.0.ratio<1', '--json'];
    const { code, stdout, stderr } = await compareUntil(/pair 2 of 500/, ...words);
    const result = JSON.parse(stdout) as CompareResult;
    expect(result).toMatchObject({
      interrupted: true,
      assertions: [{ passed: false, reason: 'holds so far, but the run was interrupted' }],
    });
    expect(result.comparison.runsCompared.base).toBeGreaterThanOrEqual(2);
    expect(stderr).toContain('assertion failed: comparison.metrics.0.ratio<1: holds so far, but the run was interrupted');
    expect(code).toBe(99);
  });

  it.runIf(process.platform === 'linux')('shows its result and says which file was not written when the disk is full', async () => {
    file('a.json', resultOf({ series: seriesOfSeconds(60, 1000) }));
    const full = await compare('a.json', 'a.json', '--junit', '/dev/full');
    expect(full.stdout).toContain('no difference shown: send.rate');
    expect(full.stderr).toMatch(
      /^--junit \/dev\/full was not written: ENOSPC: no space left on device.*; make room, or name another file$/m,
    );
    expect(full.code).toBe(1);
    const both = await compare('a.json', 'a.json', '--markdown', '/dev/full', '--assert', 'comparison.runsCompared.base==2');
    expect(both.stderr).toContain('--markdown /dev/full was not written: ENOSPC');
    expect(both.code).toBe(99);
  });

  it('looks at the files it is to write before it runs anything', async () => {
    const missing = await compare('--run', program(1000), '--vs', program(800), '--junit', 'no/such/folder.xml');
    expect(missing.stderr).toMatch(/^--junit no\/such\/folder\.xml cannot be written: ENOENT/m);
    expect(missing.stderr).not.toContain('pair 1');
    expect(missing.code).toBe(2);
    expect((await compare('a.json', 'a.json', '--markdown', '.')).stderr).toContain('--markdown . cannot be written: it is a directory');
  });

  it('of one file a side tests the seconds, and says what that proves', async () => {
    file('a.json', resultOf({ series: seriesOfSeconds(60, 1000) }));
    file('b.json', resultOf({ series: seriesOfSeconds(60, 850) }));
    const { code, stdout, stderr } = await compare('a.json', 'b.json');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^slower: send\.rate /m);
    expect(stdout).toContain('one run a side, second by second');
    expect(stderr).toContain('a difference shown is one of these two runs');
  });

  it('of short series tests nothing', async () => {
    file('short.json', resultOf({ series: seriesOfSeconds(20, 1000) }));
    const { code, stdout, stderr } = await compare('short.json', 'short.json');
    expect(code).toBe(0);
    expect(stdout).toContain('no difference shown');
    expect(stderr).toContain('one run a side of 20 s each: nothing can be tested with less than 60 s');
    expect((await compare('short.json', 'short.json', '--fail-over', '10%')).stderr).toContain('--fail-over could never fail');
  });

  it('takes several files a side, before and after --vs', async () => {
    const names = [100, 101, 102, 103, 80, 81, 82, 83].map((rate) =>
      file(`${rate}.json`, resultOf({ rate, config: { bodyBytes: rate < 100 ? 256 : 128 } })),
    );
    const { stdout, stderr } = await compare(...names.slice(0, 4), '--vs', ...names.slice(4), '--json');
    expect(JSON.parse(stdout)).toMatchObject({ comparison: { method: 'groups', verdict: 'slower', runsCompared: { base: 4, vs: 4 } } });
    expect(stderr).toContain('the runs were not asked for the same: bodyBytes 128 | 256');
  });

  it.each([
    [['a.json'], '1 files are given', 2],
    [['a.json', 'missing.json'], 'missing.json does not exist', 4],
    [['--vs', 'a.json'], 'no files stand before --vs', 2],
    [['--run', 'nonesuch', '--vs', 'nonesuch'], '--run: nonesuch cannot be run', 2],
    [['--run', 'mqbench nonesuch', '--vs', 'x'], '--run: mqbench has no command nonesuch', 2],
    [['--run', 'producer'], '--run takes one --vs', 2],
    [['a.json', 'a.json', '--json', 'a.json'], '--json a.json would overwrite a result of kind producer', 2],
  ])('%j: %s', async (args, message, exitCode) => {
    file('a.json', resultOf({ series: seriesOfSeconds(60, 1000) }));
    const { code, stderr } = await compare(...args);
    expect(stderr).toContain(message);
    expect(code).toBe(exitCode);
  });
});
