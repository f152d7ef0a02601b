export { readSubscriptionGroup, type SubscriptionGroupConfig } from './subscription-group-config.js';
export { SubscriptionGroupManager } from './subscription-group-manager.js';
