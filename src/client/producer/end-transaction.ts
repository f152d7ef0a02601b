import type { Logger } from '../../common/logger.js';
import { MessageSysFlag } from '../../common/sys-flag.js';
import type { RemotingClient } from '../../remoting/client.js';
import { RequestCode } from '../../remoting/codes.js';
import { LocalTransactionState } from './transaction-listener.js';

/** Longest text of an application's error that goes to the broker, which logs it. */
const MAX_REMARK_LENGTH = 1_000;

const STATE_TYPE: Readonly<Record<LocalTransactionState, number>> = {
  COMMIT_MESSAGE: MessageSysFlag.TRANSACTION_COMMIT_TYPE,
  ROLLBACK_MESSAGE: MessageSysFlag.TRANSACTION_ROLLBACK_TYPE,
  UNKNOW: MessageSysFlag.TRANSACTION_NOT_TYPE,
};

/** The half message whose transaction ends. */
export interface EndedTransaction {
  /** Of the sender, as the broker knows it. */
  producerGroup: string;
  brokerName: string;
  topic: string;
  msgId: string;
  transactionId: string;
  /** Offset in the half queue, and in the commit log: those of the send's answer, or of the check. */
  tranStateTableOffset: string;
  commitLogOffset: string;
  fromTransactionCheck: boolean;
}

/** What the application answered, made one of the three states. */
export interface LocalOutcome {
  state: LocalTransactionState;
  /** What it threw. */
  error: unknown;
}

/** The state in an answer; anything else than the three, nothing at all for example, is UNKNOW. */
export function stateOf(answer: unknown): LocalTransactionState {
  return answer === LocalTransactionState.COMMIT_MESSAGE || answer === LocalTransactionState.ROLLBACK_MESSAGE
    ? answer
    : LocalTransactionState.UNKNOW;
}

/**
 * Tells a broker how a transaction ended, one-way: UNKNOW, too. When it does not arrive, the broker asks, so a failure is logged and nothing else.
 */
export function endTransaction(
  to: { remoting: RemotingClient; logger: Logger; addr: string | undefined },
  ended: EndedTransaction,
  outcome: LocalOutcome,
): void {
  const { remoting, logger, addr } = to;
  if (addr === undefined) {
    logger.warn(`the end of transaction ${ended.transactionId} cannot be told: broker ${ended.brokerName} has no master in the routes`);
    return;
  }
  const extFields: Record<string, string> = {
    topic: ended.topic,
    producerGroup: ended.producerGroup,
    tranStateTableOffset: ended.tranStateTableOffset,
    commitLogOffset: ended.commitLogOffset,
    commitOrRollback: String(STATE_TYPE[outcome.state]),
    fromTransactionCheck: ended.fromTransactionCheck ? 'true' : 'false',
    msgId: ended.msgId,
    transactionId: ended.transactionId,
    bname: ended.brokerName,
  };
  try {
    remoting.sendOneway(addr, { code: RequestCode.END_TRANSACTION, extFields, remark: remarkOf(outcome.error) });
  } catch (error) {
    logger.warn(`broker ${addr} could not be told the end of transaction ${ended.transactionId}, it will ask: ${String(error)}`);
  }
}

function remarkOf(error: unknown): string | null {
  if (error === undefined) {
    return null;
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, MAX_REMARK_LENGTH);
}
