import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { MessageStore, PutMessage, StoreConfig } from '../../../broker/store/index.js';
import { encodeBatch } from '../../../src/common/message/batch.js';
import { decodeProperties } from '../../../src/common/message/properties.js';
import { decodeRecords, type MessageRecord } from '../../../src/common/message/record.js';
import { MessageSysFlag } from '../../../src/common/sys-flag.js';
import { message, openStore, putAll, SMALL, storeConfig, tempDir } from './store-kit.js';

const TOPIC = 'Inner';
const INNER = MessageSysFlag.INNER_BATCH | MessageSysFlag.NEED_UNWRAP;
const BATCH_FILES: Partial<StoreConfig> = { ...SMALL, mapperFileSizeBatchConsumeQueue: 46 * 8 };
const queueTypeOf = (topic: string) => (topic.startsWith(TOPIC) ? 'BatchCQ' : undefined);

function inner(count: number, name: string, changes: Partial<PutMessage> = {}): PutMessage {
  const parts = Array.from({ length: count }, (_, i) => ({
    flag: 0,
    body: Buffer.from(`${name}-${i}`),
    properties: `UNIQ_KEY\u0001${name}${i}\u0002`,
  }));
  const properties = `UNIQ_KEY\u0001${name}\u0002INNER_NUM\u0001${count}\u0002`;
  return message(TOPIC, 0, encodeBatch(parts), { sysFlag: INNER, properties, ...changes });
}

function open(root: string, changes: Partial<StoreConfig> = {}): Promise<MessageStore> {
  return openStore(storeConfig(root, { ...BATCH_FILES, ...changes }), { queueTypeOf });
}

function read(store: MessageStore, offset: number, maxMsgNums = 32): MessageRecord[] {
  return store.getMessage(TOPIC, 0, offset, maxMsgNums).buffers.flatMap((buffer) => decodeRecords(buffer, { checkCrc: true }));
}

/** Offset, count and base of every record, as its properties state them. */
function layoutOf(store: MessageStore): [number, string | undefined, string | undefined][] {
  const rows: [number, string | undefined, string | undefined][] = [];
  for (let offset = store.minOffset(TOPIC, 0); offset < store.maxOffset(TOPIC, 0); ) {
    const result = store.getMessage(TOPIC, 0, offset, 32);
    expect(result.status).toBe('FOUND');
    for (const record of result.buffers.flatMap((buffer) => decodeRecords(buffer, { checkCrc: true }))) {
      const properties = decodeProperties(record.properties);
      rows.push([record.queueOffset, properties.get('INNER_NUM'), properties.get('INNER_BASE')]);
    }
    offset = result.nextBeginOffset;
  }
  return rows;
}

/** The folder as a killed process leaves it. */
function markKilled(root: string): void {
  writeFileSync(join(root, 'abort'), '4711\n');
}

describe('a batch consume queue', () => {
  test('gives an inner batch as many offsets as it has messages, and a single message one', async () => {
    const store = await open(tempDir());
    const puts = [inner(3, 'a'), message(TOPIC, 0, 'single', { properties: 'KEYS\u0001k\u0002' }), inner(2, 'b'), inner(1, 'c')];
    expect(await putAll(store, puts)).toEqual(['PUT_OK', 'PUT_OK', 'PUT_OK', 'PUT_OK']);
    expect(puts.map((put) => put.queueOffset)).toEqual([0, 3, 4, 6]);
    expect([store.minOffset(TOPIC, 0), store.maxOffset(TOPIC, 0)]).toEqual([0, 7]);
    expect(layoutOf(store)).toEqual([
      [0, '3', '0'],
      [3, '1', '3'],
      [4, '2', '4'],
      [6, '1', '6'],
    ]);
    expect(store.counters.puts).toBe(7);
    expect(store.queryByKey(TOPIC, 'b', 10, 0, Number.MAX_SAFE_INTEGER).commitLogOffsets).toEqual([puts[2]!.commitLogOffset]);
  });

  test('is read in whole records, from any offset in them, up to the wanted number of messages', async () => {
    const store = await open(tempDir());
    await putAll(store, [inner(3, 'a'), inner(2, 'b'), inner(4, 'c')]);
    const result = store.getMessage(TOPIC, 0, 1, 5);
    expect([result.status, result.messageCount, result.nextBeginOffset]).toEqual(['FOUND', 5, 5]);
    expect(read(store, 4, 1).map((record) => record.queueOffset)).toEqual([3]);
    expect(read(store, 8).map((record) => record.queueOffset)).toEqual([5]);
    expect(store.getMessage(TOPIC, 0, 9, 32).status).toBe('OFFSET_OVERFLOW_ONE');
    expect(store.getMessage(TOPIC, 0, 10, 32)).toMatchObject({ status: 'OFFSET_OVERFLOW_BADLY', nextBeginOffset: 9 });
    expect([0, 2, 3, 8].map((offset) => store.commitLogOffsetAt(TOPIC, 0, offset))).toEqual(
      [0, 0, 3, 5].map((offset) => read(store, offset)[0]!.commitLogOffset),
    );
    expect(store.commitLogOffsetAt(TOPIC, 0, 9)).toBe(-1);
  });

  test('is found through by store time, to the first message of a record', async () => {
    let nowMs = 1_800_000_000_000;
    const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, monotonicNs: () => BigInt(nowMs) * 1_000_000n };
    const config = storeConfig(tempDir(), BATCH_FILES);
    const store = await openStore(config, { queueTypeOf, clock });
    for (const count of [3, 2, 4]) {
      await putAll(store, [inner(count, `t${count}`)]);
      nowMs += 1000;
    }
    const at = (afterMs: number, boundary: 'LOWER' | 'UPPER' = 'LOWER') =>
      store.offsetByTime(TOPIC, 0, 1_800_000_000_000 + afterMs, boundary);
    expect([-1, 0, 1, 1000, 1500, 2000, 2001].map((ms) => at(ms))).toEqual([0, 0, 3, 3, 5, 5, 9]);
    expect([-1, 0, 999, 1000, 9999].map((ms) => at(ms, 'UPPER'))).toEqual([0, 0, 0, 3, 5]);
    expect(store.earliestMessageTime(TOPIC, 0)).toBe(1_800_000_000_000);
    expect(store.storeTimestampAt(TOPIC, 0, 8)).toBe(1_800_000_002_000);
  });

  test('filters by the tag of the batch; one without a tag is for the consumer to look through', async () => {
    const store = await open(tempDir());
    await putAll(store, [inner(2, 'a', { tagsCode: 65 }), inner(2, 'b', { tagsCode: 66 }), inner(2, 'c'), message(TOPIC, 0, 'plain')]);
    const filter = { isMatchedByConsumeQueue: (tagsCode: number | bigint) => tagsCode === 66 };
    const result = store.getMessage(TOPIC, 0, 0, 32, { filter });
    expect(result.buffers.flatMap((buffer) => decodeRecords(buffer)).map((record) => record.queueOffset)).toEqual([2, 4]);
    expect(result.nextBeginOffset).toBe(7);
  });

  test('tells listeners the end of a batch, and that one without a tag may have any', async () => {
    const store = await open(tempDir());
    const heard: unknown[] = [];
    store.addArrivalListener((topic, queueId, end, tagsCode, _time, isUntagged) => heard.push([topic, queueId, end, tagsCode, isUntagged]));
    await putAll(store, [inner(3, 'a'), inner(2, 'b', { tagsCode: 5 })]);
    expect(heard).toEqual([
      [TOPIC, 0, 3, 0, true],
      [TOPIC, 0, 5, 5, false],
    ]);
  });

  test.each([
    ['an INNER_NUM that is not the number of messages', () => inner(3, 'a', { properties: 'INNER_NUM\u00012\u0002' })],
    ['no INNER_NUM', () => inner(3, 'a', { properties: '' })],
    ['a torn body', () => inner(3, 'a', { body: inner(3, 'a').body.subarray(0, 30) })],
    ['a topic without batch queues', () => inner(3, 'a', { topic: 'Simple' })],
  ])('refuses an inner batch with %s', async (_what, make) => {
    const store = await open(tempDir());
    expect(await putAll(store, [make(), inner(1, 'after')])).toEqual(['MESSAGE_ILLEGAL', 'PUT_OK']);
    expect(store.maxOffset(TOPIC, 0)).toBe(1);
  });

  test('takes a classic batch as single messages', async () => {
    const store = await open(tempDir());
    const parts = ['x', 'y'].map((text) => ({ flag: 0, body: Buffer.from(text), properties: `TAGS\u0001${text}` }));
    const put = message(TOPIC, 0, encodeBatch(parts), { batch: true, properties: 'CLUSTER\u0001c\u0002' });
    expect(await putAll(store, [inner(2, 'a'), put])).toEqual(['PUT_OK', 'PUT_OK']);
    expect(layoutOf(store)).toEqual([
      [0, '2', '0'],
      [2, '1', '2'],
      [3, '1', '3'],
    ]);
  });
});

describe.each([
  ['after an orderly stop', false, false],
  ['after a kill', true, false],
  ['after a kill with its folder deleted', true, true],
])('batch queues %s', (_name, isKilled, isDeleted) => {
  test('come back with the same offsets, over many files, and go on there', async () => {
    const root = tempDir();
    const store = await open(root);
    const sizes = Array.from({ length: 60 }, (_, i) => 1 + ((i * 7) % 5));
    for (let i = 0; i < sizes.length; i += 10) {
      await putAll(
        store,
        sizes.slice(i, i + 10).map((size, n) => inner(size, `m${i + n}`)),
      );
    }
    const before = layoutOf(store);
    const max = store.maxOffset(TOPIC, 0);
    await store.shutdown();
    if (isKilled) {
      markKilled(root);
    }
    if (isDeleted) {
      rmSync(join(root, 'batchconsumequeue'), { recursive: true });
    }
    const again = await open(root);
    expect(again.maxOffset(TOPIC, 0)).toBe(max);
    expect(layoutOf(again)).toEqual(before);
    const next = inner(2, 'next');
    await putAll(again, [next]);
    expect(next.queueOffset).toBe(max);
    await again.shutdown();
    // The log says what the queue is where nobody else does.
    markKilled(root);
    rmSync(join(root, 'batchconsumequeue'), { recursive: true });
    const unconfigured = await openStore(storeConfig(root, BATCH_FILES));
    expect(layoutOf(unconfigured)).toEqual([...before, [max, '2', String(max)]]);
  });
});

test('units are those of the format, byte for byte', async () => {
  const root = tempDir();
  const store = await open(root);
  const put = inner(3, 'a', { tagsCode: 2329 });
  await putAll(store, [inner(2, 'z'), put]);
  const size = store.commitLogMaxOffset() - put.commitLogOffset;
  await store.shutdown();
  const file = readFileSync(join(root, 'batchconsumequeue', TOPIC, '0', '0'.repeat(20)));
  expect(file).toHaveLength(46 * 8);
  const unit = file.subarray(46, 92);
  expect([unit.readBigInt64BE(0), unit.readInt32BE(8), unit.readBigInt64BE(12), unit.readBigInt64BE(20)]).toEqual([
    BigInt(put.commitLogOffset),
    size,
    2329n,
    BigInt(put.storeTimestamp),
  ]);
  expect([unit.readBigInt64BE(28), unit.readInt16BE(36), unit.readInt32BE(38), unit.readInt32BE(42)]).toEqual([2n, 3, -1, 0]);
});

test('queues of the other kind under the name of a topic made again are removed', async () => {
  const root = tempDir();
  const store = await open(root);
  await putAll(store, [inner(2, 'a')]);
  await store.shutdown();
  const simple = await openStore(storeConfig(root, BATCH_FILES), { queueTypeOf: () => 'SimpleCQ' });
  expect(simple.topicQueueIds(TOPIC)).toEqual([]);
  await putAll(simple, [message(TOPIC, 0, 'now simple')]);
  expect(simple.getMessage(TOPIC, 0, 0, 1).messageCount).toBe(1);
});
