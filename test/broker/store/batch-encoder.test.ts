import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeBatch } from '../../../src/common/message/batch.js';
import { decodeRecords, encodeRecordBuffer } from '../../../src/common/message/record.js';
import { message, openStore, putAll, storeConfig, tempDir } from './store-kit.js';

const V6 = { ip: Buffer.from('20010db8000000000000000000010002', 'hex'), port: 30_911 };
const V4 = { ip: Buffer.from([10, 0, 0, 7]), port: 10_911 };

test('records of a batch are those that encodeRecord makes of its messages', async () => {
  const store = await openStore(storeConfig(tempDir(), { mappedFileSizeCommitLog: 16 * 1024 * 1024, messageIndexEnable: false }));
  let turn = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ flag: fc.integer(), body: fc.uint8Array({ maxLength: 300 }), name: fc.string({ minLength: 1 }), ends: fc.boolean() }),
        { minLength: 1, maxLength: 20 },
      ),
      fc.record({ isBornV6: fc.boolean(), isStoreV6: fc.boolean(), suffix: fc.string(), sysFlag: fc.constantFrom(0, 1, 0x301) }),
      async (parts, { isBornV6, isStoreV6, suffix, sysFlag }) => {
        const topic = `T${turn++}`;
        const messages = parts.map(({ flag, body, name, ends }) => ({
          flag,
          body: Buffer.from(body),
          properties: `n\u0001${name}${ends ? '\u0002' : ''}`,
        }));
        const properties = suffix === '' ? '' : `s\u0001${suffix}\u0002`;
        const hosts = { bornHost: isBornV6 ? V6 : V4, storeHost: isStoreV6 ? V6 : V4 };
        const put = message(topic, 3, encodeBatch(messages), { batch: true, properties, sysFlag, reconsumeTimes: 2, ...hosts });
        expect(await putAll(store, [put])).toEqual(['PUT_OK']);
        const read: Buffer[] = [];
        for (let offset = 0; offset < messages.length; ) {
          const result = store.getMessage(topic, 3, offset, 32);
          read.push(...result.buffers);
          offset = result.nextBeginOffset;
        }
        const records = decodeRecords(Buffer.concat(read), { checkCrc: true });
        expect(records.map((record) => record.queueOffset)).toEqual(messages.map((_, i) => i));
        const expected = records.map((record, i) => {
          const own = messages[i]!;
          const text = own.properties + (properties !== '' && !own.properties.endsWith('\u0002') ? '\u0002' : '') + properties;
          const { bodyCrc: _, totalSize: __, ...fields } = record;
          const { storeTimestamp, commitLogOffset } = record;
          return encodeRecordBuffer({
            ...fields,
            ...hosts,
            magicVersion: 1,
            topic,
            queueId: 3,
            queueOffset: i,
            storeTimestamp,
            commitLogOffset,
            sysFlag,
            flag: own.flag,
            bornTimestamp: 1_700_000_000_000,
            reconsumeTimes: 2,
            preparedTransactionOffset: 0,
            body: own.body,
            properties: text,
          });
        });
        expect(Buffer.concat(read).equals(Buffer.concat(expected))).toBe(true);
        expect(put.batchOffsets).toEqual(records.map((record) => record.commitLogOffset));
      },
    ),
    { numRuns: 60 },
  );
});
