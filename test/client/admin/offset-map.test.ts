import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, it, vi } from 'vitest';
import { type MessagePlace, OffsetMap } from '../../../src/client/admin/offset-map.js';

let isFull = false;
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const writeSync = (fd: number, bytes: Buffer, at: number) => {
    if (isFull) {
      // A full disk takes what has room.
      fs.writeSync(fd, bytes, at, 4);
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    }
    return fs.writeSync(fd, bytes, at);
  };
  return { ...fs, writeSync };
});

const dir = mkdtempSync(join(tmpdir(), 'mqkit-'));
const path = join(dir, 'offsets.jsonl');
const head = { sourceTopic: 'S', targetTopic: 'T', targetQueues: async () => [] };
const source = (queueOffset: number, queueId = 0): MessagePlace => ({ brokerName: 's', queueId, queueOffset });
const target = (queueOffset: number, queueId = 0): MessagePlace => ({ brokerName: 't', queueId, queueOffset });

beforeEach(() => {
  isFull = false;
  rmSync(path, { force: true });
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('a message that is stored before those ahead of it in its queue is written down, and not gone on behind', async () => {
  const map = await OffsetMap.open(path, head);
  map.add(source(0), target(0));
  map.addAhead(source(2), target(0, 1));
  map.addAhead(source(3), target(1, 1));
  map.close();
  const again = await OffsetMap.open(path, head);
  expect(again.next(source(0))).toBe(1);
  expect([again.ahead(source(1)), again.ahead(source(2)), again.ahead(source(3))]).toEqual([undefined, target(0, 1), target(1, 1)]);
  expect([again.targetEnd(target(0)), again.targetEnd(target(0, 1))]).toEqual([1, 2]);
  again.add(source(1), target(1));
  again.add(source(2), target(0, 1));
  again.add(source(3), target(1, 1));
  again.close();
  const last = OffsetMap.peek(path, head);
  expect([last?.next(source(0)), last?.ahead(source(3))]).toEqual([4, undefined]);
  // Each message once.
  const runs = readFileSync(path, 'utf8').trimEnd().split('\n').slice(1);
  expect(runs.reduce((sum, line) => sum + JSON.parse(line).messageCount, 0)).toBe(4);
});

it('is written by one run at a time; one that was killed is not waited for', async () => {
  const map = await OffsetMap.open(path, head);
  await expect(OffsetMap.open(path, head)).rejects.toMatchObject({
    code: 'OFFSETS_FILE_IN_USE',
    message: expect.stringContaining(`${process.pid}`),
  });
  expect(OffsetMap.peek(path, head)?.next(source(0))).toBe(undefined);
  map.close();
  for (const gone of [process.pid, 2 ** 30]) {
    writeFileSync(`${path}.lock`, `${gone}\n`);
    (await OffsetMap.open(path, head)).close();
  }
});

it('a look at it leaves half a line of the run that writes it', async () => {
  (await OffsetMap.open(path, head)).close();
  appendFileSync(path, '{"brok');
  const text = readFileSync(path, 'utf8');
  const map = OffsetMap.peek(path, head);
  map?.beginQueue(source(0), 0);
  map?.close();
  expect(readFileSync(path, 'utf8')).toBe(text);
});

it('a disk that is full is told, and leaves whole lines', async () => {
  const map = await OffsetMap.open(path, head);
  const text = readFileSync(path, 'utf8');
  const told = new Promise((resolve) => map.onError(resolve));
  isFull = true;
  map.add(source(0), target(0));
  expect(await told).toMatchObject({ code: 'OFFSETS_NOT_WRITTEN', message: `${path} cannot be written (ENOSPC)` });
  map.add(source(1), target(1));
  map.close();
  expect(readFileSync(path, 'utf8')).toBe(text);
});
