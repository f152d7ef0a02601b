import { expect, test } from 'vitest';
import { addPropertyCrc, CRC_ADDED_BYTES, isPropertyCrcIntact } from '../../../broker/store/property-crc.js';
import { encodeBatch } from '../../../src/common/message/batch.js';
import { decodeRecord, decodeRecords, encodeRecordBuffer, type MessageRecord } from '../../../src/common/message/record.js';
import { message, openStore, putAll, SMALL, storeConfig, tempDir, unpackVector } from './store-kit.js';

/** Records of the first queue that are as long as they were stored. */
async function stored(root: string, changes: object, topic: string): Promise<Buffer[]> {
  const store = await openStore(storeConfig(root, { ...changes, forceVerifyPropCRC: true }));
  const records: Buffer[] = [];
  for (const queueId of store.topicQueueIds(topic)) {
    for (let offset = store.minOffset(topic, queueId); offset < store.maxOffset(topic, queueId); ) {
      const result = store.getMessage(topic, queueId, offset, 32);
      for (const buffer of result.buffers) {
        let at = 0;
        for (const record of decodeRecords(buffer)) {
          records.push(buffer.subarray(at, at + record.totalSize));
          at += record.totalSize;
        }
      }
      offset = result.nextBeginOffset;
    }
  }
  return records;
}

test('the property is the one Apache writes, byte for byte', async () => {
  const root = unpackVector('crc/store-crc.tar.gz');
  const sizes = { mappedFileSizeCommitLog: 16_384, mappedFileSizeConsumeQueue: 200, mapperFileSizeBatchConsumeQueue: 368 };
  const records = await stored(root, { ...sizes, maxHashSlotNum: 20, maxIndexNum: 40 }, 'EdgePlain');
  expect(records.length).toBeGreaterThan(5);
  for (const bytes of records) {
    expect(isPropertyCrcIntact(bytes, 0, bytes.length)).toBe(true);
    const record = decodeRecord(bytes, 0);
    const without = encodeRecordBuffer({ ...record, properties: record.properties.slice(0, -20) });
    const room = Buffer.alloc(without.length + CRC_ADDED_BYTES);
    without.copy(room);
    const end = addPropertyCrc(room, 0, without.length);
    expect(room.subarray(0, end).equals(bytes)).toBe(true);
  }
});

test('with enabledAppendPropCRC every record has it: single ones, those at the end of a file, and batches', async () => {
  const root = tempDir();
  const changes = { ...SMALL, enabledAppendPropCRC: true };
  const store = await openStore(storeConfig(root, changes));
  const part = (i: number) => ({
    flag: i,
    body: Buffer.alloc(500, i),
    properties: i % 2 === 0 ? `KEYS\u0001k${i}` : `KEYS\u0001k${i}\u0002`,
  });
  for (let turn = 0; turn < 20; turn++) {
    const single = message('T', 0, Buffer.alloc(3000, turn), { properties: turn % 3 === 0 ? '' : '__CRC32#\u0001123\u0002TAGS\u0001A' });
    const batch = message('T', 0, encodeBatch([0, 1, 2, 3].map(part)), { batch: true, properties: 'CLUSTER\u0001c\u0002' });
    const bare = message('T', 0, encodeBatch([{ flag: 0, body: Buffer.from('x'), properties: '' }]), { batch: true });
    expect(await putAll(store, [single, batch, bare])).toEqual(['PUT_OK', 'PUT_OK', 'PUT_OK']);
  }
  await store.shutdown();
  const records = await stored(root, changes, 'T');
  expect(records).toHaveLength(120);
  for (const bytes of records) {
    expect(isPropertyCrcIntact(bytes, 0, bytes.length)).toBe(true);
    expect(decodeRecord(bytes, 0).properties.match(/__CRC32#/g)).toHaveLength(1);
  }
});

test('properties that leave no room for it are refused', async () => {
  const store = await openStore(storeConfig(tempDir(), { enabledAppendPropCRC: true }));
  const properties = `long\u0001${'p'.repeat(32_767 - 25)}\u0002`;
  expect(await putAll(store, [message('T', 0, 'x', { properties }), message('T', 0, 'y')])).toEqual(['PROPERTIES_SIZE_EXCEEDED', 'PUT_OK']);
  expect(store.maxOffset('T', 0)).toBe(1);
});

test('a record whose topic was changed on disk is found by it, although the body is intact', async () => {
  const record: Omit<MessageRecord, 'totalSize' | 'bodyCrc'> = {
    magicVersion: 1,
    queueId: 0,
    flag: 0,
    queueOffset: 0,
    commitLogOffset: 0,
    sysFlag: 0,
    bornTimestamp: 1,
    bornHost: { ip: Buffer.alloc(4), port: 1 },
    storeTimestamp: 1,
    storeHost: { ip: Buffer.alloc(4), port: 1 },
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.from('body'),
    topic: 'Topic',
    properties: '',
  };
  const bytes = encodeRecordBuffer(record);
  const room = Buffer.concat([bytes, Buffer.alloc(CRC_ADDED_BYTES)]);
  const end = addPropertyCrc(room, 0, bytes.length);
  expect(isPropertyCrcIntact(room, 0, end)).toBe(true);
  room[room.indexOf('Topic')] = 0x58;
  expect(isPropertyCrcIntact(room, 0, end)).toBe(false);
});
