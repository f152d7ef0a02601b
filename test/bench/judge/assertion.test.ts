import { describe, expect, it } from 'vitest';
import { parseAssertion } from '../../../src/bench/judge/assertion.js';
import { checkPath } from '../../../src/bench/judge/schema-paths.js';
import { judge } from '../../../src/bench/judge/verdict.js';
import { UsageError } from '../../../src/common/errors.js';

const result = {
  kind: 'producer',
  send: {
    rate: 48_000,
    errors: 2,
    errorsByCode: { FLUSH_DISK_TIMEOUT: 2 },
    bytesPerSecond: 6_144_000,
    seconds: 10,
    latencyMs: { p50: 1, p99: 23.4 },
  },
  runs: [{ send: { errors: 0 } }, { send: { errors: 3 } }, { send: { errors: 1 } }],
};

function verdict(expression: string, of: object = result): { passed: boolean; actual: number | null; reason?: string } {
  const [first] = judge(of, [parseAssertion(expression)]);
  if (first === undefined) throw new Error('no verdict');
  return first;
}

describe('an assertion', () => {
  it.each([
    ['send.rate>=48000', true],
    ['send.rate>48000', false],
    ['send.rate >= 48k', true],
    ['send.rate<0.05M', true],
    ['send.errors==2', true],
    ['send.errors!=2', false],
    ['send.errors==0', false],
    ['send.latencyMs.p99<=23.4', true],
    ['send.latencyMs.p99<20ms', false],
    ['send.latencyMs.p99<0.1s', true],
    ['send.latencyMs.p50>=1000us', true],
    ['send.seconds==10000ms', true],
    ['send.bytesPerSecond>6MB', true],
    ['send.bytesPerSecond>6MiB', false],
    ['send.errorsByCode.FLUSH_DISK_TIMEOUT<=2', true],
    ['send.rate>-1e3', true],
  ])('%s holds: %s', (expression, passed) => {
    expect(verdict(expression).passed).toBe(passed);
  });

  it('that fails says by how much', () => {
    expect(verdict('send.latencyMs.p99<20').reason).toBe('was 23.4 ms, 3.4 ms (17 %) above 20 ms');
    expect(verdict('send.rate>=50k').reason).toBe('was 48000, 2000 (4 %) below 50000');
    expect(verdict('send.errors==0').reason).toBe('was 2, 2 above 0');
    expect(verdict('send.errors!=2').reason).toBe('was exactly 2');
  });

  it('of all elements fails for one, and shows the worst', () => {
    expect(verdict('runs.*.send.errors==0')).toMatchObject({ passed: false, actual: 3, reason: 'was 3, 3 above 0 (2 of 3 fail)' });
    expect(verdict('runs.*.send.errors<4')).toMatchObject({ passed: true, actual: 0 });
    expect(verdict('runs.0.send.errors==0').passed).toBe(true);
    expect(verdict('runs.*.send.count>0')).toMatchObject({ passed: false, actual: null });
  });

  it('about a number that the result does not have fails and names near ones', () => {
    expect(verdict('send.latencyMs.p98<20')).toMatchObject({ passed: false, actual: null });
    expect(verdict('send.latencyMs.p98<20').reason).toMatch(/^the result has no number send\.latencyMs\.p98; near: send\.latencyMs\.p99/);
    expect(verdict('latencyMs.p99<20').reason).toContain('near: send.latencyMs.p99');
    expect(verdict('kind==1').actual).toBeNull();
    expect(verdict('send<1').actual).toBeNull();
    expect(verdict('send.toString<1').actual).toBeNull();
  });

  it('never passes on a part of a run', () => {
    expect(verdict('send.errors<9', { ...result, interrupted: true })).toMatchObject({
      passed: false,
      actual: 2,
      reason: 'holds so far, but the run was interrupted',
    });
    expect(verdict('send.errors<9', { ...result, partial: true, failure: 'no answer' }).reason).toBe(
      'holds so far, but the run is partial: no answer',
    );
  });

  it.each([
    ['', /is no comparison/],
    ['send.rate', /is no comparison/],
    ['send.rate=5', /is no comparison/],
    ['send.rate<5<6', /is no comparison/],
    ['send.rate < ', /is no comparison/],
    ['send..rate<5', /has an empty name between its dots/],
    ['send.rate<many', /many is no number/],
    ['send.rate<1e999', /is no number/],
    ['send.rate<5ms', /send\.rate is a number, which has no unit ms/],
    ['send.latencyMs.p99<5k', /is a time in ms, which has no unit k/],
    ['send.bytesPerSecond<5k', /is a number of bytes, which has no unit k/],
  ])('written as "%s" is refused', (expression, message) => {
    expect(() => parseAssertion(expression)).toThrow(UsageError);
    expect(() => parseAssertion(expression)).toThrow(message);
  });

  it.each([
    'send.latencyMs.p99<1',
    'send.errorsByCode.TIMEOUT==0',
    'receive.endToEndMs.p99<5',
    'delivery.lost==0',
    'environment.broker.cpuSeconds<5',
    'comparison.metrics.0.p<0.05',
  ])('%s may be asked of a result', (expression) => expect(() => checkPath(parseAssertion(expression))).not.toThrow());

  it.each([
    'batches.rate>5',
    'config.rate==5',
    'runs.*.send.errors==0',
    'runs.3.send.rate>1',
    'send.series.*.rate>5',
    'seed==1',
    'send.*>0',
  ])('%s may be one of a kind or list', (expression) => expect(() => checkPath(parseAssertion(expression))).not.toThrow());

  it.each([
    ['rate>5', 'did you mean send.rate or'],
    ['latencyMs.p99<5', 'send.latencyMs.p99'],
    ['send.latencyMs.p98<5', 'send.latencyMs.p9'],
    ['send<5', ''],
    ['send.rate.p99<5', 'did you mean '],
    ['send.series.rate<5', ''],
    ['command==5', ''],
    ['environment.generator.cpuPercents<5', 'environment.generator.cpuPercent'],
  ])('%s is refused before the run', (expression, hint) => {
    const check = (): void => checkPath(parseAssertion(expression));
    expect(check).toThrow(UsageError);
    expect(check).toThrow(/no result has a number/);
    expect(check).toThrow(expect.objectContaining({ hint: expect.stringContaining(hint) }));
  });
});
