import { expect, test } from 'vitest';
import { ConfigFile } from '../../broker/store/index.js';
import { seededRandom } from '../../src/common/clock.js';
import { noopLogger } from '../../src/common/logger.js';
import { FaultDisk } from './store-fault-disk.js';

const PATH = '/store/config/topics.json';

type State = { version: number; text: string };

function fileOn(disk: FaultDisk, warn: (text: string) => void = () => {}): ConfigFile<State> {
  return new ConfigFile({
    path: PATH,
    parse: (text) => JSON.parse(text) as State,
    stringify: (value) => JSON.stringify(value),
    logger: { ...noopLogger, warn },
    disk,
  });
}

const content = (version: number) => ({ version, text: 'x'.repeat(3000 + version) });

/** A way to save, which tells when it is done. */
type Save = (file: ConfigFile<State>, disk: FaultDisk, version: number, onDone: () => void) => void;

const WAYS: Record<'plain' | 'durable' | 'background', Save> = {
  plain: (file, _disk, version, onDone) => {
    file.save(content(version));
    onDone();
  },
  durable: (file, _disk, version, onDone) => {
    file.save(content(version), { durable: true });
    onDone();
  },
  background: (file, disk, version, onDone) => {
    file.saveInBackground(content(version), (error) => {
      if (error === null) onDone();
    });
    disk.completeSyncs();
    disk.completeSyncs();
  },
};

/** Saves versions 1 to 8 on a disk that dies at a call; the last one that was saved, 0 when none was. */
function saveUntilDeath(disk: FaultDisk, save: Save): number {
  let least = 0;
  const file = fileOn(disk);
  try {
    for (let version = 1; version < 9; version++) {
      save(file, disk, version, () => {
        least = version;
      });
    }
  } catch (error) {
    if (!disk.isDead) throw error;
  }
  return least;
}

test.each(['plain', 'durable', 'background'] as const)(
  'a kill at any call of a %s save leaves what was saved last, or what was to be',
  (way) => {
    for (let calls = 0; calls < 60; calls++) {
      let disk = new FaultDisk(seededRandom(1000 + calls));
      disk.dieAfter = calls;
      const least = saveUntilDeath(disk, WAYS[way]);
      disk = disk.afterKill();
      const found = fileOn(disk).load();
      expect([least, least + 1], `after ${calls} calls`).toContain(found?.version ?? 0);
      if (found !== null) expect(found).toEqual(content(found.version));
    }
  },
);

test.each([
  // Whether the last save counts is open: its name may be lost with the power.
  ['plain', 1],
  ['durable', 0],
  ['background', 0],
] as const)('a power cut at any call of a %s save leaves a version as it was saved, at most %i older than the last', (way, maxLost) => {
  for (let calls = 0; calls < 60; calls++) {
    for (let seed = 1; seed <= 6; seed++) {
      let disk = new FaultDisk(seededRandom(seed * 1000 + calls));
      disk.isJournalOrdered = seed % 2 === 0;
      disk.writeBackOneIn = seed < 4 ? 0 : 2;
      disk.dieAfter = calls;
      const saved = saveUntilDeath(disk, WAYS[way]);
      disk = disk.afterPowerLoss();
      const found = fileOn(disk).load();
      const version = found?.version ?? 0;
      expect(version, `after ${calls} calls, seed ${seed}`).toBeGreaterThanOrEqual(saved - maxLost);
      expect(version, `after ${calls} calls, seed ${seed}`).toBeLessThanOrEqual(saved + 1);
      if (found !== null) expect(found).toEqual(content(found.version));
    }
  }
});

test('saves that a power cut meets one after the other, in any way and with what it left, never lose all of it', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed);
    let disk = new FaultDisk(random);
    disk.isJournalOrdered = seed % 2 === 0;
    fileOn(disk).save(content(1), { durable: true });
    for (let life = 1, version = 1; life < 8; life++) {
      const file = fileOn(disk);
      expect(file.load()?.version, `seed ${seed}, life ${life}`).toBeGreaterThan(0);
      disk.dieAfter = disk.calls + random.nextInt(14);
      try {
        while (!disk.isDead) WAYS[(['plain', 'durable', 'background'] as const)[random.nextInt(3)]!](file, disk, ++version, () => {});
      } catch (error) {
        if (!disk.isDead) throw error;
      }
      disk = random.nextInt(3) === 0 ? disk.afterKill() : disk.afterPowerLoss();
    }
  }
});

test.each([
  ['empty', ''],
  ['cut', '{"versi'],
])('behind a file that is %s, its .bak is kept until a save is there in its place', (_what, bad) => {
  for (const way of ['plain', 'durable', 'background'] as const) {
    for (const isPower of [false, true]) {
      let disk = new FaultDisk(seededRandom(1));
      let hasEnded = false;
      for (let calls = 0; !hasEnded; calls++) {
        disk = new FaultDisk(seededRandom(calls));
        fileOn(disk).save(content(1), { durable: true });
        fileOn(disk).save(content(2), { durable: true });
        disk.replace(PATH, Buffer.from(bad));
        const file = fileOn(disk);
        expect(file.load()).toEqual(content(1));
        disk.dieAfter = disk.calls + calls;
        try {
          WAYS[way](file, disk, 3, () => {});
        } catch (error) {
          if (!disk.isDead) throw error;
        }
        hasEnded = !disk.isDead;
        disk = isPower ? disk.afterPowerLoss() : disk.afterKill();
        expect([content(1), content(3)], `${way}, ${calls} calls`).toContainEqual(fileOn(disk).load());
      }
      expect(disk.content(`${PATH}.bak`)!.toString()).toBe(JSON.stringify(content(1)));
    }
  }
});

test('a file whose first save was cut off starts empty with a warning, and does not become the .bak', () => {
  for (const name of [PATH, `${PATH}.bak`]) {
    const disk = new FaultDisk(seededRandom(1));
    disk.replace(name, Buffer.alloc(0));
    const warnings: string[] = [];
    const file = fileOn(disk, (text) => warnings.push(text));
    expect(file.load()).toBeNull();
    expect(warnings).toEqual([expect.stringContaining(`${name} is empty`)]);
    file.save(content(1));
    disk.remove(PATH);
    expect(fileOn(disk).load()).toBeNull();
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
  const expected = Object.keys(broken).flatMap((main) =>
    Object.keys(broken).map((backup) => {
      if (main === 'intact') return `${main} ${backup}: 2`;
      if (backup === 'intact') return `${main} ${backup}: 1`;
      // An empty .bak, too: that is what is left of two saves.
      const isNever = [main, backup].every((how) => how === 'missing' || how === 'empty') && (main === 'missing' || backup === 'missing');
      return `${main} ${backup}: ${isNever ? 'nothing' : 'CONFIG_FILE'}`;
    }),
  );
  expect(outcomes).toEqual(expected);
});
