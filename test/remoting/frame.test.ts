import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { decodeFrame, encodeCommand, encodeHeaderInto, FrameDecoder } from '../../src/remoting/frame.js';
import { OutQueue, SlabPool } from '../../src/remoting/out-queue.js';
import { newCommand } from './transport-kit.js';

const text = fc.string({ unit: 'grapheme', maxLength: 60 });
const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((name) => name !== '__proto__');

const command: fc.Arbitrary<RemotingCommand> = fc.record({
  code: fc.integer({ min: 0, max: 3_400 }),
  language: fc.constantFrom('JAVA', 'GO', 'OTHER', 'NODE_JS'),
  version: fc.nat(0x7fff),
  opaque: fc.integer(),
  flag: fc.nat(3),
  remark: fc.option(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 })),
  extFields: fc.option(fc.dictionary(key, text, { minKeys: 1, maxKeys: 8 })),
  serializeType: fc.constantFrom(0 as const, 1 as const),
  body: fc.option(fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => Buffer.from(bytes))),
});

/** The bytes that wait in a queue. */
function written(queue: OutQueue): Buffer {
  const bytes = queue.queuedBytes;
  const { buffer, offset } = queue.reserve(0);
  return Buffer.from(buffer.subarray(offset - bytes, offset));
}

describe('frames', () => {
  it('survive encoding and decoding in both serializations', () => {
    fc.assert(
      fc.property(command, (given) => {
        const bytes = encodeCommand(given);
        const decoded = decodeFrame(bytes, 0, bytes.length);
        expect(decoded).toEqual({ ...given, extFields: given.extFields === null ? null : { ...given.extFields } });
        expect(encodeCommand(decoded).equals(bytes)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('are the same bytes whether encoded alone or behind others', () => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 5 }), (commands) => {
        const queue = new OutQueue(new SlabPool());
        for (const each of commands) {
          encodeHeaderInto(queue, each, each.body?.length ?? 0);
          if (each.body !== null) {
            queue.append(each.body);
          }
        }
        expect(written(queue).equals(Buffer.concat(commands.map((each) => encodeCommand(each))))).toBe(true);
      }),
    );
  });

  it('come out of a stream however it is cut', () => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(200), { maxLength: 10 }), (commands, cuts) => {
        const stream = Buffer.concat(commands.map((each) => encodeCommand(each)));
        const decoder = new FrameDecoder();
        const frames: RemotingCommand[] = [];
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          decoder.push(stream.subarray(at, at + cut), { onFrame: (frame) => frames.push(frame) });
          at = Math.min(stream.length, at + cut);
        }
        expect(frames.map((frame) => encodeCommand(frame).toString('hex'))).toEqual(
          commands.map((each) => encodeCommand(each).toString('hex')),
        );
      }),
    );
  });

  it('wait for the next push behind the one at which the stream was stopped, whole or in part', () => {
    const whole = Buffer.concat([1, 2, 3].map((opaque) => encodeCommand(newCommand({ code: 10, opaque }))));
    for (let cut = 0; cut < whole.length; cut++) {
      const decoder = new FrameDecoder();
      const opaques: number[] = [];
      const sink = {
        onFrame: ({ opaque }: RemotingCommand): void => {
          opaques.push(opaque);
          decoder.stop();
        },
      };
      for (const chunk of [whole.subarray(0, cut), whole.subarray(cut)]) {
        let rest = chunk;
        do {
          const before = opaques.length;
          rest = rest.subarray(decoder.push(rest, sink));
          expect(opaques.length - before).toBeLessThanOrEqual(1);
        } while (rest.length > 0);
      }
      expect(opaques).toEqual([1, 2, 3]);
    }
  });

  it('of random headers are decoded or refused by name, never else', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1), fc.uint8Array({ maxLength: 120 }), (serializeType, header) => {
        const bytes = Buffer.concat([Buffer.alloc(8), header]);
        bytes.writeInt32BE(4 + header.length, 0);
        bytes.writeInt32BE((serializeType << 24) | header.length, 4);
        try {
          decodeFrame(bytes, 0, bytes.length);
        } catch (error) {
          expect(error).toMatchObject({ name: 'ProtocolError' });
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('take header values as Java does: numbers as text, unknown and missing languages, null', () => {
    const header =
      '{"code":"105","opaque":"-7","language":9,"version":null,"flag":0,"remark":5,"extFields":{"queueId":3,"b":true,"n":null},"other":[1]}';
    const bytes = Buffer.concat([Buffer.alloc(8), Buffer.from(header)]);
    bytes.writeInt32BE(4 + header.length, 0);
    bytes.writeInt32BE(header.length, 4);
    expect(decodeFrame(bytes, 0, bytes.length)).toEqual(
      newCommand({ code: 105, opaque: -7, language: 'GO', version: 0, remark: '5', extFields: { queueId: '3', b: 'true' } }),
    );
  });

  it('hold no more memory than has arrived', () => {
    const decoder = new FrameDecoder();
    const start = Buffer.alloc(100);
    start.writeInt32BE(16_000_000, 0);
    decoder.push(start, { onFrame: () => expect.fail('no frame is complete') });
    expect(decoder.heldBytes).toBe(100);
  });
});

describe('an output queue', () => {
  it('keeps the order of headers, copied and long bodies across slabs', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(40_000)), { minLength: 1, maxLength: 12 }), (steps) => {
        const queue = new OutQueue(new SlabPool());
        const expected: Buffer[] = [];
        steps.forEach(([isBody, size], i) => {
          const bytes = Buffer.alloc(size, i + 1);
          expected.push(bytes);
          if (isBody) {
            queue.append(bytes);
          } else {
            const { buffer, offset } = queue.reserve(size + 10);
            buffer.set(bytes, offset);
            queue.unreserve(10);
          }
        });
        const sent: Buffer[] = [];
        const socket = { write: (chunk: Buffer) => sent.push(Buffer.from(chunk)), cork: () => {}, uncork: () => {}, writableLength: 0 };
        const total = Buffer.concat(expected);
        expect(queue.queuedBytes).toBe(total.length);
        expect(queue.flush(socket as unknown as Parameters<OutQueue['flush']>[0])).toBe(total.length);
        expect(Buffer.concat(sent).equals(total)).toBe(true);
        expect(queue.queuedBytes).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('does not reuse a slab that the socket still holds', () => {
    const queue = new OutQueue(new SlabPool());
    const held: Buffer[] = [];
    const socket = { write: (chunk: Buffer) => held.push(chunk), cork: () => {}, uncork: () => {}, writableLength: 1 };
    for (let round = 0; round < 3; round++) {
      const { buffer, offset } = queue.reserve(4);
      buffer.writeInt32BE(round, offset);
      queue.flush(socket as unknown as Parameters<OutQueue['flush']>[0]);
    }
    expect(held.map((chunk) => chunk.readInt32BE(0))).toEqual([0, 1, 2]);
  });
});
