import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { makeFolder } from '../../src/common/make-folder.js';

const dir = mkdtempSync(join(tmpdir(), 'mqkit-folder-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('a folder is made with those above it, and may be there already', () => {
  const path = join(dir, 'a', 'b', 'c');
  makeFolder(path);
  makeFolder(path);
  expect(statSync(path).isDirectory()).toBe(true);
});

it('a file in the way is named as what it is', () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  expect(() => makeFolder(file)).toThrow(/EEXIST/);
  expect(() => makeFolder(join(file, 'below'))).toThrow(/ENOTDIR/);
});
