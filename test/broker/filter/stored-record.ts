import { RecordProperties } from '../../../broker/filter/record-properties.js';
import type { Selector } from '../../../broker/filter/selector.js';
import { encodeRecordBuffer } from '../../../src/common/message/record.js';

const HOST = { ip: Buffer.from([127, 0, 0, 1]), port: 10911 };
/** Where the record lies in its buffer. */
const POSITION = 7;

/** A stored record of the topic Orders between other bytes, with its properties as they are given. */
export function stored(properties: string | Buffer, magicVersion: 1 | 2 = 1): Buffer {
  const text = typeof properties === 'string' ? properties : 'x'.repeat(properties.length);
  const record = encodeRecordBuffer({
    ...{ magicVersion, queueId: 0, flag: 0, queueOffset: 3, commitLogOffset: 0, sysFlag: 0, bornTimestamp: 1, bornHost: HOST },
    ...{ storeTimestamp: 2, storeHost: HOST, reconsumeTimes: 0, preparedTransactionOffset: 0, body: Buffer.from('body') },
    ...{ topic: 'Orders', properties: text },
  });
  if (typeof properties !== 'string') properties.copy(record, record.length - properties.length);
  return Buffer.concat([Buffer.alloc(POSITION, 2), record, Buffer.from('a\u00015\u0002')]);
}

/** What a selector says of what `stored` made. */
export function matchesStored(selector: Selector, record: Buffer): boolean {
  const properties = new RecordProperties(selector.properties);
  properties.load(record, POSITION, record.readInt32BE(POSITION));
  return selector.matchesRecord(properties);
}

export function propertiesText(properties: Record<string, string>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}\u0001${value}\u0002`)
    .join('');
}
