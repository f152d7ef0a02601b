export type { ClientChannel } from './client-channels.js';
export { type Beat, BROADCASTING, type ConsumerData, ConsumerManager } from './consumer-manager.js';
export { ProducerManager } from './producer-manager.js';
export {
  isTagType,
  parseTagExpression,
  readSubscriptionData,
  SQL92,
  SUB_ALL,
  Subscription,
  type SubscriptionData,
} from './subscription.js';
