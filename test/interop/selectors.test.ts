import { expect, it } from 'vitest';
import { bloomBits } from '../../broker/filter/bloom-filter.js';
import { compileSelector, type Selector } from '../../broker/filter/selector.js';
import { seededRandom } from '../../src/common/clock.js';
import { type SelectorCase, SelectorGenerator } from '../broker/filter/selector-generator.js';
import { matchesStored, propertiesText, stored } from '../broker/filter/stored-record.js';
import { type ClientDriver, javaClient } from '../peers/index.js';
import { interop } from './support.js';

const COUNT = Number(process.env.MQKIT_SELECTORS ?? 50_000);
const BATCH = 2_000;

function ours({ selector, messages }: SelectorCase): boolean[] | null {
  let compiled: Selector;
  try {
    compiled = compileSelector(selector);
  } catch {
    return null;
  }
  return messages.map((message) => matchesStored(compiled, stored(propertiesText(message))));
}

interop("SQL92 selectors beside Apache's filter", 'java', () => {
  let java: ClientDriver;

  it(`${COUNT} generated selectors compile and match alike`, { timeout: 300_000 }, async () => {
    const seed = Number(process.env.MQKIT_SEED);
    const generator = new SelectorGenerator(seededRandom(seed));
    java = await javaClient('5.3.3');
    try {
      let compiled = 0;
      for (let done = 0; done < COUNT; done += BATCH) {
        const cases = Array.from({ length: Math.min(BATCH, COUNT - done) }, () => generator.next());
        const theirs = (await java.call('selectors.evaluate', { cases })) as (boolean[] | null)[];
        for (const [index, one] of cases.entries()) {
          const answer = ours(one);
          if (answer !== null) compiled++;
          if (JSON.stringify(answer) === JSON.stringify(theirs[index])) continue;
          expect({ ...one, answer }, `seed ${seed}, selector ${done + index}: ${JSON.stringify(one.selector)}`).toEqual({
            ...one,
            answer: theirs[index],
          });
        }
      }
      // Neither nearly all nor nearly none: the generator tries both.
      expect(compiled / COUNT).toBeGreaterThan(0.2);
      expect(compiled / COUNT).toBeLessThan(0.9);
      for (const text of ['g1#TopicA', '', 'a', '中文#主题', 'a much longer group name#and a topic that fills more than one block']) {
        expect(bloomBits(text, { errorRatePercent: 20, expectedCount: 32 })).toEqual(
          await java.call('selectors.bits', { text, f: 20, n: 32 }),
        );
      }
    } finally {
      await java.close();
    }
  });
});
