export { assignForPop, assignForPull } from './assign.js';
export { RequestModeManager } from './request-modes.js';
export { TopicQueues } from './topic-queues.js';
