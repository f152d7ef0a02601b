import { decodeRecord, type MessageRecord, RECORD_OVERHEAD_BYTES } from '../../src/common/message/record.js';
import { MessageSysFlag } from '../../src/common/sys-flag.js';
import { RMQ_SYS_TRANS_HALF_TOPIC } from '../../src/common/topic-names.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import { isOneway, type RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { parkDelayed } from '../delay/index.js';
import { POOLED_PUTS } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import { BATCH_QUEUE_BYTES, fittedToRecord } from '../properties-room.js';
import type { PutMessage, PutSink, PutStatus } from '../store/index.js';
import { fillCommitted, type HalfState, readHalfState, type TransactionPlace } from '../transaction/index.js';
import { booleanField, type ExtFields, intField, longField, NO_FIELDS, textField } from './fields.js';
import { newScan, scanProperties } from './property-scan.js';
import { PutContext } from './put-message.js';
import { isStored, PUT_STATUS_CODE, putRemarkOf } from './put-status.js';
import { fault, respondOk } from './respond.js';

const NO_BODY = Buffer.alloc(0);

/** The message that a commit delivers, on its way. */
class CommitContext extends PutContext {
  place: TransactionPlace | null = null;
}

/** What END_TRANSACTION says. */
interface EndHeader {
  producerGroup: string;
  tranStateTableOffset: number;
  commitLogOffset: number;
  commitOrRollback: number;
  fromTransactionCheck: boolean;
}

/**
 * END_TRANSACTION (37): commits or rolls back a half message. Clients send it one-way, so what went wrong is only seen by those that ask for an
 * answer; the half message then stays open, and its producer is asked again.
 */
export class EndTransactionProcessor implements PutSink {
  readonly #parts: BrokerParts;
  readonly #scan = newScan();
  readonly #free: CommitContext[] = [];

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.END_TRANSACTION, (connection, request) => this.#end(connection, request));
  }

  onPut(message: PutMessage, status: PutStatus): void {
    const put = message as CommitContext;
    const { transactions, topics, stats } = this.#parts;
    const place = put.place!;
    this.#parts.sends.inFlight--;
    if (isStored(status)) {
      transactions.ended(place, true);
      const entry = topics.entry(put.topic);
      if (entry !== undefined) {
        stats.countPut(entry.stats, 1, put.body.length + put.properties.length + put.topic.length + RECORD_OVERHEAD_BYTES);
      }
      respondOk(put.connection!, put.request!);
    } else {
      transactions.release(place);
      put.connection!.respond(put.request!, PUT_STATUS_CODE[status], putRemarkOf(status, put, this.#parts.store));
    }
    this.#give(put);
  }

  #end(connection: Connection, request: RemotingCommand): void {
    const { config, transactions } = this.#parts;
    const header = readHeader(request.extFields ?? NO_FIELDS);
    if (config.store.brokerRole === 'SLAVE') {
      throw fault(ResponseCode.SLAVE_NOT_AVAILABLE, 'a slave ends no transactions, ask its master');
    }
    const type = header.commitOrRollback;
    // The producer does not know: nothing changes, and nobody waits for an answer.
    if (type === MessageSysFlag.TRANSACTION_NOT_TYPE) return;
    const isCommit = type === MessageSysFlag.TRANSACTION_COMMIT_TYPE;
    const half = this.#findHalf(header.commitLogOffset);
    if (half === null) throw fault(ResponseCode.SYSTEM_ERROR, 'Find prepared transaction message failed');
    const state = readHalfState(half.properties);
    this.#check(header, half, state);
    const place = transactions.place(half, state);
    if (place === null) {
      // It has ended before: saying so again changes nothing.
      respondOk(connection, request);
      return;
    }
    if (transactions.isFull) throw fault(ResponseCode.SYSTEM_BUSY, 'the broker cannot note ended transactions now, its disk takes nothing');
    if (isCommit) {
      this.#commit(connection, request, { half, state, place });
      return;
    }
    transactions.claim(place);
    transactions.ended(place, false);
    respondOk(connection, request);
  }

  #findHalf(commitLogOffset: number): MessageRecord | null {
    // SYNC_FLUSH: with WAIT=false its sender heard of it before it was on the device. What ends it comes behind it, so no power cut keeps that alone.
    const bytes = this.#parts.store.lookWrittenMessage(commitLogOffset);
    if (bytes === null) return null;
    const record = decodeRecord(bytes, 0);
    return record.topic === RMQ_SYS_TRANS_HALF_TOPIC ? record : null;
  }

  /** Throws when the request does not belong to the half message, or comes too late to be believed. */
  #check(header: EndHeader, half: MessageRecord, state: HalfState): void {
    const { config, clock } = this.#parts;
    if (!header.fromTransactionCheck && state.immunityMs >= 0) {
      const limitMs = Math.max(state.immunityMs, config.broker.transactionTimeOut);
      if (clock.nowMs() - half.bornTimestamp > limitMs) {
        throw fault(
          ResponseCode.ILLEGAL_OPERATION,
          `the transaction is older than its CHECK_IMMUNITY_TIME_IN_SECONDS (${limitMs} ms); it is ended by a check`,
        );
      }
    }
    if (state.group === '' || state.group !== header.producerGroup) throw fault(ResponseCode.SYSTEM_ERROR, 'The producer group wrong');
    if (half.queueOffset !== header.tranStateTableOffset) {
      throw fault(ResponseCode.SYSTEM_ERROR, 'The transaction state table offset wrong');
    }
    if (half.commitLogOffset !== header.commitLogOffset) throw fault(ResponseCode.SYSTEM_ERROR, 'The commit log offset wrong');
    if (state.realTopic === '' || state.realQueueId < 0) {
      throw fault(ResponseCode.SYSTEM_ERROR, 'the half message has no REAL_TOPIC or REAL_QID, nobody can say where it belongs');
    }
  }

  #commit(
    connection: Connection,
    request: RemotingCommand,
    found: { half: MessageRecord; state: HalfState; place: TransactionPlace },
  ): void {
    const put = this.#free.pop() ?? new CommitContext();
    put.connection = connection;
    put.request = request;
    put.place = found.place;
    fillCommitted(put, found.half, found.state);
    // Who waits for the answer gets it when the message is as safe as a send would be; nobody else waits for the disk.
    put.waitStoreMsgOK = !isOneway(request);
    // A quick look: most transactions are not delayed.
    if (put.properties.includes('DELAY\u0001') || put.properties.includes('TIMER_')) {
      scanProperties(put.properties, this.#scan);
      const refusal = parkDelayed(this.#parts, put, this.#scan);
      // A time that is out of range by now will not come into it again: the message is due.
      if (refusal !== null && refusal.code !== ResponseCode.MESSAGE_ILLEGAL) {
        this.#give(put);
        throw fault(refusal.code, refusal.remark);
      }
    }
    put.properties = fittedToRecord(put.properties, BATCH_QUEUE_BYTES);
    this.#parts.transactions.claim(found.place);
    this.#parts.sends.inFlight++;
    this.#parts.store.put(put, this);
  }

  #give(put: CommitContext): void {
    if (this.#free.length >= POOLED_PUTS) return;
    // Drop what would keep a record or a connection alive.
    put.body = NO_BODY;
    put.properties = '';
    put.connection = null;
    put.request = null;
    put.place = null;
    this.#free.push(put);
  }
}

function readHeader(fields: ExtFields): EndHeader {
  const commitOrRollback = intField(fields, 'commitOrRollback');
  const isKnown =
    commitOrRollback === MessageSysFlag.TRANSACTION_NOT_TYPE ||
    commitOrRollback === MessageSysFlag.TRANSACTION_COMMIT_TYPE ||
    commitOrRollback === MessageSysFlag.TRANSACTION_ROLLBACK_TYPE;
  if (!isKnown) throw fault(ResponseCode.SYSTEM_ERROR, `commitOrRollback field wrong: ${commitOrRollback}`);
  textField(fields, 'msgId');
  return {
    producerGroup: textField(fields, 'producerGroup'),
    tranStateTableOffset: longField(fields, 'tranStateTableOffset'),
    commitLogOffset: longField(fields, 'commitLogOffset'),
    commitOrRollback,
    fromTransactionCheck: booleanField(fields, 'fromTransactionCheck'),
  };
}
