export { RebalanceLockManager } from './rebalance-lock-manager.js';
