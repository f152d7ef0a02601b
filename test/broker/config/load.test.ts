import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoadedConfig, type LoadOptions, loadNodeConfig } from '../../../broker/config/index.js';
import { MQError } from '../../../src/common/errors.js';

const machine = { cores: 4, hostName: 'host-1', firstAddress: '10.1.2.3', home: '/home/u', env: {} };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mqkit-config-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function fileWith(text: string): string {
  const file = join(dir, 'broker.conf');
  writeFileSync(file, text, 'latin1');
  return file;
}

function load(options: Partial<LoadOptions> = {}): LoadedConfig {
  return loadNodeConfig({ kind: 'broker', env: {}, machine, ...options });
}

function failure(action: () => unknown): MQError {
  try {
    action();
  } catch (error) {
    if (error instanceof MQError) return error;
    throw error;
  }
  throw new Error('expected an error');
}

describe('loadNodeConfig', () => {
  it('gives the defaults of 5.3.3, computed for the machine', () => {
    const config = load();
    expect(config.broker.brokerName).toBe('host-1');
    expect(config.broker.brokerIP1).toBe('10.1.2.3');
    expect(config.broker.pullMessageThreadPoolNums).toBe(24);
    expect(config.server.listenPort).toBe(10911);
    expect(config.broker.listenPort).toBe(10911);
    expect(config.store.haListenPort).toBe(10912);
    expect(config.store.storePathRootDir).toBe(join('/home/u', 'store'));
    expect(config.store.mappedFileSizeCommitLog).toBe(1024 * 1024 * 1024);
    expect(config.broker.registerBrokerTimeoutMills).toBe(24000);
    expect(config.warnings).toEqual([]);
  });

  it('gives a name server its own port', () => {
    expect(loadNodeConfig({ kind: 'namesrv', env: {}, machine }).server.listenPort).toBe(9876);
  });

  it('lets arguments win over the file, the file over NAMESRV_ADDR, and tells where each value came from', () => {
    const file = fileWith('# a comment\nnamesrvAddr=f:9876\nbrokerName: broker-f\nlistenPort=20911\n');
    const config = load({ file, env: { NAMESRV_ADDR: 'e:9876' }, args: ['listenPort', '=', '30911'] });
    expect(config.broker.namesrvAddr).toBe('f:9876');
    expect(config.source('namesrvAddr')).toEqual({ from: 'file', text: `${file}:2` });
    expect(config.broker.brokerName).toBe('broker-f');
    expect([config.server.listenPort, config.broker.listenPort, config.store.haListenPort]).toEqual([30911, 30911, 30912]);
    expect(config.source('listenPort').from).toBe('argument');
    expect(config.source('haListenPort')).toEqual({ from: 'derived', text: 'listenPort + 1' });
    expect(load({ env: { NAMESRV_ADDR: 'e:9876' } }).broker.namesrvAddr).toBe('e:9876');
    expect(load({ file, options: { namesrvAddr: ['n:9876', '-n'] } }).broker.namesrvAddr).toBe('n:9876');
  });

  it('reads every form of argument', () => {
    const config = load({
      args: ['brokerName=a', 'brokerClusterName', '=', 'c', 'listenPort=', '20911', 'regionId', '=r', 'messageDelayLevel=1s 2s'],
    });
    expect(config.broker).toMatchObject({ brokerName: 'a', brokerClusterName: 'c', listenPort: 20911, regionId: 'r' });
    expect(config.store.messageDelayLevel).toBe('1s 2s');
    expect(failure(() => load({ args: ['brokerName'] }))).toMatchObject({ exitCode: 2, message: expect.stringContaining('key=value') });
  });

  it('warns with file and line for keys that Apache ignores and for unknown ones, and names the right key', () => {
    const file = fileWith(
      'mapedFileSizeCommitLog=1024\n\nlistenPrt=1\nabortFile=/x\nkvConfigPath=/y\nzzz=1\nchecktransactionMessageEnable=false\n',
    );
    const texts = load({ file }).warnings.map((warning) => warning.text);
    expect(texts[0]).toBe(
      `${file}:1: mapedFileSizeCommitLog is ignored: Apache ignores this spelling, so the default file size stays; the key is mappedFileSizeCommitLog`,
    );
    expect(texts[1]).toBe(`${file}:3: unknown key listenPrt is ignored; did you mean listenPort?`);
    expect(texts[2]).toContain('abortFile is ignored');
    expect(texts[3]).toContain('it is a key of the name server');
    expect(texts[4]).toBe(`${file}:6: unknown key zzz is ignored`);
    expect(load({ file }).store.mappedFileSizeCommitLog).toBe(1024 * 1024 * 1024);
  });

  it.each([
    ['listenPort=abc', 'is not a whole number'],
    ['maxMessageSize=4M', 'plain numbers only, no unit'],
    ['autoCreateTopicEnable=yes', 'is not true or false'],
    ['flushDiskType=SYNC', 'is not one of ASYNC_FLUSH, SYNC_FLUSH'],
    ['listenPort=70000', 'is not a port'],
    ['namesrvAddr=127.0.0.1', 'has no port'],
    ['brokerIP1=10.0.0.1,10.0.0.2', 'is not one address'],
    ['brokerIP1=10.0.0.1:10911', 'carries a port'],
    ['brokerRole=SLAVE', 'replication is not built yet'],
    ['authenticationEnabled=true', 'authentication is not built yet'],
    ['deleteWhen=four', 'is not a list of hours'],
    ['messageDelayLevel=1x', 'is not a list like'],
    ['bindAddress=nowhere', 'is not an IP address'],
    ['brokerName=\\u12', 'four hex digits'],
  ])('stops the start for %s and says where it stands', (line, what) => {
    const error = failure(() => load({ file: fileWith(`brokerClusterName=c\n${line}\n`) }));
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(what);
    expect(error.message).toMatch(/broker\.conf:.*2/);
  });

  it('stops the start for a file that cannot be read', () => {
    expect(failure(() => load({ file: join(dir, 'absent.conf') })).message).toContain('there is no such file');
    expect(failure(() => load({ file: dir })).message).toContain('it is a directory');
  });

  it('advertises the address it binds to, unless told otherwise', () => {
    expect(load({ args: ['bindAddress=127.0.0.1'] }).broker.brokerIP1).toBe('127.0.0.1');
    expect(load({ args: ['bindAddress=127.0.0.1', 'brokerIP1=1.2.3.4'] }).broker.brokerIP1).toBe('1.2.3.4');
  });

  it('names keys without effect here only where they were changed', () => {
    const file = fileWith('sendMessageThreadPoolNums=16\nadminBrokerThreadPoolNums=16\nlistenPort=20911\n');
    expect(load({ file }).noEffectKeys(machine)).toEqual(['sendMessageThreadPoolNums']);
  });
});
