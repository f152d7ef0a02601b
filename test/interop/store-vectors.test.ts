import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { decompressBody } from '../../src/common/compression.js';
import { decodeProperties } from '../../src/common/message/properties.js';
import { type BundledBroker, repositoryRoot, startBundledBroker, startBundledNamesrv } from '../peers/index.js';
import { committedOffset, dumpQueue, offsetsByKey, unpackStore } from './store-reading.js';
import { type Target, until } from './support.js';

const CONFIG = {
  brokerClusterName: 'FixtureCluster',
  brokerName: 'fix-a',
  mappedFileSizeCommitLog: 65_536,
  mappedFileSizeConsumeQueue: 200,
  maxHashSlotNum: 50,
  maxIndexNum: 100,
  timerWheelEnable: false,
  // Open half messages are looked at later than these tests last.
  transactionCheckInterval: 3_600_000,
};

interface Expected {
  kind: string;
  topic: string;
  queueId: number;
  minOffset: number;
  maxOffset: number;
  queueOffset: number;
  commitLogOffset: number;
  storeSize: number;
  bodyLength: number;
  bodyCrc32: number;
  sysFlag: number;
  flag: number;
  reconsumeTimes: number;
  preparedTransactionOffset: number;
  bornTimestamp: number;
  storeTimestamp: number;
  properties: Record<string, string>;
  key: string;
  commitLogOffsets?: number[];
  value: { offsetTable: Record<string, Record<string, number>> };
}

/** Stores that Apache's broker wrote, opened by ours as a process: what a Java client read from them must still be there. */
describe('stores recorded from Apache 5.3.3, opened by the bundled broker', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  const open = async (name: string): Promise<{ target: Target; broker: BundledBroker; expected: Expected[] }> => {
    const vectors = join(repositoryRoot, 'test', 'broker', 'store', 'vectors', name);
    const unpacked = unpackStore(join(vectors, `store-${name}.tar.gz`));
    const dir = mkdtempSync(join(tmpdir(), 'mqkit-vectors-'));
    cleanups.push(() => [unpacked, dir].map((path) => rmSync(path, { recursive: true, force: true })));
    const namesrv = await startBundledNamesrv(join(dir, 'namesrv'));
    cleanups.push(() => namesrv.process.kill());
    const storeDir = join(unpacked, 'store');
    const broker = await startBundledBroker({ namesrvAddr: namesrv.address, dir: join(dir, 'broker'), storeDir, config: CONFIG });
    cleanups.push(() => broker.kill());
    const none = (): Promise<void> => Promise.reject(new Error('not of this test'));
    const names = { namesrvAddr: namesrv.address, clusterName: 'FixtureCluster', brokerName: 'fix-a' };
    const expected = readFileSync(join(vectors, 'expected.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Expected);
    return { target: { ...names, broker, restartBroker: none, stop: none }, broker, expected };
  };

  it.each(['clean', 'killed', 'torn'])('%s: every message, lookup and offset that Java saw', async (name) => {
    const { target, expected } = await open(name);
    const queues = expected.filter(({ kind }) => kind === 'queue');
    const messages = expected.filter(({ kind }) => kind === 'message');
    for (const { topic, queueId, minOffset, maxOffset } of queues) {
      const dump = await dumpQueue(target, topic, queueId);
      expect(dump.minOffset, `${topic}/${queueId}`).toBe(minOffset);
      // Delayed messages of the recording are long due and were delivered since; half messages wait for a check.
      if (topic.startsWith('RMQ_SYS_TRANS') || topic === 'SCHEDULE_TOPIC_XXXX') expect(dump.maxOffset, topic).toBe(maxOffset);
      else expect(dump.maxOffset, topic).toBeGreaterThanOrEqual(maxOffset);
      const wanted = messages.filter((message) => message.topic === topic && message.queueId === queueId);
      const found = dump.records.slice(0, wanted.length).map((record) => {
        const body = (record.sysFlag & 1) === 0 ? record.body : decompressBody(record.body, record.sysFlag);
        return {
          queueOffset: record.queueOffset,
          commitLogOffset: record.commitLogOffset,
          storeSize: record.totalSize,
          bodyLength: body.length,
          bodyCrc32: crc32(body),
          flag: record.flag,
          sysFlag: record.sysFlag & ~1,
          reconsumeTimes: record.reconsumeTimes,
          preparedTransactionOffset: record.preparedTransactionOffset,
          bornTimestamp: record.bornTimestamp,
          storeTimestamp: record.storeTimestamp,
          properties: Object.fromEntries(decodeProperties(record.properties)),
        };
      });
      expect(found).toEqual(
        wanted.map((message) => Object.fromEntries(Object.keys(found[0] ?? {}).map((key) => [key, message[key as keyof Expected]]))),
      );
    }
    for (const { topic, key, commitLogOffsets } of expected.filter(({ kind }) => kind === 'query')) {
      const found = await offsetsByKey(target, topic, key);
      for (const offset of commitLogOffsets ?? []) expect(found, `${topic} ${key}`).toContain(offset);
    }
    const offsets = expected.find(({ kind }) => kind === 'consumerOffsets')?.value.offsetTable ?? {};
    for (const [topicAndGroup, table] of Object.entries(offsets)) {
      const [topic = '', group = ''] = topicAndGroup.split('@');
      for (const [queueId, offset] of Object.entries(table))
        expect(await committedOffset(target, group, topic, Number(queueId))).toBe(offset);
    }
  });

  it('clean: pending delayed messages are delivered once, also over a restart, and half messages are left alone', async () => {
    const { target, broker, expected } = await open('clean');
    const half = await dumpQueue(target, 'RMQ_SYS_TRANS_HALF_TOPIC', 0);
    const delivered = async () =>
      (await Promise.all([0, 1, 2, 3].map((queueId) => dumpQueue(target, 'FixDelay', queueId)))).flatMap(({ records }) => records);
    const before = expected.filter(({ kind, topic }) => kind === 'message' && topic === 'FixDelay').length;
    const delayOffsets = expected.find(({ kind }) => kind === 'delayOffsets')?.value.offsetTable as unknown as Record<string, number>;
    const pending = expected
      .filter(({ kind, topic }) => kind === 'queue' && topic === 'SCHEDULE_TOPIC_XXXX')
      .reduce((sum, { queueId, maxOffset }) => sum + maxOffset - (delayOffsets[String(queueId + 1)] ?? 0), 0);
    expect(pending).toBeGreaterThan(0);
    await until(async () => (await delivered()).length === before + pending);
    await broker.stop();
    const again = await startBundledBroker({
      namesrvAddr: target.namesrvAddr,
      dir: broker.dir,
      storeDir: broker.storeDir,
      port: broker.port,
      config: CONFIG,
    });
    cleanups.push(() => again.kill());
    expect((await delivered()).length).toBe(before + pending);
    expect((await dumpQueue(target, 'RMQ_SYS_TRANS_HALF_TOPIC', 0)).bytes.equals(half.bytes)).toBe(true);
  });
});
