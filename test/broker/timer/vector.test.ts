import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Delivery } from '../../../broker/delay/index.js';
import { BrokerStats } from '../../../broker/stats/index.js';
import { MessageStore, nodeDisk } from '../../../broker/store/index.js';
import { TimerMessageService } from '../../../broker/timer/index.js';
import { TimerCheckpoint } from '../../../broker/timer/timer-checkpoint.js';
import { encodeBlank, isBlank, TimerUnit, UNIT_BYTES } from '../../../broker/timer/timer-unit.js';
import { TimerWheel } from '../../../broker/timer/timer-wheel.js';
import type { TopicConfigManager } from '../../../broker/topics/index.js';
import { noopLogger } from '../../../src/common/logger.js';
import { getProperty } from '../../../src/common/message/properties.js';
import { decodeRecords, type MessageRecord } from '../../../src/common/message/record.js';
import { FakeTime } from '../fake-time.js';
import { storeConfig, unpackVector } from '../store/store-kit.js';

const ARCHIVE = 'timer/store-timer.tar.gz';
/** When the recorded broker put the messages on its wheel. */
const SENT_MS = 1_795_234_983_000;
const LOG_FILE_BYTES = 520;

describe('files that Apache 5.3.3 wrote', () => {
  it('have the units that the wheel took, each of the same bytes when written again', () => {
    const bytes = readFileSync(join(unpackVector(ARCHIVE), 'timerlog', '00000000000000000000'));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const again = Buffer.alloc(bytes.length);
    const againView = new DataView(again.buffer, again.byteOffset, again.length);
    const units: [number, number, number, number, number][] = [];
    const unit = new TimerUnit();
    for (let at = 0; unit.decode(view, at, at); at += UNIT_BYTES) {
      unit.encode(againView, at);
      units.push([unit.prevPos, unit.magic, unit.slotTimeMs - SENT_MS, unit.commitLogOffset, unit.recordBytes]);
      expect([unit.writeTimeMs, unit.topicHash]).toEqual([SENT_MS, -650349302]);
    }
    expect(units).toEqual([
      [-1, 1, 1000, 0, 353],
      [-1, 1, 3000, 353, 361],
      [-1, 1, 4000, 714, 364],
      [-1, 1, 3_600_000, 1384, 355],
      [-1, 3, 86_400_000, 1739, 371],
      [-1, 1, 6000, 2110, 362],
      [260, 5, 6000, 2472, 431],
    ]);
    expect(again.equals(bytes)).toBe(true);
    encodeBlank(againView, 468, 52);
    expect(isBlank(againView, 468)).toBe(true);
    expect(again.subarray(468, 484).toString('hex')).toBe('000000340000000000000000cbd43194');
  });

  it('have a wheel with those slots, and a checkpoint that reads and writes the same', () => {
    const root = unpackVector(ARCHIVE);
    const wheel = new TimerWheel({ root, precisionMs: 1000, disk: nodeDisk });
    expect(wheel.isComplete).toBe(true);
    const slots = Array.from(wheel.slots(), ({ timeMs, firstPos, lastPos, num }) => [timeMs - SENT_MS, firstPos, lastPos, num]);
    expect(slots.sort((a, b) => a[0]! - b[0]!)).toEqual([
      [1000, 0, 0, 1],
      [3000, 52, 52, 1],
      [4000, 104, 104, 1],
      [6000, 260, 312, 0],
      [3_600_000, 156, 156, 1],
      [86_400_000, 208, 208, 1],
    ]);
    const checkpoint = new TimerCheckpoint(root, nodeDisk);
    expect(checkpoint.load()).toBe(true);
    const bytes = readFileSync(join(root, 'config', 'timercheck'));
    expect(bytes).toHaveLength(4096);
    expect(checkpoint.encode().equals(bytes.subarray(0, 56))).toBe(true);
    expect(checkpoint.progress).toMatchObject({ logFlushPos: 364, queueOffset: 7 });
    wheel.close();
  });
});

describe('the recorded store', () => {
  /** Opens the store at a time and runs it for a while. */
  async function runAt(root: string, nowMs: number): Promise<MessageRecord[]> {
    const time = new FakeTime();
    time.advance(nowMs - time.nowMs());
    const config = storeConfig(root, {
      mappedFileSizeCommitLog: 16_384,
      mappedFileSizeConsumeQueue: 200,
      maxHashSlotNum: 50,
      maxIndexNum: 100,
    });
    const store = await MessageStore.open({ config, logger: noopLogger, clock: time, timers: time });
    onTestFinished(() => store.shutdown());
    const stats = new BrokerStats({ clock: time, timers: time, clusterName: 'C' });
    const topics = { entry: () => undefined } as unknown as TopicConfigManager;
    const problems: string[] = [];
    const note = (text: string): number => problems.push(text);
    const logger = { ...noopLogger, warn: note, error: note };
    const timer = new TimerMessageService({
      config: {
        storePathRootDir: root,
        mappedFileSizeTimerLog: LOG_FILE_BYTES,
        timerPrecisionMs: 1000,
        timerRollWindowSlot: 172_800,
        timerFlushIntervalMs: 1000,
        timerStopEnqueue: false,
        timerStopDequeue: false,
      },
      store,
      delivery: new Delivery({ store, topics, stats, logger, flush: () => store.flushTurn() }),
      disk: nodeDisk,
      clock: time,
      timers: time,
      logger,
      isAfterKill: false,
    });
    store.addArrivalListener(timer.onArrival);
    timer.start();
    time.advance(3000);
    const records: MessageRecord[] = [];
    for (let offset = 0; offset < store.maxOffset('TimerTopic', 0); offset++) {
      records.push(...store.getMessage('TimerTopic', 0, offset, 1).buffers.flatMap((buffer) => decodeRecords(buffer)));
    }
    let isStopped = false;
    const stop = timer.stop().finally(() => {
      isStopped = true;
    });
    while (!isStopped) {
      time.advance(20);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await stop;
    await store.shutdown();
    expect(problems).toEqual([]);
    return records;
  }

  it('delivers what is pending when its time comes, rolls what is far, and never what was recalled', async () => {
    const root = unpackVector(ARCHIVE);
    const keysAt = async (afterMs: number): Promise<(string | undefined)[]> =>
      (await runAt(root, SENT_MS + afterMs)).map(({ properties }) => getProperty(properties, 'KEYS'));
    const before = ['past', 'sec-2', 'ms-3500', 'at'];
    expect(await keysAt(20_000)).toEqual(before);
    expect(await keysAt(3_610_000)).toEqual([...before, 'h1']);
    // Parked for a day, it is put on the wheel again for the rest of its way.
    expect(await keysAt(86_500_000)).toEqual([...before, 'h1']);
    const records = await runAt(root, SENT_MS + 216_010_000);
    expect(records.map(({ properties }) => getProperty(properties, 'KEYS'))).toEqual([...before, 'h1', 'd2.5']);
    expect(getProperty(records.at(-1)!.properties, 'TIMER_ROLL_TIMES')).toBe('1');
    expect(getProperty(records.at(-1)!.properties, 'TIMER_OUT_MS')).toBe('1795450983000');
    expect(records.at(-1)!.body.toString()).toBe('pending 2.5 days, rolls');
  });
});
