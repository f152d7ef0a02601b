import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compressBody, compressionSysFlag, compressionTypeOf, decompressBody } from '../../src/common/compression.js';
import { decodeBatch, encodeBatch } from '../../src/common/message/batch.js';
import { messageProperties, toMessageExt } from '../../src/common/message/message.js';
import { decodeOffsetMsgId, decodeUniqKey, encodeOffsetMsgId, UniqKeyGenerator } from '../../src/common/message/message-id.js';
import {
  appendProperty,
  decodeProperties,
  encodeProperties,
  getProperty,
  removeProperty,
  withFinalSeparator,
} from '../../src/common/message/properties.js';
import {
  bodyLengthPos,
  decodeRecord,
  encodeRecordBuffer,
  type RecordFields,
  recordVersionFor,
  storeTimestampPos,
} from '../../src/common/message/record.js';

const ip = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map((bytes) => Buffer.from(bytes));
const host = fc.record({ ip, port: fc.nat(65_535) });
const int32 = fc.integer();
const offset = fc.nat({ max: Number.MAX_SAFE_INTEGER });

const recordFields: fc.Arbitrary<RecordFields> = fc.record({
  magicVersion: fc.constantFrom(1 as const, 2 as const),
  queueId: int32,
  flag: int32,
  queueOffset: offset,
  commitLogOffset: offset,
  sysFlag: fc.nat(0x7ff),
  bornTimestamp: offset,
  bornHost: host,
  storeTimestamp: offset,
  storeHost: host,
  reconsumeTimes: int32,
  preparedTransactionOffset: offset,
  body: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  topic: fc.string({ unit: 'grapheme', maxLength: 30 }),
  properties: fc.string({ unit: 'grapheme', maxLength: 200 }),
});

describe('message records', () => {
  it('survive encoding and decoding', () => {
    fc.assert(
      fc.property(recordFields, (fields) => {
        fc.pre(Buffer.byteLength(fields.topic) <= 127);
        const bytes = encodeRecordBuffer(fields);
        const record = decodeRecord(bytes, 0, { checkCrc: true });
        expect(record.totalSize).toBe(bytes.length);
        const { totalSize: _, bodyCrc: __, sysFlag, ...rest } = record;
        const { sysFlag: given, ...expected } = fields;
        expect(rest).toEqual(expected);
        expect(sysFlag & ~0x30).toBe(given & ~0x30);
        expect((sysFlag & 0x10) !== 0).toBe(fields.bornHost.ip.length === 16);
        expect((sysFlag & 0x20) !== 0).toBe(fields.storeHost.ip.length === 16);
        expect(bytes.readBigInt64BE(storeTimestampPos(sysFlag))).toBe(BigInt(fields.storeTimestamp));
        expect(bytes.readInt32BE(bodyLengthPos(sysFlag))).toBe(fields.body.length);
      }),
    );
  });

  it('of random bytes are refused, not read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 300 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        buffer.writeUInt32BE(0xdaa320a7, 4);
        try {
          const record = decodeRecord(buffer, 0);
          expect(record.totalSize).toBeLessThanOrEqual(buffer.length);
        } catch (error) {
          expect((error as Error).message).toMatch(/malformed message record at byte 0/);
        }
      }),
    );
  });

  it('with a changed body fail the CRC', () => {
    const fields = fc.sample(recordFields, { numRuns: 1, seed: 7 })[0]!;
    const bytes = encodeRecordBuffer({ ...fields, topic: 'T', body: Buffer.from('body') });
    const at = bytes.indexOf('body');
    bytes[at] = 0x42;
    expect(() => decodeRecord(bytes, 0, { checkCrc: true })).toThrow(/body CRC/);
    expect(decodeRecord(bytes, 0).body.toString()).toBe('Body');
  });

  it('are of version 2 only for topics beyond 127 characters', () => {
    expect(recordVersionFor('x'.repeat(127))).toBe(1);
    expect(recordVersionFor('x'.repeat(128))).toBe(2);
  });
});

describe('batches', () => {
  const message = fc.record({
    flag: int32,
    body: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    properties: fc.string({ unit: 'grapheme', maxLength: 50 }),
  });

  it('survive encoding and decoding', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        expect(decodeBatch(encodeBatch(messages))).toEqual(messages);
      }),
    );
  });

  it('are refused when cut anywhere but between messages', () => {
    const bytes = encodeBatch([
      { flag: 1, body: Buffer.from('a'), properties: 'k\u0001v\u0002' },
      { flag: 2, body: Buffer.from('bc'), properties: '' },
    ]);
    const first = bytes.readInt32BE(0);
    for (let cut = 1; cut < bytes.length; cut++) {
      if (cut !== first) {
        expect(() => decodeBatch(bytes.subarray(0, cut)), `cut at ${cut}`).toThrow(/malformed batch/);
      }
    }
  });
});

describe('properties', () => {
  it('are decoded as in Java: last 0x02 optional, empty names and values dropped, the last duplicate wins', () => {
    expect([...decodeProperties('a\u00011\u0002b\u0001\u0002\u0001x\u0002c\u00012\u0002a\u00013')]).toEqual([
      ['a', '3'],
      ['c', '2'],
    ]);
    expect(decodeProperties('').size).toBe(0);
  });

  const text = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
    .filter((value) => !value.includes('\u0001') && !value.includes('\u0002'));

  it('survive, and are found without decoding', () => {
    fc.assert(
      fc.property(fc.dictionary(text, text), (properties) => {
        const encoded = encodeProperties(properties);
        expect(Object.fromEntries(decodeProperties(encoded))).toEqual(properties);
        for (const [name, value] of Object.entries(properties)) {
          expect(getProperty(encoded, name)).toBe(value);
          expect(getProperty(removeProperty(encoded, name), name)).toBeUndefined();
        }
        expect(getProperty(encoded, 'no such\u0000name')).toBeUndefined();
      }),
    );
  });

  it('of one name are not taken for those of a longer one', () => {
    const encoded = encodeProperties([
      ['XKEYS', '1'],
      ['KEYSX', '2'],
      ['v', 'KEYS'],
    ]);
    expect(getProperty(encoded, 'KEYS')).toBeUndefined();
    expect(removeProperty(encoded, 'KEYS')).toBe(encoded);
  });

  it('are added behind a text that ends without 0x02', () => {
    expect(appendProperty('a\u00011', 'b', '2')).toBe('a\u00011\u0002b\u00012\u0002');
    expect(withFinalSeparator('')).toBe('');
  });
});

describe('message ids', () => {
  it('name host and offset: the example of the reference', () => {
    const id = '7F000001000078BF0000000000039093';
    expect(encodeOffsetMsgId({ ip: Buffer.from([127, 0, 0, 1]), port: 30911 }, 0x39093)).toBe(id);
    expect(decodeOffsetMsgId(id)).toEqual({ host: { ip: Buffer.from([127, 0, 0, 1]), port: 30911 }, commitLogOffset: 0x39093 });
  });

  it('survive for every host and offset', () => {
    fc.assert(
      fc.property(host, offset, (address, commitLogOffset) => {
        expect(decodeOffsetMsgId(encodeOffsetMsgId(address, commitLogOffset))).toEqual({ host: address, commitLogOffset });
      }),
    );
  });

  it.each(['', 'x', '7F0000010000', 'G'.repeat(32), 'F'.repeat(32)])('refuse %j', (id) => {
    expect(() => decodeOffsetMsgId(id)).toThrow(/is not an offsetMsgId/);
  });

  it('of clients are unique, and tell time and place', () => {
    let nowMs = new Date(2026, 10, 21, 10, 0, 0, 123).getTime();
    const generator = new UniqKeyGenerator({
      ip: '10.1.2.3',
      pid: 0x12345,
      clock: { nowMs: () => nowMs, monotonicMs: () => 0, monotonicNs: () => 0n },
    });
    const ids = new Set(Array.from({ length: 1_000 }, () => generator.create()));
    expect(ids.size).toBe(1_000);
    const [first] = ids;
    expect(first).toMatch(/^0A0102032345[0-9A-F]{20}$/);
    expect(decodeUniqKey(first!, nowMs)).toMatchObject({ ip: Buffer.from([10, 1, 2, 3]), pid: 0x2345, timestampMs: nowMs, counter: 0 });
    const stampMs = nowMs;
    nowMs = new Date(2026, 11, 1, 0, 0, 1).getTime();
    expect(decodeUniqKey(first!, nowMs)!.timestampMs).toBe(stampMs);
    expect(decodeUniqKey(generator.create(), nowMs)!.timestampMs).toBe(nowMs);
    expect(new UniqKeyGenerator({ ip: 'fd00::1' }).create()).toHaveLength(56);
    expect(decodeUniqKey('nonsense', nowMs)).toBeNull();
  });
});

describe('compression', () => {
  it('of zlib gives the bytes that Java clients begin with, and back', () => {
    const body = Buffer.alloc(5_000, 'abc');
    const compressed = compressBody(body);
    expect(compressed.subarray(0, 2).toString('hex')).toBe('785e');
    expect(decompressBody(compressed, compressionSysFlag('ZLIB')).equals(body)).toBe(true);
    expect(decompressBody(compressed, 1).equals(body)).toBe(true);
    expect(decompressBody(body, 0)).toBe(body);
  });

  it('refuses bombs and garbage', () => {
    const bomb = compressBody(Buffer.alloc(1_000_000));
    expect(() => decompressBody(bomb, 1, 1_000)).toThrow(/cannot be inflated to at most 1000 bytes/);
    expect(() => decompressBody(Buffer.from('garbage'), 1)).toThrow(/cannot be inflated/);
    expect(() => decompressBody(bomb, 0x101)).toThrow(/cannot be inflated/);
    expect(compressionTypeOf(0x701)).toBeNull();
    expect(compressionSysFlag('ZSTD')).toBe(0x201);
  });
});

describe('messages for consumers', () => {
  it('have ids, tags, keys and an inflated body', () => {
    const fields = fc.sample(recordFields, { numRuns: 1, seed: 3 })[0]!;
    const properties = encodeProperties(
      messageProperties({ topic: 'T', body: Buffer.from('x'), tags: 'TagA', keys: ['k1', 'k2'], delayTimeLevel: 3 }),
    );
    const record = decodeRecord(
      encodeRecordBuffer({
        ...fields,
        topic: 'T',
        sysFlag: 0x301,
        body: compressBody(Buffer.from('hello')),
        properties: `${properties}UNIQ_KEY\u0001U1\u0002`,
      }),
      0,
    );
    const message = toMessageExt(record, { brokerName: 'broker-a' });
    expect(message).toMatchObject({ msgId: 'U1', tags: 'TagA', keys: ['k1', 'k2'], brokerName: 'broker-a', storeSize: record.totalSize });
    expect(message.body.toString()).toBe('hello');
    expect(message.sysFlag & 0x701).toBe(0);
    expect(message.properties.get('DELAY')).toBe('3');
    expect(message.properties.get('WAIT')).toBe('true');
    expect(message.offsetMsgId).toBe(encodeOffsetMsgId(record.storeHost, record.commitLogOffset));
  });
});
