import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MessageStore, nodeDisk } from '../../../broker/store/index.js';
import { StoreLock } from '../../../broker/store/store-lock.js';
import { noopLogger } from '../../../src/common/logger.js';
import { openStore, SMALL, storeConfig, tempDir } from './store-kit.js';

const java = process.env.JAVA_HOME === undefined ? 'java' : join(process.env.JAVA_HOME, 'bin', 'java');
const javaVersion = /version "(\d+)/.exec(spawnSync(java, ['-version'], { encoding: 'utf8' }).stderr ?? '')?.[1];
const hasJava = Number(javaVersion) >= 11;

/** Tries the lock as Apache's broker does, says so, and holds it until its input ends. */
const LOCKER = `
import java.io.RandomAccessFile;
import java.nio.channels.FileLock;

public class Locker {
  public static void main(String[] args) throws Exception {
    RandomAccessFile file = new RandomAccessFile(args[0], "rw");
    FileLock lock = file.getChannel().tryLock(0, 1, false);
    System.out.println(lock == null ? "refused" : "locked");
    System.out.flush();
    if (lock != null) {
      System.in.read();
    }
  }
}
`;

test('a second store on the same folder is refused until the first is closed', async () => {
  const config = storeConfig(tempDir(), SMALL);
  const store = await openStore(config);
  await expect(MessageStore.open({ config, logger: noopLogger })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
  await store.shutdown();
  await openStore(config);
});

test('without the native part a pid file keeps a second broker out, and the log says what it does not guard', async () => {
  const root = tempDir();
  const warnings: string[] = [];
  const logger = { ...noopLogger, warn: (text: string) => void warnings.push(text) };
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  onTestFinished(() => void other.kill());
  writeFileSync(join(root, 'lock.pid'), `${other.pid}\n`);
  await expect(StoreLock.acquire(root, { disk: nodeDisk, logger, native: 'none' })).rejects.toThrow(`process ${other.pid}`);
  expect(warnings[0]).toContain('not an Apache broker');
  other.kill();
  await once(other, 'exit');
  const lock = await StoreLock.acquire(root, { disk: nodeDisk, logger, native: 'none' });
  lock.release();
});

describe.skipIf(!hasJava)('with a Java process (skipped when there is no JDK 11 or later)', () => {
  function startLocker(root: string) {
    const source = join(root, 'Locker.java');
    writeFileSync(source, LOCKER);
    const locker = spawn(java, [source, join(root, 'lock')], { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void locker.kill());
    return locker;
  }

  test('Java is refused the lock of our store', { timeout: 120_000 }, async () => {
    const root = tempDir();
    await openStore(storeConfig(root, SMALL));
    const [line] = (await once(startLocker(root).stdout, 'data')) as [Buffer];
    expect(line.toString().trim()).toBe('refused');
  });

  test('we are refused the lock of a Java store', { timeout: 120_000 }, async () => {
    const root = tempDir();
    const locker = startLocker(root);
    const [line] = (await once(locker.stdout, 'data')) as [Buffer];
    expect(line.toString().trim()).toBe('locked');
    await expect(MessageStore.open({ config: storeConfig(root, SMALL), logger: noopLogger })).rejects.toMatchObject({
      code: 'STORE_LOCKED',
    });
    locker.stdin.end('x');
    await once(locker, 'exit');
    await openStore(storeConfig(root, SMALL));
  });
});
