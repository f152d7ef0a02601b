import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asLong, JavaDouble, parseFastjson, parseFastjsonObject, stringifyFastjson } from '../../src/common/fastjson.js';

/** Leaves out what the dialect does not keep: null fields, the sign of zero, integers that are not exact. */
function plain(field: unknown): unknown {
  if (field === null || (typeof field === 'number' && Number.isInteger(field) && !Number.isSafeInteger(field))) {
    return undefined;
  }
  return Object.is(field, -0) ? 0 : field;
}

describe('parseFastjson', () => {
  it.each([
    ['raw number keys', '{0:"a",-1:"b",10:{}}', { '0': 'a', '-1': 'b', '10': {} }],
    [
      'longs beyond 2^53',
      '{"subVersion":9223372036854775807,"n":-9223372036854775808}',
      { subVersion: 9223372036854775807n, n: -9223372036854775808n },
    ],
    ['integers that are exact', '[9007199254740991,1795234279513,0]', [9007199254740991, 1795234279513, 0]],
    ['doubles', '{"tps":0.0,"e":1.5E10,"f":1234567890123456.5}', { tps: 0, e: 1.5e10, f: 1234567890123456.5 }],
    ['single quotes and bare names', "{a:'it''s'}".replace("''", "\\'"), { a: "it's" }],
    ['escapes', '{0:"\\u0041\\n\\x41\\/\\"\u0001"}', { '0': 'A\nA/"\u0001' }],
    ['white space', ' { 0 : [ 1 , 2 ] } ', { '0': [1, 2] }],
    ['words', '{0:true,1:false,2:null,3:NaN}', { '0': true, '1': false, '2': null, '3': null }],
  ])('reads %s', (_, text, expected) => {
    expect(parseFastjson(text)).toEqual(expected);
  });

  it('reads maps with object keys, nested', () => {
    const value = parseFastjson('{"offsetTable":{{"brokerName":"a","queueId":0}:{"maxOffset":1},{"brokerName":"a","queueId":1}:7},"t":{}}');
    const table = (value as { offsetTable: Map<object, unknown> }).offsetTable;
    expect([...table]).toEqual([
      [{ brokerName: 'a', queueId: 0 }, { maxOffset: 1 }],
      [{ brokerName: 'a', queueId: 1 }, 7],
    ]);
  });

  it('takes no key for more than a key', () => {
    const value = parseFastjson('{0:1,"__proto__":{"polluted":true},"constructor":2}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['0', '__proto__', 'constructor']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it.each(['', '{', '{0:}', '{{"a":1}:2,"b":3}', '[1,]', '{0:1}x', '"abc', '{0:01x}', '{0:"\\u12"}', '{{{1:2}:3}:4}', 'undefined'])(
    'refuses %j with the position',
    (text) => {
      expect(() => parseFastjson(text)).toThrow(/malformed JSON at character \d+/);
    },
  );

  it('bounds the depth of what JSON.parse does not read', () => {
    expect(() => parseFastjson(`{0:${'['.repeat(100_000)}`)).toThrow(/at most 128 levels/);
  });

  it('says which body is no object', () => {
    expect(() => parseFastjsonObject('[1]', 'HeartbeatData')).toThrow('HeartbeatData is not a JSON object');
  });
});

describe('stringifyFastjson', () => {
  it('writes raw keys, sorted fields, no nulls, doubles with a fraction', () => {
    const value = {
      b: new Map([[0, '127.0.0.1:10911']]),
      a: new Map([
        [
          { topic: 'T', queueId: 0 },
          { x: null, y: undefined, z: 9223372036854775807n },
        ],
      ]),
      d: [new JavaDouble(0), new JavaDouble(0.25), new JavaDouble(12345678.5), new JavaDouble(1e-5), new JavaDouble(Number.NaN)],
      c: new Set(['s']),
    };
    expect(stringifyFastjson(value)).toBe(
      '{"a":{{"queueId":0,"topic":"T"}:{"z":9223372036854775807}},"b":{0:"127.0.0.1:10911"},"c":["s"],"d":[0.0,0.25,1.23456785E7,1.0E-5,null]}',
    );
  });

  it('writes the form that new clients want of routes', () => {
    expect(stringifyFastjson({ k: new Map([[0, 'ü漢']]) }, { browserCompatible: true })).toBe('{"k":{"0":"\\u00FC\\u6F22"}}');
  });

  it('writes config files in the layout of Java', () => {
    const offsets = {
      dataVersion: { counter: 1 },
      offsetTable: new Map([
        [
          'T@g',
          new Map([
            [0, 3],
            [1, 5],
          ]),
        ],
      ]),
      empty: {},
    };
    expect(stringifyFastjson(offsets, { pretty: true })).toBe(
      '{\n\t"dataVersion":{\n\t\t"counter":1\n\t},\n\t"empty":{},\n\t"offsetTable":{\n\t\t"T@g":{0:3,1:5\n\t\t}\n\t}\n}',
    );
  });

  it('survives any JSON value, in both layouts', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.boolean(), (value, pretty) => {
        const clean = JSON.parse(JSON.stringify(value, (_, field: unknown) => plain(field)) ?? 'null');
        expect(parseFastjson(stringifyFastjson(clean, { pretty }))).toEqual(clean);
      }),
    );
  });

  it('survives any table of longs by queue', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.record({ topic: fc.string(), queueId: fc.nat() }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), {
          minLength: 1,
        }),
        (entries) => {
          const again = parseFastjson(stringifyFastjson(new Map(entries))) as Map<object, number | bigint>;
          expect([...again].map(([key, value]) => [key, BigInt(value)])).toEqual(entries);
        },
      ),
    );
  });
});

describe('asLong', () => {
  it.each([
    [5, 5],
    [5n, 5n],
    ['1795234279513', 1795234279513],
    ['9223372036854775807', 9223372036854775807n],
    [1.5, undefined],
    ['x', undefined],
    [undefined, undefined],
  ])('%s', (value, expected) => {
    expect(asLong(value)).toBe(expected);
  });
});
