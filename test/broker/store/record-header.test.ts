import { expect, test } from 'vitest';
import { RecordHeader } from '../../../broker/store/record-header.js';
import { encodeRecordBuffer } from '../../../src/common/message/record.js';
import { message } from './store-kit.js';

const SECTOR = 512;
const IPV6 = { ip: Buffer.from('20010db8000000000000000000010002', 'hex'), port: 10911 };

/** Records whose parts are empty, short, or longer than a sector. */
function* records(): Generator<[label: string, record: Buffer]> {
  for (const topic of ['T', 't'.repeat(127), 'u'.repeat(300)]) {
    for (const body of ['', 'b', 'c'.repeat(700)]) {
      for (const properties of ['', 'K\u0001v\u0002', `K\u0001${'v'.repeat(253)}`, `K\u0001${'v'.repeat(1100)}\u0002`]) {
        for (const bornHost of [message('', 0, '').bornHost, IPV6]) {
          const fields = { ...message(topic, 0, body, { properties, bornHost }), magicVersion: topic.length > 127 ? 2 : 1 } as const;
          yield [`${topic.length}, ${body.length} and ${properties.length} bytes`, encodeRecordBuffer(fields)];
        }
      }
    }
  }
}

/** The record as a walk finds it that began a little before it. */
function readAt(record: Buffer): { header: RecordHeader; buffer: Buffer; position: number } {
  const position = 40;
  const buffer = Buffer.concat([Buffer.alloc(position), record, Buffer.alloc(16)]);
  const header = new RecordHeader();
  expect(header.read(new DataView(buffer.buffer, buffer.byteOffset, buffer.length), position, buffer.length)).toBe('record');
  return { header, buffer, position };
}

test('a whole record is not taken for a torn one, wherever in its sectors it lies', () => {
  for (const [label, record] of records()) {
    const { header, buffer, position } = readAt(record);
    for (let place = 0; place < SECTOR; place++) {
      if (header.isTextTorn(buffer, position, 3 * SECTOR + place)) expect.fail(`${label} at byte ${place} of a sector`);
    }
  }
});

test('a record whose topic or properties lost a sector is torn, wherever in its sectors it lies', () => {
  for (const [label, record] of records()) {
    const whole = readAt(record);
    const { header, position } = whole;
    const textEnd = header.propertiesBytes > 0 ? header.propertiesStart + header.propertiesBytes : header.topicStart + header.topicBytes;
    for (let place = 0; place < SECTOR; place++) {
      const shift = 3 * SECTOR + place - position;
      // Sectors behind the one of the topic's first byte: the lengths before it are whole, or there would be no record.
      for (let at = Math.floor((header.topicStart + shift) / SECTOR + 1) * SECTOR - shift; at < textEnd; at += SECTOR) {
        const torn = Buffer.from(whole.buffer).fill(0, at, Math.min(at + SECTOR, position + record.length));
        const isWhole = torn.readInt16BE(header.propertiesStart - 2) === header.propertiesBytes;
        if (isWhole && !header.isTextTorn(torn, position, 3 * SECTOR + place)) expect.fail(`${label} at byte ${place}, without ${at}`);
      }
    }
  }
});
