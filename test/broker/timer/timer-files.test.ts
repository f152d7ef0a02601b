import { describe, expect, it } from 'vitest';
import { TimerLog } from '../../../broker/timer/timer-log.js';
import { TimerUnit, UNIT_BYTES } from '../../../broker/timer/timer-unit.js';
import { TimerWheel } from '../../../broker/timer/timer-wheel.js';
import { seededRandom } from '../../../src/common/clock.js';
import { FaultDisk } from '../../fault/store-fault-disk.js';
import { TimerWorld } from './timer-kit.js';

const FILE_BYTES = 520;
/** Units that fit before the blank. */
const UNITS_PER_FILE = 9;

function logOn(disk: FaultDisk): TimerLog {
  disk.mkdirSync('/store');
  const log = new TimerLog({ directory: '/store/timerlog', fileSize: FILE_BYTES, disk });
  log.load();
  return log;
}

function append(log: TimerLog, count: number): number[] {
  const unit = new TimerUnit();
  return Array.from({ length: count }, (_, i) => {
    unit.commitLogOffset = i * 1000;
    unit.recordBytes = 100;
    unit.slotTimeMs = 5000;
    return log.append(unit);
  });
}

describe('the timer log', () => {
  it('ends each file with a blank and reads every unit, from memory and from its files', () => {
    const disk = new FaultDisk(seededRandom(1));
    const log = logOn(disk);
    const positions = append(log, 30);
    expect(positions[UNITS_PER_FILE]).toBe(FILE_BYTES);
    const unit = new TimerUnit();
    const offsets = () => positions.map((position) => (log.read(position, unit) ? unit.commitLogOffset : -1));
    const expected = positions.map((_, i) => i * 1000);
    expect(offsets()).toEqual(expected);
    log.write();
    expect(log.unflushedBytes).toBe(log.end);
    log.sync((error) => expect(error).toBeNull());
    disk.completeSyncs();
    expect(log.unflushedBytes).toBe(0);
    expect(offsets()).toEqual(expected);
    expect(log.probe(UNITS_PER_FILE * UNIT_BYTES, unit)).toBe('blank');
  });

  it('writes again what a failed flush may have dropped', () => {
    const disk = new FaultDisk(seededRandom(1));
    const log = logOn(disk);
    append(log, 5);
    log.write();
    disk.failSyncs = 1;
    const errors: (Error | null)[] = [];
    log.sync((error) => errors.push(error));
    disk.completeSyncs();
    expect(errors[0]).toBeInstanceOf(Error);
    const before = disk.calls;
    log.write();
    expect(disk.calls).toBeGreaterThan(before);
    log.sync((error) => errors.push(error));
    disk.completeSyncs();
    expect(errors[1]).toBeNull();
    expect(log.unflushedBytes).toBe(0);
  });

  it.each([
    ['one file', 5],
    ['three files', 3 * UNITS_PER_FILE],
  ])('of %s is left as it is by a start that asks for another size, and told of', (_, units) => {
    const disk = new FaultDisk(seededRandom(1));
    const log = logOn(disk);
    append(log, units);
    log.syncNow();
    const lengths = () => disk.paths().map((path) => [path, disk.content(path)!.length]);
    const before = lengths();
    const other = new TimerLog({ directory: '/store/timerlog', fileSize: 104_857_600, disk });
    expect(() => other.load()).toThrow(expect.objectContaining({ hint: expect.stringContaining('mappedFileSizeTimerLog=520') as string }));
    expect(lengths()).toEqual(before);
    expect(() => logOn(disk)).not.toThrow();
  });

  it('gives up files whose messages left the commit log, and never the newest', () => {
    const disk = new FaultDisk(seededRandom(1));
    const log = logOn(disk);
    append(log, 3 * UNITS_PER_FILE + 2);
    log.syncNow();
    expect(log.deleteExpired(8000)).toBe(0);
    expect(log.deleteExpired(8001)).toBe(1);
    expect(log.minPos).toBe(FILE_BYTES);
    expect(log.deleteExpired(1_000_000)).toBe(2);
    expect(disk.readdirSync('/store/timerlog')).toEqual(['00000000000000001560']);
    const unit = new TimerUnit();
    expect(log.read(0, unit)).toBe(false);
    expect(log.read(3 * FILE_BYTES, unit)).toBe(true);
  });
});

describe('the timer wheel', () => {
  it('keeps memory only for slots ahead, and finds a slot again after a round', () => {
    const disk = new FaultDisk(seededRandom(1));
    disk.mkdirSync('/store');
    const wheel = new TimerWheel({ root: '/store', precisionMs: 1000, disk });
    wheel.create({ reset: false });
    const from = 1_700_000_000_000;
    for (let i = 0; i < 2000; i++) wheel.put(from + i * 1000, i, i, 1);
    expect(wheel.slotAt(from + 5999)).toMatchObject({ timeMs: from + 5000, lastPos: 5 });
    wheel.write(wheel.takeDirty());
    const full = wheel.pageCount;
    wheel.forgetBefore(from + 1_000_000);
    expect(wheel.pageCount).toBeLessThan(full);
    expect(wheel.slotAt(from)).toMatchObject({ lastPos: 0 });
    const roundMs = 14 * 86_400_000;
    expect(wheel.slotAt(from + roundMs).timeMs).toBe(-1);
    wheel.put(from + roundMs, 7, 7, 1);
    expect(wheel.slotAt(from).timeMs).toBe(-1);
    wheel.write(wheel.takeDirty());
    expect(Array.from(wheel.slots(), ({ timeMs }) => timeMs)).toContain(from + roundMs);
  });
});

describe('a disk that fails', () => {
  it('is tried again: units, wheel and checkpoint come to the device, and nothing is lost', async () => {
    const world = new TimerWorld();
    await world.open();
    world.send('a', { TIMER_DELAY_MS: 20_000 });
    world.disk.failSyncs = 5;
    world.advance(15_000);
    expect(world.log.filter((line) => line.includes('timer cannot be flushed')).length).toBeLessThanOrEqual(2);
    world.kill();
    await world.open();
    world.advance(10_000);
    expect(world.keys()).toEqual(['a']);
  });

  it('without room for the timer files takes no harm from a kill', async () => {
    const world = new TimerWorld();
    await world.open();
    world.advance(2000);
    for (let i = 0; i < 20; i++) world.send(`k${i}`, { TIMER_DELAY_MS: 8000 + i });
    world.disk.maxPages = world.disk.usedPages;
    world.advance(4000);
    world.kill();
    await world.open();
    world.advance(8000);
    expect(new Set(world.keys()).size).toBe(20);
    expect(world.keys()).toHaveLength(20);
  });
});
