import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { jsonHeaderText, parseJsonHeader } from '../../src/remoting/frame-header.js';
import { scanSendHeader } from '../../src/remoting/send-request-header.js';
import { SEND_SAMPLE } from '../../src/remoting/send-sample.js';
import { allFrames } from '../wire/vectors.js';
import { newCommand } from './transport-kit.js';

const send = (fields: Record<string, string>, rest: Partial<RemotingCommand> = {}): string =>
  jsonHeaderText(newCommand({ code: 310, extFields: fields, opaque: 12345, ...rest }));

/** The scanner may give up, but what it reads must be what JSON.parse reads. */
function expectAgreement(text: string): RemotingCommand | null {
  const scanned = scanSendHeader(text, null);
  if (scanned !== null) {
    let parsed: RemotingCommand | Error;
    try {
      parsed = parseJsonHeader(text, null);
    } catch (error) {
      parsed = error as Error;
    }
    expect(scanned, text).toEqual(parsed);
    expect(Object.keys(scanned.extFields!), text).toEqual(Object.keys((parsed as RemotingCommand).extFields!));
  }
  return scanned;
}

describe('scanSendHeader', () => {
  it('reads what Java clients send', () => {
    let read = 0;
    let sends = 0;
    for (const { frame } of allFrames()) {
      const isSend = (frame.code === 310 || frame.code === 320) && frame.kind !== 'response' && frame.serialize === 'JSON';
      if (isSend) {
        const bytes = Buffer.from(frame.hex, 'hex');
        const text = bytes.utf8Slice(8, 8 + (bytes.readUInt32BE(4) & 0xffffff));
        sends++;
        read += expectAgreement(text) === null ? 0 : 1;
      }
    }
    expect(read / sends).toBeGreaterThan(0.6);
  });

  it('reads both forms of our own clients, and one-way sends', () => {
    const { n: _, ...withoutBroker } = SEND_SAMPLE;
    for (const text of [
      send(SEND_SAMPLE),
      send(withoutBroker),
      send(SEND_SAMPLE, { flag: 2 }),
      send(SEND_SAMPLE, { code: 320, language: 'OTHER' }),
    ]) {
      expect(expectAgreement(text)).not.toBeNull();
    }
  });

  it('agrees with JSON.parse for any values of the fields', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.string({ unit: fc.constantFrom('\u0001', '\u0002', 'k', 'v', '"', '\\', '漢') }),
    );
    const fields = fc.record(Object.fromEntries(Object.keys(SEND_SAMPLE).map((key) => [key, value])), {
      requiredKeys: Object.keys(SEND_SAMPLE).slice(0, -2),
    });
    fc.assert(
      fc.property(fields, fc.integer(), fc.nat(3), fc.constantFrom('JAVA', 'OTHER', 'é"'), (values, opaque, flag, language) => {
        expectAgreement(send(values as Record<string, string>, { opaque, flag, language }));
      }),
      { numRuns: 1_000 },
    );
  });

  it('agrees with JSON.parse, or gives up, for any damage', () => {
    const text = send(SEND_SAMPLE);
    const edit = fc.record({
      at: fc.nat(text.length),
      drop: fc.nat(3),
      insert: fc.oneof(
        fc.constant(''),
        fc.constantFrom('"', '\\', '{', '}', ',', ':', '0', '1', 'u0001', '\\u0001', '\\"', ',"', '":"', 'NaN', ' '),
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let damaged = text;
        for (const { at, drop, insert } of edits) {
          damaged = damaged.slice(0, at) + insert + damaged.slice(at + drop);
        }
        expectAgreement(damaged);
      }),
      { numRuns: 5_000 },
    );
  });

  it('gives up at every cut', () => {
    const text = send(SEND_SAMPLE);
    for (let cut = 0; cut < text.length; cut++) {
      expect(scanSendHeader(text.slice(0, cut), null)).toBeNull();
    }
  });
});
