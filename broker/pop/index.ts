export { createPop } from './create-pop.js';
export type { OrderInfoManager } from './order-info.js';
export { POP_ORDER_REVIVE_QUEUE } from './ordered-pop.js';
export { HeldPop, type PopHoldService } from './pop-hold-service.js';
export type { PopQuery } from './pop-selector.js';
export { offsetInfos, type PopResult, type PopService } from './pop-service.js';
export type { Written } from './revive-log.js';
export type { ReviveService } from './revive-service.js';
