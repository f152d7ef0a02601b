export { ConsumerOffsetManager } from './consumer-offset-manager.js';
