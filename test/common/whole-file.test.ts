import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeFileWhole } from '../../src/common/whole-file.js';

it('a file is replaced in one step', () => {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-whole-'));
  const file = join(dir, 'whole.json');
  writeFileWhole(file, 'first');
  writeFileWhole(file, 'second');
  expect(readFileSync(file, 'utf8')).toBe('second');
  expect(readdirSync(dir)).toEqual(['whole.json']);
  rmSync(dir, { recursive: true });
});

it('what goes to a link or a device is written there, and does not take its place', () => {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-whole-'));
  const [file, link] = [join(dir, 'whole.json'), join(dir, 'latest.json')];
  symlinkSync(file, link);
  writeFileWhole(link, 'first');
  writeFileWhole(link, 'second');
  expect(readFileSync(file, 'utf8')).toBe('second');
  expect(readdirSync(dir)).toEqual(['latest.json', 'whole.json']);
  writeFileWhole('/dev/null', 'third');
  rmSync(dir, { recursive: true });
});

it.skipIf(process.platform === 'win32')('a file keeps who may read it, unless somebody says otherwise', () => {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-whole-'));
  const file = join(dir, 'whole.json');
  const mode = (): string => (statSync(file).mode & 0o777).toString(8);
  writeFileWhole(file, 'first');
  chmodSync(file, 0o640);
  writeFileWhole(file, 'second');
  expect(mode()).toBe('640');
  writeFileWhole(file, 'third', { mode: 0o600 });
  expect([mode(), readFileSync(file, 'utf8')]).toEqual(['600', 'third']);
  rmSync(dir, { recursive: true });
});
