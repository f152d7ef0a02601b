export { BrokerStats, type TopicStats } from './broker-stats.js';
export type { StatsSnapshot } from './types.js';
