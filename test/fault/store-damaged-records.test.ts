import { expect, test } from 'vitest';
import { seededRandom } from '../../src/common/clock.js';
import { decodeRecords } from '../../src/common/message/record.js';
import { message } from '../broker/store/store-kit.js';
import { FaultDisk } from './store-fault-disk.js';
import { logPath, openOn, ROOT, stop } from './store-fault-kit.js';

const FOREVER = Number.MAX_SAFE_INTEGER;

/** A store that was stopped in order with ten messages on one queue; returns the offset of each. */
async function tenMessages(disk: FaultDisk): Promise<number[]> {
  const { store, sink } = await openOn(disk);
  const puts = Array.from({ length: 10 }, (_, i) =>
    message('T', 0, `body ${i}`, { properties: `UNIQ_KEY\u0001u${i}\u0002`, tagsCode: i % 2 }),
  );
  for (const put of puts) store.put(put, sink);
  store.flushTurn();
  await stop(store, disk);
  return puts.map((put) => put.commitLogOffset);
}

function bodiesOf(buffers: readonly Buffer[]): string[] {
  return buffers.flatMap((buffer) => decodeRecords(buffer).map(({ body }) => body.toString()));
}

const DAMAGES: [string, number, Buffer][] = [
  ['its body', 90, Buffer.from('X')],
  ['its size', 0, Buffer.from([0, 0, 0x40, 0])],
  ['its magic code', 4, Buffer.from([1, 2, 3, 4])],
  ['its place', 28, Buffer.from([0, 0, 0, 0, 0, 0, 0x12, 0x34])],
  ['its body length', 84, Buffer.from([0x7f, 0, 0, 0])],
  ['its topic length', 94, Buffer.from([0xf0])],
  ['its topic length, which is too small,', 94, Buffer.from([0])],
  ['its properties length', 96, Buffer.from([0x7f, 0xff])],
  ['its properties length, which is negative,', 96, Buffer.from([0xff, 0xff])],
  ['its queue offset', 20, Buffer.from([0x7f])],
  ['its store time', 56, Buffer.from([0x7f])],
  ['the offset of its half message', 76, Buffer.from([0x80])],
  ['all of it', 0, Buffer.alloc(100)],
];

test.each(DAMAGES)(
  'a message of which %s is damaged is left out, counted and logged once; nothing else is lost',
  async (_what, at, bytes) => {
    const disk = new FaultDisk(seededRandom(1));
    const offsets = await tenMessages(disk);
    disk.damage(logPath(), offsets[4]! + at, bytes);
    const errors: string[] = [];
    const { store } = await openOn(disk, {}, { logger: { debug() {}, info() {}, warn() {}, error: (text) => errors.push(text) } });
    const others = Array.from({ length: 10 }, (_, i) => `body ${i}`).toSpliced(4, 1);
    const result = store.getMessage('T', 0, 0, 32);
    expect([result.status, result.messageCount, result.nextBeginOffset, bodiesOf(result.buffers)]).toEqual(['FOUND', 9, 10, others]);
    // Alone: the consumer goes on behind it.
    expect(store.getMessage('T', 0, 4, 1)).toMatchObject({ status: 'MESSAGE_WAS_REMOVING', nextBeginOffset: 5, messageCount: 0 });
    const filter = { isMatchedByConsumeQueue: (tagsCode: number | bigint) => tagsCode === 0, isMatchedByCommitLog: () => true };
    expect(bodiesOf(store.getMessage('T', 0, 0, 32, { filter }).buffers)).toEqual(['body 0', 'body 2', 'body 6', 'body 8']);
    expect(store.lookMessageByOffset(offsets[4]!)).toBeNull();
    expect(store.queryByKey('T', 'u4', 10, 0, FOREVER).records).toEqual([]);
    expect(bodiesOf(store.queryByKey('T', 'u5', 10, 0, FOREVER).records)).toEqual(['body 5']);
    expect(store.counters.recordsDamaged).toBeGreaterThan(2);
    expect(errors.filter((text) => text.includes(`commit log offset ${offsets[4]} is damaged`))).toHaveLength(1);
  },
);

test.each([
  ['zero', Buffer.alloc(20)],
  ['a size beyond the log', Buffer.from('00000000000000007fffff0000000000000000000', 'hex').subarray(0, 20)],
  ['another place', Buffer.from('0000000000000007000000610000000000000000', 'hex')],
])('a unit of a consume queue that holds %s costs its own message only', async (_what, unit) => {
  const disk = new FaultDisk(seededRandom(2));
  await tenMessages(disk);
  disk.damage(`${ROOT}/consumequeue/T/0/00000000000000000000`, 4 * 20, unit);
  const { store } = await openOn(disk);
  const result = store.getMessage('T', 0, 0, 32);
  expect(bodiesOf(result.buffers)).toEqual(Array.from({ length: 10 }, (_, i) => `body ${i}`).toSpliced(4, 1));
  expect([result.nextBeginOffset, store.counters.recordsDamaged]).toEqual([10, 1]);
});
