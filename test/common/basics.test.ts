import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/common/clock.js';
import { crc31, crc31Range } from '../../src/common/crc.js';
import {
  BrokerError,
  ConfigError,
  ConnectError,
  EXIT_CODES,
  MQError,
  PartialError,
  TimeoutError,
  UsageError,
} from '../../src/common/errors.js';
import { formatHostAddress, formatIp, ipToBytes, parseHostAddress, splitHostPort } from '../../src/common/host.js';
import { getInt64, setInt64 } from '../../src/common/int64.js';
import { stringHashCode } from '../../src/common/java.js';
import { versionDesc } from '../../src/common/mq-version.js';
import { isValidPerm, permToString } from '../../src/common/perm-name.js';
import { parseProperties, stringifyConfigBody, stringifyProperties } from '../../src/common/properties-file.js';
import { buildPullSysFlag, clearCompressed, transactionType, withTransactionType } from '../../src/common/sys-flag.js';
import {
  dlqTopic,
  isSystemGroup,
  isSystemTopic,
  NOT_SENDABLE,
  retryTopic,
  validateGroup,
  validateTopic,
} from '../../src/common/topic-names.js';

describe('errors', () => {
  it('carry category, exit code, hint and context', () => {
    const error = new BrokerError('refused', { responseCode: 17, remark: 'r', brokerAddr: 'a:1', context: { topic: 'T' } });
    expect(error).toMatchObject({ name: 'BrokerError', category: 'broker', code: 'BROKER_REFUSED', exitCode: 1, retriable: false });
    expect(error.context).toEqual({ responseCode: 17, remark: 'r', brokerAddr: 'a:1', topic: 'T' });
    expect(new UsageError('x').exitCode).toBe(2);
    expect(new TimeoutError('x')).toMatchObject({ exitCode: 3, retriable: true });
    expect(new ConnectError('x').hint).toMatch(/check that the node runs/);
    expect(new PartialError('x').exitCode).toBe(6);
    const cause = new Error('inner');
    const config = new ConfigError('bad', { code: 'OWN', hint: 'do this', cause });
    expect(config).toBeInstanceOf(MQError);
    expect(config.cause).toBe(cause);
    expect(config.toJSON()).toEqual({ code: 'OWN', category: 'config', message: 'bad', hint: 'do this', retriable: false, context: {} });
    expect(Object.keys(EXIT_CODES)).toHaveLength(13);
  });
});

describe('Java arithmetic', () => {
  it.each([
    ['', 0],
    ['a', 97],
    ['TagA', 2598919],
    ['polygenelubricants', -2147483648],
    ['汉字', 882734],
  ])('hashes %j to %i', (text, hash) => {
    expect(stringHashCode(text)).toBe(hash);
  });

  it('clears the sign of CRCs', () => {
    expect(crc31(Buffer.from('123456789'))).toBe(0xcbf43926 & 0x7fffffff);
    expect(crc31(Buffer.alloc(0))).toBe(0);
    const bytes = Buffer.from(Array.from({ length: 800 }, (_, i) => (i * 167) & 255));
    for (let start = 0; start < 20; start++) {
      for (const length of [...Array(70).keys(), 127, 128, 319, 320, 321, 700]) {
        expect(crc31Range(bytes, start, start + length)).toBe(crc31(bytes.subarray(start, start + length)));
      }
    }
  });

  it('writes and reads longs', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const view = new DataView(new ArrayBuffer(8));
        setInt64(view, 0, value);
        expect(view.getBigInt64(0)).toBe(BigInt(value));
        expect(getInt64(view, 0)).toBe(value);
      }),
    );
  });
});

describe('versions', () => {
  it.each([
    [0, 'V3_0_0_SNAPSHOT'],
    [15, 'V3_0_0_FINAL'],
    [37, 'V3_0_11'],
    [45, 'V3_0_15'],
    [46, 'V3_1_0_SNAPSHOT'],
    [67, 'V3_2_0'],
    [87, 'V3_3_1'],
    [121, 'V3_4_9'],
    [211, 'V3_9_9'],
    [212, 'V4_0_0_SNAPSHOT'],
    [213, 'V4_0_0'],
    [399, 'V4_9_3'],
    [407, 'V4_9_7'],
    [413, 'V5_0_0'],
    [479, 'V5_3_3'],
    [611, 'V5_9_9'],
    [612, 'HIGHER_VERSION'],
    [9999, 'HIGHER_VERSION'],
  ])('%i is %s', (ordinal, name) => {
    expect(versionDesc(ordinal)).toBe(name);
  });
});

describe('names', () => {
  it.each(['T', '%RETRY%g', 'a|b-c_D9', 'x'.repeat(127)])('topic %s is legal', (topic) => {
    expect(validateTopic(topic)).toBeNull();
  });

  it.each([
    ['', 'blank'],
    [' ', 'blank'],
    ['x'.repeat(128), 'longer than topic max length 127'],
    ['a b', 'illegal character " "'],
    ['ü', 'illegal character "ü"'],
  ])('topic %j is not', (topic, why) => {
    expect(validateTopic(topic)).toContain(why);
  });

  it('of system topics and groups are known', () => {
    expect(isSystemTopic('TBW102')).toBe(true);
    expect(isSystemTopic('rmq_sys_anything')).toBe(true);
    expect(isSystemTopic('Mine')).toBe(false);
    expect(isSystemGroup('CID_RMQ_SYS_X')).toBe(true);
    expect(isSystemGroup('TOOLS_CONSUMER')).toBe(true);
    expect(NOT_SENDABLE.has('SCHEDULE_TOPIC_XXXX')).toBe(true);
    expect(NOT_SENDABLE.has('TBW102')).toBe(false);
    expect([retryTopic('g'), dlqTopic('g')]).toEqual(['%RETRY%g', '%DLQ%g']);
    expect(validateGroup('g'.repeat(256))).toContain('longer');
  });

  it('of permissions', () => {
    expect([0, 1, 2, 4, 6, 7].map(permToString)).toEqual(['---', '--X', '-W-', 'R--', 'RW-', 'RWX']);
    expect([-1, 0, 7, 8, 1.5].map(isValidPerm)).toEqual([false, true, true, false, false]);
  });
});

describe('sysFlag', () => {
  it('holds transaction type and compression apart', () => {
    expect(withTransactionType(0x301, 8)).toBe(0x309);
    expect(transactionType(0x309)).toBe(8);
    expect(clearCompressed(0x30d)).toBe(0xc);
    expect(buildPullSysFlag({ commitOffset: true, suspend: true })).toBe(3);
    expect(buildPullSysFlag({ suspend: true, subscription: true, litePull: true })).toBe(22);
  });
});

describe('hosts', () => {
  it.each([
    ['1.2.3.4:10911', '01020304', '1.2.3.4:10911'],
    ['/1.2.3.4:1', '01020304', '1.2.3.4:1'],
    ['[::1]:5', '00000000000000000000000000000001', '[::1]:5'],
    ['fd00::1:2:80', 'fd000000000000000000000000010002', '[fd00::1:2]:80'],
    ['[::ffff:1.2.3.4]:5', '01020304', '1.2.3.4:5'],
    ['[2001:db8:0:0:1:0:0:1]:9', '20010db8000000000001000000000001', '[2001:db8::1:0:0:1]:9'],
  ])('%s', (text, hex, formatted) => {
    const address = parseHostAddress(text);
    expect(address.ip.toString('hex')).toBe(hex);
    expect(formatHostAddress(address)).toBe(formatted);
  });

  it.each(['', 'host', 'host:', ':1', '1.2.3.4:99999', '1.2.3.4:x', 'name:80'])('%j is refused as an address of bytes', (text) => {
    expect(() => parseHostAddress(text)).toThrow(/is not an? (ip|host):port address/);
  });

  it('may be names where a name will do', () => {
    expect(splitHostPort('broker-a.example:9876')).toEqual({ host: 'broker-a.example', port: 9876 });
  });

  it('survive as text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        fc.pre(!(bytes.slice(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff));
        expect(ipToBytes(formatIp(bytes))).toEqual(Buffer.from(bytes));
      }),
    );
    expect(ipToBytes('nonsense')).toBeNull();
  });
});

describe('properties files', () => {
  const values = (text: string): Record<string, string> =>
    Object.fromEntries([...parseProperties(text).entries].map(([key, entry]) => [key, entry.value]));

  it('are read as java.util.Properties reads them', () => {
    const text =
      '# comment\r\n ! other\rkey1=value 1 \nkey2 : v2\rkey3 v3\r\nkey\\ 4=\\u0041\\t\\\\\nlong=a\\\r\n   b\\\n   c\nempty\nurl=a=b:c';
    expect(values(text)).toEqual({ key1: 'value 1 ', key2: 'v2', key3: 'v3', 'key 4': 'A\t\\', long: 'abc', empty: '', url: 'a=b:c' });
  });

  it('keep the line of each key, the last of repeated ones wins', () => {
    const { entries } = parseProperties('a=1\n\n# x\nb=2\\\n  3\na=4\n');
    expect([...entries]).toEqual([
      ['b', { value: '23', line: 4 }],
      ['a', { value: '4', line: 6 }],
    ]);
  });

  it('swallow single backslashes, as they do those of a Windows path', () => {
    expect(values('p=C:\\store\\new')).toEqual({ p: 'C:store\new' });
    expect(values('p=C:\\\\store')).toEqual({ p: 'C:\\store' });
    expect(() => parseProperties('x=1\np=C:\\users')).toThrow(/line 2: \\u needs four hex digits/);
  });

  it('are bytes of ISO-8859-1', () => {
    expect(parseProperties(Buffer.from([0x61, 0x3d, 0xe9])).entries.get('a')!.value).toBe('é');
  });

  it('survive writing and reading', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.string({ unit: 'binary' })), (map) => {
        expect(values(stringifyProperties(map))).toEqual(map);
      }),
    );
  });

  it('in bodies are plain lines', () => {
    expect(
      stringifyConfigBody([
        ['brokerName', 'broker-a'],
        ['p', 'C:\\x'],
      ]),
    ).toBe('brokerName=broker-a\np=C:\\x\n');
  });
});

describe('seededRandom', () => {
  it('repeats, and stays in bounds', () => {
    const [first, second] = [seededRandom(5), seededRandom(5)];
    const numbers = Array.from({ length: 1_000 }, () => first.nextInt(10));
    expect(numbers).toEqual(Array.from({ length: 1_000 }, () => second.nextInt(10)));
    expect(new Set(numbers)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
  });
});
