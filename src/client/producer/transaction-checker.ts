import type { Logger } from '../../common/logger.js';
import { MessageConst } from '../../common/message/properties.js';
import type { RemotingClient } from '../../remoting/client.js';
import type { RemotingCommand } from '../../remoting/command.js';
import { type PulledMessage, readPulledMessages } from '../consumer/pulled-message.js';
import { withoutNamespace } from '../namespace.js';
import type { SendTrace } from '../trace/send-trace.js';
import { endTransaction, type LocalOutcome, stateOf } from './end-transaction.js';
import { DEFAULT_REGION } from './send-response.js';
import { LocalTransactionState, type TransactionListener } from './transaction-listener.js';

/** Checks that wait; the broker asks again about those beyond it. As many as with Apache's client. */
const MAX_WAITING_CHECKS = 2_000;

/** Finds who answers checks for a producer group. */
export type TransactionCheckers = ReadonlyMap<string, TransactionChecker>;

interface Check {
  readonly key: string;
  readonly addr: string;
  /** The latest one of this transaction: a broker that asks again has the half message at another place. */
  request: RemotingCommand;
  readonly message: PulledMessage;
}

/** Answers a broker's questions about transactions of one producer group (39), a few at a time. */
export class TransactionChecker {
  readonly #producerGroup: string;
  readonly #namespace: string;
  readonly #listener: Pick<TransactionListener<never>, 'checkLocalTransaction'>;
  readonly #remoting: RemotingClient;
  readonly #logger: Logger;
  readonly #concurrency: number;
  readonly #trace: SendTrace | undefined;
  readonly #waiting: Check[] = [];
  /** Those that wait or are with the listener. A transaction has one: what hangs in the listener must not take the place of others. */
  readonly #open = new Map<string, Check>();
  #running = 0;
  #dropped = 0;

  constructor(init: {
    /** As brokers know it. */
    producerGroup: string;
    /** What topics lose before the listener sees them. */
    namespace: string;
    listener: Pick<TransactionListener<never>, 'checkLocalTransaction'>;
    remoting: RemotingClient;
    logger: Logger;
    concurrency: number;
    trace: SendTrace | undefined;
  }) {
    this.#producerGroup = init.producerGroup;
    this.#namespace = init.namespace;
    this.#listener = init.listener;
    this.#remoting = init.remoting;
    this.#logger = init.logger;
    this.#concurrency = init.concurrency;
    this.#trace = init.trace;
  }

  /** Takes a check of the broker at `addr`, which gets its answer later. */
  take(addr: string, request: RemotingCommand, message: PulledMessage): void {
    const key = `${addr} ${message.msgId}`;
    const open = this.#open.get(key);
    if (open !== undefined) {
      open.request = request;
      return;
    }
    if (this.#waiting.length >= MAX_WAITING_CHECKS) {
      if (this.#dropped++ === 0) {
        this.#logger.warn(
          `more than ${MAX_WAITING_CHECKS} transaction checks wait for the listener of ${this.#producerGroup}; some are dropped`,
        );
      }
      return;
    }
    message.topic = withoutNamespace(this.#namespace, message.topic);
    const check = { key, addr, request, message };
    this.#open.set(key, check);
    this.#waiting.push(check);
    this.#next();
  }

  #next(): void {
    while (this.#running < this.#concurrency) {
      const check = this.#waiting.shift();
      if (check === undefined) {
        return;
      }
      this.#running++;
      void this.#run(check);
    }
  }

  async #run(check: Check): Promise<void> {
    const outcome: LocalOutcome = { state: LocalTransactionState.UNKNOW, error: undefined };
    try {
      outcome.state = stateOf(await this.#listener.checkLocalTransaction(check.message));
    } catch (error) {
      outcome.error = error;
      this.#logger.warn(`the check of transaction ${check.message.msgId} failed, its broker will ask again: ${String(error)}`, { error });
    }
    this.#open.delete(check.key);
    this.#answer(check, outcome);
    this.#running--;
    this.#next();
  }

  #answer({ addr, request, message }: Check, outcome: LocalOutcome): void {
    const {
      topic = '',
      tranStateTableOffset = '',
      commitLogOffset = '',
      msgId = '',
      transactionId = '',
      bname = '',
    } = request.extFields ?? {};
    endTransaction(
      { remoting: this.#remoting, logger: this.#logger, addr },
      {
        producerGroup: this.#producerGroup,
        brokerName: bname,
        topic,
        msgId: message.properties.get(MessageConst.UNIQ_KEY) ?? msgId,
        transactionId,
        tranStateTableOffset,
        commitLogOffset,
        fromTransactionCheck: true,
      },
      outcome,
    );
    if (this.#trace !== undefined && message.property(MessageConst.TRACE_ON) !== 'false') {
      const { tags, keys } = message;
      const regionId = message.property(MessageConst.MSG_REGION) ?? DEFAULT_REGION;
      const end = { transactionId, transactionState: outcome.state, fromTransactionCheck: true };
      this.#trace.ended({ topic: message.topic, tags, keys, msgId: message.msgId, regionId, storeHost: addr, ...end });
    }
  }
}

/** CHECK_TRANSACTION_STATE: the group in the message says whose checker answers. Nothing is answered for a group that is not here. */
export function takeCheck(checkers: TransactionCheckers, logger: Logger, addr: string, request: RemotingCommand): void {
  const brokerName = request.extFields?.bname ?? '';
  const message = request.body === null ? undefined : readPulledMessages(Buffer.from(request.body), brokerName)[0];
  if (message === undefined) {
    logger.warn(`broker ${addr} asks about a transaction without its message`);
    return;
  }
  const group = message.properties.get(MessageConst.PGROUP) ?? '';
  const checker = checkers.get(group);
  if (checker === undefined) {
    logger.warn(`broker ${addr} asks about a transaction of group ${group}, which has no transaction producer here`);
    return;
  }
  checker.take(addr, request, message);
}
