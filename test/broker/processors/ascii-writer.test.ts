import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digitCount, isPlainAscii, writeAscii, writeDecimal, writeHex64 } from '../../../broker/processors/ascii-writer.js';
import { PutContext } from '../../../broker/processors/put-message.js';
import { SendResponder } from '../../../broker/processors/send-response.js';
import { encodeOffsetMsgId } from '../../../src/common/message/message-id.js';
import { decodeFrame } from '../../../src/remoting/frame.js';
import type { Connection } from '../../../src/remoting/server.js';

const seed = Number(process.env.MQKIT_SEED);
const wholeNumber = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(),
  fc.integer({ min: 0, max: 16 }).map((power) => Math.min(10 ** power, Number.MAX_SAFE_INTEGER)),
);

describe('numbers and texts written as bytes', () => {
  it('read like those that JavaScript prints', () => {
    fc.assert(
      fc.property(wholeNumber, (value) => {
        const buffer = Buffer.alloc(40, 0x2e);
        const end = writeDecimal(buffer, 3, value);
        expect(buffer.latin1Slice(3, end)).toBe(String(value));
        expect(end - 3).toBe(digitCount(value));
        expect(buffer.latin1Slice(20, writeHex64(buffer, 20, value))).toBe(value.toString(16).toUpperCase().padStart(16, '0'));
        expect(buffer[end]).toBe(0x2e);
      }),
      { seed },
    );
    const buffer = Buffer.alloc(8);
    expect(buffer.latin1Slice(0, writeAscii(buffer, 0, 'abc'))).toBe('abc');
  });

  it('are plain when JSON needs no escape', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        const isPlain = JSON.stringify(text) === `"${text}"` && Buffer.byteLength(text) === text.length && !text.includes('\u007f');
        expect(isPlainAscii(text)).toBe(isPlain);
      }),
      { seed },
    );
  });
});

describe('the answer from fixed bytes', () => {
  it('decodes to what the plain path answers', () => {
    const storeHost = { ip: Buffer.from([10, 0, 0, 7]), port: 10911 };
    const responder = new SendResponder(storeHost, { regionId: 'Régi"on', traceOn: false });
    fc.assert(
      fc.property(
        wholeNumber,
        wholeNumber,
        fc.nat(),
        fc.nat(70_000),
        fc.string({ maxLength: 40 }),
        (queueOffset, commitLogOffset, opaque, queueId, uniqKey) => {
          const slab = Buffer.alloc(1000);
          let reserved = 0;
          let plain: Record<string, string> | null = null;
          const put = new PutContext();
          put.request = {
            code: 310,
            language: 'JAVA',
            version: 479,
            opaque,
            flag: 0,
            remark: null,
            extFields: null,
            serializeType: 0,
            body: null,
          };
          put.connection = {
            closed: false,
            reserve: (bytes: number) => {
              reserved = bytes;
              return { buffer: slab, offset: 0 };
            },
            respond: (_request: unknown, _code: number, _remark: unknown, extFields: Record<string, string>) => {
              plain = extFields;
            },
          } as unknown as Connection;
          Object.assign(put, { queueOffset, commitLogOffset, answerQueueId: queueId, uniqKey });
          responder.stored(put, 0, null);
          const expected: Record<string, string> = {
            MSG_REGION: 'Régi"on',
            TRACE_ON: 'false',
            queueId: String(queueId),
            queueOffset: String(queueOffset),
            msgId: encodeOffsetMsgId(storeHost, commitLogOffset),
            transactionId: uniqKey,
          };
          if (uniqKey === '') expected.transactionId = plain === null ? '' : (undefined as unknown as string);
          const fields = plain ?? decodeFrame(slab, 0, reserved).extFields;
          expect(fields).toEqual(expected);
          if (plain === null) expect(decodeFrame(slab, 0, reserved)).toMatchObject({ code: 0, opaque, flag: 1, version: 479, body: null });
        },
      ),
      { seed },
    );
  });
});
