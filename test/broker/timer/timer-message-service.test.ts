import { describe, expect, it } from 'vitest';
import { getProperty } from '../../../src/common/message/properties.js';
import { TimerWorld, TOPIC } from './timer-kit.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Deliveries of one moment leave within this. */
const SLACK_MS = 50;

async function opened(options: ConstructorParameters<typeof TimerWorld>[0] = {}): Promise<TimerWorld> {
  const world = new TimerWorld(options);
  await world.open();
  return world;
}

describe('a timer message', () => {
  it('leaves at its time, not before, with what a consumer and Apache see', async () => {
    const world = await opened();
    const from = world.time.nowMs();
    const dueMs: Record<string, number> = { a: 2500, b: 1000, c: 3700 };
    expect(world.send('a', { TIMER_DELAY_MS: 2500, TAGS: 'A' })).toBeNull();
    expect(world.send('b', { TIMER_DELAY_SEC: 1 })).toBeNull();
    expect(world.send('c', { TIMER_DELIVER_MS: from + 3700 })).toBeNull();
    world.advance(6000);
    expect(world.keys()).toEqual(['b', 'a', 'c']);
    for (const { atMs, key } of world.delivered()) {
      expect(atMs - from - dueMs[key]!).toBeGreaterThanOrEqual(0);
      expect(atMs - from - dueMs[key]!).toBeLessThanOrEqual(SLACK_MS);
    }
    const { properties } = world.delivered()[1]!.record;
    expect(properties).toContain('TIMER_DELAY_MS\u00012500\u0002');
    expect(getProperty(properties, 'REAL_TOPIC')).toBe(TOPIC);
    expect(getProperty(properties, 'REAL_QID')).toBe('0');
    expect(getProperty(properties, 'TIMER_OUT_MS')).toBe(String(from + 2000));
    expect(Number(getProperty(properties, 'TIMER_DEQUEUE_MS'))).toBeGreaterThanOrEqual(from + 2500);
    expect(getProperty(properties, 'TIMER_ENQUEUE_MS')).toBe(String(from));
  });

  it('of a time that is over is an ordinary message', async () => {
    const world = await opened();
    expect(world.send('past', { TIMER_DELIVER_MS: world.time.nowMs() - 1 })).toBeNull();
    expect(world.send('now', { TIMER_DELAY_MS: 0 })).toBeNull();
    expect(world.keys()).toEqual(['past', 'now']);
    expect(world.delivered()[0]!.record.properties).not.toContain('TIMER_OUT_MS');
  });

  it('keeps no timer running when nothing waits, but the flush', async () => {
    const world = await opened();
    world.advance(3000);
    const idle = world.time.pendingCount;
    world.send('a', { TIMER_DELAY_MS: 1500 });
    expect(world.time.pendingCount).toBe(idle + 1);
    world.advance(4000);
    expect(world.keys()).toEqual(['a']);
    expect(world.time.pendingCount).toBe(idle);
    expect(world.timer.pendingCount).toBe(0);
  });

  it('shares a slot with thousands and leaves with them, each once', async () => {
    const world = await opened({ config: { mappedFileSizeTimerLog: 52 * 1000 } });
    const at = world.time.nowMs() + 5000;
    for (let i = 0; i < 1500; i++) world.send(`k${i}`, { TIMER_DELIVER_MS: at + (i % 1000) });
    world.advance(4980);
    expect(world.keys()).toEqual([]);
    world.advance(1200);
    expect(new Set(world.keys()).size).toBe(1500);
    expect(world.keys()).toHaveLength(1500);
    for (const { key, atMs } of world.delivered()) expect(atMs).toBeGreaterThanOrEqual(at + (Number(key.slice(1)) % 1000));
  });

  it('beyond the window is parked, rolled and delivered at its time', async () => {
    const world = await opened({ config: { timerRollWindowSlot: 6 } });
    const from = world.time.nowMs();
    world.send('far', { TIMER_DELIVER_MS: from + 20_500 });
    world.send('near', { TIMER_DELIVER_MS: from + 7500 });
    world.advance(22_000);
    expect(world.delivered().map(({ key, atMs }) => [key, Math.floor((atMs - from) / 500)])).toEqual([
      ['near', 15],
      ['far', 41],
    ]);
    expect(Number(getProperty(world.delivered()[1]!.record.properties, 'TIMER_ROLL_TIMES'))).toBeGreaterThanOrEqual(3);
    expect(world.timer.metrics.count(TOPIC)).toBe(0);
  });

  it('that the store refuses is tried again until it is taken', async () => {
    const world = await opened();
    world.send('a', { TIMER_DELAY_MS: 1500 });
    world.send('b', { TIMER_DELAY_MS: 1600 });
    world.advance(1400);
    world.disk.failWrites = 1000;
    world.advance(20_000);
    expect(world.keys()).toEqual([]);
    world.disk.failWrites = 0;
    world.advance(5000);
    expect(world.keys()).toEqual(['a', 'b']);
  });

  it('waits while timerStopDequeue and timerStopEnqueue say so', async () => {
    const world = await opened();
    world.config.timerStopDequeue = true;
    world.send('a', { TIMER_DELAY_MS: 1500 });
    world.advance(5000);
    expect(world.keys()).toEqual([]);
    world.config.timerStopDequeue = false;
    world.config.timerStopEnqueue = true;
    world.send('b', { TIMER_DELAY_MS: 1500 });
    world.advance(5000);
    expect(world.keys()).toEqual(['a']);
    world.config.timerStopEnqueue = false;
    world.send('c', { TIMER_DELAY_MS: 1500 });
    world.advance(5000);
    expect(world.keys()).toEqual(['a', 'b', 'c']);
  });
});

describe('a recall', () => {
  it('takes away the message of its slot, and no other', async () => {
    const world = await opened();
    const at = world.time.nowMs() + 5500;
    world.send('gone', { TIMER_DELIVER_MS: at });
    world.send('stays', { TIMER_DELIVER_MS: at });
    world.advance(1000);
    expect(world.timer.metrics.count(TOPIC)).toBe(2);
    world.send('gone', { TIMER_DELIVER_MS: at - 499, TIMER_DEL_UNIQKEY: `${TOPIC}+gone` });
    world.advance(100);
    expect(world.timer.metrics.count(TOPIC)).toBe(1);
    expect(world.timer.countInSlot(at)).toBe(1);
    world.advance(10_000);
    expect(world.keys()).toEqual(['stays']);
    expect(world.timer.metrics.count(TOPIC)).toBe(0);
  });

  it('that finds nothing is forgotten; one that comes too late is refused', async () => {
    const world = await opened();
    const at = world.time.nowMs() + 3500;
    world.send('other', { TIMER_DELIVER_MS: at, TIMER_DEL_UNIQKEY: `${TOPIC}+nobody` });
    world.send('a', { TIMER_DELIVER_MS: at });
    world.advance(6000);
    expect(world.keys()).toEqual(['a']);
    expect(world.timer.metrics.count(TOPIC)).toBe(0);
    expect(world.send('a', { TIMER_DELIVER_MS: at, TIMER_DEL_UNIQKEY: `${TOPIC}+a` })).toContain('timer message illegal');
  });

  it('works while its slot is being delivered, for what is not due yet', async () => {
    const world = await opened();
    const at = world.time.nowMs() + 3000;
    world.send('early', { TIMER_DELIVER_MS: at + 200 });
    world.send('late', { TIMER_DELIVER_MS: at + 800 });
    world.advance(3400);
    expect(world.keys()).toEqual(['early']);
    world.send('late', { TIMER_DELIVER_MS: at + 900, TIMER_DEL_UNIQKEY: `${TOPIC}+late` });
    world.advance(3000);
    expect(world.keys()).toEqual(['early']);
  });
});

describe('a restart', () => {
  it('after an orderly stop delivers everything once, also when it fell into a slot', async () => {
    const world = await opened();
    const at = world.time.nowMs() + 3000;
    for (const [key, ms] of [
      ['a', 100],
      ['b', 900],
      ['c', 1500],
      ['d', 60_000],
    ] as const)
      world.send(key, { TIMER_DELIVER_MS: at + ms });
    world.advance(3300);
    expect(world.keys()).toEqual(['a']);
    await world.stop();
    expect(world.time.nowMs()).toBeLessThan(at + 1200);
    await world.open();
    world.advance(100_000);
    expect(world.keys()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('after a kill delivers everything, and twice only what left since the checkpoint', async () => {
    const world = await opened();
    const at = world.time.nowMs() + 10_000;
    for (let i = 0; i < 40; i++) world.send(`k${i}`, { TIMER_DELIVER_MS: at + i * 250 + 1 });
    world.advance(16_000);
    const before = world.delivered();
    expect(before.length).toBeGreaterThan(20);
    world.kill();
    await world.open();
    const restartMs = world.time.nowMs();
    world.advance(10_000);
    const keys = world.keys();
    expect(new Set(keys).size).toBe(40);
    const twice = keys.filter((key, i) => keys.indexOf(key) !== i);
    // Slot, flush interval and the wait for the commit log's flush.
    for (const key of twice) expect(before.find((one) => one.key === key)!.atMs).toBeGreaterThan(restartMs - 4000);
  });

  it('after a pause beyond all due times delivers at once, however long it was', async () => {
    const world = await opened();
    world.send('a', { TIMER_DELAY_SEC: 60 });
    world.send('b', { TIMER_DELAY_SEC: 7200 });
    world.send('gone', { TIMER_DELAY_MS: 100_400 });
    world.send('gone', { TIMER_DELAY_MS: 100_500, TIMER_DEL_UNIQKEY: `${TOPIC}+gone` });
    world.advance(2000);
    await world.stop();
    world.pause(40 * DAY);
    await world.open();
    world.send('c', { TIMER_DELAY_SEC: 5 });
    world.advance(10_000);
    expect(world.keys()).toEqual(['a', 'b', 'c']);
  });

  it('makes wheel and log again when one of them is gone, and delivers nothing twice', async () => {
    for (const lost of ['/store/timerwheel', '/store/timerlog/00000000000000000000']) {
      const world = await opened({ config: { timerRollWindowSlot: 20 } });
      world.send('done', { TIMER_DELAY_MS: 1500 });
      world.send('rolled', { TIMER_DELAY_MS: 40_000 });
      world.advance(20_500);
      world.send('waits', { TIMER_DELAY_MS: 30_000 });
      world.advance(1500);
      await world.stop();
      world.disk.unlinkSync(lost);
      await world.open();
      expect(world.log.join()).toContain('made again');
      world.advance(60_000);
      expect(world.keys()).toEqual(['done', 'rolled', 'waits']);
    }
  });

  it('takes over a wheel that was written with another precision', async () => {
    const world = await opened();
    world.send('a', { TIMER_DELAY_MS: 30_300 });
    world.advance(2000);
    await world.stop();
    world.config.timerPrecisionMs = 100;
    await world.open();
    expect(world.log.join()).toContain('timerPrecisionMs');
    world.send('b', { TIMER_DELAY_MS: 5050 });
    world.advance(35_000);
    expect(world.keys()).toEqual(['b', 'a']);
  });

  it('without any of its files delivers what the timer topic holds', async () => {
    const world = await opened();
    world.send('a', { TIMER_DELAY_MS: 30_300 });
    world.advance(2000);
    await world.stop();
    for (const path of ['/store/timerwheel', '/store/timerlog/00000000000000000000', '/store/config/timercheck'])
      world.disk.unlinkSync(path);
    await world.open();
    world.advance(35_000);
    expect(world.keys()).toEqual(['a']);
  });

  it('goes on when retention took the record of a waiting message, and says which one is lost', async () => {
    const world = await opened();
    const from = world.time.nowMs();
    world.send('gone', { TIMER_DELAY_MS: 60_500 });
    world.send('early', { TIMER_DELAY_MS: 500 });
    while (world.store.commitLogMaxOffset() < 70_000) world.send('filler', { PAD: 'p'.repeat(2000) });
    world.send('kept', { TIMER_DELAY_MS: 60_600 });
    world.advance(5000);
    await world.stop();
    world.disk.unlinkSync('/store/commitlog/00000000000000000000');
    await world.open();
    world.advance(70_000);
    expect(world.keys().filter((key) => key !== 'filler')).toEqual(['early', 'kept']);
    expect(world.delivered().at(-1)!.atMs - from).toBeGreaterThanOrEqual(60_600);
    expect(world.log.join()).toContain('was deleted with its commit log file');
  });
});
