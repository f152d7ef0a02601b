import type { Clock, Timers } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import { MessageConst } from '../../src/common/message/properties.js';
import { decodeRecord, type MessageRecord } from '../../src/common/message/record.js';
import { RMQ_SYS_TRANS_HALF_TOPIC, RMQ_SYS_TRANS_OP_HALF_TOPIC } from '../../src/common/topic-names.js';
import { isStored } from '../processors/put-status.js';
import type { GetMessageResult, MessageStore, PutMessage, PutSink, PutStatus } from '../store/index.js';
import type { HalfLookup } from './half-lookup.js';
import { copyOf, givenUp, type HalfState, readHalfState } from './half-message.js';
import type { HalfQueue } from './half-queue.js';
import { CHECK_STEP_MESSAGES, MAX_ROUND_MS, READ_STEP_OPS } from './limits.js';
import { type OpWriter, parseOpBody } from './op-messages.js';

const HOUR_MS = 3_600_000;

/** What decides about a check; the values may change while the broker runs. */
export interface CheckSettings {
  readonly transactionTimeOut: number;
  readonly transactionCheckMax: number;
}

/** What a round tells of. */
export interface CheckListener {
  /** The copy of a half message is stored: its producer is to be asked. */
  onCheck(copy: PutMessage, state: HalfState): void;
  /** A half message is about to be given up. */
  onGiveUp(half: MessageRecord, state: HalfState): void;
  /** A step of the round is done: the queue's progress may have moved. */
  onProgress(queue: HalfQueue): void;
}

/** What a message that the round puts stands for. */
interface Step {
  readonly kind: 'check' | 'wait' | 'give up';
  readonly queue: HalfQueue;
  readonly half: MessageRecord;
  readonly state: HalfState;
}

/**
 * One round over the half messages: each that has not ended and is old enough is copied to the end of its queue, and its producer asked.
 * A round works in steps, so that other requests get their turn, and waits for what a step put before it goes on.
 */
export class CheckRound implements PutSink {
  readonly #store: MessageStore;
  readonly #lookup: HalfLookup;
  readonly #ops: OpWriter;
  readonly #settings: CheckSettings;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #listener: CheckListener;
  readonly #flushTurn: () => void;
  #queues: HalfQueue[] = [];
  /** Where the round looks next, and where it ends: copies that it makes belong to the next one. */
  #at = 0;
  #end = 0;
  #startMs = 0;
  #deadlineMs = 0;
  #underway = 0;
  #hasFailed = false;
  #isStepping = false;
  #isQueueDone = true;
  #isLoadOnly = false;
  #isStopped = false;

  constructor(options: {
    store: MessageStore;
    lookup: HalfLookup;
    ops: OpWriter;
    settings: CheckSettings;
    clock: Clock;
    timers: Timers;
    logger: Logger;
    listener: CheckListener;
    flush: () => void;
  }) {
    this.#store = options.store;
    this.#lookup = options.lookup;
    this.#ops = options.ops;
    this.#settings = options.settings;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#logger = options.logger;
    this.#listener = options.listener;
    this.#flushTurn = options.flush;
  }

  /** A round is under way; the next one begins with what it leaves. */
  get isRunning(): boolean {
    return this.#queues.length > 0;
  }

  /** Begins a round, or only reads what earlier runs noted; nothing while a round is under way. */
  start(queues: readonly HalfQueue[], options: { isLoadOnly?: boolean } = {}): void {
    if (this.isRunning || this.#isStopped) return;
    this.#isLoadOnly = options.isLoadOnly ?? false;
    this.#queues = [...queues];
    this.#startMs = this.#clock.nowMs();
    this.#deadlineMs = this.#clock.monotonicMs() + MAX_ROUND_MS;
    this.#isQueueDone = true;
    this.#hasFailed = false;
    this.#begin();
    this.#step();
  }

  /** Nothing new is begun; what was put is still settled. */
  stop(): void {
    this.#isStopped = true;
  }

  onPut(message: PutMessage, status: PutStatus): void {
    const step = message.context as Step;
    this.#underway--;
    if (isStored(status)) {
      // Not for one that waits: brokers take the end of the first copy for the end of those that name it.
      if (step.kind !== 'wait') this.#ops.add(step.queue, step.half.queueOffset);
      if (step.kind === 'check') this.#listener.onCheck(message, step.state);
    } else if (status === 'MESSAGE_ILLEGAL' || status === 'PROPERTIES_SIZE_EXCEEDED') {
      this.#onIllegal(step, status);
    } else {
      step.queue.resolved.delete(step.half.queueOffset);
      if (!this.#hasFailed) this.#logger.warn(`half messages cannot be checked now, trying again in the next round: ${status}`);
      this.#hasFailed = true;
    }
    if (this.#underway === 0 && !this.#isStepping) this.#timers.setImmediate(() => this.#settle());
  }

  /** A limit of the store was lowered, or the counter did not fit: the message must not stop those behind it. */
  #onIllegal(step: Step, status: PutStatus): void {
    const where = `half message at offset ${step.half.queueOffset} (commit log offset ${step.half.commitLogOffset}) of group ${step.state.group}`;
    if (step.kind === 'give up') {
      this.#logger.error(`${where} is passed over, the store takes no copy of it: ${status}`);
      return;
    }
    this.#logger.error(`${where} is given up, the store takes no copy of it: ${status}`);
    this.#listener.onGiveUp(step.half, step.state);
    this.#put(givenUp(step.half), { ...step, kind: 'give up' });
  }

  #begin(): void {
    const queue = this.#queues[0];
    if (queue === undefined) return;
    queue.skipTo(this.#store.minOffset(RMQ_SYS_TRANS_HALF_TOPIC, queue.queueId));
    this.#at = queue.progress;
    this.#end = this.#store.maxOffset(RMQ_SYS_TRANS_HALF_TOPIC, queue.queueId);
    this.#isQueueDone = false;
  }

  #step(): void {
    const queue = this.#queues[0];
    if (queue === undefined) return;
    this.#isStepping = true;
    try {
      if (queue.isLoading) this.#readOps(queue);
      else if (this.#isLoadOnly) this.#isQueueDone = true;
      else this.#look(queue);
    } catch (error) {
      this.#logger.error(`the check of half messages stopped at offset ${this.#at}: ${(error as Error).message}`, { error });
      this.#isQueueDone = true;
    }
    this.#flushTurn();
    this.#isStepping = false;
    if (this.#underway === 0) this.#settle();
  }

  /** Everything that the last step put is stored or refused. */
  #settle(): void {
    const queue = this.#queues[0];
    if (queue === undefined) return;
    // Ends that came meanwhile are in the log before the progress passes them.
    this.#flushTurn();
    queue.advance(this.#at);
    this.#listener.onProgress(queue);
    const isOver = this.#isStopped || this.#hasFailed || this.#clock.monotonicMs() >= this.#deadlineMs;
    if (isOver) {
      this.#queues = [];
      return;
    }
    if (this.#isQueueDone) {
      this.#queues.shift();
      this.#begin();
    }
    if (this.#queues.length > 0) this.#timers.setImmediate(() => this.#step());
  }

  /** Reads a few op messages of earlier runs. */
  #readOps(queue: HalfQueue): void {
    for (let n = 0; n < READ_STEP_OPS && queue.isLoading; n++) {
      const result = this.#store.getMessage(RMQ_SYS_TRANS_OP_HALF_TOPIC, queue.queueId, queue.opRead, 1);
      if (result.status !== 'FOUND') {
        queue.skipOpsTo(isEnd(result) ? queue.opEnd : Math.max(queue.opRead + 1, result.nextBeginOffset));
        continue;
      }
      const record = this.#decode(result.buffers[0]!);
      queue.addEarlierOps(record === null ? [] : parseOpBody(record.body));
    }
  }

  #look(queue: HalfQueue): void {
    for (let n = 0; n < CHECK_STEP_MESSAGES; n++) {
      this.#at = queue.resolved.nextAbsent(this.#at, this.#end);
      if (this.#at >= this.#end || !this.#examine(queue)) {
        this.#isQueueDone = true;
        return;
      }
    }
  }

  /** Decides about the half message at `#at` and moves on; false when the round of this queue is over. */
  #examine(queue: HalfQueue): boolean {
    const result = this.#store.getMessage(RMQ_SYS_TRANS_HALF_TOPIC, queue.queueId, this.#at, 1);
    if (result.status !== 'FOUND') return !isEnd(result) && this.#pass(queue, Math.max(this.#at + 1, result.nextBeginOffset));
    const half = this.#decode(result.buffers[0]!);
    if (half === null) return this.#pass(queue, this.#at + 1);
    if (half.storeTimestamp > this.#startMs) return false;
    const state = readHalfState(half.properties);
    const nowMs = this.#clock.nowMs();
    // A client whose clock is ahead gets the time from when its message came.
    const ageMs = half.bornTimestamp <= nowMs ? nowMs - half.bornTimestamp : nowMs - half.storeTimestamp;
    const isWaiting = state.immunityMs >= 0 && ageMs < state.immunityMs;
    if (state.immunityMs < 0 && ageMs < this.#settings.transactionTimeOut) return false;
    if (half.queueOffset < queue.earlierEnd) {
      // A copy lives on further behind. That is no end: an op message would be taken for the end of the copy, too.
      if (this.#lookup.latestCopy(half, state) >= 0) return this.#pass(queue, this.#at + 1);
      if (this.#hasEndedEarlier(queue, half, state)) {
        this.#ops.add(queue, half.queueOffset);
        return this.#pass(queue, this.#at + 1);
      }
    }
    const isTooOld = ageMs > this.#store.config.fileReservedTime * HOUR_MS;
    if (state.checkTimes >= this.#settings.transactionCheckMax || isTooOld || state.realTopic === '' || state.realQueueId < 0) {
      this.#listener.onGiveUp(half, state);
      this.#put(givenUp(half), { kind: 'give up', queue, half, state });
    } else if (isWaiting) {
      // It must not hold up those behind it, so it goes there itself.
      const original = state.preparedOffset >= 0 ? state.preparedOffset : half.queueOffset;
      this.#put(copyOf(half, MessageConst.TRAN_PREPARED_QUEUE_OFFSET, String(original)), { kind: 'wait', queue, half, state });
    } else {
      const times = String(state.checkTimes + 1);
      this.#put(copyOf(half, MessageConst.TRANSACTION_CHECK_TIMES, times), { kind: 'check', queue, half, state });
    }
    this.#at++;
    return true;
  }

  /** What a crash left without an op message, or another broker noted under the offset of the first copy. */
  #hasEndedEarlier(queue: HalfQueue, half: MessageRecord, state: HalfState): boolean {
    if (state.preparedOffset >= 0 && queue.earlierEnds?.has(state.preparedOffset) === true) return true;
    return this.#lookup.isCommitted(half, state) || this.#lookup.isGivenUp(half, state);
  }

  /** Null for a record that the disk has damaged: it must not stop those behind it. */
  #decode(buffer: Buffer): MessageRecord | null {
    try {
      return decodeRecord(buffer, 0);
    } catch (error) {
      this.#logger.error(`a record of the transaction topics cannot be read and is passed over: ${(error as Error).message}`);
      return null;
    }
  }

  #pass(queue: HalfQueue, to: number): boolean {
    for (; this.#at < to && this.#at < this.#end; this.#at++) queue.resolved.add(this.#at);
    return true;
  }

  #put(message: PutMessage, step: Step): void {
    // From here on an end that comes from the producer is for the copy.
    step.queue.resolved.add(step.half.queueOffset);
    message.context = step;
    this.#underway++;
    this.#store.put(message, this);
  }
}

/** The queue has nothing at or behind the offset. */
function isEnd(result: GetMessageResult): boolean {
  const { status } = result;
  return status.startsWith('OFFSET_OVERFLOW') || status === 'NO_MESSAGE_IN_QUEUE' || status === 'NO_MATCHED_LOGIC_QUEUE';
}
