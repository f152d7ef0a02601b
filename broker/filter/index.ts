export { ConsumerFilterManager } from './consumer-filter-manager.js';
export { compileSelector, SelectorError } from './selector.js';
