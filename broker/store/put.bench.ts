/*
 * Puts and reads of a whole store on a real disk: `npx tsx broker/store/put.bench.ts [folder] [messages] [flushDiskType]`.
 * Prints CPU and wall time for a message, the tail of `flushTurn`, reads of the tail and of a backlog, and memory.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { noopLogger } from '../../src/common/logger.js';
import { encodeBatch } from '../../src/common/message/batch.js';
import { loadNodeConfig } from '../config/index.js';
import { MessageStore, type PutMessage, type PutSink, type StoreConfig } from './index.js';

const BATCH_MESSAGES = 32;
const PER_TURN = 64;
const QUEUES = 8;

/** The defaults of MessageStoreConfig. */
export function benchConfig(root: string, flushDiskType: string): StoreConfig {
  return loadNodeConfig({ kind: 'broker', args: [`storePathRootDir=${root}`, `flushDiskType=${flushDiskType}`], env: {} }).store;
}

const host = { ip: Buffer.from([127, 0, 0, 1]), port: 10911 };
const body = Buffer.alloc(128, 97);

/** A message of 128 bytes with what a Java producer and the broker put into the properties. */
export function benchMessage(i: number): PutMessage {
  const uniqKey = `7F00000100${i.toString(16).toUpperCase().padStart(22, '0')}`;
  return {
    topic: 'BenchmarkTest',
    queueId: i % QUEUES,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    bornHost: host,
    storeHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body,
    properties: `UNIQ_KEY\u0001${uniqKey}\u0002WAIT\u0001true\u0002MSG_REGION\u0001DefaultRegion\u0002CLUSTER\u0001DefaultCluster\u0002TRACE_ON\u0001true\u0002`,
    tagsCode: 0,
    waitStoreMsgOK: true,
    queueOffset: 0,
    commitLogOffset: 0,
    storeTimestamp: 0,
    context: null,
  };
}

function memory(): string {
  const status = readFileSync('/proc/self/status', 'utf8');
  const of = (name: string): string => `${name} ${Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024)} MB`;
  return `${of('RssAnon')}, ${of('RssFile')}`;
}

function percentiles(values: Float64Array): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 1000).toFixed(0);
  return `us: p50 ${at(0.5)}, p99 ${at(0.99)}, p999 ${at(0.999)}, p9999 ${at(0.9999)}, max ${at(1)}`;
}

async function measure(name: string, messages: number, run: () => Promise<void>): Promise<void> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await run();
  const wallMs = performance.now() - start;
  const used = process.cpuUsage(cpu);
  const cpuUs = used.user + used.system;
  console.log(
    `${name}: ${Math.round((messages / wallMs) * 1000)} messages/s, CPU ${(cpuUs / messages).toFixed(2)} us (user ${(used.user / messages).toFixed(2)}, system ${(used.system / messages).toFixed(2)}) a message; ${memory()}`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main();
}

/** A batch as a producer sends it: 128 B bodies, ids and WAIT. */
function benchBatch(): PutMessage {
  const parts = Array.from({ length: BATCH_MESSAGES }, (_, i) => ({
    flag: 0,
    body: Buffer.alloc(128, 'x'),
    properties: `UNIQ_KEY\u0001C0000202165941000000000000${String(i).padStart(6, '0')}\u0002WAIT\u0001true\u0002`,
  }));
  const properties = 'WAIT\u0001true\u0002MSG_REGION\u0001DefaultRegion\u0002TRACE_ON\u0001true\u0002CLUSTER\u0001DefaultCluster\u0002';
  return { ...benchMessage(0), topic: 'BenchmarkBatch', body: encodeBatch(parts), properties, batch: true };
}

async function main(): Promise<void> {
  const [folder = tmpdir(), countText = '1000000', flushDiskType = 'ASYNC_FLUSH'] = process.argv.slice(2);
  const count = Number(countText);
  const root = mkdtempSync(join(folder, 'mqkit-bench-'));
  const config = benchConfig(root, flushDiskType);
  const store = await MessageStore.open({ config, logger: noopLogger });

  /** `PER_TURN` in flight: the next turn begins when all of one are answered. */
  async function putMany(messages: number, turns: Float64Array, paceMs: number, perTurn = PER_TURN): Promise<void> {
    let turn = 0;
    let due = performance.now();
    for (let i = 0; i < messages; i += perTurn) {
      await new Promise<void>((resolve) => {
        let answered = 0;
        const sink: PutSink = {
          onPut() {
            if (++answered === perTurn) {
              resolve();
            }
          },
        };
        for (let k = 0; k < perTurn; k++) {
          store.put(benchMessage(i + k), sink);
        }
        const start = performance.now();
        store.flushTurn();
        turns[turn++] = performance.now() - start;
      });
      due += paceMs;
      do {
        await new Promise((resolve) => setImmediate(resolve));
      } while (paceMs > 0 && performance.now() < due);
    }
  }

  await measure('making the messages (not the store)', count, async () => {
    for (let i = 0; i < count; i++) {
      benchMessage(i);
    }
  });
  const warm = new Float64Array(20_000 / PER_TURN + 1);
  await putMany(20_000, warm, 0);
  const turns = new Float64Array(Math.ceil(count / PER_TURN));
  await measure('put, 64 a turn', count, () => putMany(count, turns, 0));
  console.log(`  flushTurn ${percentiles(turns)}`);
  const paced = new Float64Array(10_000);
  await measure('put, 10 a ms (10,000/s)', 100_000, () => putMany(100_000, paced, 1, 10));
  console.log(`  flushTurn ${percentiles(paced)}`);

  const batch = benchBatch();
  await measure(`put, batches of ${BATCH_MESSAGES}, 16 a turn`, count, async () => {
    const perTurn = 16;
    for (let sent = 0; sent < count; sent += perTurn * BATCH_MESSAGES) {
      await new Promise<void>((resolve) => {
        let answered = 0;
        const sink: PutSink = {
          onPut() {
            if (++answered === perTurn) {
              resolve();
            }
          },
        };
        for (let k = 0; k < perTurn; k++) {
          store.put({ ...batch, queueId: k % QUEUES }, sink);
        }
        store.flushTurn();
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
  });

  async function readAll(): Promise<void> {
    for (let queueId = 0; queueId < QUEUES; queueId++) {
      offsets[queueId] = 0;
    }
    for (let left = QUEUES; left > 0; ) {
      left = 0;
      for (let queueId = 0; queueId < QUEUES; queueId++) {
        const result = store.getMessage('BenchmarkTest', queueId, offsets[queueId]!, 32);
        if (result.status === 'FOUND') {
          offsets[queueId] = result.nextBeginOffset;
          left++;
        }
      }
    }
  }
  const offsets: number[] = [];
  await measure('backlog, 32 a read, 8 queues in turn', count, readAll);
  await measure('backlog again', count, readAll);
  await store.shutdown();
  const reopened = performance.now();
  const again = await MessageStore.open({ config, logger: noopLogger });
  console.log(`open after an orderly stop: ${(performance.now() - reopened).toFixed(0)} ms`);
  await again.shutdown();
  rmSync(root, { recursive: true, force: true });
}
