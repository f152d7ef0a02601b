export { readSubscriptionGroup, type SubscriptionGroupConfig, subscriptionGroup } from './subscription-group-config.js';
export { SubscriptionGroupManager } from './subscription-group-manager.js';
