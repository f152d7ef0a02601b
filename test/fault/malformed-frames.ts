import { deflateSync } from 'node:zlib';
import type { Random } from '../../src/common/clock.js';
import { MAX_FRAME_LENGTH_FIELD } from '../../src/common/limits.js';
import { RequestCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { encodeCommand } from '../../src/remoting/frame.js';
import * as headers from '../../src/remoting/headers/index.js';

/**
 * What a server must do with the bytes: `close` the connection without an answer; answer with an `error` code; `none`: neither answer nor
 * close; `any`: answer, hold or close, but live.
 */
export type Expectation = 'close' | 'error' | 'none' | 'any';

export interface GeneratedFrame {
  /** Name of the kind of damage, for messages. */
  kind: string;
  bytes: Buffer;
  expect: Expectation;
  /** The frame is not complete: what follows on the connection would belong to it. */
  partial: boolean;
  opaque: number;
}

/** Code that no node has; its answer shows that a connection still works. */
export const PING_CODE = 31_999;

type Generator = (random: Random, opaque: number) => { bytes: Buffer; expect: Expectation; partial?: boolean };

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.nextInt(items.length)]!;
}

function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) {
    bytes[i] = random.nextInt(256);
  }
  return bytes;
}

function command(fields: Partial<RemotingCommand>): RemotingCommand {
  return {
    code: PING_CODE,
    language: 'JAVA',
    version: 479,
    opaque: 0,
    flag: 0,
    remark: null,
    extFields: null,
    serializeType: 0,
    body: null,
    ...fields,
  };
}

/** A frame around a header of any bytes. */
function rawFrame(serializeType: number, header: Buffer, body: Buffer = Buffer.alloc(0)): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeInt32BE(4 + header.length + body.length, 0);
  prefix.writeUInt32BE(((serializeType << 24) | header.length) >>> 0, 4);
  return Buffer.concat([prefix, header, body]);
}

const MALFORMED_VALUES = [
  '',
  'abc',
  '1.5',
  '99999999999999999999',
  '-',
  '0x10',
  ' 1',
  '1e3',
  '\u0000',
  '漢',
  'null',
  '9223372036854775808',
];

/** Headers that must be refused when a required number of theirs is malformed or a required field is missing. */
const STRICT: readonly { code: number; def: headers.HeaderDef }[] = [
  { code: RequestCode.SEND_MESSAGE, def: headers.SendMessageRequestHeader },
  { code: RequestCode.PULL_MESSAGE, def: headers.PullMessageRequestHeader },
  { code: RequestCode.QUERY_CONSUMER_OFFSET, def: headers.QueryConsumerOffsetRequestHeader },
  { code: RequestCode.UPDATE_CONSUMER_OFFSET, def: headers.UpdateConsumerOffsetRequestHeader },
  { code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, def: headers.SearchOffsetRequestHeader },
  { code: RequestCode.GET_MAX_OFFSET, def: headers.GetMaxOffsetRequestHeader },
  { code: RequestCode.GET_MIN_OFFSET, def: headers.GetMinOffsetRequestHeader },
  { code: RequestCode.CONSUMER_SEND_MSG_BACK, def: headers.ConsumerSendMsgBackRequestHeader },
  { code: RequestCode.UPDATE_AND_CREATE_TOPIC, def: headers.CreateTopicRequestHeader },
  { code: RequestCode.REGISTER_BROKER, def: headers.RegisterBrokerRequestHeader },
  { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, def: headers.GetRouteInfoRequestHeader },
  { code: RequestCode.QUERY_MESSAGE, def: headers.QueryMessageRequestHeader },
  { code: RequestCode.VIEW_MESSAGE_BY_ID, def: headers.ViewMessageRequestHeader },
  { code: RequestCode.VIEW_BROKER_STATS_DATA, def: headers.ViewBrokerStatsDataRequestHeader },
];

const ALL_CODES: readonly number[] = Object.values(RequestCode);

/** Right values for a header, from a few names, so that what gets created stays bounded. */
function plausible(def: headers.HeaderDef): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const { key, type } of def.list) {
    fields[key] = type === 'string' ? 'Malformed' : type === 'bool' ? 'false' : '0';
  }
  return fields;
}

const GENERATORS: readonly [string, Generator][] = [
  [
    'length below 4',
    (random) => {
      const bytes = randomBytes(random, 16);
      bytes.writeInt32BE(pick(random, [0, 1, 2, 3, -1, -2147483648, -random.nextInt(1 << 30) - 1]), 0);
      return { bytes, expect: 'close' };
    },
  ],
  [
    'length beyond the limit',
    (random) => {
      const bytes = randomBytes(random, 16);
      bytes.writeInt32BE(Math.min(0x7fffffff, MAX_FRAME_LENGTH_FIELD + 1 + random.nextInt(1 << 30)), 0);
      return { bytes, expect: 'close' };
    },
  ],
  [
    'header longer than the frame',
    (random) => {
      const body = randomBytes(random, random.nextInt(64));
      const bytes = rawFrame(random.nextInt(2), body);
      bytes.writeUIntBE(body.length + 1 + random.nextInt(0xffffff - body.length), 5, 3);
      return { bytes, expect: 'close' };
    },
  ],
  [
    'unknown serialize type',
    (random, opaque) => {
      const bytes = encodeCommand(command({ opaque }));
      bytes[4] = 2 + random.nextInt(254);
      return { bytes, expect: 'close' };
    },
  ],
  [
    'header that is no JSON',
    (random) => {
      const header = randomBytes(random, 1 + random.nextInt(200));
      header[0] = pick(random, [0, 0x20, 0x2c, 0x41, 0x7d, 0xff]);
      header[header.length - 1] = 0x2c;
      return { bytes: rawFrame(0, header), expect: 'close' };
    },
  ],
  [
    'header that is no object',
    (random) => ({ bytes: rawFrame(0, Buffer.from(pick(random, ['[]', '1', '"x"', 'null', 'true', '[{}]', '']))), expect: 'close' }),
  ],
  [
    'fields that are no object',
    (random, opaque) => {
      const fields = pick(random, ['[]', '1', '"x"', 'true', '[{"a":"b"}]']);
      return { bytes: rawFrame(0, Buffer.from(`{"code":${PING_CODE},"opaque":${opaque},"extFields":${fields}}`)), expect: 'close' };
    },
  ],
  [
    'fields of wrong types',
    (random, opaque) => {
      const value = pick(random, ['1', 'true', 'null', '{}', '[1,2]', '1e400', '"\\u0000"', '[['.repeat(5000) + ']]'.repeat(5000)]);
      const code = pick(random, [...ALL_CODES, PING_CODE]);
      const key = pick(random, ['a', 'topic', '__proto__', 'constructor', 'toString', 'queueId']);
      const text = `{"code":${code},"opaque":${opaque},"version":"x","flag":0,"language":${random.nextInt(300)},"remark":7,"extFields":{"${key}":${value}}}`;
      return { bytes: rawFrame(0, Buffer.from(text)), expect: 'any' };
    },
  ],
  [
    'binary header cut short',
    (random, opaque) => {
      const whole = encodeCommand(command({ opaque, serializeType: 1, extFields: { topic: 'Malformed', a: 'b' }, remark: 'remark' }));
      return { bytes: rawFrame(1, whole.subarray(8, 8 + random.nextInt(whole.length - 9))), expect: 'close' };
    },
  ],
  [
    'binary header with wrong lengths',
    (random, opaque) => {
      const bytes = encodeCommand(command({ opaque, serializeType: 1, extFields: { topic: 'Malformed' } }));
      // remark length, length of the ext block, length of the value.
      const at = pick(random, [8 + 13, 8 + 17, 8 + 21 + 2 + 5]);
      bytes.writeInt32BE(pick(random, [-1, -2147483648, 0x7fffffff, bytes.length + random.nextInt(1000)]), at);
      return { bytes, expect: 'close' };
    },
  ],
  [
    'unknown code',
    (random, opaque) => ({
      bytes: encodeCommand(command({ opaque, code: 20_000 + random.nextInt(10_000), serializeType: pick(random, [0, 1]) })),
      expect: 'error',
    }),
  ],
  [
    'one-way with an unknown code',
    (random, opaque) => ({ bytes: encodeCommand(command({ opaque, code: 20_000 + random.nextInt(10_000), flag: 2 })), expect: 'none' }),
  ],
  [
    'response nobody waits for',
    (random, opaque) => ({
      bytes: encodeCommand(command({ opaque, code: random.nextInt(300), flag: 1 + 2 * random.nextInt(2) })),
      expect: 'none',
    }),
  ],
  [
    'required field missing',
    (random, opaque) => {
      const { code, def } = pick(random, STRICT);
      const extFields = plausible(def);
      delete extFields[
        pick(
          random,
          def.list.filter((entry) => entry.required),
        ).key
      ];
      return {
        bytes: encodeCommand(command({ opaque, code, extFields, serializeType: pick(random, [0, 1]), body: Buffer.from('body') })),
        expect: 'error',
      };
    },
  ],
  [
    'required number malformed',
    (random, opaque) => {
      const { code, def } = pick(random, STRICT);
      const extFields = plausible(def);
      const numbers = def.list.filter((entry) => entry.required && entry.type !== 'string' && entry.type !== 'bool');
      if (numbers.length > 0) {
        extFields[pick(random, numbers).key] = pick(random, MALFORMED_VALUES);
      }
      const body = Buffer.from('body');
      return { bytes: encodeCommand(command({ opaque, code, extFields, body })), expect: numbers.length > 0 ? 'error' : 'any' };
    },
  ],
  [
    'no fields at all',
    (random, opaque) => ({
      bytes: encodeCommand(command({ opaque, code: pick(random, ALL_CODES), serializeType: pick(random, [0, 1]) })),
      expect: 'any',
    }),
  ],
  [
    'body of another kind',
    (random, opaque) => {
      const code = pick(random, [
        RequestCode.HEART_BEAT,
        RequestCode.CHECK_CLIENT_CONFIG,
        RequestCode.LOCK_BATCH_MQ,
        RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
        RequestCode.QUERY_DATA_VERSION,
        RequestCode.REGISTER_BROKER,
        RequestCode.REGISTER_TOPIC_IN_NAMESRV,
        RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,
        RequestCode.SEND_BATCH_MESSAGE,
      ]);
      const body = pick(random, [
        randomBytes(random, random.nextInt(100)),
        Buffer.from('{'),
        Buffer.from('[[['.repeat(1000)),
        Buffer.from('{{"a":1}:{'),
        Buffer.from('{"consumerDataSet":7,"clientID":[]}'),
        Buffer.from('null'),
        deflateSync(Buffer.alloc(1 << 20)),
        Buffer.concat([Buffer.from([0, 0, 0, 22, 0, 0, 0, 0]), randomBytes(random, 30)]),
      ]);
      return {
        bytes: encodeCommand(
          command({ opaque, code, body, extFields: { topic: 'Malformed', brokerName: 'Malformed', clusterName: 'Malformed' } }),
        ),
        expect: 'any',
      };
    },
  ],
  [
    'numbers at the edge',
    (random, opaque) => {
      const { code, def } = pick(random, STRICT);
      const extFields = plausible(def);
      for (const { key, type } of def.list) {
        if (type !== 'string' && type !== 'bool' && random.nextInt(2) === 0) {
          extFields[key] = pick(random, ['-1', '2147483647', '-2147483648', '9007199254740991', '9223372036854775807', '0']);
        }
      }
      // Nothing is to be stored and nothing to be held for long.
      delete extFields.properties;
      const body = code === RequestCode.SEND_MESSAGE ? null : Buffer.from('body');
      return { bytes: encodeCommand(command({ opaque, code, extFields, body })), expect: 'any' };
    },
  ],
  [
    'text that is no UTF-8',
    (random, opaque) => {
      const bytes = encodeCommand(command({ opaque, extFields: { topic: 'MalformedXXXXXXXX' }, serializeType: pick(random, [0, 1]) }));
      const at = bytes.indexOf('XXXX');
      bytes.set([0xc3, 0x28, 0xed, 0xa0, 0x80, 0xff], at);
      return { bytes, expect: 'error' };
    },
  ],
  [
    'flipped bits',
    (random, opaque) => {
      const { code, def } = pick(random, STRICT.slice(1, 7));
      const bytes = encodeCommand(command({ opaque, code, extFields: plausible(def), serializeType: pick(random, [0, 1]) }));
      for (let flips = 1 + random.nextInt(4); flips > 0; flips--) {
        // The length stays: with another one the frame may wait for bytes that never come.
        const at = 4 + random.nextInt(bytes.length - 4);
        bytes[at] = bytes[at]! ^ (1 << random.nextInt(8));
      }
      return { bytes, expect: 'any' };
    },
  ],
  [
    'cut frame',
    (random, opaque) => {
      const whole = encodeCommand(command({ opaque, extFields: { topic: 'Malformed' }, body: randomBytes(random, random.nextInt(2000)) }));
      return { bytes: whole.subarray(0, 1 + random.nextInt(whole.length - 1)), expect: 'none', partial: true };
    },
  ],
];

/** Kinds of damage, for a test that wants to see each. */
export const MALFORMED_KINDS: readonly string[] = GENERATORS.map(([kind]) => kind);

/** One frame with one kind of damage; the same random numbers give the same frame. */
export function generateFrame(random: Random): GeneratedFrame {
  const [kind, generate] = pick(random, GENERATORS);
  const opaque = 1 + random.nextInt(0x3fffffff);
  const { bytes, expect, partial } = generate(random, opaque);
  return { kind, bytes, expect, partial: partial ?? false, opaque };
}
