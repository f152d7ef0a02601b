import { expect } from 'vitest';
import { getProperty } from '../../../src/common/message/properties.js';
import { Died } from '../../fault/store-fault-disk.js';
import { TimerWorld, TOPIC } from './timer-kit.js';

interface Sent {
  key: string;
  dueMs: number;
  slotMs: number;
  isRecalled: boolean;
}

/**
 * One timer through several lives on a disk that dies at any call, loses power or is stopped in order, with rolls, recalls, pauses and small
 * files. In the end every acknowledged message was delivered once, not before its time, and none that was recalled in time.
 */
export async function runTimerCrash(seed: number): Promise<void> {
  const precisionMs = 100;
  const world = new TimerWorld({
    seed,
    // Under ASYNC_FLUSH a power cut may take acknowledged messages.
    flushDiskType: 'SYNC_FLUSH',
    config: { timerPrecisionMs: precisionMs, timerRollWindowSlot: 25, timerFlushIntervalMs: 200, mappedFileSizeTimerLog: 520 },
  });
  const { random } = world;
  const sent: Sent[] = [];
  const crashesMs: number[] = [];
  const lives = 2 + random.nextInt(4);
  for (let life = 0; life < lives; life++) {
    const isClean = random.nextInt(4) === 0;
    // Some die while they start.
    if (!isClean) world.disk.dieAfter = world.disk.calls + random.nextInt(random.nextInt(3) === 0 ? 30 : 600);
    try {
      await world.open();
      work(world, sent, 5 + random.nextInt(60));
      if (isClean) await world.stop();
    } catch (error) {
      if (!(error instanceof Died) && !world.disk.isDead) throw error;
    }
    if (!isClean) {
      crashesMs.push(world.time.nowMs());
      if (random.nextInt(2) === 0) world.losePower();
      else world.kill();
    }
    if (random.nextInt(3) === 0) world.pause(random.nextInt(8000));
  }
  await world.open();
  world.advance(12_000);
  check(world, sent, crashesMs);
}

/**
 * A fixed run on a disk that dies at the given call: messages due soon and beyond the window, a recall, a slot that is half delivered.
 * @returns false when the run ends before that call
 */
export async function runScriptedCrash(dieAfter: number, end: 'kill' | 'power cut'): Promise<boolean> {
  const config = { timerPrecisionMs: 100, timerRollWindowSlot: 10, timerFlushIntervalMs: 200, mappedFileSizeTimerLog: 520 };
  const world = new TimerWorld({ seed: dieAfter, flushDiskType: 'SYNC_FLUSH', config });
  const sent: Sent[] = [];
  const send = (delayMs: number): void => {
    const dueMs = world.time.nowMs() + delayMs;
    const slotMs = dueMs - (dueMs % 100 === 0 ? 100 : dueMs % 100);
    sent.push({ key: `k${sent.length}`, dueMs, slotMs, isRecalled: false });
    world.send(`k${sent.length - 1}`, { TIMER_DELIVER_MS: dueMs });
  };
  world.disk.dieAfter = dieAfter;
  try {
    await world.open();
    for (const delayMs of [150, 180, 450, 1300, 2600, 700, 710]) send(delayMs);
    world.advance(100);
    const one = sent.at(-1)!;
    one.isRecalled = true;
    world.send(`recall of ${one.key}`, { TIMER_DELIVER_MS: one.slotMs + 1, TIMER_DEL_UNIQKEY: `${TOPIC}+${one.key}` });
    for (let i = 0; i < 6; i++) {
      world.advance(260);
      send(300 + i * 37);
    }
    world.advance(400);
  } catch (error) {
    if (!(error instanceof Died) && !world.disk.isDead) throw error;
  }
  const hasDied = world.disk.isDead;
  const crashMs = world.time.nowMs();
  if (end === 'kill') world.kill();
  else world.losePower();
  await world.open();
  world.advance(5000);
  check(world, sent, [crashMs]);
  return hasDied;
}

function work(world: TimerWorld, sent: Sent[], steps: number): void {
  const { random } = world;
  for (let i = 0; i < steps && !world.disk.isDead; i++) {
    for (let n = random.nextInt(4); n > 0; n--) {
      const nowMs = world.time.nowMs();
      const dueMs = nowMs + 1 + random.nextInt(random.nextInt(4) === 0 ? 8000 : 1500);
      const slotMs = dueMs - (dueMs % 100 === 0 ? 100 : dueMs % 100);
      const key = `k${sent.length}`;
      sent.push({ key, dueMs, slotMs, isRecalled: false });
      world.send(key, { TIMER_DELIVER_MS: dueMs });
    }
    if (random.nextInt(6) === 0) recall(world, sent);
    world.advance(20 * (1 + random.nextInt(10)));
  }
}

/** As RECALL_MESSAGE does: only while the slot's time is ahead. */
function recall(world: TimerWorld, sent: Sent[]): void {
  const one = sent[world.random.nextInt(Math.max(1, sent.length))];
  if (one === undefined || one.slotMs <= world.time.nowMs() + 200 || one.isRecalled || !world.acknowledged.has(one.key)) return;
  one.isRecalled = true;
  world.send(`recall of ${one.key}`, { TIMER_DELIVER_MS: one.slotMs + 1, TIMER_DEL_UNIQKEY: `${TOPIC}+${one.key}` });
}

function check(world: TimerWorld, sent: readonly Sent[], crashesMs: readonly number[]): void {
  const copies = new Map<string, number[]>();
  for (const { key, atMs, record } of world.delivered()) {
    expect(record.body.toString()).toBe(`body of ${key}`);
    expect(getProperty(record.properties, 'REAL_TOPIC') ?? TOPIC).toBe(TOPIC);
    copies.set(key, [...(copies.get(key) ?? []), atMs]);
  }
  for (const { key, dueMs, isRecalled } of sent) {
    const times = copies.get(key) ?? [];
    const isRecallAcknowledged = isRecalled && world.acknowledged.has(`recall of ${key}`);
    if (world.acknowledged.has(key) && !isRecalled) expect(times.length, `${key} is delivered`).toBeGreaterThan(0);
    if (isRecallAcknowledged) expect(times, `${key} was recalled`).toEqual([]);
    for (const atMs of times) expect(atMs, `${key} is not early`).toBeGreaterThanOrEqual(dueMs);
    expect(times.length, `${key} left at ${times}; crashes at ${crashesMs}`).toBeLessThanOrEqual(1);
  }
  expect([...copies.keys()].filter((key) => key.startsWith('recall'))).toEqual([]);
}
