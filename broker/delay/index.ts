export { DelayLevels } from './delay-levels.js';
export { DeliveredSince } from './delivered-since.js';
export { Delivery } from './delivery.js';
export { type ParkParts, parkDelayed, timerFault, timerPrecision } from './put-transform.js';
export { ScheduleMessageService } from './schedule-message-service.js';
export { waitForFlush } from './wait-for-flush.js';
