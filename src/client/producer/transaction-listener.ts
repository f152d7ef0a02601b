import type { MQError } from '../../common/errors.js';
import type { Message } from '../../common/message/message.js';
import type { PulledMessage } from '../consumer/pulled-message.js';
import type { SendResult } from '../types.js';

/** What became of the application's part of a transaction. */
export const LocalTransactionState = {
  /** It happened: the message is delivered. */
  COMMIT_MESSAGE: 'COMMIT_MESSAGE',
  /** It did not happen: nobody ever sees the message. */
  ROLLBACK_MESSAGE: 'ROLLBACK_MESSAGE',
  /** Not known yet: the broker asks again. Spelled as RocketMQ spells it. */
  UNKNOW: 'UNKNOW',
} as const;
export type LocalTransactionState = (typeof LocalTransactionState)[keyof typeof LocalTransactionState];

/** The application's part of transactions. Both functions may answer at once or with a promise. */
export interface TransactionListener<Arg = unknown> {
  /**
   * Called once the half message is stored. What it throws, and no answer at all, count as UNKNOW.
   * @param arg what the sender gave
   * @param transactionId the `msgId` of the message; keep it with what the transaction changes, so that the check finds it
   */
  executeLocalTransaction(message: Message, arg: Arg, transactionId: string): LocalTransactionState | Promise<LocalTransactionState>;
  /**
   * Called when a broker asks what became of a transaction, perhaps one of another process of this group. `message.msgId` is its
   * transaction id.
   */
  checkLocalTransaction(message: PulledMessage): LocalTransactionState | Promise<LocalTransactionState>;
}

/** The result of a transactional send. A committed message gets another place than the half message, so there is no `offsetMsgId`. */
export interface TransactionSendResult extends Omit<SendResult, 'offsetMsgId'> {
  localTransactionState: LocalTransactionState;
}

/** Gets the outcome of {@link TransactionProducer.sendInTransactionAsync}: exactly one of the two is called, once a message. */
export interface TransactionHandler {
  onSuccess(result: TransactionSendResult, context: unknown): void;
  /** The half message was not stored, as far as this client knows; the local transaction was not executed. */
  onException(error: MQError, context: unknown): void;
}
