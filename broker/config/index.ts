export { type LoadOptions, loadNodeConfig } from './load.js';
export { describeUpdate, LoadedConfig } from './loaded-config.js';
export { printConfig, printConfigSources } from './print.js';
export type { NodeKind } from './sections.js';
export type { BrokerConfigValues } from './tables/broker-config.js';
