import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MessageStore, type PutMessage } from '../../broker/store/index.js';
import { freshSeed, type Random, seededRandom } from '../../src/common/clock.js';
import { noopLogger } from '../../src/common/logger.js';
import { encodeBatch } from '../../src/common/message/batch.js';
import { message, storeConfig } from '../broker/store/store-kit.js';
import { FaultDisk } from '../fault/store-fault-disk.js';
import { ManualTime } from '../fault/store-life-time.js';
import { APACHE_VERSIONS, type ApacheVersion } from '../peers/index.js';
import { StoreExchange } from './store-exchange.js';
import { dumpQueue } from './store-reading.js';
import { createTopic, interop } from './support.js';

const SEED = Number(process.env.MQKIT_SEED ?? freshSeed());
const ROOT = '/store';
const FILES = { mappedFileSizeCommitLog: 65_536, mappedFileSizeConsumeQueue: 2000, maxHashSlotNum: 50, maxIndexNum: 100 };
const TOPICS = ['Orders', 'Payments'];
const QUEUES = 2;

/** A message that was acknowledged, and where. */
interface Kept {
  text: string;
  topic: string;
  queueId: number;
  queueOffset: number;
}

interface Lost {
  disk: FaultDisk;
  kept: Kept[];
}

/** Our store under SYNC_FLUSH, with messages on their way when the power goes or the process is killed. */
async function crashedStore(random: Random, end: 'power cut' | 'kill -9'): Promise<Lost> {
  const disk = new FaultDisk(random);
  // The kernel writes pages on its own; names reach the device in their order, as with a journal.
  disk.writeBackOneIn = 20;
  disk.isJournalOrdered = true;
  const time = new ManualTime(Date.now());
  disk.nowMs = time.nowMs();
  const config = storeConfig(ROOT, { ...FILES, flushDiskType: 'SYNC_FLUSH' });
  const store = await MessageStore.open({ config, logger: noopLogger, disk, clock: time, timers: time });
  const kept: Kept[] = [];
  const put = (serial: number): void => {
    const topic = TOPICS[random.nextInt(TOPICS.length)]!;
    const queueId = random.nextInt(QUEUES);
    const parts = Array.from({ length: serial % 10 === 0 ? 4 : 1 }, (_, i) => `${serial}.${i} ${'x'.repeat(random.nextInt(900))}`);
    const properties = (text: string): string => `UNIQ_KEY\u0001${text.split(' ', 1)[0]}\u0002`;
    const asPart = (text: string) => ({ flag: 0, body: Buffer.from(text), properties: properties(text) });
    const whole: PutMessage =
      parts.length > 1
        ? message(topic, queueId, encodeBatch(parts.map(asPart)), { batch: true })
        : message(topic, queueId, parts[0]!, { properties: properties(parts[0]!) });
    store.put(whole, {
      onPut: ({ queueOffset }, status) => {
        if (status !== 'PUT_OK' || disk.isDead) return;
        parts.forEach((text, i) => void kept.push({ text, topic, queueId, queueOffset: queueOffset + i }));
      },
    });
  };
  try {
    for (let turn = 0; turn < 250; turn++) {
      if (turn === 240) disk.dieAfter = disk.calls + random.nextInt(15);
      for (let puts = random.nextInt(4); puts > 0; puts--) put(turn * 10 + puts);
      store.flushTurn();
      if (random.nextInt(3) > 0) disk.completeSyncs(1 + random.nextInt(3));
      if (random.nextInt(4) === 0) time.tick(random.nextInt(800));
    }
  } catch (error) {
    if (!disk.isDead) throw error;
  }
  return { disk: end === 'kill -9' ? disk.afterKill() : disk.afterPowerLoss(), kept };
}

/** What is left of the store, as files. */
function writeTo(disk: FaultDisk, storeDir: string, version: ApacheVersion): void {
  for (const path of disk.paths()) {
    // 4.9.7 starts on no store, of its own neither, in which a file of the log or of a queue has no length yet; 5.3.3 removes such a file.
    if (version === '4.9.7' && /\/(commitlog|consumequeue)\//.test(path) && disk.content(path)!.length === 0) continue;
    const real = join(storeDir, path.slice(ROOT.length));
    mkdirSync(dirname(real), { recursive: true });
    writeFileSync(real, disk.content(path)!);
  }
}

interop(`a crashed store of ours under Apache's broker (MQKIT_SEED=${SEED})`, 'java', () => {
  let exchange: StoreExchange;

  beforeAll(async () => {
    exchange = await StoreExchange.start('crashed');
  });
  afterAll(async () => {
    await exchange?.end();
  });

  /** Has Apache's broker open what the crash left, and looks for everything that was acknowledged. */
  async function expectServed(version: ApacheVersion, end: 'power cut' | 'kill -9', seed: number): Promise<void> {
    const { disk, kept } = await crashedStore(seededRandom(seed), end);
    expect(kept.length).toBeGreaterThan(200);
    const storeDir = join(exchange.dir, `${version} ${end}`, 'store');
    writeTo(disk, storeDir, version);
    const brokerName = `broker-${version}-${end.replaceAll(' ', '-')}`;
    const broker = await exchange.open(version, { storeDir, config: { ...FILES, brokerName, timerWheelEnable: false } });
    const target = exchange.targetOf(broker, brokerName);
    const found = new Map<string, string>();
    for (const topic of TOPICS) {
      await createTopic(target, topic, QUEUES);
      for (let queueId = 0; queueId < QUEUES; queueId++) {
        const { records } = await dumpQueue(target, topic, queueId);
        for (const { queueOffset, body } of records) found.set(`${topic}/${queueId} ${queueOffset}`, body.toString());
      }
    }
    for (const { text, topic, queueId, queueOffset } of kept) {
      expect(found.get(`${topic}/${queueId} ${queueOffset}`), `seed ${seed}: ${topic}/${queueId} at ${queueOffset}`).toBe(text);
    }
  }

  it.each(APACHE_VERSIONS)('%s serves every acknowledged message after a power cut and after kill -9', async (version) => {
    // Both end before the test does: a broker that is still starting could not be cleaned up.
    const ends = await Promise.allSettled([expectServed(version, 'power cut', SEED), expectServed(version, 'kill -9', SEED + 1)]);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  });
});
