import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsumerStats } from '../../src/client/consumer/consumer-stats.js';
import { LocalFileOffsetStore } from '../../src/client/consumer/offset-store.js';
import { ProcessQueue } from '../../src/client/consumer/process-queue.js';
import { countMessages, PulledMessage, readPulledMessages } from '../../src/client/consumer/pulled-message.js';
import { computeStartOffset, parseConsumeTimestamp } from '../../src/client/consumer/start-offset.js';
import { MQClient } from '../../src/client/mq-client.js';
import { buildSubscription } from '../../src/client/subscription.js';
import type { ConsumeFromWhere } from '../../src/client/types.js';
import type { Clock } from '../../src/common/clock.js';
import { compressBody, compressionSysFlag } from '../../src/common/compression.js';
import { ProtocolError, UsageError } from '../../src/common/errors.js';
import { toMessageExt } from '../../src/common/message/message.js';
import { encodeProperties } from '../../src/common/message/properties.js';
import { decodeRecord, encodeRecordBuffer, type RecordFields } from '../../src/common/message/record.js';

const HOST = { ip: Buffer.from([127, 0, 0, 1]), port: 10911 };
const HOST6 = { ip: Buffer.alloc(16, 7), port: 10911 };

function record(fields: Partial<RecordFields> = {}): Buffer {
  return encodeRecordBuffer({
    magicVersion: 1,
    queueId: 3,
    flag: 9,
    queueOffset: 7,
    commitLogOffset: 2 ** 40,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    bornHost: HOST,
    storeTimestamp: 1_700_000_000_001,
    storeHost: HOST,
    reconsumeTimes: 2,
    preparedTransactionOffset: 5,
    body: Buffer.from('hello'),
    topic: 'T',
    properties: encodeProperties({ TAGS: 'TagA', KEYS: 'k1 k2', UNIQ_KEY: 'ID' }),
    ...fields,
  });
}

describe('a pulled message', () => {
  it.each<[string, Partial<RecordFields>]>([
    ['of version 1', {}],
    ['of version 2', { magicVersion: 2, topic: `%RETRY%${'g'.repeat(200)}` }],
    ['with IPv6 hosts', { bornHost: HOST6, storeHost: HOST6 }],
    ['with a compressed body', { body: compressBody(Buffer.from('hello')), sysFlag: compressionSysFlag('ZLIB') }],
    ['without properties', { properties: '' }],
  ])('%s shows the fields of the record', (_what, fields) => {
    const buffer = Buffer.concat([Buffer.from('before'), record(fields)]);
    const message = new PulledMessage(buffer, 6, 'broker-a');
    const expected = toMessageExt(decodeRecord(buffer, 6), { brokerName: 'broker-a' });
    for (const key of Object.keys(expected) as (keyof typeof expected)[]) {
      expect(message[key], key).toEqual(expected[key]);
    }
    expect(message.tags).toEqual(expected.tags);
  });

  it('refuses bytes that are no record', () => {
    expect(() => countMessages(Buffer.alloc(10))).toThrow(ProtocolError);
    expect(() => countMessages(Buffer.alloc(200))).toThrow(/magic code is 0/);
    const short = record();
    short.writeInt32BE(short.length + 1, 0);
    expect(() => countMessages(short)).toThrow(/total size/);
    const longBody = record();
    longBody.writeInt32BE(5000, 84);
    expect(() => readPulledMessages(longBody, 'b')).toThrow(/body length is 5000/);
    expect(countMessages(Buffer.concat([record(), record()]))).toBe(2);
  });
});

describe('the cache of a queue', () => {
  const message = (queueOffset: number): PulledMessage => new PulledMessage(record({ queueOffset }), 0, 'b');

  it('allows to commit up to the first message that is not done', () => {
    const cache = new ProcessQueue({ topic: 'T', brokerName: 'b', queueId: 0 }, 0);
    expect(cache.commitOffset).toBe(-1);
    const [a, b, c] = cache.put([message(5), message(6), message(9)]);
    expect([cache.msgCount, cache.msgBytes, cache.maxSpan, cache.minCachedOffset, cache.maxCachedOffset]).toEqual([3, 15, 4, 5, 9]);
    expect(cache.commitOffset).toBe(5);
    expect(cache.remove([b!])).toBe(5);
    expect(cache.remove([a!])).toBe(9);
    expect(cache.remove([a!, c!])).toBe(10);
    expect([cache.msgCount, cache.msgBytes, cache.maxSpan]).toEqual([0, 0, 0]);
  });

  it('takes a message once', () => {
    const cache = new ProcessQueue({ topic: 'T', brokerName: 'b', queueId: 0 }, 0);
    cache.put([message(5), message(6)]);
    expect(cache.put([message(6), message(7)])).toHaveLength(1);
    expect(cache.msgCount).toBe(3);
  });

  it('stays right over many messages', () => {
    const cache = new ProcessQueue({ topic: 'T', brokerName: 'b', queueId: 0 }, 0);
    for (let i = 0; i < 5000; i++) {
      const added = cache.put([message(i)]);
      expect(cache.remove(added)).toBe(i + 1);
    }
    cache.clear();
    expect(cache.commitOffset).toBe(-1);
  });
});

describe('where a consumer starts', () => {
  const ask = (stored: number | null) => ({
    stored: async () => stored,
    maxOffset: async () => 100,
    searchOffset: async (timestampMs: number) => timestampMs / 10,
  });

  it.each<[ConsumeFromWhere, string, number | null, number]>([
    ['CONSUME_FROM_LAST_OFFSET', 'T', 42, 42],
    ['CONSUME_FROM_LAST_OFFSET', 'T', null, 100],
    ['CONSUME_FROM_LAST_OFFSET', '%RETRY%G', null, 0],
    ['CONSUME_FROM_FIRST_OFFSET', 'T', 0, 0],
    ['CONSUME_FROM_FIRST_OFFSET', 'T', null, 0],
    ['CONSUME_FROM_FIRST_OFFSET', '%RETRY%G', null, 0],
    ['CONSUME_FROM_TIMESTAMP', 'T', 3, 3],
    ['CONSUME_FROM_TIMESTAMP', 'T', null, 70],
    ['CONSUME_FROM_TIMESTAMP', '%RETRY%G', null, 100],
  ])('%s on %s with stored offset %s: %s', async (where, topic, stored, expected) => {
    expect(await computeStartOffset(topic, where, 700, ask(stored))).toBe(expected);
  });

  it('is not guessed when the stored offset cannot be told', async () => {
    const questions = { ...ask(null), stored: () => Promise.reject(new Error('no broker')) };
    await expect(computeStartOffset('T', 'CONSUME_FROM_FIRST_OFFSET', 0, questions)).rejects.toThrow('no broker');
  });

  it('reads times as yyyyMMddHHmmss', () => {
    expect(parseConsumeTimestamp('20131223171201')).toBe(new Date(2013, 11, 23, 17, 12, 1).getTime());
    for (const text of ['2013', '20131323171201', '20131223251201', '20130231000000', 'x']) {
      expect(parseConsumeTimestamp(text)).toBeNull();
    }
  });
});

describe('a subscription', () => {
  it.each([null, undefined, '', '*'])('of %j is for all messages', (expression) => {
    expect(buildSubscription('T', expression, 1)).toMatchObject({ subString: '*', tagsSet: [], codeSet: [], expressionType: 'TAG' });
  });

  it('has tags and their hashes', () => {
    expect(buildSubscription('T', ' TagA || TagB||TagA|| ', 5)).toEqual({
      classFilterMode: false,
      topic: 'T',
      subString: ' TagA || TagB||TagA|| ',
      tagsSet: ['TagA', 'TagB'],
      codeSet: [2598919, 2598920],
      subVersion: 5,
      expressionType: 'TAG',
    });
    expect(buildSubscription('T', '*||A', 1).tagsSet).toEqual(['*', 'A']);
    expect(() => buildSubscription('T', '||', 1)).toThrow(UsageError);
    expect(buildSubscription('T', { sql: 'a > 1' }, 1)).toMatchObject({ subString: 'a > 1', expressionType: 'SQL92' });
  });
});

describe('statistics', () => {
  it('are of the last minute, failures of the last hour', () => {
    let nowMs = 1_000_000_000;
    const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, monotonicNs: () => BigInt(nowMs) * 1_000_000n };
    const stats = new ConsumerStats(clock);
    for (let i = 0; i < 10; i++) {
      stats.onPull('T', 32, 2);
      stats.onConsume('T', { ok: 3, failed: 1, costMs: 4 });
      nowMs += 1000;
    }
    expect(stats.status('T')).toEqual({
      pullRT: 2,
      pullTPS: 320 / 11,
      consumeRT: 4,
      consumeOKTPS: 30 / 11,
      consumeFailedTPS: 10 / 11,
      consumeFailedMsgs: 10,
    });
    nowMs += 120_000;
    expect(stats.status('T')).toMatchObject({ pullTPS: 0, consumeRT: 0, consumeFailedMsgs: 10 });
    nowMs += 3_600_000;
    expect(stats.status('T').consumeFailedMsgs).toBe(0);
  });
});

describe('offsets of a broadcasting consumer', () => {
  const queue = { topic: 'T', brokerName: 'b', queueId: 0 };
  let dir: string;
  let client: MQClient;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mqkit-offsets-'));
    client = new MQClient({ namesrvAddr: '127.0.0.1:1' });
  });

  afterEach(async () => {
    await rm(dir, { recursive: true, force: true });
  });

  it('survive in a file of the form Java writes', async () => {
    const path = join(dir, 'client', 'group', 'offsets.json');
    const store = new LocalFileOffsetStore(client, path);
    await store.load();
    expect(await store.read(queue)).toBeNull();
    store.update(queue, 12, { increaseOnly: true });
    store.update(queue, 11, { increaseOnly: true });
    await store.persistAll([]);
    store.update(queue, 13, { increaseOnly: true });
    store.remove(queue);
    await store.persistAll([]);
    expect((await readFile(path, 'utf8')).replace(/\s/g, '')).toBe('{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"T"}:13}}');
    expect((await readFile(`${path}.bak`, 'utf8')).replace(/\s/g, '')).toContain(':12}');
    const again = new LocalFileOffsetStore(client, path);
    await again.load();
    expect(await again.read(queue)).toBe(13);
    await writeFile(path, '{');
    const fromBackup = new LocalFileOffsetStore(client, path);
    await fromBackup.load();
    expect(await fromBackup.read(queue)).toBe(12);
    // The good copy is not replaced by the broken file.
    fromBackup.update(queue, 14, { increaseOnly: true });
    await fromBackup.persistAll([]);
    expect(await readFile(path, 'utf8')).toContain(':14');
    expect(await readFile(`${path}.bak`, 'utf8')).toContain(':12');
  });

  it('do not move while frozen', () => {
    const store = new LocalFileOffsetStore(client, join(dir, 'offsets.json'));
    store.updateAndFreeze(queue, 5);
    store.update(queue, 9, { increaseOnly: false });
    expect(store.get(queue)).toBe(5);
    store.remove(queue);
    store.update(queue, 9, { increaseOnly: false });
    expect(store.get(queue)).toBe(9);
    expect([...store.offsetsOf('T')]).toEqual([[queue, 9]]);
  });
});
