import { expect, test } from 'vitest';
import { MessageStore, type PutMessage, type PutStatus, type StoreConfig } from '../../broker/store/index.js';
import { type Clock, freshSeed, type Random, seededRandom, type Timers } from '../../src/common/clock.js';
import { noopLogger } from '../../src/common/logger.js';
import { decodeRecord } from '../../src/common/message/record.js';
import { message, storeConfig } from '../broker/store/store-kit.js';
import { Died, FaultDisk } from './store-fault-disk.js';

const RUNS = Number(process.env.MQKIT_FAULT_RUNS ?? 400);
const SEED = Number(process.env.MQKIT_SEED ?? freshSeed());
const ROOT = '/store';
const TOPICS = ['A', 'B', 'LongerTopicName'];

/** What the outside world knows of one message. */
interface Sent {
  put: PutMessage;
  key: string;
  isAcknowledged: boolean;
  /** What the last crash may have taken: sent under ASYNC_FLUSH or WAIT=false before a power cut. */
  mayBeLost: boolean;
}

/** A clock and timers that only the test moves. */
class ManualTime implements Clock, Timers {
  ms = 1_700_000_000_000;
  #interval: (() => void) | null = null;
  nowMs(): number {
    return this.ms;
  }
  monotonicMs(): number {
    return this.ms;
  }
  monotonicNs(): bigint {
    return BigInt(this.ms) * 1_000_000n;
  }
  setTimeout(): number {
    throw new Error('the store uses one interval');
  }
  clearTimeout(): void {}
  setInterval(callback: () => void): number {
    this.#interval = callback;
    return 1;
  }
  clearInterval(): void {
    this.#interval = null;
  }
  setImmediate(callback: () => void): number {
    callback();
    return 1;
  }
  tick(elapsedMs: number): void {
    this.ms += elapsedMs;
    this.#interval?.();
  }
}

/** One store through several lives, each ended by a kill, a power cut or an orderly stop. */
class Life {
  readonly random: Random;
  readonly sent: Sent[] = [];
  disk: FaultDisk;
  time = new ManualTime();
  #serial = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.disk = new FaultDisk(this.random);
  }

  config(): StoreConfig {
    return storeConfig(ROOT, {
      mappedFileSizeCommitLog: 16_384,
      mappedFileSizeConsumeQueue: 200,
      maxHashSlotNum: 50,
      maxIndexNum: 100,
      flushDiskType: this.random.nextInt(2) === 0 ? 'SYNC_FLUSH' : 'ASYNC_FLUSH',
      flushIntervalConsumeQueue: 200,
    });
  }

  async open(config: StoreConfig): Promise<MessageStore> {
    return MessageStore.open({ config, logger: noopLogger, disk: this.disk, clock: this.time, timers: this.time });
  }

  /** Puts, turns, ticks and flushes in a random order until the process dies or enough was done. */
  work(store: MessageStore): void {
    const steps = 5 + this.random.nextInt(40);
    for (let i = 0; i < steps && !this.disk.isDead; i++) {
      for (let k = this.random.nextInt(6); k > 0; k--) {
        this.#put(store);
      }
      store.flushTurn();
      if (this.random.nextInt(3) === 0) {
        this.time.tick(this.random.nextInt(1500));
      }
      if (this.random.nextInt(2) === 0) {
        this.disk.completeSyncs();
      }
    }
  }

  #put(store: MessageStore): void {
    const key = `k${this.#serial++}`;
    const body = Buffer.alloc(this.random.nextInt(this.random.nextInt(8) === 0 ? 5000 : 200), key);
    const waitStoreMsgOK = this.random.nextInt(10) > 0;
    const put = message(TOPICS[this.random.nextInt(TOPICS.length)]!, this.random.nextInt(2), body, {
      properties: `UNIQ_KEY\u0001${key}\u0002`,
      waitStoreMsgOK,
    });
    const sent: Sent = { put, key, isAcknowledged: false, mayBeLost: store.config.flushDiskType !== 'SYNC_FLUSH' || !waitStoreMsgOK };
    this.sent.push(sent);
    store.put(put, {
      onPut: (_: PutMessage, status: PutStatus) => {
        // A dead process answers nobody.
        sent.isAcknowledged = status === 'PUT_OK' && !this.disk.isDead;
      },
    });
  }

  /** Every acknowledged message is there once, where its answer said; no message is there twice; queues have no gaps. */
  check(store: MessageStore): void {
    const byKey = new Map(this.sent.map((sent) => [sent.key, sent]));
    const found = new Set<string>();
    for (const topic of store.topics()) {
      for (const queueId of store.topicQueueIds(topic)) {
        for (let offset = store.minOffset(topic, queueId); offset < store.maxOffset(topic, queueId); offset++) {
          const result = store.getMessage(topic, queueId, offset, 1);
          expect(result.status).toBe('FOUND');
          const record = decodeRecord(result.buffers[0]!, 0, { checkCrc: true });
          const key = record.properties.slice(9, -1);
          const sent = byKey.get(key)!;
          expect(sent, `${key} at ${record.commitLogOffset} in ${topic} ${queueId} ${offset} came back`).toBeDefined();
          expect([record.topic, record.queueId, record.queueOffset]).toEqual([topic, queueId, offset]);
          expect(record.body.equals(sent.put.body)).toBe(true);
          expect(found.has(key), `${key} twice`).toBe(false);
          found.add(key);
          expect(store.queryByKey(topic, key, 10, 0, Number.MAX_SAFE_INTEGER).commitLogOffsets, `index of ${key}`).toEqual([
            record.commitLogOffset,
          ]);
        }
      }
    }
    for (const sent of this.sent) {
      if (sent.isAcknowledged) {
        expect(found.has(sent.key), `acknowledged ${sent.key} is lost`).toBe(true);
        const { topic, queueId, queueOffset, commitLogOffset } = sent.put;
        expect(store.commitLogOffsetAt(topic, queueId, queueOffset)).toBe(commitLogOffset);
      }
    }
    // Whoever is gone now may not come back later: nobody was told of it.
    this.sent.splice(0, this.sent.length, ...this.sent.filter((sent) => found.has(sent.key)));
    for (const sent of this.sent) {
      // Who was not acknowledged but is there is on the device after a start under SYNC_FLUSH, and will be soon under ASYNC_FLUSH.
      sent.mayBeLost ||= !sent.isAcknowledged && store.config.flushDiskType !== 'SYNC_FLUSH';
      sent.isAcknowledged = true;
    }
  }

  /** Stops in order; the disk may die meanwhile. After a stop that was clean nothing may be lost, whatever the flush type. */
  async stop(store: MessageStore): Promise<void> {
    let isStopped = false;
    const stopping = store.shutdown().then(
      () => {
        isStopped = true;
      },
      () => {},
    );
    for (let i = 0; i < 200 && !isStopped; i++) {
      this.disk.completeSyncs();
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!this.disk.isDead) {
      await stopping;
      expect(this.disk.statSync(`${ROOT}/abort`)).toBeNull();
      for (const sent of this.sent) {
        sent.mayBeLost = false;
      }
    }
  }

  /** Ends the life; what the crash may lose is no longer expected. */
  crash(): void {
    if (this.random.nextInt(2) === 0) {
      this.disk = this.disk.afterKill();
      return;
    }
    this.disk = this.disk.afterPowerLoss();
    for (const sent of this.sent) {
      sent.isAcknowledged &&= !sent.mayBeLost;
    }
  }
}

async function run(seed: number): Promise<void> {
  const life = new Life(seed);
  for (let lives = 2 + life.random.nextInt(4); lives > 0; lives--) {
    life.time = new ManualTime();
    life.time.ms += 10_000_000 - lives * 1_000_000;
    life.disk.dieAfter = life.disk.calls + life.random.nextInt(life.random.nextInt(4) === 0 ? 15 : 200);
    let store: MessageStore;
    try {
      store = await life.open(life.config());
    } catch (error) {
      if (!(error instanceof Died)) {
        throw error;
      }
      life.crash();
      continue;
    }
    const before = life.disk.dieAfter;
    life.disk.dieAfter = -1;
    life.check(store);
    life.disk.dieAfter = before;
    life.work(store);
    if (life.random.nextInt(4) === 0) {
      await life.stop(store);
    }
    life.crash();
  }
  const store = await life.open(life.config());
  life.check(store);
}

test(`${RUNS} stores, each through kills and power cuts, lose nothing they promised`, { timeout: 600_000 }, async () => {
  for (let i = 0; i < RUNS; i++) {
    try {
      await run(SEED + i);
    } catch (error) {
      throw new Error(`seed ${SEED + i}: MQKIT_SEED=${SEED + i} MQKIT_FAULT_RUNS=1 repeats it: ${String(error)}`, { cause: error });
    }
  }
});

test('a recovery whose abort mark was never on the device, and that dies with the power, is seen as one by the next start', async () => {
  await run(1889909380);
});
