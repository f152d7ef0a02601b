import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
});
