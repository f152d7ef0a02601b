import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { responseCommand } from '../../src/remoting/command.js';
import { decodeFrame, encodeCommand } from '../../src/remoting/frame.js';
import { OutQueue, SlabPool } from '../../src/remoting/out-queue.js';
import { SendResponseEncoder } from '../../src/remoting/send-response.js';
import { newCommand } from './transport-kit.js';

/** The bytes that wait in a queue, read through the slot of a further reservation. */
function written(queue: OutQueue): Buffer {
  const bytes = queue.queuedBytes;
  const { buffer, offset } = queue.reserve(0);
  return Buffer.from(buffer.subarray(offset - bytes, offset));
}

const hex = fc.string({ unit: fc.constantFrom(...'0123456789ABCDEF'), minLength: 32, maxLength: 56 });

describe('SendResponseEncoder', () => {
  it.each([0, 1] as const)('writes what the general encoder writes, serialize type %i', (serializeType) => {
    fc.assert(
      fc.property(
        hex,
        fc.nat(1023),
        fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        fc.option(fc.string({ unit: 'binary', maxLength: 300 }), { nil: undefined }),
        fc.integer(),
        fc.string({ unit: 'grapheme', maxLength: 20 }),
        fc.boolean(),
        (msgId, queueId, queueOffset, transactionId, opaque, regionId, traceOn) => {
          const encoder = new SendResponseEncoder({ regionId, traceOn });
          const request = newCommand({ code: 310, opaque, serializeType });
          const queue = new OutQueue(new SlabPool());
          encoder.write(queue, request, msgId, queueId, queueOffset, transactionId);
          const oracle = responseCommand(request, 0, null, encoder.extFields(msgId, queueId, queueOffset, transactionId));
          expect(written(queue).toString('hex')).toBe(encodeCommand(oracle).toString('hex'));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('has the fields of a recorded response, in its order', () => {
    const encoder = new SendResponseEncoder({ regionId: 'DefaultRegion', traceOn: true });
    const queue = new OutQueue(new SlabPool());
    encoder.write(
      queue,
      newCommand({ code: 310, opaque: 9 }),
      '7F000001000078BF0000000000039093',
      3,
      12,
      'AC11000100002A9F0000000000000001',
    );
    const bytes = written(queue);
    const response = decodeFrame(bytes, 0, bytes.length);
    expect(Object.keys(response.extFields!)).toEqual(['queueId', 'TRACE_ON', 'MSG_REGION', 'msgId', 'transactionId', 'queueOffset']);
    expect(response).toMatchObject({ code: 0, opaque: 9, flag: 1, version: 479 });
  });

  it('writes nothing for a one-way request', () => {
    const queue = new OutQueue(new SlabPool());
    new SendResponseEncoder({ regionId: 'r', traceOn: true }).write(queue, newCommand({ code: 310, flag: 2 }), 'AB', 0, 0, 'x');
    expect(queue.queuedBytes).toBe(0);
  });
});
