import { expect } from 'vitest';
import { MessageStore, type PutMessage, type StoreConfig } from '../../broker/store/index.js';
import { type Random, seededRandom } from '../../src/common/clock.js';
import { noopLogger } from '../../src/common/logger.js';
import { encodeBatch } from '../../src/common/message/batch.js';
import { getProperty } from '../../src/common/message/properties.js';
import { decodeRecords, type MessageRecord } from '../../src/common/message/record.js';
import { MessageSysFlag } from '../../src/common/sys-flag.js';
import { message, storeConfig } from '../broker/store/store-kit.js';
import { Died, FaultDisk } from './store-fault-disk.js';
import { ROOT, SMALL_FILES } from './store-fault-kit.js';
import { ManualTime } from './store-life-time.js';

const LIVES = 4;
const INNER = MessageSysFlag.INNER_BATCH | MessageSysFlag.NEED_UNWRAP;
const TOPIC = 'Batches';
const CONFIG: Partial<StoreConfig> = { ...SMALL_FILES, mapperFileSizeBatchConsumeQueue: 46 * 4, flushDiskType: 'SYNC_FLUSH' };

/** A put whose answer said that it is on the device. */
interface Kept {
  queueOffset: number;
  texts: string[];
}

/** One queue of a topic with batch queues through several lives of its store. */
class Queue {
  readonly kept: Kept[] = [];
  #serial = 0;

  put(store: MessageStore, disk: FaultDisk, random: Random): void {
    const count = 1 + random.nextInt(6);
    const texts = Array.from({ length: count }, () => `m${this.#serial++} ${'x'.repeat(random.nextInt(200))}`);
    const parts = texts.map((text) => ({ flag: 0, body: Buffer.from(text), properties: `UNIQ_KEY\u0001${text.split(' ')[0]}\u0002` }));
    const kind = random.nextInt(3);
    let put: PutMessage;
    if (kind === 0) {
      put = message(TOPIC, 0, encodeBatch(parts), { sysFlag: INNER, properties: `INNER_NUM\u0001${count}\u0002` });
    } else if (kind === 1) {
      put = message(TOPIC, 0, encodeBatch(parts), { batch: true });
    } else {
      texts.length = 1;
      put = message(TOPIC, 0, texts[0]!);
    }
    store.put(put, {
      onPut: (answered, status) => {
        if (status === 'PUT_OK' && !disk.isDead) this.kept.push({ queueOffset: answered.queueOffset, texts });
      },
    });
  }

  /** What was acknowledged is at its offset; offsets follow each other without a gap, and every one of them finds its record. */
  check(store: MessageStore): void {
    const at = new Map<number, string>();
    let next = 0;
    while (next < store.maxOffset(TOPIC, 0)) {
      const result = store.getMessage(TOPIC, 0, next, 32);
      expect([next, result.status]).toEqual([next, 'FOUND']);
      for (const record of result.buffers.flatMap((buffer) => decodeRecords(buffer, { checkCrc: true }))) {
        expect(record.queueOffset).toBe(next);
        const texts = textsOf(record);
        expect(getProperty(record.properties, 'INNER_NUM')).toBe(String(texts.length));
        expect(getProperty(record.properties, 'INNER_BASE')).toBe(String(next));
        texts.forEach((text, i) => {
          at.set(next + i, text);
          expect(store.commitLogOffsetAt(TOPIC, 0, next + i)).toBe(record.commitLogOffset);
        });
        next += texts.length;
      }
      expect(result.nextBeginOffset).toBe(next);
    }
    for (const { queueOffset, texts } of this.kept) {
      expect(texts.map((_, i) => at.get(queueOffset + i))).toEqual(texts);
    }
  }
}

function textsOf(record: MessageRecord): string[] {
  if ((record.sysFlag & INNER) === 0) return [record.body.toString()];
  const texts: string[] = [];
  for (let at = 0; at < record.body.length; at += record.body.readInt32BE(at)) {
    texts.push(record.body.toString('utf8', at + 20, at + 20 + record.body.readInt32BE(at + 16)));
  }
  return texts;
}

/** One life: puts and flushes until the process dies, at some call or between two; null when it died while it opened the store. */
async function live(queue: Queue, disk: FaultDisk, random: Random, wallMs: number): Promise<void> {
  disk.dieAfter = random.nextInt(3) === 0 ? disk.calls + random.nextInt(150) : -1;
  disk.writeBackOneIn = random.nextInt(2) * 5;
  const time = new ManualTime(wallMs);
  try {
    const config = storeConfig(ROOT, CONFIG);
    const options = { config, logger: noopLogger, disk, clock: time, timers: time };
    // Who knows the attribute, and who must find out what the queues are.
    const isTold = random.nextInt(2) === 0;
    const store = await MessageStore.open(isTold ? { ...options, queueTypeOf: () => 'BatchCQ' as const } : options);
    if (queue.kept.length > 0 || store.maxOffset(TOPIC, 0) > 0) queue.check(store);
    const turns = random.nextInt(40);
    for (let turn = 0; turn < turns && !disk.isDead; turn++) {
      // Without the attribute a topic that nothing is found of would be a simple one.
      if (isTold || store.topicQueueIds(TOPIC).length > 0) for (let n = random.nextInt(4); n > 0; n--) queue.put(store, disk, random);
      store.flushTurn();
      if (random.nextInt(3) === 0) time.tick(random.nextInt(1500));
      if (random.nextInt(2) === 0) disk.completeSyncs();
    }
  } catch (error) {
    if (!disk.isDead && !(error instanceof Died)) throw error;
  }
}

/** Lives of `runs` queues, each with a seed of its own; the first error names its seed. */
export async function runBatchQueueLives({ seed: first, runs }: { seed: number; runs: number }): Promise<void> {
  for (let run = 0; run < runs; run++) {
    const seed = first + run;
    const random = seededRandom(seed);
    const queue = new Queue();
    let disk = new FaultDisk(random);
    try {
      for (let life = 0; life < LIVES; life++) {
        await live(queue, disk, random, 1_700_000_000_000 + life * 100_000);
        disk = random.nextInt(2) === 0 ? disk.afterKill() : disk.afterPowerLoss();
      }
      disk.dieAfter = -1;
      const time = new ManualTime(1_700_001_000_000);
      const config = storeConfig(ROOT, CONFIG);
      const options = { config, logger: noopLogger, disk, clock: time, timers: time, queueTypeOf: () => 'BatchCQ' as const };
      queue.check(await MessageStore.open(options));
    } catch (error) {
      throw new Error(`seed ${seed} (MQKIT_SEED=${seed} MQKIT_FAULT_RUNS=1 repeats it): ${(error as Error).message}`, { cause: error });
    }
  }
}
