import { describe, expect, it } from 'vitest';
import { cut, dateTime, dateTimeMs, format } from '../../src/cli/format.js';
import { toJson } from '../../src/cli/output.js';
import { readTime } from '../../src/cli/read-time.js';
import { reportError } from '../../src/cli/report.js';
import { detectTerminal } from '../../src/cli/terminal.js';
import {
  BrokerError,
  ConfigError,
  ConnectError,
  DeniedError,
  NotFoundError,
  PartialError,
  ProtocolError,
  StoreError,
  TimeoutError,
  UsageError,
} from '../../src/common/errors.js';
import { suggest } from '../../src/common/suggest.js';

describe('column formats', () => {
  it('pad, cut nothing, and know decimals', () => {
    expect(format('%-4s|%4d|%6.2f|%04d|%s|%%', 'ab', 7, 1.005, 3, true)).toBe('ab  |   7|  1.00|0003|true|%');
    expect(format('%-2s', 'long')).toBe('long');
    expect(format('%d', 9223372036854775807n)).toBe('9223372036854775807');
  });

  it('refuse to print fewer values than fields', () => {
    expect(() => format('%s %s', 'one')).toThrow(RangeError);
  });

  it('cut names', () => {
    expect(cut('abcdef', 3)).toBe('abc');
    expect(cut('ab', 3)).toBe('ab');
  });

  it('write local times', () => {
    const ms = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();
    expect(dateTime(ms)).toBe('2026-01-02 03:04:05');
    expect(dateTimeMs(ms)).toBe('2026-01-02 03:04:05,006');
  });
});

describe('times of options', () => {
  it('are milliseconds or a date', () => {
    expect(readTime('1795233692100', '-s')).toBe(1795233692100);
    expect(readTime('-1', '-s')).toBe(-1);
    expect(readTime('2026-01-02#03:04:05:006', '-s')).toBe(new Date(2026, 0, 2, 3, 4, 5, 6).getTime());
  });

  it.each([
    ['2026-01-02T03:04:05Z', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02T03:04:05.6+08:00', Date.UTC(2026, 0, 1, 19, 4, 5, 600)],
    ['2026-01-02 03:04-0130', Date.UTC(2026, 0, 2, 4, 34)],
    ['2026-01-02', new Date(2026, 0, 2).getTime()],
  ])('are ISO 8601 with a zone, or in the local one: %s', (text, ms) => {
    expect(readTime(text, '-s')).toBe(ms);
  });

  it.each([
    'garbage',
    '2026-13-01#00:00:00:000',
    '2026-02-30#00:00:00:000',
    '2026-01-01#24:00:00:000',
    '2026-01-01T',
    '2026-02-30T00:00:00Z',
    '2026-01-01T00:00:00+1',
    '',
  ])('are not %j', (text) => {
    expect(() => readTime(text, '-s')).toThrow(UsageError);
  });
});

describe('JSON', () => {
  it('has longs as digits, maps as objects and bodies as base64', () => {
    const value = { long: 9223372036854775807n, map: new Map([[0, 'a']]), body: Buffer.from('hi'), none: undefined };
    expect(toJson(value, 0)).toBe('{"long":9223372036854775807,"map":{"0":"a"},"body":"aGk="}');
  });

  it('leaves texts alone that look like a marked long', () => {
    const value = { text: 'bigint:0:0', long: 5n };
    expect(JSON.parse(toJson(value))).toEqual({ text: 'bigint:0:0', long: 5 });
  });
});

describe('errors', () => {
  const plain = { json: false, debug: false };

  it.each([
    [new UsageError('x'), 2],
    [new ConfigError('x'), 2],
    [new ConnectError('x'), 3],
    [new TimeoutError('x'), 3],
    [new NotFoundError('x'), 4],
    [new DeniedError('x'), 5],
    [new PartialError('x'), 6],
    [new BrokerError('x', { responseCode: 1 }), 1],
    [new ProtocolError('x'), 1],
    [new StoreError('x'), 1],
    [new Error('x'), 1],
  ])('%s ends with its code', (error, exitCode) => {
    expect(reportError(error, plain).exitCode).toBe(exitCode);
    expect(JSON.parse(reportError(error, { json: true, debug: false }).text).error.exitCode).toBe(exitCode);
  });

  it('are one line, whatever a broker said', () => {
    const report = reportError(new BrokerError('first\n  second\r\nthird', { responseCode: 1 }), plain);
    expect(report.text).toBe('first second third');
  });

  it('say what to do behind what was wrong', () => {
    expect(reportError(new NotFoundError('no topic T', { hint: 'create it' }), plain).text).toBe('no topic T; create it');
    expect(reportError(new UsageError('No such thing.', { hint: 'look there' }), plain).text).toBe('No such thing. look there');
  });

  it('carry no result and no stack into the line', () => {
    const error = new PartialError('half', { context: { done: ['a'], result: { big: 'x' } } });
    expect(JSON.parse(reportError(error, { json: true, debug: false }).text).error.context).toEqual({ done: ['a'] });
    expect(reportError(error, plain).text).toBe('half');
  });

  it('show stack and causes with --debug', () => {
    const text = reportError(new ConnectError('no', { cause: new Error('ECONNREFUSED') }), { json: false, debug: true }).text;
    expect(text).toContain('output.test.ts');
    expect(text).toContain('Caused by: Error: ECONNREFUSED');
  });

  it('are coloured only when the terminal is', () => {
    expect(reportError(new UsageError('x'), { ...plain, colour: true }).text).toBe('\u001b[31mx\u001b[39m');
    expect(reportError(new UsageError('x'), plain).text).toBe('x');
  });
});

describe('the terminal', () => {
  const streams = (stdin: boolean, stderr: boolean): Parameters<typeof detectTerminal>[1] =>
    ({ stdin: { isTTY: stdin }, stderr: { isTTY: stderr } }) as Parameters<typeof detectTerminal>[1];

  it.each([
    [{}, true, true, { colour: true, asks: true, animates: true }],
    [{}, false, true, { colour: true, asks: false, animates: true }],
    [{}, true, false, { colour: false, asks: false, animates: false }],
    [{ CI: 'true' }, true, true, { colour: false, asks: false, animates: false }],
    [{ NO_COLOR: '1' }, true, true, { colour: false, asks: true, animates: true }],
    [{ NO_COLOR: '' }, true, true, { colour: true, asks: true, animates: true }],
    [{ FORCE_COLOR: '1' }, false, false, { colour: true, asks: false, animates: false }],
    [{ FORCE_COLOR: '0' }, true, true, { colour: false, asks: true, animates: true }],
    [{ TERM: 'dumb' }, true, true, { colour: false, asks: true, animates: false }],
  ] as const)('with %j, stdin %s and stderr %s', (env, stdin, stderr, expected) => {
    expect(detectTerminal(env, streams(stdin, stderr))).toEqual(expected);
  });
});

describe('suggestions', () => {
  const names = ['topicList', 'topicRoute', 'topicStatus', 'clusterList'];

  it('are near names, nearest first', () => {
    expect(suggest('topiclits', names)).toEqual(['topicList']);
    expect(suggest('topcRoute', names)).toEqual(['topicRoute']);
    expect(suggest('xxxxxxxxx', names)).toEqual([]);
  });

  it('with all the words of what was typed come first', () => {
    const keys = ['endTransactionThreadPoolNums', 'heartbeatThreadPoolNums', 'sendMessageThreadPoolNums', 'ackMessageThreadPoolNums'];
    expect(suggest('sendThreadPoolNums', keys)[0]).toBe('sendMessageThreadPoolNums');
    expect(suggest('topicsStatus', names)[0]).toBe('topicStatus');
  });
});
