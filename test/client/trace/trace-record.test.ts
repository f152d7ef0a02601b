import { describe, expect, it } from 'vitest';
import { decodeTraceRecords, encodeTraceRecord, type TraceRecord } from '../../../src/client/trace/trace-record.js';

/** As it was recorded from a Java 5.3.3 producer: `|` stands for 0x01, `~` for 0x02. */
const RECORDED =
  'Pub|1795233812131|DefaultRegion|PG_T3|T3Pop|FD00000000000000|TagA|pk0|127.0.0.1:40911|2|76|0|7F00000100009FCF000000000000188F|true~';

const wire = (text: string): string => text.replaceAll('|', '\u0001').replaceAll('~', '\u0002');
const plain = (text: string): string => text.replaceAll('\u0001', '|').replaceAll('\u0002', '~');

const common = { timestamp: 17, regionId: 'R', groupName: 'G', msgId: 'M' } as const;
const named = { topic: 'T', tags: null, keys: 'a b', storeHost: '127.0.0.1:10911' } as const;
const RECORDS: readonly (readonly [TraceRecord, string])[] = [
  [
    { traceType: 'Pub', ...common, ...named, bodyLength: 5, costTime: 3, msgType: 3, offsetMsgId: 'O', success: false },
    'Pub|17|R|G|T|M|null|a b|127.0.0.1:10911|5|3|3|O|false~',
  ],
  [{ traceType: 'SubBefore', ...common, requestId: 'Q', retryTimes: 2, keys: null }, 'SubBefore|17|R|G|Q|M|2|null~'],
  [
    {
      traceType: 'SubAfter',
      requestId: 'Q',
      msgId: 'M',
      costTime: 1,
      success: true,
      keys: 'k',
      contextCode: 4,
      timestamp: 17,
      groupName: 'G',
    },
    'SubAfter|Q|M|1|true|k|4|17|G~',
  ],
  [
    {
      traceType: 'EndTransaction',
      ...common,
      ...named,
      msgType: 2,
      transactionId: 'X',
      transactionState: 'ROLLBACK_MESSAGE',
      fromTransactionCheck: true,
    },
    'EndTransaction|17|R|G|T|M|null|a b|127.0.0.1:10911|2|X|ROLLBACK_MESSAGE|true~',
  ],
  [{ traceType: 'Recall', ...common, topic: 'T', success: true }, 'Recall|17|R|G|T|M|true~'],
];

describe('a trace record', () => {
  it.each(RECORDS)('$traceType is written field by field and read back', (record, text) => {
    expect(plain(encodeTraceRecord(record))).toBe(text);
    expect(decodeTraceRecords(wire(text))).toEqual([record]);
  });

  it('of Java is read and written with the same bytes', () => {
    const [record] = decodeTraceRecords(wire(RECORDED));
    expect(record).toMatchObject({ groupName: 'PG_T3', tags: 'TagA', keys: 'pk0', costTime: 76, bodyLength: 2, success: true });
    expect(plain(encodeTraceRecord(record!))).toBe(RECORDED);
  });

  it('of other clients is read: without an offsetMsgId, with a clientHost, without time and group', () => {
    const texts = [
      'Pub|17|R|G|T|M|t|k|h|5|3|0|true~',
      'Pub|17|R|G|T|M|t|k|h|5|3|0|O|true|10.0.0.1~',
      'SubAfter|Q|M|1|false|k~',
      'SubAfter|Q|M|1|true||0|~',
    ];
    const [old, withHost, short, cloud] = decodeTraceRecords(wire(texts.join('')));
    expect(old).toMatchObject({ offsetMsgId: null, success: true });
    expect(withHost).toMatchObject({ offsetMsgId: 'O', success: true });
    expect(short).toMatchObject({ success: false, contextCode: 0, timestamp: null, groupName: null });
    expect(cloud).toMatchObject({ success: true, keys: null, timestamp: null, groupName: null });
    expect(plain(encodeTraceRecord(cloud!))).toBe('SubAfter|Q|M|1|true|null|0|~');
  });

  it('that is none is left out, and the ones around it are read', () => {
    const text = 'Pub|17~Unknown|1|2~Pub|when|R|G|T|M|t|k|h|5|3|0|O|true~~SubBefore|1~Recall|17|R|G|T|M|false~EndTransaction|x~SubAfter|~';
    expect(decodeTraceRecords(wire(text))).toEqual([{ traceType: 'Recall', ...common, topic: 'T', success: false }]);
    expect(decodeTraceRecords('')).toEqual([]);
  });
});
