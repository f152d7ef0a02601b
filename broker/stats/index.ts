export { BrokerStats, deadLetterKey, type TopicStats } from './broker-stats.js';
export type { StatsSnapshot, StatsView } from './types.js';
