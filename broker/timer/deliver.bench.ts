/*
 * Timer messages due within one second, on a real disk: `npx tsx broker/timer/deliver.bench.ts [messages] [folder]`.
 * Prints CPU time for a message put on the wheel, and for one delivered.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, systemClock, systemTimers, type Timers } from '../../src/common/clock.js';
import { noopLogger } from '../../src/common/logger.js';
import { RMQ_SYS_WHEEL_TIMER_TOPIC } from '../../src/common/topic-names.js';
import { loadNodeConfig } from '../config/index.js';
import { Delivery } from '../delay/index.js';
import { BrokerStats } from '../stats/index.js';
import { MessageStore, nodeDisk, type PutMessage } from '../store/index.js';
import { benchMessage } from '../store/put.bench.js';
import type { TopicConfigManager } from '../topics/index.js';
import { TimerMessageService } from './index.js';

const AHEAD_MS = 60_000;
const SPREAD_MS = 1000;
const PER_TURN = 64;

const count = Number(process.argv[2] ?? 100_000);
const root = process.argv[3] ?? mkdtempSync(join(tmpdir(), 'mqkit-timer-bench-'));

/** Wall time stands still until it is moved. */
class MovedClock implements Clock {
  wallMs = systemClock.nowMs();
  nowMs(): number {
    return this.wallMs;
  }
  monotonicMs(): number {
    return systemClock.monotonicMs();
  }
  monotonicNs(): bigint {
    return systemClock.monotonicNs();
  }
}

/** The service is run by hand. */
const byHand: Timers = { ...systemTimers, setTimeout: () => 0, clearTimeout: () => {} };

function timerMessage(i: number, firstMs: number): PutMessage {
  const put = benchMessage(i);
  const dueMs = firstMs + ((i * 7919) % SPREAD_MS);
  const slotMs = dueMs % 1000 === 0 ? dueMs - 1000 : dueMs - (dueMs % 1000);
  const real = `REAL_TOPIC\u0001${put.topic}\u0002REAL_QID\u0001${i % 4}\u0002`;
  put.properties = `${put.properties}TIMER_DELIVER_MS\u0001${dueMs}\u0002${real}TIMER_OUT_MS\u0001${slotMs}\u0002`;
  put.topic = RMQ_SYS_WHEEL_TIMER_TOPIC;
  put.queueId = 0;
  return put;
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const clock = new MovedClock();
const args = [`storePathRootDir=${root}`, 'flushDiskType=ASYNC_FLUSH'];
const config = loadNodeConfig({ kind: 'broker', args, env: {} }).store;
const store = await MessageStore.open({ config, logger: noopLogger, clock, disk: nodeDisk, timers: systemTimers });
const stats = new BrokerStats({ clock, timers: systemTimers, clusterName: 'C' });
const topics = { entry: () => undefined } as unknown as TopicConfigManager;
const delivery = new Delivery({ store, topics, stats, logger: noopLogger, flush: () => store.flushTurn() });
const parts = { config, store, delivery, disk: nodeDisk, clock, timers: byHand, logger: noopLogger };
const timer = new TimerMessageService({ ...parts, isAfterKill: false });
timer.start();

const firstMs = Math.ceil(clock.nowMs() / 1000) * 1000 + AHEAD_MS;
const sink = { onPut: () => {} };
for (let i = 0; i < count; i++) {
  store.put(timerMessage(i, firstMs), sink);
  if (i % PER_TURN === 0) store.flushTurn();
}
store.flushTurn();
await nextTurn();

let from = cpuUs();
while (timer.queueBehind > 0) timer.run();
process.stdout.write(`put on the wheel: ${((cpuUs() - from) / count).toFixed(2)} us of CPU a message\n`);

clock.wallMs = firstMs;
from = cpuUs();
const startMs = performance.now();
let longestMs = 0;
while (timer.counts.dequeued < count) {
  const stepMs = performance.now();
  const before = timer.counts.dequeued;
  timer.run();
  if (timer.counts.dequeued === before) clock.wallMs++;
  longestMs = Math.max(longestMs, performance.now() - stepMs);
}
const wallMs = performance.now() - startMs;
process.stdout.write(
  `delivered: ${((cpuUs() - from) / count).toFixed(2)} us of CPU a message, all ${count} in ${wallMs.toFixed(0)} ms, longest step ${longestMs.toFixed(1)} ms\n`,
);
await store.shutdown();
if (process.argv[3] === undefined) rmSync(root, { recursive: true, force: true });
process.exit(0);
