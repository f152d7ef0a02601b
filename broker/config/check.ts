import { isIP } from 'node:net';
import { ConfigError } from '../../src/common/errors.js';
import type { ConfigValue } from './key.js';
import type { ConfigSource, LoadedConfig } from './loaded-config.js';

const MAX_PORT = 65_535;
/** The fast port lies two below, so it must exist. */
const MIN_PORT = 3;

/** Settings that would make this node promise what it cannot do yet; a start with one of them is refused. */
const REFUSED: readonly { readonly key: string; readonly value: ConfigValue; readonly why: string }[] = [
  { key: 'brokerRole', value: 'SLAVE', why: 'replication is not built yet; use ASYNC_MASTER' },
  { key: 'brokerRole', value: 'SYNC_MASTER', why: 'replication is not built yet; use ASYNC_MASTER' },
  { key: 'enableDLegerCommitLog', value: true, why: 'DLedger is not built' },
  { key: 'enableControllerMode', value: true, why: 'controller mode is not built yet' },
  { key: 'enableSlaveActingMaster', value: true, why: 'replication is not built yet' },
  { key: 'enableControllerInNamesrv', value: true, why: 'the controller is not built yet' },
  { key: 'storeType', value: 'defaultRocksDB', why: 'consume queues are files here; use storeType=default' },
  { key: 'configManagerVersion', value: 'v2', why: 'the configuration is kept in JSON files here; use v1' },
  { key: 'authenticationEnabled', value: true, why: 'authentication is not built yet, and running open instead would be worse' },
  { key: 'authorizationEnabled', value: true, why: 'authorization is not built yet, and running open instead would be worse' },
  { key: 'useTLS', value: true, why: 'TLS is not built yet' },
];

/**
 * Checks what one key alone cannot show, and fills in what follows from other keys.
 * @throws ConfigError that names the key, its value and where it was set.
 */
export function checkConfig(config: LoadedConfig): void {
  for (const refused of REFUSED) {
    if (config.value(refused.key) === refused.value) throw problem(config, refused.key, `cannot be had: ${refused.why}`);
  }
  checkPort(config, 'listenPort');
  checkBindAddress(config);
  if (config.kind === 'broker') checkBroker(config);
}

function checkBroker(config: LoadedConfig): void {
  deriveAddresses(config);
  checkNamesrvAddr(config);
  if (config.broker.brokerId !== 0) {
    throw problem(
      config,
      'brokerId',
      'cannot be had: a broker with an id above 0 is a slave, and replication is not built yet; use brokerId=0',
    );
  }
  if (!/^(\s*\d+\s*[smhd]\s*)+$/.test(`${config.store.messageDelayLevel} `)) {
    throw problem(config, 'messageDelayLevel', 'is not a list like "1s 5s 10s 1m 2h"');
  }
  if (!/^\s*\d{1,2}(\s*;\s*\d{1,2})*\s*;?\s*$/.test(config.store.deleteWhen)) {
    throw problem(config, 'deleteWhen', 'is not a list of hours like "04" or "04;16"');
  }
  if (config.broker.brokerName === '') throw problem(config, 'brokerName', 'is empty');
  if (config.broker.brokerClusterName === '') throw problem(config, 'brokerClusterName', 'is empty');
  if (config.store.storePathCommitLog.includes(',')) throw problem(config, 'storePathCommitLog', 'cannot be had: one directory only');
}

function deriveAddresses(config: LoadedConfig): void {
  const bind = config.server.bindAddress;
  const isOneAddress = bind !== '0.0.0.0' && bind !== '::';
  for (const key of ['brokerIP1', 'brokerIP2'] as const) {
    if (isOneAddress && !config.isSet(key)) config.assignValue(key, bind, derived('follows bindAddress'));
    // An IPv6 address may stand in brackets, as in an address with a port.
    const bare = /^\[([0-9a-fA-F:.]+)\]$/.exec(config.broker[key])?.[1];
    if (bare !== undefined) config.assignValue(key, bare, config.source(key));
    if (/[,;\s]/.test(config.broker[key])) throw problem(config, key, 'is not one address');
    if (/^[^:]*:\d+$/.test(config.broker[key])) throw problem(config, key, 'carries a port; the port is listenPort');
    if (config.broker[key] === '') throw problem(config, key, 'is empty');
  }
  if (!config.isSet('haListenPort') || config.store.haListenPort <= 0) {
    config.assignValue('haListenPort', config.server.listenPort + 1, derived('listenPort + 1'));
  }
  checkPort(config, 'haListenPort');
}

function checkNamesrvAddr(config: LoadedConfig): void {
  for (const address of config.broker.namesrvAddr.split(';').map((part) => part.trim())) {
    if (address === '') continue;
    const port = Number(/^(.+):(\d{1,5})$/.exec(address)?.[2] ?? Number.NaN);
    if (!(port >= 1 && port <= MAX_PORT))
      throw problem(config, 'namesrvAddr', `is not a list like "host:9876;host:9876": ${address} has no port`);
  }
}

function checkPort(config: LoadedConfig, key: string): void {
  const port = Number(config.value(key));
  if (port < MIN_PORT || port > MAX_PORT) throw problem(config, key, `is not a port (${MIN_PORT} to ${MAX_PORT})`);
}

function checkBindAddress(config: LoadedConfig): void {
  const bind = config.server.bindAddress;
  if (isIP(bind) === 0 && bind !== 'localhost') throw problem(config, 'bindAddress', 'is not an IP address');
}

function derived(text: string): ConfigSource {
  return { from: 'derived', text };
}

function problem(config: LoadedConfig, key: string, what: string): ConfigError {
  const value = config.value(key);
  return new ConfigError(`${config.source(key).text}: ${key}=${value} ${what}`, {
    code: 'CONFIG_VALUE',
    context: { key, value, source: config.source(key).text },
  });
}
