import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OffsetSet } from '../../../broker/transaction/offset-set.js';
import { OpProgress } from '../../../broker/transaction/op-progress.js';

const seed = Number(process.env.MQKIT_SEED ?? 1);

describe('a set of offsets', () => {
  it('holds what a plain set holds', () => {
    const offset = fc.oneof(fc.nat(200), fc.integer({ min: 65_500, max: 65_600 }), fc.integer({ min: 2 ** 40, max: 2 ** 40 + 100 }));
    const step = fc.tuple(fc.constantFrom('add', 'delete', 'has', 'next', 'drop'), offset);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const set = new OffsetSet(1000);
        const plain = new Set<number>();
        for (const [what, at] of steps) {
          if (what === 'add') {
            expect(set.add(at)).toBe(true);
            plain.add(at);
          } else if (what === 'delete') {
            set.delete(at);
            plain.delete(at);
          } else if (what === 'has') {
            expect(set.has(at)).toBe(plain.has(at));
          } else if (what === 'next') {
            let expected = at;
            while (expected < at + 300 && plain.has(expected)) expected++;
            expect(set.nextAbsent(at, at + 300)).toBe(expected);
          } else {
            set.dropBelow(at);
            // Whole pages only: what lies in the page of `at` stays.
            const pageStart = Math.floor(at / 65_536) * 65_536;
            for (const offset of plain) if (offset < pageStart) plain.delete(offset);
          }
        }
      }),
      { seed },
    );
  });

  it('finds the first absent offset behind a full page, and the end when there is none', () => {
    const set = new OffsetSet(4);
    for (let offset = 10; offset < 140_000; offset++) set.add(offset);
    expect(set.nextAbsent(10, 1_000_000)).toBe(140_000);
    expect(set.nextAbsent(10, 100_000)).toBe(100_000);
    expect(set.nextAbsent(9, 100)).toBe(9);
  });

  it('refuses more pages than it may have, and takes others after some were dropped', () => {
    const set = new OffsetSet(2);
    expect([set.add(0), set.add(65_536), set.add(131_072)]).toEqual([true, true, false]);
    expect(set.has(131_072)).toBe(false);
    set.dropBelow(65_536);
    expect(set.add(131_072)).toBe(true);
    expect(set.pageCount).toBe(2);
  });
});

describe('the progress of the op queue', () => {
  it('moves over op messages whose half messages are all dealt with, in order', () => {
    const ops = new OpProgress(5, 100);
    ops.add(6, 10);
    ops.add(7, 30);
    ops.add(8, 20);
    ops.advance(10);
    expect(ops.offset).toBe(5);
    ops.advance(11);
    expect(ops.offset).toBe(6);
    ops.advance(21);
    expect(ops.offset).toBe(6);
    ops.advance(31);
    expect(ops.offset).toBe(8);
  });

  it('remembers neighbours together beyond its bound', () => {
    const ops = new OpProgress(0, 2);
    for (let i = 0; i < 100; i++) ops.add(i + 1, i);
    ops.advance(1);
    expect(ops.offset).toBe(1);
    ops.advance(99);
    expect(ops.offset).toBe(1);
    ops.advance(100);
    expect(ops.offset).toBe(100);
  });
});
