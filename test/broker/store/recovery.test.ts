import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Checkpoint } from '../../../broker/store/checkpoint.js';
import { MessageStore, nodeDisk, type StoreConfig } from '../../../broker/store/index.js';
import { noopLogger } from '../../../src/common/logger.js';
import { decodeRecord, decodeRecords } from '../../../src/common/message/record.js';
import { message, openStore, putAll, SMALL, storeConfig, tempDir } from './store-kit.js';

/** A stopped store with `count` messages on one queue. */
async function filledStore(count: number, changes: Partial<StoreConfig> = {}): Promise<StoreConfig> {
  const config = storeConfig(tempDir(), { ...SMALL, ...changes });
  const store = await MessageStore.open({ config, logger: noopLogger });
  for (let i = 0; i < count; i++) {
    await putAll(store, [message('T', 0, `body ${i}`, { properties: `KEYS\u0001k${i}\u0002` })]);
  }
  await store.shutdown();
  return config;
}

/** Makes it a store whose process was killed, before the end of the log was on the device. */
function asKilled(config: StoreConfig): void {
  writeFileSync(join(config.storePathRootDir, 'abort'), '');
  const checkpoint = new Checkpoint(join(config.storePathRootDir, 'checkpoint'), nodeDisk);
  checkpoint.load();
  checkpoint.logWhere = 0;
  checkpoint.save();
}

function logFile(config: StoreConfig, start = 0): string {
  return join(config.storePathRootDir, 'commitlog', String(start).padStart(20, '0'));
}

test('a log cut at any byte of its last record ends before that record, and takes new ones there', async () => {
  const config = await filledStore(4);
  const whole = readFileSync(logFile(config));
  const last = decodeRecord(
    whole,
    [...Array(3)].reduce((at: number) => at + whole.readInt32BE(at), 0),
  );
  for (let kept = 0; kept < last.totalSize; kept++) {
    const copy = { ...config, storePathRootDir: `${config.storePathRootDir}-${kept}` };
    cpSync(config.storePathRootDir, copy.storePathRootDir, { recursive: true });
    asKilled(copy);
    const torn = Buffer.from(whole);
    torn.fill(0, last.commitLogOffset + kept);
    writeFileSync(logFile(copy), torn);
    const store = await MessageStore.open({ config: copy, logger: noopLogger });
    expect([kept, store.commitLogMaxOffset(), store.maxOffset('T', 0)]).toEqual([kept, last.commitLogOffset, 3]);
    expect(store.queryByKey('T', 'k3', 10, 0, Number.MAX_SAFE_INTEGER).commitLogOffsets).toEqual([]);
    await putAll(store, [message('T', 0, 'instead')]);
    expect(decodeRecord(store.getMessage('T', 0, 3, 1).buffers[0]!, 0).body.toString()).toBe('instead');
    await store.shutdown();
    rmSync(copy.storePathRootDir, { recursive: true });
  }
});

test('what recovery cuts is kept in a file of its own', async () => {
  const config = await filledStore(3);
  asKilled(config);
  const bytes = readFileSync(logFile(config));
  const third = bytes.readInt32BE(0) * 2;
  bytes.fill(0x55, third + 90, third + 92);
  writeFileSync(logFile(config), bytes);
  const warnings: string[] = [];
  const store = await openStore(config, { logger: { ...noopLogger, warn: (text) => warnings.push(text) } });
  expect(store.maxOffset('T', 0)).toBe(2);
  const [name] = readdirSync(join(config.storePathRootDir, 'recovered'));
  const kept = readFileSync(join(config.storePathRootDir, 'recovered', name!));
  expect(kept.equals(bytes.subarray(third, third + kept.length))).toBe(true);
  expect(kept.length).toBe(bytes.readInt32BE(third));
  expect(warnings.join()).toContain(`at ${third} (body CRC mismatch)`);
});

test.each([
  ['the last file is missing', (log: string) => rmSync(join(log, readdirSync(log).at(-1)!))],
  ['the folder is another one', (log: string) => renameSync(log, `${log}-before`)],
  ['the last record is damaged', (log: string) => damageLastRecord(log)],
])('a log that was on the device further than it goes stops the start, unless that is accepted: %s', async (_, damage) => {
  const before = await filledStore(40, { mappedFileSizeCommitLog: 4096 });
  for (const isKilled of [false, true]) {
    const config = { ...before, storePathRootDir: tempDir() };
    cpSync(before.storePathRootDir, config.storePathRootDir, { recursive: true });
    if (isKilled) writeFileSync(join(config.storePathRootDir, 'abort'), '1\nmqkit\n');
    damage(join(config.storePathRootDir, 'commitlog'));
    for (const attempt of [1, 2]) {
      const start = MessageStore.open({ config, logger: noopLogger });
      await expect(start, `start ${attempt}`).rejects.toThrow(/had been on the device up to|damaged at/);
    }
    const accepted = await MessageStore.open({ config, logger: noopLogger, acceptDamage: true });
    const end = accepted.maxOffset('T', 0);
    expect(end).toBeLessThan(40);
    await putAll(accepted, [message('T', 0, 'new')]);
    await accepted.shutdown();
    const again = await openStore(config);
    expect(decodeRecord(again.getMessage('T', 0, end, 1).buffers[0]!, 0).body.toString()).toBe('new');
  }
});

function damageLastRecord(log: string): void {
  const path = join(log, readdirSync(log).at(-1)!);
  const bytes = readFileSync(path);
  let at = 0;
  while (bytes.readInt32BE(at + bytes.readInt32BE(at)) > 0) at += bytes.readInt32BE(at);
  bytes[at + 90]! ^= 0xff;
  writeFileSync(path, bytes);
}

test('damage before messages that were on the device stops the start, unless it is accepted', async () => {
  const config = await filledStore(1);
  const first = await MessageStore.open({ config, logger: noopLogger });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await putAll(first, [message('T', 0, 'second')]);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await putAll(first, [message('T', 0, 'third')]);
  await first.shutdown();
  asKilled(config);
  const bytes = readFileSync(logFile(config));
  bytes[90]! ^= 0xff;
  writeFileSync(logFile(config), bytes);
  await expect(MessageStore.open({ config, logger: noopLogger })).rejects.toThrow(/damaged at 0 .*follow at/);
  expect(readFileSync(logFile(config)).equals(bytes)).toBe(true);
  const store = await openStore(config, { acceptDamage: true });
  expect(store.commitLogMaxOffset()).toBe(0);
  expect(readdirSync(join(config.storePathRootDir, 'recovered'))).toHaveLength(1);
});

test('queues and index that were deleted come back from the commit log', async () => {
  const config = await filledStore(500);
  for (const folder of ['consumequeue', 'index']) {
    rmSync(join(config.storePathRootDir, folder), { recursive: true });
  }
  asKilled(config);
  const store = await openStore(config);
  expect(store.maxOffset('T', 0)).toBe(500);
  for (const i of [0, 99, 100, 250, 499]) {
    expect(decodeRecord(store.getMessage('T', 0, i, 1).buffers[0]!, 0).body.toString()).toBe(`body ${i}`);
    expect(store.queryByKey('T', `k${i}`, 10, 0, Number.MAX_SAFE_INTEGER).commitLogOffsets).toHaveLength(1);
  }
});

test('a topic that was deleted and made again has after a kill the messages of its second life', async () => {
  const config = storeConfig(tempDir(), SMALL);
  const store = await MessageStore.open({ config, logger: noopLogger });
  await putAll(store, [message('T', 0, 'old 0'), message('T', 0, 'old 1'), message('T', 1, 'old 2')]);
  store.deleteTopic('T');
  await putAll(store, [message('T', 0, 'new 0'), message('T', 0, 'new 1'), message('T', 0, 'new 2')]);
  const killed = { ...config, storePathRootDir: `${config.storePathRootDir}-killed` };
  cpSync(config.storePathRootDir, killed.storePathRootDir, { recursive: true });
  await store.shutdown();
  const again = await openStore(killed);
  const bodies = again.getMessage('T', 0, 0, 32).buffers.flatMap((buffer) => decodeRecords(buffer).map((record) => record.body.toString()));
  expect(bodies).toEqual(['new 0', 'new 1', 'new 2']);
  rmSync(killed.storePathRootDir, { recursive: true });
});

test('a file made in advance is there while the store runs and gone after an orderly stop; abort likewise', async () => {
  const config = storeConfig(tempDir(), { ...SMALL, flushIntervalCommitLog: 10 });
  const store = await openStore(config);
  await putAll(store, [message('T', 0, 'x')]);
  await expect.poll(() => readdirSync(join(config.storePathRootDir, 'commitlog'))).toHaveLength(2);
  expect(statSync(logFile(config, 65_536)).size).toBe(65_536);
  expect(readFileSync(join(config.storePathRootDir, 'abort'), 'utf8').split('\n')[0]).toBe(String(process.pid));
  await store.shutdown();
  expect(readdirSync(join(config.storePathRootDir, 'commitlog'))).toHaveLength(1);
  expect(existsSync(join(config.storePathRootDir, 'abort'))).toBe(false);
});

test('records that fit exactly, leave 8 bytes, or leave 7, end a file as Apache does', async () => {
  for (const left of [0, 7, 8, 9, 20, 100]) {
    const config = storeConfig(tempDir(), { ...SMALL, mappedFileSizeCommitLog: 4096 });
    const store = await MessageStore.open({ config, logger: noopLogger });
    const overhead = 91 + 1;
    const put = message('T', 0, Buffer.alloc(4096 - overhead - left, 7));
    const [, status] = await putAll(store, [message('T', 0, Buffer.alloc(100)), put]);
    expect([left, status]).toEqual([left, left < 8 ? 'MESSAGE_ILLEGAL' : 'PUT_OK']);
    if (left >= 8) {
      // The second record could not follow the first one in its file.
      expect(put.commitLogOffset).toBe(4096);
      await putAll(store, [message('T', 0, Buffer.alloc(200, 9))]);
      const file = readFileSync(logFile(config, 4096));
      expect([file.readInt32BE(4096 - left), file.readUInt32BE(4096 - left + 4)]).toEqual([left, 0xcbd43194]);
      expect(store.storeTimestampAt('T', 0, 2)).toBeGreaterThan(0);
    }
    await store.shutdown();
    const again = await openStore(config);
    expect(again.maxOffset('T', 0)).toBe(left >= 8 ? 3 : 1);
  }
});

test('a store opened with another file size is refused, with the size it has', async () => {
  const config = await filledStore(2);
  const other = { ...config, mappedFileSizeCommitLog: 131_072 };
  await expect(MessageStore.open({ config: other, logger: noopLogger })).rejects.toMatchObject({
    category: 'store',
    hint: expect.stringContaining('mappedFileSizeCommitLog=65536') as string,
  });
  await openStore(config);
});
