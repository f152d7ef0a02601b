import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { MessageStore, StoreConfig } from '../../../broker/store/index.js';
import { formatHostAddress, parseHostAddress } from '../../../src/common/host.js';
import { encodeOffsetMsgId } from '../../../src/common/message/message-id.js';
import { decodeProperties } from '../../../src/common/message/properties.js';
import { decodeRecord, type MessageRecord } from '../../../src/common/message/record.js';
import { openStore, storeConfig, unpackVector } from './store-kit.js';

type Line = Record<string, unknown> & { kind: string };

const BROKER: Partial<StoreConfig> = {
  mappedFileSizeCommitLog: 65_536,
  mappedFileSizeConsumeQueue: 200,
  maxHashSlotNum: 50,
  maxIndexNum: 100,
};
const DIRECT: Partial<StoreConfig> = {
  mappedFileSizeCommitLog: 16_384,
  mappedFileSizeConsumeQueue: 200,
  mappedFileSizeConsumeQueueExt: 4096,
  mapperFileSizeBatchConsumeQueue: 368,
  maxHashSlotNum: 20,
  maxIndexNum: 40,
};

function expectedLines(name: string): Line[] {
  const path = fileURLToPath(new URL(`./vectors/${name}/expected.jsonl`, import.meta.url));
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

async function openVector(name: string, changes: Partial<StoreConfig>): Promise<MessageStore> {
  return openStore(storeConfig(unpackVector(`${name}/store-${name}.tar.gz`), changes));
}

/** A record in the words of expected.jsonl. */
function describeRecord(record: MessageRecord, isClientView: boolean): Record<string, unknown> {
  const properties = decodeProperties(record.properties);
  const body = isClientView && (record.sysFlag & 1) !== 0 ? inflateSync(record.body) : record.body;
  const offsetMsgId = encodeOffsetMsgId(record.storeHost, record.commitLogOffset);
  return {
    topic: record.topic,
    queueId: record.queueId,
    queueOffset: record.queueOffset,
    commitLogOffset: record.commitLogOffset,
    storeSize: record.totalSize,
    offsetMsgId,
    properties: Object.fromEntries(properties),
    flag: record.flag,
    sysFlag: isClientView ? record.sysFlag & ~1 : record.sysFlag,
    bodyLength: body.length,
    bodyCrc32: crc32(body),
    storedBodyCrc: record.bodyCrc,
    bornTimestamp: record.bornTimestamp,
    storeTimestamp: record.storeTimestamp,
    bornHost: formatHostAddress(record.bornHost),
    storeHost: formatHostAddress(record.storeHost),
    reconsumeTimes: record.reconsumeTimes,
    preparedTransactionOffset: record.preparedTransactionOffset,
  };
}

/** The same fields of an expected line; hosts in one spelling (the store class writes `/[2001:db8:0:…]:port`). */
function onlyKeys(value: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  const host = (text: unknown): string => formatHostAddress(parseHostAddress(text as string));
  return Object.fromEntries(keys.map((key) => [key, key.endsWith('Host') ? host(value[key]) : value[key]]));
}

function recordThrough(store: MessageStore, topic: string, queueId: number, offset: number, messageCount = 1): MessageRecord {
  const result = store.getMessage(topic, queueId, offset, 1);
  expect(result, `${topic} ${queueId} ${offset}`).toMatchObject({ status: 'FOUND', messageCount });
  return decodeRecord(result.buffers[0]!, 0, { checkCrc: true });
}

describe.each([
  ['clean', BROKER],
  ['killed', BROKER],
  ['torn', BROKER],
  ['timer', { ...BROKER, mappedFileSizeCommitLog: 16_384 }],
])('the store %s of an Apache broker', (name, changes) => {
  test('opens with every queue, message and key that Apache finds in it', async () => {
    const store = await openVector(name, changes);
    for (const line of expectedLines(name)) {
      if (line.kind === 'queue') {
        const { topic, queueId, minOffset, maxOffset } = line as never as {
          topic: string;
          queueId: number;
          minOffset: number;
          maxOffset: number;
        };
        expect([topic, queueId, store.minOffset(topic, queueId), store.maxOffset(topic, queueId)]).toEqual([
          topic,
          queueId,
          minOffset,
          maxOffset,
        ]);
      } else if (line.kind === 'message') {
        const record = recordThrough(store, line.topic as string, line.queueId as number, line.queueOffset as number);
        const described = describeRecord(record, true);
        expect(described).toEqual(onlyKeys(line, Object.keys(described)));
      } else if (line.kind === 'query') {
        const found = store.queryByKey(line.topic as string, line.key as string, 64, 0, Number.MAX_SAFE_INTEGER);
        expect([line.key, found.commitLogOffsets]).toEqual([line.key, line.commitLogOffsets]);
      } else if (line.kind === 'store') {
        expect(store.commitLogMinOffset()).toBe(Number(line.commitLogMinOffset));
        expect(store.commitLogMaxOffset()).toBe(Number(line.commitLogMaxOffset));
      }
    }
    const queues = expectedLines(name).filter((line) => line.kind === 'queue');
    const found = store.topics().flatMap((topic) => store.topicQueueIds(topic).filter((id) => store.maxOffset(topic, id) > 0));
    expect(found).toHaveLength(queues.length);
  });
});

describe.each([
  ['edge', { ...DIRECT, enableConsumeQueueExt: true }, 49_324],
  ['crc', { ...DIRECT, forceVerifyPropCRC: true }, 63_036],
])('the store %s of an Apache store class', (name, changes, end) => {
  test('opens with every queue and message', async () => {
    const store = await openVector(name, changes);
    for (const line of expectedLines(name)) {
      const topic = (line.cqTopic ?? line.topic) as string;
      if (line.kind === 'queue') {
        expect([topic, store.maxOffset(topic, line.queueId as number)]).toEqual([topic, line.maxOffset]);
      } else if (line.kind === 'message') {
        const record = recordThrough(store, topic, line.cqQueueId as number, line.cqOffset as number, line.cqBatchNum as number);
        const described = describeRecord(record, false);
        expect(described).toEqual(onlyKeys(line, Object.keys(described)));
      }
    }
    expect(store.commitLogMaxOffset()).toBe(end);
  });

  test.each([
    ['the unit or its extension holds', false],
    ['its record has, when the extension is gone', true],
  ])('gives a filter the tags code that %s', async (_where, isGone) => {
    const root = unpackVector(`${name}/store-${name}.tar.gz`);
    if (isGone) rmSync(join(root, 'consumequeue_ext'), { recursive: true, force: true });
    const store = await openStore(storeConfig(root, changes));
    const lines = expectedLines(name).filter((line) => line.kind === 'message');
    for (const line of lines) {
      const seen: (number | bigint)[] = [];
      const filter = {
        isMatchedByConsumeQueue: (tagsCode: number | bigint) => {
          seen.push(tagsCode);
          return true;
        },
      };
      store.getMessage(line.cqTopic as string, line.cqQueueId as number, line.cqOffset as number, 1, { filter });
      expect(seen[0]).toBe(line.cqTagsCode);
    }
  });
});

test('a master and its slave have the same messages where both have them', async () => {
  const changes = { ...BROKER, mappedFileSizeCommitLog: 16_384 };
  const master = await openStore(storeConfig(unpackVector('store-ha-master.tar.gz'), changes));
  const slave = await openStore(storeConfig(unpackVector('store-ha-slave.tar.gz'), changes));
  expect([master.commitLogMinOffset(), master.commitLogMaxOffset()]).toEqual([0, slave.commitLogMaxOffset()]);
  let compared = 0;
  for (const topic of master.topics()) {
    for (const queueId of master.topicQueueIds(topic)) {
      expect(slave.maxOffset(topic, queueId)).toBe(slave.minOffset(topic, queueId) === 0 ? 0 : master.maxOffset(topic, queueId));
      for (let offset = master.minOffset(topic, queueId); offset < master.maxOffset(topic, queueId); offset++) {
        const record = recordThrough(master, topic, queueId, offset);
        if (offset >= slave.minOffset(topic, queueId) && offset < slave.maxOffset(topic, queueId)) {
          expect(recordThrough(slave, topic, queueId, offset)).toEqual(record);
          compared++;
        }
      }
    }
  }
  expect(compared).toBeGreaterThan(5);
});

test('a queue that begins in the middle has its first message where the fillers end', async () => {
  const root = unpackVector('store-ha-slave.tar.gz');
  const store = await openStore(storeConfig(root, { ...BROKER, mappedFileSizeCommitLog: 16_384 }));
  expect(store.commitLogMinOffset()).toBe(16_384);
  for (const topic of store.topics()) {
    for (const queueId of store.topicQueueIds(topic)) {
      const min = store.minOffset(topic, queueId);
      if (min < store.maxOffset(topic, queueId)) {
        expect(recordThrough(store, topic, queueId, min).queueOffset).toBe(min);
      }
    }
  }
  expect(join(root, 'commitlog')).toContain('commitlog');
});
