import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMON_OPTIONS, defineOptions } from '../../src/cli/options.js';
import { HelpRequested, parseOptions } from '../../src/cli/parse-options.js';
import { readValues } from '../../src/cli/read-values.js';

const table = defineOptions({
  ...COMMON_OPTIONS,
  topic: { short: 't', text: 'topic name' },
  body: { short: 'p', text: 'the body' },
  queueId: { short: 'i', kind: 'int', min: -5, text: 'queue' },
  order: { short: 'o', kind: 'boolean', default: false, text: 'order' },
  list: { short: 'l', kind: 'flag', text: 'list' },
  all: { short: 'a', kind: 'flag', text: 'all' },
  forceReplace: { short: 'fr', text: 'a short name of two letters' },
  report: { kind: 'optionalText', text: 'a value may follow' },
});

function parse(...argv: string[]): Record<string, string> {
  return Object.fromEntries(parseOptions(argv, table).values);
}

describe('spellings of an option', () => {
  it.each([
    [['-t', 'X']],
    [['-tX']],
    [['-t=X']],
    [['--topic', 'X']],
    [['--topic=X']],
    [['-topic', 'X']],
    [['-topic=X']],
    [['-topicX']],
    [['--top', 'X']],
    [['--t', 'X']],
    [['--to=X']],
  ])('%j', (argv) => {
    expect(parse(...argv)).toEqual({ topic: 'X' });
  });

  it('tells which options were given another value again', () => {
    expect([...parseOptions(['-t', 'A', '--topic', 'B', '-n', 'x:1', '-n', 'x:1'], table).repeated]).toEqual(['-t']);
  });

  it('takes the first of a repeated option', () => {
    expect(parse('-t', 'A', '--topic=B', '-tC')).toEqual({ topic: 'A' });
  });

  it('reads several flags in one word, the last one with its value', () => {
    expect(parse('-la')).toEqual({ list: 'true', all: 'true' });
    expect(parse('-latX')).toEqual({ list: 'true', all: 'true', topic: 'X' });
    expect(parse('-lat', 'X')).toEqual({ list: 'true', all: 'true', topic: 'X' });
  });

  it('knows short names of two letters', () => {
    expect(parse('-fr', 'true')).toEqual({ forceReplace: 'true' });
  });

  it('keeps what follows an equals sign, also more of them and dashes', () => {
    expect(parse('-p=a=b', '--topic=-x')).toEqual({ body: 'a=b', topic: '-x' });
  });

  it('takes a pair of quotes off a word, but not from behind an equals sign', () => {
    expect(parse('-p', '"x y"', '--topic="z"')).toEqual({ body: 'x y', topic: '"z"' });
  });
});

it.each([[['-p', 'true']], [['--print msg', 'true']], [['--printMsg', 'true']], [['--printMsg=true']], [['-printMsg', 'true']]])(
  '%j gives a value to an option whose long name has a blank',
  (argv) => {
    const options = defineOptions({
      printMsg: { short: 'p', long: 'print msg', text: 'print messages' },
      printBody: { short: 'd', long: 'printBody ', text: 'print bodies' },
    });
    expect(Object.fromEntries(parseOptions(argv, options).values)).toEqual({ printMsg: 'true' });
    expect(() => parseOptions(['--print', 'true'], options)).toThrow("Ambiguous option: '--print'  (could be: 'print msg', 'printBody')");
  },
);

describe('values that begin with a dash', () => {
  it.each(['-1', '-1.5', '-2e3', '-7d'])('%s is a number and so a value', (value) => {
    expect(parse('-p', value)).toEqual({ body: value });
  });

  it('is a value when it can be no option', () => {
    expect(parse('-p', '-xyz')).toEqual({ body: '-xyz' });
  });

  it('is missing when the word can be an option', () => {
    expect(() => parse('-p', '-hello')).toThrow('Missing argument for option: p');
    expect(() => parse('-p', '--topic')).toThrow('Missing argument for option: p');
  });
});

describe('words that are no options', () => {
  it('are kept apart', () => {
    expect(parseOptions(['stray', '-t', 'X', 'more'], table).words).toEqual(['stray', 'more']);
  });

  it('are all that follows a lone --', () => {
    const parsed = parseOptions(['-t', 'X', '--', '-n', 'A'], table);
    expect(Object.fromEntries(parsed.values)).toEqual({ topic: 'X' });
    expect(parsed.words).toEqual(['-n', 'A']);
  });
});

describe('faults', () => {
  it('names an option that is not there', () => {
    expect(() => parse('--bogus')).toThrow('Unrecognized option: --bogus');
    expect(() => parse('-zt')).toThrow('Unrecognized option: -zt');
    expect(() => parse('-lz')).toThrow('Unrecognized option: -lz');
    expect(() => parse('--list=5')).toThrow('Unrecognized option: --list=5');
  });

  it('names what a prefix could mean', () => {
    const ambiguous = defineOptions({ consumerGroup: { text: '' }, clientId: { text: '' }, cluster: { text: '' } });
    expect(() => parseOptions(['--c', 'x'], ambiguous)).toThrow(
      "Ambiguous option: '--c'  (could be: 'consumerGroup', 'clientId', 'cluster')",
    );
  });

  it('asks for the rest of a line that stops at an option', () => {
    expect(() => parse('-t')).toThrow('Missing argument for option: t');
    expect(() => parse('-t', '-l')).toThrow('Missing argument for option: t');
  });

  it('gives help a way around every fault', () => {
    expect(() => parse('-h', '--bogus')).toThrow(HelpRequested);
  });

  it('lets a prefix mean no option of ours', () => {
    expect(parse('--t', 'X')).toEqual({ topic: 'X' });
    expect(parse('--timeout', '5s')).toEqual({ timeout: '5s' });
    expect(() => parse('--timeou', '5s')).toThrow('Unrecognized option: --timeou');
  });
});

describe('values', () => {
  const read = (...argv: string[]): unknown => readValues(table, parseOptions(argv, table).values, {});

  it('are typed, trimmed and filled with defaults', () => {
    expect(read('-t', ' X ', '-i', '3', '-o', 'TRUE', '-l')).toMatchObject({ topic: 'X', queueId: 3, order: true, list: true, all: false });
    expect(read()).toMatchObject({ topic: undefined, order: false, list: false });
  });

  it('of a time are no longer than a timer takes, unless the option says so', () => {
    const times = defineOptions({
      every: { kind: 'duration', text: '' },
      since: { kind: 'duration', max: Number.MAX_SAFE_INTEGER, text: '' },
    });
    const given = (...argv: string[]): unknown => readValues(times, parseOptions(argv, times).values, {});
    expect(() => given('--every', '600h')).toThrow('--every expects a time of at most 2147483647 ms (24 days), got "600h"');
    expect(given('--every', '596h', '--since', '9000h')).toEqual({ every: 2_145_600_000, since: 32_400_000_000 });
  });

  it('of an option that may be repeated keep their order', () => {
    const several = defineOptions({ assert: { kind: 'texts', text: 'What must hold' } });
    const values = (...argv: string[]): readonly string[] => readValues(several, parseOptions(argv, several).values, {}).assert;
    expect(values()).toEqual([]);
    expect(values('--assert', 'a<1', '--assert=b==2')).toEqual(['a<1', 'b==2']);
  });

  it('say what they expected', () => {
    expect(() => read('-i', 'x')).toThrow('-i, --queueId expects a whole number of at least -5, got "x"');
    expect(() => read('-i', '-6')).toThrow('-i, --queueId expects a whole number of at least -5, got "-6"');
    expect(() => read('-o', 'yes')).toThrow('-o, --order expects true or false, got "yes"');
    expect(() => read('--timeout', 'soon')).toThrow('--timeout expects a time such as 10s or 500ms, got "soon"');
  });

  it('read times', () => {
    for (const [text, ms] of [
      ['2', 2000],
      ['0.5', 500],
      ['10s', 10_000],
      ['250ms', 250],
      ['2m', 120_000],
    ] as const) {
      expect(read('--timeout', text)).toMatchObject({ timeout: ms });
    }
  });

  it('come from the environment where the option is absent', () => {
    const values = (argv: string[]): { namesrvAddr: string | undefined } =>
      readValues(table, parseOptions(argv, table).values, { NAMESRV_ADDR: 'env:1' });
    expect(values([]).namesrvAddr).toBe('env:1');
    expect(values(['-n', 'arg:1']).namesrvAddr).toBe('arg:1');
  });

  it('may be left out where they are optional', () => {
    expect(parse('--report')).toEqual({ report: '' });
    expect(parse('--report', '-l')).toEqual({ report: '', list: 'true' });
    expect(parse('--report', 'file.json')).toEqual({ report: 'file.json' });
  });
});

it('never fails but with a usage error, whatever the words', () => {
  const word = fc.oneof(
    fc.string(),
    fc.stringMatching(/^-{0,3}[a-z=]{0,6}$/),
    fc.constantFrom('-t', '--topic', '-p=1', '--', '-', '-=', '--='),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
      try {
        parseOptions(argv, table);
      } catch (error) {
        expect((error as Error).name).toMatch(/^(UsageError|HelpRequested)$/);
      }
    }),
    { seed: Number(process.env.MQKIT_SEED ?? 1) },
  );
});
