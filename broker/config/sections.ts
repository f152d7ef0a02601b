import { isDynamic, type Machine } from './defaults.js';
import type { ConfigKey, ConfigTable, ConfigValue } from './key.js';
import { AUTH_CONFIG, type AuthConfigValues } from './tables/auth-config.js';
import { BROKER_CONFIG, type BrokerConfigValues } from './tables/broker-config.js';
import { MESSAGE_STORE_CONFIG, type MessageStoreConfigValues } from './tables/message-store-config.js';
import { NAMESRV_CONFIG, type NamesrvConfigValues } from './tables/namesrv-config.js';
import { NETTY_CLIENT_CONFIG, type NettyClientConfigValues } from './tables/netty-client-config.js';
import { NETTY_SERVER_CONFIG, type NettyServerConfigValues } from './tables/netty-server-config.js';

export type NodeKind = 'broker' | 'namesrv';

/** The objects that one flat file feeds. */
export interface ConfigSections {
  readonly broker: BrokerConfigValues;
  readonly namesrv: NamesrvConfigValues;
  readonly server: NettyServerConfigValues;
  readonly client: NettyClientConfigValues;
  readonly store: MessageStoreConfigValues;
  readonly auth: AuthConfigValues;
}

export type SectionName = keyof ConfigSections;

/** Each section's table and the Apache class it mirrors. */
export const SECTIONS: Readonly<Record<SectionName, { readonly className: string; readonly table: ConfigTable }>> = {
  broker: { className: 'BrokerConfig', table: BROKER_CONFIG },
  namesrv: { className: 'NamesrvConfig', table: NAMESRV_CONFIG },
  server: { className: 'NettyServerConfig', table: NETTY_SERVER_CONFIG },
  client: { className: 'NettyClientConfig', table: NETTY_CLIENT_CONFIG },
  store: { className: 'MessageStoreConfig', table: MESSAGE_STORE_CONFIG },
  auth: { className: 'AuthConfig', table: AUTH_CONFIG },
};

/** Sections that a node of the kind reads, in the order in which it prints them. */
const SECTIONS_OF: Readonly<Record<NodeKind, readonly SectionName[]>> = {
  broker: ['broker', 'server', 'client', 'store', 'auth'],
  namesrv: ['namesrv', 'server', 'client'],
};

const NAMESRV_PORT = 9876;

/** Every section with its defaults on this machine. */
export function defaultSections(kind: NodeKind, machine: Machine): ConfigSections {
  const sections = Object.fromEntries(
    Object.entries(SECTIONS).map(([name, section]) => [name, defaultsOf(section.table, machine)]),
  ) as unknown as ConfigSections;
  if (kind === 'namesrv') sections.server.listenPort = NAMESRV_PORT;
  return sections;
}

function defaultsOf(table: ConfigTable, machine: Machine): Record<string, ConfigValue> {
  return Object.fromEntries(
    Object.entries(table).map(([name, key]) => [name, isDynamic(key.default) ? key.default.compute(machine) : key.default]),
  );
}

/** The rows of a key that may stand in several sections of a node. */
export function rowsOf(kind: NodeKind, name: string): { section: SectionName; row: ConfigKey }[] {
  const rows: { section: SectionName; row: ConfigKey }[] = [];
  for (const section of SECTIONS_OF[kind]) {
    const table = SECTIONS[section].table;
    const row = Object.hasOwn(table, name) ? table[name] : undefined;
    if (row !== undefined) rows.push({ section, row });
  }
  return rows;
}

/** All keys of a node, each once, in printing order. */
export function keysOf(kind: NodeKind): string[] {
  return [...new Set(SECTIONS_OF[kind].flatMap((section) => Object.keys(SECTIONS[section].table)))];
}
