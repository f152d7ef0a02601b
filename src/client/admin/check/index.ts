/** Single figures held against limits, for monitoring. */
export * from './check.js';
export * from './kinds.js';
export * from './range.js';
export * from './run-check.js';
