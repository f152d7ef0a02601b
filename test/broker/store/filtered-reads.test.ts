import { expect, it } from 'vitest';
import type { MessageFilter } from '../../../broker/store/index.js';
import { seededRandom } from '../../../src/common/clock.js';
import { bodyLengthPos, decodeRecord, SYS_FLAG_POS } from '../../../src/common/message/record.js';
import { FaultDisk } from '../../fault/store-fault-disk.js';
import { openOn, stop } from '../../fault/store-fault-kit.js';
import { message } from './store-kit.js';

const QUEUES = 3;
const MESSAGES = 900;
const LARGE_FILES = { mappedFileSizeCommitLog: 4 * 1024 * 1024 };

/** Matches the records whose body begins with a letter. */
function beginsWith(letter: string): MessageFilter {
  return {
    isMatchedByConsumeQueue: () => true,
    isMatchedByCommitLog(buffer, position) {
      const bodyAt = position + bodyLengthPos(buffer.readInt32BE(position + SYS_FLAG_POS)) + 4;
      return buffer[bodyAt] === letter.charCodeAt(0);
    },
  };
}

/** Reads a queue to its end as a consumer does. */
function readAll(
  store: Awaited<ReturnType<typeof openOn>>['store'],
  queueId: number,
  options: { filter: MessageFilter; maxMsgNums: number; isTransient: boolean },
): { offsets: number[]; largest: number } {
  const offsets: number[] = [];
  let largest = 0;
  for (let offset = 0; offset < store.maxOffset('T', queueId); ) {
    const { status, buffers, bytes, nextBeginOffset, messageCount } = store.getMessage('T', queueId, offset, options.maxMsgNums, options);
    const records = Buffer.concat(buffers);
    expect([records.length, nextBeginOffset > offset]).toEqual([bytes, true]);
    let count = 0;
    for (let at = 0; at < records.length; count++) {
      const { queueOffset, totalSize } = decodeRecord(records, at);
      offsets.push(queueOffset);
      at += totalSize;
    }
    expect([status === 'FOUND', count]).toEqual([count > 0, messageCount]);
    largest = Math.max(largest, bytes);
    offset = nextBeginOffset;
  }
  return { offsets, largest };
}

it.each([
  ['from the log in memory', false],
  ['from the files after a restart', true],
])(
  'a filter by record finds its messages, near and far from each other, in small and in large answers, %s',
  async (_where, isRestarted) => {
    const disk = new FaultDisk(seededRandom(1));
    let { store, sink } = await openOn(disk, LARGE_FILES);
    const random = seededRandom(Number(process.env.MQKIT_SEED));
    const expected = new Map<string, number[]>();
    let queueId = 0;
    for (let i = 0; i < MESSAGES; i++) {
      // Runs of messages on one queue, of all sizes up to two pages and now and then of more than a piece that is read at once.
      if (random.nextInt(8) === 0) queueId = random.nextInt(QUEUES);
      const letter = 'abc'[random.nextInt(3)]!;
      const put = message('T', queueId, letter + 'x'.repeat(random.nextInt(300) === 0 ? 300_000 : random.nextInt(8000)));
      store.put(put, sink);
      const key = `${letter}${queueId}`;
      expected.set(key, [...(expected.get(key) ?? []), put.queueOffset]);
    }
    store.flushTurn();
    if (isRestarted) {
      await stop(store, disk);
      ({ store } = await openOn(disk, LARGE_FILES));
    }
    let largest = 0;
    for (let queue = 0; queue < QUEUES; queue++) {
      for (const letter of 'abc') {
        for (const [maxMsgNums, isTransient] of [
          [1, true],
          [32, false],
          [1024, true],
          [1024, false],
        ] as const) {
          const read = readAll(store, queue, { filter: beginsWith(letter), maxMsgNums, isTransient });
          expect(read.offsets).toEqual(expected.get(`${letter}${queue}`));
          largest = Math.max(largest, read.largest);
        }
      }
    }
    expect(largest).toBeGreaterThan(64 * 1024);
    expect(store.counters.recordsDamaged).toBe(0);
    await stop(store, disk);
  },
);
