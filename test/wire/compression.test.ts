import { expect, it } from 'vitest';
import { compressionTypeOf, decompressBody } from '../../src/common/compression.js';
import { bodyOf, readRecording } from './vectors.js';

it('bodies that a Java producer compressed by each type inflate to what it sent', () => {
  const sends = readRecording('producer-compress-json')
    .filter((frame) => frame.kind === 'request' && frame.codeName === 'SEND_MESSAGE_V2')
    .map((frame) => {
      const { f } = (frame.decoded as { extFields: Record<string, string> }).extFields;
      return { sysFlag: Number(f), body: bodyOf(frame) ?? Buffer.alloc(0) };
    })
    .filter(({ sysFlag }) => (sysFlag & 1) !== 0);
  expect(sends.map(({ sysFlag }) => compressionTypeOf(sysFlag)).toSorted()).toEqual(['LZ4', 'ZLIB', 'ZSTD']);
  const inflated = sends.map(({ sysFlag, body }) => decompressBody(body, sysFlag).toString('latin1'));
  for (const text of inflated) expect(text.length).toBeGreaterThanOrEqual(4096);
  expect(new Set(inflated.map((text) => text.length)).size).toBe(1);
});
