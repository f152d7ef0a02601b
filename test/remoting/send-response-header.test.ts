import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { jsonHeaderText, parseJsonHeader } from '../../src/remoting/frame-header.js';
import { learnSendResponse, scanSendResponse } from '../../src/remoting/send-response-header.js';
import { allFrames } from '../wire/vectors.js';
import { newCommand } from './transport-kit.js';

const FIELDS = {
  queueId: '0',
  transactionId: '7F00000154545FFD2B2767E3BA650002',
  msgId: '7F000001000051AF0000000000004212',
  TRACE_ON: 'true',
  MSG_REGION: 'DefaultRegion',
  queueOffset: '1',
};
const answer = (fields: Record<string, string> | null = FIELDS, rest: Partial<RemotingCommand> = {}): string =>
  jsonHeaderText(newCommand({ code: 0, flag: 1, extFields: fields, opaque: 12345, ...rest }));

/** What a connection does with a header: it is scanned, else parsed and learned from. What is scanned must be what JSON.parse reads. */
function read(text: string): 'scanned' | 'parsed' | 'refused' {
  const scanned = scanSendResponse(text, null);
  let parsed: RemotingCommand;
  try {
    parsed = parseJsonHeader(text, null);
  } catch (error) {
    expect(scanned, text).toBeNull();
    expect(error).toMatchObject({ category: 'protocol' });
    return 'refused';
  }
  if (scanned !== null) {
    expect(scanned, text).toEqual(parsed);
    return 'scanned';
  }
  learnSendResponse(text, parsed);
  return 'parsed';
}

/** Reads answers of a form until it is known; another form may have been tried just before. */
function learn(text: string): void {
  for (let i = 0; i < 200 && read(text) === 'parsed'; i++);
  expect(read(text)).toBe('scanned');
}

describe('answers to sends', () => {
  it('of Apache are read after the first', () => {
    const texts = allFrames()
      .map(({ frame }) => frame)
      .filter((frame) => frame.kind === 'response' && frame.serialize === 'JSON' && frame.code === 0 && frame.requestCode === 310)
      .map((frame) => Buffer.from(frame.hex, 'hex'))
      .map((bytes) => bytes.utf8Slice(8, 8 + (bytes.readUInt32BE(4) & 0xffffff)));
    learn(texts[0] as string);
    const scanned = texts.filter((text) => read(text) === 'scanned').length;
    expect(scanned / texts.length).toBeGreaterThan(0.8);
  });

  it('are read in any order of their fields, with and without a transactionId', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(Object.entries(FIELDS), { minLength: 5 }), (entries) => {
        const fields = Object.fromEntries(entries);
        const isWhole = ['queueId', 'msgId', 'queueOffset', 'TRACE_ON', 'MSG_REGION'].every((name) => name in fields);
        if (isWhole) {
          learn(answer(fields));
          for (const queueOffset of ['0', '7', '123456789012']) {
            expect(read(answer({ ...fields, queueOffset }, { opaque: Number(queueOffset) % 1e9 }))).toBe('scanned');
          }
        } else {
          expect(read(answer(fields))).toBe('parsed');
        }
      }),
      { numRuns: 30 },
    );
  });

  it('of another form are left to JSON.parse', () => {
    learn(answer());
    const others = [
      answer({ ...FIELDS, msgId: 'A,B' }),
      answer({ ...FIELDS, msgId: '' }),
      answer({ ...FIELDS, msgId: 'quote " and \\ backslash' }),
      answer({ ...FIELDS, TRACE_ON: 'false' }),
      answer({ ...FIELDS, MSG_REGION: 'region-2' }),
      answer({ ...FIELDS, recallHandle: 'x' }),
      answer(FIELDS, { code: 10 }),
      answer(FIELDS, { remark: 'slow' }),
      answer(FIELDS, { flag: 3 }),
      answer(FIELDS, { version: 1 }),
      answer(FIELDS, { opaque: 1234567890 }),
      answer(FIELDS, { opaque: -5 }),
      answer(null),
      `${answer()} `,
      answer().replace('"opaque":12345', '"opaque":012345'),
      answer().replace('"opaque":12345', '"opaque":1e3'),
      answer().replace('"opaque":12345', '"opaque":Infinity'),
      answer().replace('"opaque":12345', '"opaque":12345,"opaque":6'),
      answer().replace('"queueOffset":"1"', '"queueOffset":"1","queueOffset":"2"'),
      answer().slice(0, -1),
    ];
    for (const text of others) {
      expect(['parsed', 'refused'], text).toContain(read(text));
    }
  });

  it('are read as JSON.parse reads them wherever a character is changed', () => {
    const text = answer();
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...'"\\{}:,01aZ \u0000é'), fc.boolean(), (at, character, inserts) => {
        learn(text);
        read(text.slice(0, at) + character + text.slice(inserts ? at : at + 1));
      }),
      { numRuns: 2000 },
    );
  });
});
