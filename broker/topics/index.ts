export { systemTopics } from './system-topics.js';
export { changeAttributes, changeGroupAttributes } from './topic-attributes.js';
export { describeTopic, type TopicConfig, topicConfig, topicWithQueues } from './topic-config.js';
export { readTopicConfig, type TableFile, TopicConfigManager, type TopicListener } from './topic-config-manager.js';
export { type SendRefusal, sendRefusalOf, type TopicEntry } from './topic-entry.js';
