export { fillCommitted, type HalfState, readHalfState } from './half-message.js';
export { type TransactionPlace, TransactionService } from './transaction-service.js';
