import { describe, expect, it } from 'vitest';
import { bloomBitCount, bloomBits } from '../../../broker/filter/bloom-filter.js';
import { compileSelector, SelectorError } from '../../../broker/filter/selector.js';

const matches = (selector: string, properties: Record<string, string> = {}): boolean =>
  compileSelector(selector).matches((name) => properties[name] ?? null);

describe('a selector', () => {
  it.each<[string, Record<string, string>, boolean]>([
    ['a > 5', { a: '6' }, true],
    ['a > 5', { a: '6.0' }, false],
    ['a > 5', { a: 'x' }, false],
    ['NOT (a > 5)', { a: 'x' }, false],
    ['a > 5', {}, false],
    ['NOT (a > 5)', {}, false],
    ['a > 5.0', { a: '6' }, true],
    ["a = '5'", { a: '5' }, true],
    ['a > b', { a: '10', b: '9' }, true],
    ['a > b', { a: '10', b: 'x' }, false],
    ['a BETWEEN 1 AND 5', { a: '5' }, true],
    ['a NOT BETWEEN 1 AND 5', { a: '6' }, true],
    ["a IN ('x', 'it''s')", { a: "it's" }, true],
    ["a NOT IN ('x')", {}, false],
    ['a = TRUE', { a: 'TRUE' }, true],
    ['a = FALSE', { a: 'zzz' }, true],
    ['TRUE = a', { a: 'false' }, false],
    ['a', { a: 'true' }, false],
    ['NOT a', { a: 'true' }, true],
    ['NOT a', {}, false],
    ['NULL', {}, false],
    ["a <> 'x'", {}, false],
    ['a IS NULL', {}, true],
    ['a IS NOT NULL', { a: '' }, true],
    ['a = b', {}, true],
    ["a NOT CONTAINS 'b'", {}, false],
    ["a NOT CONTAINS ''", { a: 'x' }, false],
    ["a STARTSWITH 'ab' AND a endswith 'bc'", { a: 'abc' }, true],
    ['a > 9223372036854775806', { a: '9223372036854775807' }, true],
    ['a = 1 or b = 1', { b: '1' }, true],
    ['a = 1 AND b = 1', { b: '1' }, false],
    ['a > -5', { a: '-4' }, true],
  ])('%s of %o is %s', (selector, properties, expected) => {
    expect(matches(selector, properties)).toBe(expected);
  });

  it.each(['a > 5 xyz', 'a > 5 )', 'a > 5 + 1', 'a > 5 -- end'])('%s ends where it cannot go on', (selector) => {
    expect(matches(selector, { a: '6' })).toBe(true);
  });

  it.each([
    ['a >', /value or property is missing at column 4/],
    ['a > 5 #', /no token of the language at column 7/],
    ["a > 'x'", /only numbers and properties/],
    ['a = NULL', /use IS NULL/],
    ['a BETWEEN 5 AND 1', /wrong order/],
    ["a BETWEEN '1' AND '5'", /only numbers and properties/],
    ['a IN (1)', /text in single quotes is missing/],
    ['a IN ()', /text in single quotes is missing/],
    ["'x' IN ('x')", /only a property/],
    ['1', /where a condition is needed/],
    ['TRUE = 1', /boolean cannot be compared/],
    ['a > 0.0', /out of the range/],
    ['a > 9223372036854775808', /no 64-bit integer/],
    ['', /value or property|Expected/],
    ['NOT a > 5', /only numbers and properties/],
  ])('%s does not compile', (selector, message) => {
    expect(() => compileSelector(selector)).toThrow(SelectorError);
    expect(() => compileSelector(selector)).toThrow(message);
  });

  it('has limits of length and depth', () => {
    expect(() => compileSelector('('.repeat(30_000))).toThrow(/nested too deep|value or property/);
    expect(() => compileSelector('a'.repeat(70_000))).toThrow(/65536 are allowed/);
  });

  it('names the properties it reads', () => {
    expect(compileSelector('a > 1 AND (b = a OR TAGS IS NULL)').properties).toEqual(['a', 'b', 'TAGS']);
  });
});

describe('the bloom filter', () => {
  it("has the size and bits of Apache's", () => {
    const size = { errorRatePercent: 20, expectedCount: 32 };
    expect(bloomBitCount(size)).toBe(112);
    expect(bloomBits('g1#TopicA', size)).toEqual([19, 13, 46]);
  });
});
