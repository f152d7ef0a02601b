export * from './consume-stats.js';
export * from './data-version.js';
export { type Long, type MessageQueue, parseBody, type QueueTable, writeBody } from './reader.js';
export * from './registration.js';
export * from './route.js';
export * from './running-info.js';
export * from './subscription.js';
export * from './subscription-group.js';
export * from './topic.js';
