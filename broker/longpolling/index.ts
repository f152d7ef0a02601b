export { ByConnection } from './by-connection.js';
export { DeadlineWheel, WheelEntry } from './deadline-wheel.js';
export { HeldPull, PullHoldService } from './pull-hold-service.js';
