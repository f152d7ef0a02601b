export { BrokerStats, type GroupStats, type TopicStats } from './broker-stats.js';
export type { StatsItem } from './stats-item.js';
export type { StatsSnapshot } from './types.js';
