import { describe, expect, test } from 'vitest';
import type { MessageStore, PutMessage } from '../../broker/store/index.js';
import { seededRandom } from '../../src/common/clock.js';
import { encodeBatch } from '../../src/common/message/batch.js';
import { decodeRecord } from '../../src/common/message/record.js';
import { message } from '../broker/store/store-kit.js';
import { FaultDisk } from './store-fault-disk.js';
import { logPath, openOn, SMALL_FILES } from './store-fault-kit.js';

const IPV6 = { ip: Buffer.from('20010db8000000000000000000010002', 'hex'), port: 10911 };
const TEXT = 'UNIQ_KEY\u0001the-key\u0002TAGS\u0001a\u0002';
const FILE_BYTES = SMALL_FILES.mappedFileSizeCommitLog!;

/** Shapes of a last write. Each is whole or not there at all, but for a batch, of which whole records stay. */
const SHAPES: Record<string, () => PutMessage> = {
  v1: () => message('T', 0, 'the body', { properties: TEXT }),
  'v1 without body and properties': () => message('T', 0, ''),
  v2: () => message(`%RETRY%${'x'.repeat(121)}`, 0, 'the body', { properties: TEXT }),
  'IPv6 hosts': () => message('T', 0, 'the body', { properties: TEXT, bornHost: IPV6, storeHost: IPV6 }),
  batch: () => {
    const parts = ['one', 'two', 'three'].map((text) => ({ flag: 0, body: Buffer.from(text), properties: `UNIQ_KEY\u0001${text}\u0002` }));
    return message('T', 0, encodeBatch(parts), { batch: true });
  },
};

interface Torn {
  disk: FaultDisk;
  /** Content of the log's file before and after the last write, which is [from, to) of it. */
  before: Buffer;
  after: Buffer;
  from: number;
  to: number;
}

async function lastWrite(put: PutMessage, base: readonly PutMessage[]): Promise<Torn> {
  const disk = new FaultDisk(seededRandom(1));
  const { store, sink } = await openOn(disk);
  for (const each of base) store.put(each, sink);
  store.flushTurn();
  const from = store.commitLogMaxOffset();
  const before = disk.content(logPath())!;
  const killed = disk.copy();
  store.put(put, sink);
  store.flushTurn();
  return { disk: killed, before, after: disk.content(logPath())!, from, to: store.commitLogMaxOffset() };
}

/** Ends of the records of a write, its start first. */
function recordEnds({ after, from, to }: Torn): number[] {
  const ends = [from];
  while (ends.at(-1)! < Math.min(to, FILE_BYTES)) ends.push(ends.at(-1)! + after.readInt32BE(ends.at(-1)!));
  return ends;
}

/** Opens the store on such a log and checks its end; then it must take a message there. */
async function expectEnd(torn: Torn, content: Buffer, end: number, label: string): Promise<void> {
  const disk = torn.disk.copy();
  disk.damage(logPath(), 0, content);
  const { store, put } = await openOn(disk);
  const found = store.commitLogMaxOffset();
  if (found !== end) expect.fail(`${label}: the log ends at ${found}, not at ${end}`);
  put('next');
  expectLast(store, end, label);
}

function expectLast(store: MessageStore, offset: number, label: string): void {
  const record = decodeRecord(store.lookMessageByOffset(offset)!, 0, { checkCrc: true });
  const last = store.maxOffset('T', 0) - 1;
  if (record.body.toString() !== 'next' || record.queueOffset !== last) expect.fail(`${label}: the next message is not at ${offset}`);
}

const BASE = [message('T', 0, 'first'), message('T', 1, 'second')];

describe.each(Object.keys(SHAPES))('a last write of %s', (shape) => {
  test('that broke off at any byte leaves whole records only', async () => {
    const torn = await lastWrite(SHAPES[shape]!(), BASE);
    const ends = recordEnds(torn);
    for (let kept = 0; kept <= torn.to - torn.from; kept++) {
      const content = Buffer.from(torn.before);
      torn.after.copy(content, torn.from, torn.from, torn.from + kept);
      const end = ends.findLast((each) => torn.after.compare(content, torn.from, each, torn.from, each) === 0)!;
      await expectEnd(torn, content, end, `${kept} bytes kept`);
    }
  });
});

test('a write of which any of its sectors were lost leaves whole records only', async () => {
  const big = message('T', 0, Buffer.alloc(1500, 'big'), { properties: `${TEXT}TEXT\u0001${'p'.repeat(900)}\u0002` });
  const torn = await lastWrite(big, BASE);
  const first = Math.floor(torn.from / 512);
  const sectors = Math.ceil(torn.to / 512) - first;
  for (let kept = 0; kept < 2 ** sectors; kept++) {
    const content = Buffer.from(torn.before);
    for (let sector = 0; sector < sectors; sector++) {
      const at = (first + sector) * 512;
      if ((kept & (1 << sector)) !== 0) torn.after.copy(content, at, at, at + 512);
    }
    const isWhole = content.equals(torn.after);
    await expectEnd(torn, content, isWhole ? torn.to : torn.from, `sectors ${kept.toString(2)}`);
  }
});

test('an end-of-file marker that broke off at any byte is written again', async () => {
  const fill = message('T', 0, Buffer.alloc(FILE_BYTES - 1000, 'fill'));
  const torn = await lastWrite(message('T', 0, Buffer.alloc(1000, 'too much')), [fill]);
  for (let kept = 0; kept <= 8; kept++) {
    const content = Buffer.from(torn.before);
    torn.after.copy(content, torn.from, torn.from, torn.from + kept);
    // The next file does not exist: its name was not on the device.
    const disk = torn.disk.copy();
    disk.damage(logPath(), 0, content);
    const { store, put } = await openOn(disk);
    expect([kept, store.commitLogMaxOffset()]).toEqual([kept, torn.from]);
    put('next');
    expectLast(store, torn.from, `${kept} bytes of the marker`);
  }
});

test('messages without properties are there after a kill, wherever in their sectors they lie', async () => {
  const disk = new FaultDisk(seededRandom(1));
  const { store, put } = await openOn(disk, { flushDiskType: 'SYNC_FLUSH', mappedFileSizeCommitLog: 65_536 });
  // The record is 93 bytes long, so that after 512 of them one began at every place of a sector.
  put(...Array.from({ length: 520 }, () => 'x'));
  expect(store.commitLogMaxOffset()).toBe(520 * 93);
  const again = await openOn(disk.afterKill(), { mappedFileSizeCommitLog: 65_536 });
  expect([again.store.commitLogMaxOffset(), again.store.maxOffset('T', 0)]).toEqual([520 * 93, 520]);
});
