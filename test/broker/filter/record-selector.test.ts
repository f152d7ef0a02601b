import { describe, expect, it } from 'vitest';
import { compileSelector, type Selector } from '../../../broker/filter/selector.js';
import { seededRandom } from '../../../src/common/clock.js';
import { SelectorGenerator } from './selector-generator.js';
import { matchesStored, propertiesText, stored } from './stored-record.js';

describe('a selector over a stored record', () => {
  it('decides as it does over texts', () => {
    const seed = Number(process.env.MQKIT_SEED);
    const generator = new SelectorGenerator(seededRandom(seed));
    let compared = 0;
    while (compared < 5000) {
      const { selector, messages } = generator.next();
      let compiled: Selector;
      try {
        compiled = compileSelector(selector);
      } catch {
        continue;
      }
      for (const message of messages) {
        compared++;
        const inRecord = matchesStored(compiled, stored(propertiesText(message), compared % 2 === 0 ? 1 : 2));
        const overTexts = compiled.matches((name) => message[name] ?? null);
        expect(inRecord, `seed ${seed}: ${selector} of ${JSON.stringify(message)}`).toBe(overTexts);
      }
    }
  });

  it.each<[string, string, boolean]>([
    ['a = 5', 'a\u00014\u0002a\u00015\u0002', true],
    ['a = 4', 'a\u00014\u0002a\u00015\u0002', false],
    ['a = 5', 'a\u00015', true],
    ['a = 5', 'ba\u00015\u0002ab\u00015\u0002', false],
    ['b = 5', 'a\u0002b\u00015\u0002', true],
    ["b = 'x\u0001y'", 'b\u0001x\u0001y\u0002', true],
    ['a IS NULL', 'a\u0002', true],
    ['a IS NULL', '', true],
    ['a IS NOT NULL', 'a\u0001\u0002', true],
    ["a = ''", 'a\u0001\u0002', true],
    ["a = '中'", 'a\u0001中\u0002', true],
    ["a IN ('x', '中')", 'a\u0001中\u0002', true],
    ["a NOT IN ('x', '中')", 'a\u0001y\u0002', true],
    ['a > 1700000000000', 'a\u00011700000000001\u0002', true],
    ['a > 9007199254740993', 'a\u00019007199254740994\u0002', true],
    ['a > 9007199254740993', 'a\u00019007199254740993\u0002', false],
    ['a = 0.3', 'a\u00010.3\u0002', true],
    ['a > 0.1', 'a\u0001.10000000000001\u0002', true],
    ['a < 5', 'a\u0001-\u0002', false],
    ['5 < a', 'a\u00016\u0002', true],
    ['5 >= a', 'a\u00015\u0002', true],
    ['5 = a', '', false],
    ['NOT (5 = a)', '', true],
    ['NOT (a = 5)', '', false],
    ['a < -5', 'a\u0001-6\u0002', true],
    ['a < 5 OR TRUE', 'a\u00012147483648\u0002', false],
  ])('%s of %j is %s', (selector, properties, expected) => {
    expect(matchesStored(compileSelector(selector), stored(properties))).toBe(expected);
  });

  it('reads bytes that are no UTF-8 as the replacement character', () => {
    const record = stored(Buffer.from([0x61, 1, 0xff, 2]));
    expect(matchesStored(compileSelector("a = '\ufffd'"), record)).toBe(true);
    expect(matchesStored(compileSelector("a IN ('\ufffd')"), record)).toBe(true);
  });

  it('finds no properties where the lengths of a damaged record lead out of it', () => {
    const selector = compileSelector('a = 5');
    const record = stored('a\u00015\u0002');
    expect(matchesStored(selector, record)).toBe(true);
    const topicAt = record.indexOf('Orders') - 1;
    for (const length of [7, 20, 127, 255]) {
      record[topicAt] = length;
      expect(matchesStored(selector, record)).toBe(false);
    }
    record[topicAt] = 6;
    record.writeInt16BE(0x7fff, topicAt + 7);
    expect(matchesStored(selector, record)).toBe(true);
  });
});
