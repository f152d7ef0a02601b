import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newScan, scanProperties } from '../../../broker/processors/property-scan.js';
import { IncomingBatch } from '../../../broker/store/incoming-batch.js';
import { forEachKeyHash } from '../../../broker/store/index-keys.js';
import { PutBatch } from '../../../broker/store/put-batch.js';
import { stringHashCode } from '../../../src/common/java.js';
import { encodeBatch } from '../../../src/common/message/batch.js';

const NAMES = [
  'TAGS',
  'KEYS',
  'UNIQ_KEY',
  'WAIT',
  'DELAY',
  'TRAN_MSG',
  'TIMER_DELAY_SEC',
  'INNER_NUM',
  'INNER_MULTI_DISPATCH',
  'own',
  'UNIQ',
];
const value = fc.oneof(
  fc.constantFrom('', 'a', 'true', '3', 'k1 k2  k3', ' ', 'AC11000112340000000000000000FFFF', 'schlüssel größe', '鍵 二'),
  fc.string({ maxLength: 12 }).map((text) => text.replaceAll('\u0001', '.').replaceAll('\u0002', '.')),
);
const text = fc
  .tuple(fc.array(fc.tuple(fc.constantFrom(...NAMES), value), { maxLength: 6 }), fc.boolean())
  .map(([pairs, ends]) => pairs.map(([name, its]) => `${name}\u0001${its}`).join('\u0002') + (ends && pairs.length > 0 ? '\u0002' : ''));

test('tags, keys and refusals read from the bytes of a batch are those of each text', () => {
  const batch = new IncomingBatch();
  const puts = new PutBatch();
  const scan = newScan();
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), fc.string({ maxLength: 5 }), (texts, topic) => {
      const prefix = stringHashCode(`${topic}#`);
      const body = encodeBatch(texts.map((properties) => ({ flag: 0, body: Buffer.from('x'), properties })));
      batch.read(body);
      puts.begin();
      const expected: number[] = [];
      for (const [i, properties] of texts.entries()) {
        scanProperties(properties, scan);
        expect([properties, batch.tagsCodes[i]]).toEqual([properties, scan.tagsCode]);
        const isRefused = scan.delayLevel !== 0 || scan.isTransaction || scan.hasTimer || scan.hasInnerBatch || scan.hasMultiDispatch;
        if (isRefused) expect([properties, batch.isUnusual[i]]).toEqual([properties, true]);
        batch.addKeyHashes(body, i, prefix, puts);
        puts.endMessage(100, 0);
        forEachKeyHash(prefix, properties, (hash) => expected.push(hash));
        expect([properties, puts.keyEnds[i]]).toEqual([properties, expected.length]);
      }
      expect(puts.keyHashes.slice(0, expected.length)).toEqual(expected);
    }),
    { numRuns: 2000 },
  );
});
