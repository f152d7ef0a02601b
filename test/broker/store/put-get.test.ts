import { describe, expect, test } from 'vitest';
import { stringHashCode } from '../../../src/common/java.js';
import { noopLogger } from '../../../src/common/logger.js';
import { encodeBatch } from '../../../src/common/message/batch.js';
import { decodeRecords } from '../../../src/common/message/record.js';
import { message, openStore, putAll, SMALL, storeConfig, tempDir } from './store-kit.js';

describe.each(['ASYNC_FLUSH', 'SYNC_FLUSH'])('under %s', (flushDiskType) => {
  test('messages come back in order, byte for byte, before and after a restart', async () => {
    const config = storeConfig(tempDir(), { ...SMALL, flushDiskType });
    const store = await openStore(config);
    const bodies: string[] = [];
    for (let turn = 0; turn < 20; turn++) {
      const messages = Array.from({ length: 50 }, (_, i) =>
        message('T', i % 3, `body ${turn}-${i}`, { properties: `KEYS\u0001k${turn}-${i}\u0002` }),
      );
      expect(new Set(await putAll(store, messages))).toEqual(new Set(['PUT_OK']));
      bodies.push(...messages.filter((each) => each.queueId === 1).map((each) => each.body.toString()));
    }
    const readQueue = (from: typeof store): string[] => {
      const found: string[] = [];
      for (let offset = 0; offset < from.maxOffset('T', 1); ) {
        const result = from.getMessage('T', 1, offset, 32);
        expect(result.status).toBe('FOUND');
        const records = result.buffers.flatMap((buffer) => decodeRecords(buffer, { checkCrc: true }));
        expect(records.map((record) => record.queueOffset)).toEqual(records.map((_, i) => offset + i));
        found.push(...records.map((record) => record.body.toString()));
        offset = result.nextBeginOffset;
      }
      return found;
    };
    expect(readQueue(store)).toEqual(bodies);
    await store.shutdown();
    const again = await openStore(config);
    expect(readQueue(again)).toEqual(bodies);
    expect(again.recovery.dispatched).toBe(0);
    const query = again.queryByKey('T', 'k3-7', 10, 0, Number.MAX_SAFE_INTEGER);
    expect(query.records.map((record) => decodeRecords(record)[0]!.body.toString())).toEqual(['body 3-7']);
    await putAll(again, [message('T', 1, 'one more')]);
    expect(again.maxOffset('T', 1)).toBe(bodies.length + 1);
  });

  test('an answer that fails costs neither the other messages their answers nor the store its turn', async () => {
    const errors: string[] = [];
    const logger = { ...noopLogger, error: (text: string) => void errors.push(text) };
    const store = await openStore(storeConfig(tempDir(), { ...SMALL, flushDiskType }), { logger });
    const failing = {
      onPut() {
        throw new Error('cannot answer');
      },
    };
    store.put(message('T', 0, 'first'), failing);
    store.put(message('T', 0, 'not waited for', { waitStoreMsgOK: false }), failing);
    expect(await putAll(store, [message('T', 0, 'second')])).toEqual(['PUT_OK']);
    store.put(message('T', 0, 'refused', { body: Buffer.alloc(store.config.maxMessageSize + 1) }), failing);
    expect(await putAll(store, [message('T', 0, 'third')])).toEqual(['PUT_OK']);
    const { buffers } = store.getMessage('T', 0, 0, 32);
    const bodies = buffers.flatMap((buffer) => decodeRecords(buffer)).map((record) => record.body.toString());
    expect(bodies).toEqual(['first', 'not waited for', 'second', 'third']);
    expect(errors.filter((text) => text.includes('cannot answer'))).toHaveLength(3);
  });

  test('a batch becomes one record for each message, in one file, with the properties of both', async () => {
    const store = await openStore(storeConfig(tempDir(), { ...SMALL, flushDiskType }));
    const parts = Array.from({ length: 5 }, (_, i) => ({
      flag: i,
      body: Buffer.from(`part ${i}`),
      properties: `TAGS\u0001tag${i}\u0002UNIQ_KEY\u0001u${i}`,
    }));
    const put = message('B', 0, encodeBatch(parts), { batch: true, properties: 'CLUSTER\u0001c\u0002' });
    expect(await putAll(store, [put])).toEqual(['PUT_OK']);
    expect(put.batchOffsets).toHaveLength(5);
    const tags: (number | bigint)[] = [];
    const filter = { isMatchedByConsumeQueue: (tagsCode: number | bigint) => tags.push(tagsCode) > 0 };
    const result = store.getMessage('B', 0, 0, 32, { filter });
    const records = result.buffers.flatMap((buffer) => decodeRecords(buffer, { checkCrc: true }));
    expect(records.map((record) => [record.flag, record.body.toString(), record.commitLogOffset, record.properties])).toEqual(
      parts.map((part, i) => [i, `part ${i}`, put.batchOffsets![i], `${part.properties}\u0002CLUSTER\u0001c\u0002`]),
    );
    expect(tags).toEqual(parts.map((_, i) => stringHashCode(`tag${i}`)));
    expect(store.queryByKey('B', 'u3', 10, 0, Number.MAX_SAFE_INTEGER).commitLogOffsets).toEqual([put.batchOffsets![3]]);
  });
});
