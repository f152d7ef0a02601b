import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeUpdate, loadNodeConfig, printConfig, printConfigSources } from '../../../broker/config/index.js';

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mqkit-update-'));
  file = join(dir, 'broker.conf');
  writeFileSync(file, '# mine\nbrokerName=broker-a\nmaxMessageSize=48\n');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('applyUpdate', () => {
  it('changes a mutable key at once, keeps it in the file, and keeps the old file', () => {
    const config = loadNodeConfig({ kind: 'broker', file, env: {} });
    const heard: string[][] = [];
    config.onChange((keys) => heard.push([...keys]));
    expect(config.applyUpdate('maxMessageSize=96\n')).toEqual({
      changed: ['maxMessageSize'],
      afterRestart: [],
      withoutEffect: [],
      unknown: [],
      denied: [],
      keptIn: file,
    });
    expect(config.store.maxMessageSize).toBe(96);
    expect(heard).toEqual([['maxMessageSize']]);
    expect(readFileSync(`${file}.bak`, 'utf8')).toContain('# mine');
    const again = loadNodeConfig({ kind: 'broker', file, env: {} });
    expect(again.store.maxMessageSize).toBe(96);
    expect(again.broker.brokerName).toBe('broker-a');
    expect(again.warnings).toEqual([]);
    expect(again.noEffectKeys()).toEqual([]);
    const keys = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.slice(0, line.indexOf('=')));
    expect(keys).toEqual([...keys].sort());
  });

  it('keeps a key without effect and says so', () => {
    const config = loadNodeConfig({ kind: 'broker', file, env: {} });
    const result = config.applyUpdate('adminBrokerThreadPoolNums=3');
    expect(result).toMatchObject({ changed: [], withoutEffect: ['adminBrokerThreadPoolNums'] });
    expect(describeUpdate(result)).toBe('without effect here: adminBrokerThreadPoolNums');
  });

  it('keeps a key that is read at start for the next start', () => {
    const config = loadNodeConfig({ kind: 'broker', file, env: {} });
    expect(config.applyUpdate('listenPort=20911').afterRestart).toEqual(['listenPort']);
    expect(config.server.listenPort).toBe(10911);
    expect(config.toPropertiesText()).toContain('listenPort=20911\n');
    expect(loadNodeConfig({ kind: 'broker', file, env: {} }).server.listenPort).toBe(20911);
  });

  it('changes nothing when one key is on the black list', () => {
    const config = loadNodeConfig({ kind: 'broker', file, env: {} });
    const before = readFileSync(file, 'utf8');
    expect(config.applyUpdate('maxMessageSize=96\nbrokerConfigPath=/x\n').denied).toEqual(['brokerConfigPath']);
    expect(config.store.maxMessageSize).toBe(48);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('changes nothing when one value cannot be read', () => {
    const config = loadNodeConfig({ kind: 'broker', file, env: {} });
    expect(() => config.applyUpdate('maxMessageSize=96\nlistenPort=x\n')).toThrow('listenPort=x is not a whole number');
    expect(config.store.maxMessageSize).toBe(48);
  });

  it('refuses a value that would stop the next start', () => {
    const config = loadNodeConfig({ kind: 'broker', file, env: {} });
    expect(() => config.applyUpdate('listenPort=0\n')).toThrow('is not a port');
    expect(() => config.applyUpdate('brokerRole=SLAVE\n')).toThrow('replication is not built yet');
    expect(config.applyUpdate('listenPort=10911\n').afterRestart).toEqual(['listenPort']);
  });

  it('keeps a change in memory without a file, and says so', () => {
    const config = loadNodeConfig({ kind: 'broker', env: {} });
    expect(config.applyUpdate('maxMessageSize=96\nnoSuchKey=1')).toMatchObject({
      changed: ['maxMessageSize'],
      unknown: ['noSuchKey'],
      keptIn: null,
    });
    expect(config.store.maxMessageSize).toBe(96);
  });
});

describe('printing', () => {
  it('prints all keys, the important ones, and sources', () => {
    const config = loadNodeConfig({ kind: 'broker', file, env: {} });
    expect(printConfig(config, 'all')).toContain('maxMessageSize=48\n');
    expect(printConfig(config, 'all')).not.toContain('filterServerNums');
    const important = printConfig(config, 'important');
    expect(important).toContain('brokerName=broker-a\n');
    expect(important).not.toContain('defaultTopicQueueNums');
    expect(printConfigSources(config)).toContain(`# ${file}:3\nmaxMessageSize=48\n`);
    expect(printConfigSources(config)).toContain('# default (no effect here)\nadminBrokerThreadPoolNums=16\n');
  });
});
