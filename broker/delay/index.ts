export { DelayLevels } from './delay-levels.js';
export { Delivery } from './delivery.js';
export { parkDelayed } from './put-transform.js';
export { ScheduleMessageService } from './schedule-message-service.js';
