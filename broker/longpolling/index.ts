export { HeldPull, PullHoldService } from './pull-hold-service.js';
