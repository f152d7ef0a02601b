import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeDisk } from '../../../broker/store/disk.js';
import { ConfigFile, type Disk } from '../../../broker/store/index.js';
import { noopLogger } from '../../../src/common/logger.js';
import { tempDir } from './store-kit.js';

type State = { value: number };

function file(root: string, disk: Disk = nodeDisk): ConfigFile<State> {
  return new ConfigFile<State>({
    path: join(root, 'config', 'state.json'),
    parse: (text) => JSON.parse(text) as State,
    stringify: (value) => JSON.stringify(value),
    logger: noopLogger,
    disk,
  });
}

test('what is saved is loaded, and the value before it is in .bak', () => {
  const root = tempDir();
  expect(file(root).load()).toBeNull();
  const first = file(root);
  first.save({ value: 1 });
  first.save({ value: 2 }, { durable: true });
  expect(file(root).load()).toEqual({ value: 2 });
  expect(JSON.parse(readFileSync(`${first.path}.bak`, 'utf8'))).toEqual({ value: 1 });
});

test.each([
  ['missing', null],
  ['empty', ''],
  ['cut', '{"val'],
])('a file that is %s is replaced by its .bak', (_, content) => {
  const root = tempDir();
  mkdirSync(join(root, 'config'));
  const path = join(root, 'config', 'state.json');
  if (content !== null) {
    writeFileSync(path, content);
  }
  writeFileSync(`${path}.bak`, '{"value":7}');
  expect(file(root).load()).toEqual({ value: 7 });
});

test('content that cannot be parsed, without a .bak, is an error and not an empty state', () => {
  const root = tempDir();
  mkdirSync(join(root, 'config'));
  writeFileSync(join(root, 'config', 'state.json'), '{"val');
  expect(() => file(root).load()).toThrow(/state\.json cannot be read/);
});

test('a save in the background waits for the device without holding anything up, and gives way to a later save', () => {
  const root = tempDir();
  let isWaiting = false;
  const syncs: ((error: Error | null) => void)[] = [];
  file(root).save({ value: 1 });
  const one = file(root, {
    ...nodeDisk,
    fdatasync: (_fd, callback) => void syncs.push(callback),
    fdatasyncSync: () => void (isWaiting || expect.fail('waited for the device')),
    syncDirectory: (_path, callback) => callback(null),
    syncDirectorySync: () => expect.fail('waited for the device'),
  });
  const outcomes: unknown[] = [];
  one.saveInBackground({ value: 2 }, (error) => outcomes.push(error));
  expect(file(root).load()).toEqual({ value: 1 });
  syncs.shift()!(null);
  expect(file(root).load()).toEqual({ value: 2 });
  one.saveInBackground({ value: 3 }, (error) => outcomes.push(error));
  syncs.shift()!(new Error('EIO'));
  expect(file(root).load()).toEqual({ value: 2 });
  one.saveInBackground({ value: 4 }, (error) => outcomes.push(error));
  isWaiting = true;
  one.save({ value: 5 });
  syncs.shift()!(null);
  expect(file(root).load()).toEqual({ value: 5 });
  expect(outcomes).toEqual([null, new Error('EIO'), null]);
});

test('saving what is already saved touches nothing', () => {
  const root = tempDir();
  const one = file(root);
  one.save({ value: 1 });
  one.save({ value: 1 });
  expect(existsSync(`${one.path}.bak`)).toBe(false);
});
