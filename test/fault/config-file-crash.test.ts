import { expect, test } from 'vitest';
import { ConfigFile } from '../../broker/store/index.js';
import { seededRandom } from '../../src/common/clock.js';
import { noopLogger } from '../../src/common/logger.js';
import { FaultDisk } from './store-fault-disk.js';

const PATH = '/store/config/topics.json';

function fileOn(disk: FaultDisk): ConfigFile<{ version: number; text: string }> {
  return new ConfigFile({
    path: PATH,
    parse: (text) => JSON.parse(text) as { version: number; text: string },
    stringify: (value) => JSON.stringify(value),
    logger: noopLogger,
    disk,
  });
}

const content = (version: number) => ({ version, text: 'x'.repeat(3000 + version) });

test.each([
  ['a kill', false, false],
  ['a kill of a durable save', true, false],
  ['a power cut', true, true],
])('%s at any call leaves a version as it was saved, never an older one than the last save that returned', (_what, durable, isPower) => {
  for (let calls = 0; calls < 60; calls++) {
    for (const seed of isPower ? [1, 2, 3, 4] : [1]) {
      let disk = new FaultDisk(seededRandom(seed * 1000 + calls));
      disk.isJournalOrdered = seed % 2 === 0;
      const versions: number[] = [];
      const file = fileOn(disk);
      disk.dieAfter = calls;
      try {
        for (let version = 1; version < 9; version++) {
          file.save(content(version), { durable });
          versions.push(version);
        }
      } catch (error) {
        if (!disk.isDead) throw error;
      }
      disk = isPower ? disk.afterPowerLoss() : disk.afterKill();
      const found = fileOn(disk).load();
      const least = versions.at(-1) ?? 0;
      expect([least, least + 1], `after ${calls} calls, seed ${seed}`).toContain(found?.version ?? 0);
      if (found !== null) expect(found).toEqual(content(found.version));
    }
  }
});

test('any of the two files missing, empty or cut leaves the other; with neither readable the start is refused', () => {
  const disk = new FaultDisk(seededRandom(5));
  const file = fileOn(disk);
  file.save(content(1), { durable: true });
  file.save(content(2), { durable: true });
  const broken: Record<string, (copy: FaultDisk, path: string) => void> = {
    intact: () => {},
    missing: (copy, path) => copy.remove(path),
    empty: (copy, path) => copy.replace(path, Buffer.alloc(0)),
    cut: (copy, path) => copy.replace(path, copy.content(path)!.subarray(0, 100)),
    zero: (copy, path) => copy.replace(path, Buffer.alloc(100)),
  };
  const outcomes: string[] = [];
  for (const [main, breakMain] of Object.entries(broken)) {
    for (const [backup, breakBackup] of Object.entries(broken)) {
      const copy = disk.copy();
      breakMain(copy, PATH);
      breakBackup(copy, `${PATH}.bak`);
      let outcome: string;
      try {
        outcome = String(fileOn(copy).load()?.version ?? 'nothing');
      } catch (error) {
        outcome = (error as { code: string }).code;
      }
      outcomes.push(`${main} ${backup}: ${outcome}`);
    }
  }
  const gone = ['missing', 'empty'];
  const expected = Object.keys(broken).flatMap((main) =>
    Object.keys(broken).map((backup) => {
      if (main === 'intact') return `${main} ${backup}: 2`;
      if (backup === 'intact') return `${main} ${backup}: 1`;
      return `${main} ${backup}: ${gone.includes(main) && gone.includes(backup) ? 'nothing' : 'CONFIG_FILE'}`;
    }),
  );
  expect(outcomes).toEqual(expected);
});
