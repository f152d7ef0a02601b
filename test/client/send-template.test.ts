import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { propertiesJsonText, propertiesText } from '../../src/client/producer/message-properties.js';
import { buildSendRequest, type SendDefaults } from '../../src/client/producer/send-request.js';
import { SendTemplate } from '../../src/client/producer/send-template.js';
import { type Message, messageProperties } from '../../src/common/message/message.js';
import { decodeProperties } from '../../src/common/message/properties.js';
import { requestCommand, SERIALIZE_JSON } from '../../src/remoting/command.js';
import { encodeCommand, encodeHeaderTextInto } from '../../src/remoting/frame.js';

const DEFAULTS: SendDefaults = { producerGroup: 'PG|a-b_%', createTopicKey: 'TBW102', defaultTopicQueueNums: 4 };
const QUEUE = { topic: 'T', brokerName: 'broker-a', queueId: 3 };
const BODY = Buffer.from('body');
const MSG_ID = '7F000001754430946E0967DAE5860002';

/** The frame of the plain path: the oracle. */
function plainFrame(message: Message, opaque: number, bornTimestamp: number): Buffer {
  const properties = propertiesText(message, MSG_ID);
  const request = buildSendRequest(DEFAULTS, {
    message,
    queue: QUEUE,
    properties,
    body: message.body,
    sysFlag: 0,
    bornTimestamp,
    batch: false,
  });
  return encodeCommand(requestCommand(request, opaque, 0, SERIALIZE_JSON), SERIALIZE_JSON);
}

function templateFrame(message: Message, opaque: number, bornTimestamp: number): Buffer | null {
  const propertiesJson = propertiesJsonText(message, MSG_ID);
  const template = SendTemplate.create(DEFAULTS, QUEUE, '127.0.0.1:10911');
  if (propertiesJson === null || template === null) {
    return null;
  }
  const buffer = Buffer.alloc(4096);
  let used = 0;
  const target = {
    reserve: (bytes: number) => {
      used += bytes;
      return { buffer, offset: used - bytes };
    },
    unreserve: () => {},
  };
  encodeHeaderTextInto(target, template.header(opaque, String(bornTimestamp), propertiesJson), message.body.length);
  return Buffer.concat([buffer.subarray(0, used), message.body]);
}

const plainText = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !text.includes('\u0001') && !text.includes('\u0002'));
const messages = fc.record(
  {
    topic: fc.constant('T'),
    body: fc.constant(BODY),
    tags: plainText,
    keys: plainText,
    waitStoreMsgOK: fc.boolean(),
    delayTimeLevel: fc.integer({ min: 0, max: 18 }),
  },
  { requiredKeys: ['topic', 'body'] },
) as fc.Arbitrary<Message>;

describe('the template of a send', () => {
  it('writes the same bytes as the plain encoder, or leaves the message to it', () => {
    fc.assert(
      fc.property(
        messages,
        fc.dictionary(plainText, plainText),
        fc.integer({ min: 0, max: 0x7fffffff }),
        fc.integer({ min: 1, max: 2 ** 45 }),
        (message, user, opaque, born) => {
          const full = { ...message, properties: new Map(Object.entries(user)) };
          const frame = templateFrame(full, opaque, born);
          if (frame !== null) {
            expect(frame.equals(plainFrame(full, opaque, born))).toBe(true);
          }
        },
      ),
      { seed: Number(process.env.MQKIT_SEED ?? 1) },
    );
  });

  it('takes plain ASCII messages and leaves others', () => {
    expect(templateFrame({ topic: 'T', body: BODY, tags: 'TagA', keys: 'k1 k2' }, 1, 2)).not.toBeNull();
    for (const tags of ['a"b', 'a\\b', 'é', 'a\nb', '\u007f']) {
      expect(templateFrame({ topic: 'T', body: BODY, tags }, 1, 2)).toBeNull();
    }
    const properties = new Map([
      ['TRAN_MSG', 'true'],
      ['TAGS', 'not this one'],
      ['a', 'b'],
    ]);
    const message: Message = { topic: 'T', body: BODY, tags: 'TagA', properties };
    expect(templateFrame(message, 1, 2)?.equals(plainFrame(message, 1, 2))).toBe(true);
    expect(templateFrame({ ...message, properties: new Map([['a', 'ü']]) }, 1, 2)).toBeNull();
    expect(templateFrame({ ...message, properties: new Map([['"', 'b']]) }, 1, 2)).toBeNull();
    expect(SendTemplate.create(DEFAULTS, { ...QUEUE, brokerName: 'brökér' }, 'a:1')).toBeNull();
  });

  it('says the same properties as the common form of a message', () => {
    fc.assert(
      fc.property(messages, fc.dictionary(plainText, plainText), (message, user) => {
        const full: Message = { ...message, properties: new Map(Object.entries(user)) };
        const expected = messageProperties(full);
        expected.set('UNIQ_KEY', MSG_ID);
        expect(new Map(decodeProperties(propertiesText(full, MSG_ID)))).toEqual(expected);
      }),
      { seed: Number(process.env.MQKIT_SEED ?? 1) },
    );
  });
});
