export { TimerMessageService } from './timer-message-service.js';
