import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LogDisk, localLogDisk } from '../../broker/log-file.js';
import { createNodeLogger } from '../../broker/logging.js';
import { ConfigError } from '../../src/common/errors.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mqkit-log-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const clock = { nowMs: () => Date.UTC(2024, 0, 2, 3, 4, 5, 6), monotonicMs: () => 0, monotonicNs: () => 0n };

describe('createNodeLogger', () => {
  it('writes JSON lines to the file at once, and lines for people to stdout', () => {
    let seen = '';
    const logger = createNodeLogger({ dir: join(dir, 'deep'), name: 'broker', stdout: { write: (text) => (seen += text) }, clock });
    logger.info('topic created', { topic: 'T', queues: 4n });
    logger.debug('nobody wants this');
    const line = JSON.parse(readFileSync(join(dir, 'deep', 'broker.log'), 'utf8')) as Record<string, unknown>;
    expect(line).toMatchObject({ level: 'info', time: '2024-01-02T03:04:05.006Z', msg: 'topic created', topic: 'T' });
    expect(seen).toMatch(/^2024-01-0\d \d\d:\d\d:05\.006 INFO {2}topic created topic=T queues=4\n$/);
    logger.muteStdout();
    logger.error('only in the file', { error: new Error('why') });
    expect(seen).not.toContain('only in the file');
    expect(logger.file).toBe(join(dir, 'deep', 'broker.log'));
    logger.close();
  });

  it('keeps a number of files of a size, the newest first', () => {
    const logger = createNodeLogger({ dir, name: 'n', maxBytes: 400, maxFiles: 3 });
    for (let index = 0; index < 40; index++) logger.info(`message ${index}`);
    logger.close();
    expect(readdirSync(dir).sort()).toEqual(['n.log', 'n.log.1', 'n.log.2']);
    for (const name of readdirSync(dir)) expect(readFileSync(join(dir, name)).length).toBeLessThanOrEqual(400);
    const newest = readFileSync(join(dir, 'n.log'), 'utf8') + readFileSync(join(dir, 'n.log.1'), 'utf8');
    expect(newest).toContain('message 39');
    expect(readFileSync(join(dir, 'n.log.2'), 'utf8')).not.toContain('message 39');
  });

  it('goes on in the file of an earlier run, and counts its size', () => {
    writeFileSync(join(dir, 'n.log'), 'x'.repeat(390));
    const logger = createNodeLogger({ dir, name: 'n', maxBytes: 400 });
    logger.info('first');
    logger.close();
    expect(readFileSync(join(dir, 'n.log.1'), 'utf8')).toBe('x'.repeat(390));
  });

  it('says which file it cannot write', () => {
    writeFileSync(join(dir, 'file'), '');
    expect(() => createNodeLogger({ dir: join(dir, 'file'), name: 'n' })).toThrow(ConfigError);
  });

  it('goes on in the full file while no descriptor is free, and begins a new one when one is', () => {
    const disk = new FailingDisk();
    const logger = createNodeLogger({ dir, name: 'n', maxBytes: 1000, maxFiles: 3, disk });
    disk.openError = 'EMFILE';
    for (let index = 0; index < 30; index++) logger.info(`message ${index}`);
    expect(readdirSync(dir)).toEqual(['n.log']);
    expect(messagesOf('n.log')).toEqual(Array.from({ length: 30 }, (_, index) => `message ${index}`));
    disk.openError = null;
    for (let index = 30; index < 40; index++) logger.info(`message ${index}`);
    expect(readdirSync(dir).sort()).toEqual(['n.log', 'n.log.1']);
    expect([...messagesOf('n.log.1'), ...messagesOf('n.log')]).toEqual(Array.from({ length: 40 }, (_, index) => `message ${index}`));
    expect(statSync(join(dir, 'n.log')).size).toBeLessThanOrEqual(1000);
    logger.close();
  });

  it('keeps all lines when a full file cannot be renamed', () => {
    const disk = new FailingDisk();
    const logger = createNodeLogger({ dir, name: 'n', maxBytes: 400, maxFiles: 3, disk });
    disk.renameError = 'EBUSY';
    for (let index = 0; index < 20; index++) logger.info(`message ${index}`);
    expect(readdirSync(dir)).toEqual(['n.log']);
    expect(messagesOf('n.log')).toHaveLength(20);
    logger.close();
  });

  it('loses lines that the disk does not take, and tells how many when it takes them again', () => {
    let seen = '';
    const disk = new FailingDisk();
    const logger = createNodeLogger({ dir, name: 'n', disk, stdout: { write: (text) => (seen += text) } });
    logger.info('before');
    disk.room = 10;
    for (let index = 0; index < 3; index++) logger.info(`lost ${index}`);
    expect(seen.match(/misses lines from here on: ENOSPC/g)).toHaveLength(1);
    disk.room = Number.POSITIVE_INFINITY;
    logger.info('after');
    logger.info('later');
    const lines = readFileSync(join(dir, 'n.log'), 'utf8').split('\n');
    expect(lines[1]).toHaveLength(10);
    lines.splice(1, 1);
    expect(lines.slice(0, -1).map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      'before',
      '3 lines are missing here: ENOSPC',
      'after',
      'later',
    ]);
    logger.close();
    logger.info('nobody reads this');
  });

  it.skipIf(process.platform !== 'linux')('is written and closed in no time on a full disk', () => {
    symlinkSync('/dev/full', join(dir, 'n.log'));
    const script = `
      import { createNodeLogger } from ${JSON.stringify(join(import.meta.dirname, '../../broker/logging.ts'))};
      const logger = createNodeLogger({ dir: ${JSON.stringify(dir)}, name: 'n' });
      logger.warn('nobody reads this');
      logger.close();
      console.log('closed');`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    expect(spawnSync(process.execPath, args, { timeout: 20_000, encoding: 'utf8' }).stdout).toBe('closed\n');
  });
});

function messagesOf(name: string): string[] {
  const lines = readFileSync(join(dir, name), 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
}

/** The disk of this machine until told otherwise. */
class FailingDisk implements LogDisk {
  openError: string | null = null;
  renameError: string | null = null;
  /** Bytes that may still be written. */
  room = Number.POSITIVE_INFINITY;

  open(file: string, options: { empty: boolean }): number {
    if (this.openError !== null) throw new Error(this.openError);
    return localLogDisk.open(file, options);
  }

  write(descriptor: number, bytes: Buffer, start: number): number {
    if (this.room === 0) throw new Error('ENOSPC');
    const written = localLogDisk.write(descriptor, bytes.subarray(0, Math.min(bytes.length, start + this.room)), start);
    this.room -= written;
    return written;
  }

  rename(from: string, to: string): void {
    if (this.renameError !== null) throw new Error(this.renameError);
    localLogDisk.rename(from, to);
  }
}
