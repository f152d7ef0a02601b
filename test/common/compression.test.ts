import { createRequire } from 'node:module';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { lz4FrameSize } from '../../src/common/compression/lz4-frame.js';
import {
  type CompressionTypeName,
  compressBody,
  compressionSysFlag,
  decompressBody,
  loadCompression,
  parseCompressionType,
} from '../../src/common/compression.js';

const MAGIC: Record<CompressionTypeName, string> = { LZ4: '04224d18', ZSTD: '28b52ffd', ZLIB: '785e' };
const TYPES = Object.keys(MAGIC) as CompressionTypeName[];

beforeAll(async () => {
  for (const type of TYPES) await loadCompression(type);
});

describe.each(TYPES)('%s', (type) => {
  const sysFlag = compressionSysFlag(type);

  it('gives a frame of the form that Java clients write, and the body back', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 2000 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 9 }),
        (piece, times, level) => {
          const body = Buffer.concat(Array.from({ length: times }, () => piece));
          const compressed = compressBody(body, type, level);
          if (type !== 'ZLIB' || level === 5) expect(compressed.subarray(0, MAGIC[type].length / 2).toString('hex')).toBe(MAGIC[type]);
          expect(decompressBody(compressed, sysFlag).equals(body)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('inflates a body of 4 MiB', () => {
    const body = Buffer.alloc(4 * 1024 * 1024);
    for (let i = 0; i < body.length; i++) body[i] = (i * i) >> 9;
    expect(decompressBody(compressBody(body, type), sysFlag).equals(body)).toBe(true);
  });

  it('refuses to inflate a body beyond the limit, and takes one at it', () => {
    const bomb = compressBody(Buffer.alloc(1_000_000), type);
    expect(bomb.length).toBeLessThan(6000);
    expect(() => decompressBody(bomb, sysFlag, 999_999)).toThrow(/cannot be inflated to at most 999999 bytes/);
    expect(decompressBody(bomb, sysFlag, 1_000_000)).toHaveLength(1_000_000);
  });

  it('refuses what is cut off or changed, or gives something no larger than the limit', () => {
    const good = compressBody(Buffer.from('some text, some more text, and some text again '.repeat(50)), type);
    for (let cut = 0; cut < good.length; cut++) {
      expect(() => decompressBody(good.subarray(0, cut), sysFlag), `cut at ${cut}`).toThrow(/cannot be inflated/);
    }
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bad = Buffer.from(good);
        bad[at] = bad[at]! ^ change;
        try {
          expect(decompressBody(bad, sysFlag, 10_000).length).toBeLessThanOrEqual(10_000);
        } catch (error) {
          expect(String(error)).toMatch(/cannot be inflated/);
        }
      }),
      { numRuns: 500 },
    );
  });
});

it('an unknown type is named', () => {
  expect(() => decompressBody(Buffer.from('x'), 0x401)).toThrow('compression type 4 (sysFlag 1025) is none of 0 and 3 ZLIB, 1 LZ4, 2 ZSTD');
  expect(parseCompressionType(' lz4 ')).toBe('LZ4');
  expect(() => parseCompressionType('SNAPPY')).toThrow('SNAPPY is not a compression type');
});

describe('a small body that announces much', () => {
  it('of ZSTD is refused before anything is allocated', () => {
    // Content size 2^62, and a window of 1.9 GiB.
    const content = Buffer.from('28b52ffde00000000000000040', 'hex');
    const window = Buffer.from('28b52ffd00afff0000000000000000', 'hex');
    for (const bomb of [content, window]) {
      expect(() => decompressBody(bomb, 0x201)).toThrow(/cannot be inflated/);
    }
  });

  it('of ZSTD without a size is refused as soon as it is too large', () => {
    // Blocks of one byte repeated 131072 times.
    const block = Buffer.from([((131_072 << 3) | 2) & 255, ((131_072 << 3) >> 8) & 255, (131_072 << 3) >> 16, 0]);
    const frame = Buffer.concat([Buffer.from('28b52ffd0060', 'hex'), ...Array.from({ length: 2000 }, () => block)]);
    expect(() => decompressBody(frame, 0x201, 1_000_000)).toThrow(/cannot be inflated to at most 1000000 bytes/);
  });

  it('of LZ4 is measured without inflating it', () => {
    const lz4 = createRequire(import.meta.url)('lz4-napi') as { compressFrameSync(data: Buffer): Buffer };
    const frame = lz4.compressFrameSync(Buffer.alloc(30_000_000));
    expect(lz4FrameSize(frame, 64 * 1024 * 1024)).toBe(30_000_000);
    expect(lz4FrameSize(frame, 1_000_000)).toBe(Number.POSITIVE_INFINITY);
    expect(lz4FrameSize(Buffer.from('garbage, not a frame'), 100)).toBe(-1);
  });
});
