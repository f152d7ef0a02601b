/* Files of configuration on a disk that is nearly full: it takes the first bytes of what is written, and then no more. */
import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadNodeConfig } from '../../../broker/config/index.js';
import { KvConfig } from '../../../broker/namesrv/kv-config.js';

const { writeSync } = fs;
let dir: string;
let room = Number.POSITIVE_INFINITY;

/** A page is taken where two were asked for; then there is ENOSPC. */
function writeIntoRoom(
  fd: number,
  buffer: Uint8Array,
  offset = 0,
  length = buffer.length - offset,
  position: number | null = null,
): number {
  if (room === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const written = writeSync(fd, buffer, offset, Math.min(length, room), position);
  room -= written;
  return written;
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mqkit-config-full-'));
  fs.writeSync = writeIntoRoom as typeof writeSync;
  syncBuiltinESMExports();
});
afterEach(() => {
  fs.writeSync = writeSync;
  syncBuiltinESMExports();
  room = Number.POSITIVE_INFINITY;
  rmSync(dir, { recursive: true, force: true });
});

it.each([100, 5000])('an update that %i bytes of room cannot keep throws, and changes neither the values nor the files', (bytes) => {
  const file = join(dir, 'broker.conf');
  writeFileSync(file, 'brokerName=broker-a\nstorePathRootDir=/data/important\nmaxMessageSize=48\n', { mode: 0o600 });
  const config = loadNodeConfig({ kind: 'broker', file, env: {} });
  config.applyUpdate('maxMessageSize=96');
  const before = readFileSync(file, 'utf8');
  const files = readdirSync(dir);
  room = bytes;
  expect(() => config.applyUpdate('maxMessageSize=192\nlistenPort=20911')).toThrow('ENOSPC');
  expect(config.store.maxMessageSize).toBe(96);
  expect(config.toPropertiesText()).toContain('listenPort=10911\n');
  expect(readFileSync(file, 'utf8')).toBe(before);
  expect(readFileSync(`${file}.bak`, 'utf8')).toContain('storePathRootDir=/data/important');
  expect(readdirSync(dir)).toEqual(files);
  room = Number.POSITIVE_INFINITY;
  expect(config.applyUpdate('maxMessageSize=192').keptIn).toBe(file);
  expect(fs.statSync(file).mode & 0o077).toBe(process.platform === 'win32' ? fs.statSync(file).mode & 0o077 : 0);
});

it('a key-value pair that the disk does not take is not answered to anyone, and the others stay', () => {
  const file = join(dir, 'kvConfig.json');
  const kv = KvConfig.load(file);
  kv.put('ns', 'kept', 'v'.repeat(200));
  kv.put('ns', 'too', 'w');
  room = 300;
  expect(() => kv.put('ns', 'lost', 'x')).toThrow('ENOSPC');
  expect(() => kv.delete('ns', 'too')).toThrow('ENOSPC');
  expect(() => kv.put('other', 'lost', 'x')).toThrow('ENOSPC');
  for (const table of [kv, KvConfig.load(file)]) {
    expect([...(table.list('ns') ?? [])]).toEqual([
      ['kept', 'v'.repeat(200)],
      ['too', 'w'],
    ]);
    expect(table.list('other')).toBeUndefined();
  }
  room = Number.POSITIVE_INFINITY;
  kv.delete('ns', 'too');
  expect([...(KvConfig.load(file).list('ns') ?? [])]).toEqual([['kept', 'v'.repeat(200)]]);
});
