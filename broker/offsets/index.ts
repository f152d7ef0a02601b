export { ConsumerOffsetManager } from './consumer-offset-manager.js';
export { lowerLostProgress } from './lost-progress.js';
