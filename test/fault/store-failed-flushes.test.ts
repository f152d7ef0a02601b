import { describe, expect, test, vi } from 'vitest';
import { FdCache } from '../../broker/store/fd-cache.js';
import type { MessageStore, StoreConfig } from '../../broker/store/index.js';
import { IndexFile } from '../../broker/store/index-file.js';
import { seededRandom } from '../../src/common/clock.js';
import { noopLogger } from '../../src/common/logger.js';
import { message } from '../broker/store/store-kit.js';
import { FaultDisk } from './store-fault-disk.js';
import { openOn, ROOT, stop } from './store-fault-kit.js';

type Kind = 'SimpleCQ' | 'BatchCQ';

/** A store whose flushes of queues and index can fail; checkpoints are due with each long tick. */
class Failing {
  readonly disk: FaultDisk;
  readonly logged: string[] = [];
  readonly #config: Partial<StoreConfig>;
  readonly #kind: Kind;
  #open!: Awaited<ReturnType<typeof openOn>>;
  count = 0;

  constructor(options: { seed: number; kind?: Kind; config?: Partial<StoreConfig> }) {
    this.disk = new FaultDisk(seededRandom(options.seed));
    this.#kind = options.kind ?? 'SimpleCQ';
    // Several pages of entries and slots in each index file.
    this.#config = { flushIntervalConsumeQueue: 200, maxIndexNum: 250, maxHashSlotNum: 3000, ...options.config };
  }

  async open(disk = this.disk): Promise<this> {
    const note = (text: string): void => void this.logged.push(text);
    const logger = { ...noopLogger, warn: note, error: note };
    this.#open = await openOn(disk, this.#config, { logger, queueTypeOf: () => this.#kind });
    return this;
  }

  get store(): MessageStore {
    return this.#open.store;
  }

  put(count: number): void {
    for (let i = 0; i < count; i++) {
      const properties = `KEYS\x01k${this.count}\x02`;
      this.store.put(message('T', 0, String(this.count), { properties, tagsCode: this.count }), { onPut: () => {} });
      this.count++;
    }
    this.store.flushTurn();
  }

  /** Time for a checkpoint, and for what it waits for. */
  pass(): void {
    this.#open.tick(10_000);
    for (let i = 0; i < 12; i++) this.disk.completeSyncs();
    this.#open.tick(100);
    for (let i = 0; i < 12; i++) this.disk.completeSyncs();
  }

  /** Reads everything, and looks every message up by its key. */
  expectWhole(): void {
    const bodies = Array.from({ length: this.count }, (_, i) => String(i));
    const found = bodies.map((_, i) => this.store.getMessage('T', 0, i, 1).buffers[0]?.includes(`KEYS\x01k${i}\x02`));
    expect(found).toEqual(bodies.map(() => true));
    const byKey = bodies.map((_, i) => this.store.queryByKey('T', `k${i}`, 1, 0, Number.MAX_SAFE_INTEGER).records.length);
    expect(byKey).toEqual(bodies.map(() => 1));
  }
}

const DERIVED: [string, (path: string) => boolean][] = [
  ['a queue', (path) => path.includes('/consumequeue/') || path.includes('/batchconsumequeue/')],
  ['the index', (path) => path.includes('/index/')],
];

describe.each(DERIVED)('after a failed flush of %s', (_what, isHit) => {
  test.each(['SimpleCQ', 'BatchCQ'] as const)(
    'the store goes on, and a power cut loses nothing the checkpoint speaks of: %s',
    async (kind) => {
      for (let seed = 1; seed <= 12; seed++) {
        const failing = await new Failing({ seed, kind }).open();
        const { disk } = failing;
        failing.put(seed);
        failing.pass();
        failing.put(30 + seed * 25);
        disk.failSyncsOf = isHit;
        failing.pass();
        if (seed % 2 === 0) failing.put(20);
        failing.pass();
        disk.failSyncsOf = () => false;
        failing.put(1);
        failing.pass();
        failing.pass();
        const checkpointed = failing.store.commitLogMaxOffset();
        expect(failing.logged.join()).toMatch(/could not be flushed \(EIO\)/);
        expect(failing.store.counters.flushFailures).toBeGreaterThan(0);
        failing.logged.length = 0;
        // The kernel has written the checkpoint meanwhile.
        disk.replace(`${ROOT}/checkpoint`, disk.content(`${ROOT}/checkpoint`)!);
        await failing.open(disk.afterPowerLoss(seededRandom(seed)));
        expect(failing.logged.filter((text) => text.includes('anew'))).toEqual([]);
        // The checkpoint did not stay behind.
        expect(failing.store.recovery.walkedFrom).toBeGreaterThan(checkpointed / 2);
        failing.expectWhole();
      }
    },
  );

  test('an orderly stop is one', async () => {
    const failing = await new Failing({ seed: 3 }).open();
    const { disk } = failing;
    failing.put(40);
    failing.pass();
    failing.put(40);
    disk.failSyncsOf = isHit;
    failing.pass();
    disk.failSyncsOf = () => false;
    await stop(failing.store, disk);
    expect(disk.content(`${ROOT}/abort`)).toBeNull();
    await failing.open(disk.afterPowerLoss());
    failing.expectWhole();
  });

  test('of which the page cache has lost something the checkpoint says nothing, and a restart makes it anew', async () => {
    const failing = await new Failing({ seed: 5 }).open();
    const { disk } = failing;
    failing.put(40);
    failing.pass();
    const before = disk.content(`${ROOT}/checkpoint`)!.subarray(96, 104);
    failing.put(40);
    disk.isEvictingDerived = true;
    disk.failSyncsOf = isHit;
    failing.pass();
    disk.failSyncsOf = () => false;
    for (let i = 0; i < 3; i++) {
      failing.put(1);
      failing.pass();
    }
    expect(failing.logged.filter((text) => text.includes('restart the broker'))).toHaveLength(1);
    expect(disk.content(`${ROOT}/checkpoint`)!.subarray(96, 104)).toEqual(before);
    await stop(failing.store, disk);
    expect(disk.content(`${ROOT}/abort`)).not.toBeNull();
    await failing.open(disk.afterKill());
    failing.expectWhole();
  });
});

test('old commit log files go again after a failed flush of a queue', async () => {
  const config = { fileReservedTime: 0, deleteWhen: Array.from({ length: 24 }, (_, hour) => hour).join(';'), cleanResourceInterval: 500 };
  const failing = await new Failing({ seed: 6, config }).open();
  const { disk } = failing;
  disk.nowMs = 1;
  failing.put(20);
  failing.pass();
  failing.put(300);
  disk.failSyncsOf = (path) => path.includes('/consumequeue/');
  failing.pass();
  const held = failing.store.commitLogMinOffset();
  disk.failSyncsOf = () => false;
  for (let i = 0; i < 4; i++) {
    failing.put(1);
    failing.pass();
  }
  expect([held, failing.store.commitLogMinOffset()]).toEqual([0, expect.any(Number)]);
  expect(failing.store.commitLogMinOffset()).toBeGreaterThan(0);
});

test('a queue or index file that cannot be opened for its flush is flushed by the next checkpoint', async () => {
  const failing = await new Failing({ seed: 7 }).open();
  const { disk } = failing;
  failing.put(40);
  failing.pass();
  failing.put(40);
  const openSync = disk.openSync.bind(disk);
  const flush = FdCache.prototype.fdatasync;
  const refused = new Set<string>();
  const spy = vi.spyOn(FdCache.prototype, 'fdatasync').mockImplementation(function (this: FdCache, path, callback) {
    const folder = path.includes('/consumequeue/') ? 'consumequeue' : path.includes('/index/') ? 'index' : '';
    if (folder !== '' && !refused.has(folder)) {
      refused.add(folder);
      // Many other files were used meanwhile.
      this.close(path);
      disk.openSync = () => {
        throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' });
      };
    }
    flush.call(this, path, callback);
    disk.openSync = openSync;
  });
  try {
    for (let i = 0; i < 3; i++) failing.pass();
  } finally {
    spy.mockRestore();
  }
  expect([...refused].sort()).toEqual(['consumequeue', 'index']);
  expect(failing.logged.join()).toContain('could not be flushed (EMFILE)');
  await stop(failing.store, disk);
  expect(disk.content(`${ROOT}/abort`)).toBeNull();
  failing.logged.length = 0;
  await failing.open(disk.afterPowerLoss());
  expect(failing.logged).toEqual([]);
  failing.expectWhole();
});

test('of two flushes of an index file at the same time none counts when one failed', () => {
  const disk = new FaultDisk(seededRandom(8));
  disk.mkdirSync('/index');
  const fds = new FdCache(disk, 4);
  const file = new IndexFile({ path: '/index/20250101000000000', maxHashSlotNum: 50, maxIndexNum: 100, disk, fds });
  file.begin();
  file.put(1, 1000, 2000);
  file.writeEntries();
  const outcomes: string[] = [];
  const flush = (): void => file.fdatasync((error) => void outcomes.push(error === null ? 'flushed' : 'failed'));
  disk.failSyncs = 1;
  flush();
  flush();
  disk.completeSyncs();
  expect([outcomes, file.isRewriteNeeded]).toEqual([['failed', 'failed'], true]);
  expect([file.rewriteUnsynced(), file.isRewriteNeeded]).toEqual([true, false]);
  flush();
  disk.completeSyncs();
  expect(outcomes.at(-1)).toBe('flushed');
});
