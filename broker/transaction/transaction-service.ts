import type { Clock, TimerHandle, Timers } from '../../src/common/clock.js';
import type { HostAddress } from '../../src/common/host.js';
import type { Logger } from '../../src/common/logger.js';
import { encodeOffsetMsgId } from '../../src/common/message/message-id.js';
import type { MessageRecord } from '../../src/common/message/record.js';
import { RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC, RMQ_SYS_TRANS_HALF_TOPIC, RMQ_SYS_TRANS_OP_HALF_TOPIC } from '../../src/common/topic-names.js';
import { RequestCode } from '../../src/remoting/codes.js';
import type { ProducerManager } from '../connections/index.js';
import type { ConsumerOffsetManager } from '../offsets/index.js';
import type { MessageStore, PutMessage } from '../store/index.js';
import { type TopicConfigManager, topicWithQueues } from '../topics/index.js';
import { type CheckListener, CheckRound, type CheckSettings } from './check-round.js';
import { HalfLookup } from './half-lookup.js';
import { checkBody, type HalfState, makeHalf } from './half-message.js';
import { HalfQueue } from './half-queue.js';
import { type OpSettings, OpWriter } from './op-messages.js';

/** The group whose offsets say how far half and op messages have been dealt with. */
const TRANS_GROUP = 'CID_RMQ_SYS_TRANS';
const MIN_INTERVAL_MS = 10;
/** Pause before progress that the commit log's flush has not reached is looked at again. */
const SAVE_RETRY_MS = 500;

/** Counters since the start. */
interface TransactionCounters {
  committed: number;
  rolledBack: number;
  /** Commits whose message the store did not take; their half messages stay open. */
  refused: number;
  /** CHECK_TRANSACTION_STATE requests that left. */
  checks: number;
  /** Checks for which no producer of the group was connected. */
  checksWithoutProducer: number;
  /** Half messages moved to TRANS_CHECK_MAX_TIME_TOPIC. */
  givenUp: number;
}

/** The settings of BrokerConfig that are read here, at each use. */
interface TransactionSettings extends OpSettings, CheckSettings {
  readonly brokerName: string;
  readonly transactionCheckInterval: number;
}

/** Where the transaction of an END_TRANSACTION stands. */
export interface TransactionPlace {
  readonly queue: HalfQueue;
  /** The half message to note as ended: the one named, or its latest copy. */
  readonly halfOffset: number;
}

/** Half messages from their arrival to their end: which are open, what is noted of those that have ended, and who is asked about the rest. */
export class TransactionService implements CheckListener {
  readonly counters: TransactionCounters = { committed: 0, rolledBack: 0, refused: 0, checks: 0, checksWithoutProducer: 0, givenUp: 0 };
  readonly #store: MessageStore;
  readonly #topics: TopicConfigManager;
  readonly #offsets: ConsumerOffsetManager;
  readonly #producers: ProducerManager;
  readonly #settings: TransactionSettings;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #lookup: HalfLookup;
  readonly #ops: OpWriter;
  readonly #round: CheckRound;
  readonly #queues = new Map<number, HalfQueue>();
  /** Progress that may not be saved yet, by queueId. */
  readonly #unsaved = new Map<number, { progress: number; opProgress: number; logEnd: number }>();
  #timer: TimerHandle | null = null;
  #saveTimer: TimerHandle | null = null;
  #isRunning = false;

  /** @param options.flush writes and acknowledges what was put */
  constructor(options: {
    store: MessageStore;
    topics: TopicConfigManager;
    offsets: ConsumerOffsetManager;
    producers: ProducerManager;
    settings: TransactionSettings;
    storeHost: HostAddress;
    clock: Clock;
    timers: Timers;
    logger: Logger;
    flush: () => void;
  }) {
    const { store, settings, clock, timers, logger, flush, storeHost } = options;
    this.#store = store;
    this.#topics = options.topics;
    this.#offsets = options.offsets;
    this.#producers = options.producers;
    this.#settings = settings;
    this.#timers = timers;
    this.#logger = logger;
    this.#lookup = new HalfLookup(store);
    this.#ops = new OpWriter({ store, settings, clock, timers, storeHost, logger, flush });
    this.#round = new CheckRound({ store, lookup: this.#lookup, ops: this.#ops, settings, clock, timers, logger, listener: this, flush });
  }

  /** Finds the half messages that earlier runs left, and how far those had got. Call it before the first request. */
  load(): void {
    for (const queueId of new Set([0, ...this.#store.topicQueueIds(RMQ_SYS_TRANS_HALF_TOPIC)])) this.#queue(queueId);
  }

  start(): void {
    this.#isRunning = true;
    this.#round.start([...this.#queues.values()], { isLoadOnly: true });
    this.#arm();
  }

  /** No more checks. What ends from here on is noted by `flush`. */
  stop(): void {
    this.#isRunning = false;
    this.#round.stop();
    if (this.#timer !== null) this.#timers.clearTimeout(this.#timer);
    if (this.#saveTimer !== null) this.#timers.clearTimeout(this.#saveTimer);
    this.#timer = null;
    this.#saveTimer = null;
    this.#ops.stop();
  }

  /** Notes everything that has ended, and the progress as far as it is safe; the caller flushes the turn. */
  flush(): void {
    this.#saveProgress();
    this.#ops.putAll();
  }

  /** Begins a check round, unless one is under way; the timer calls it every transactionCheckInterval. */
  check(): void {
    this.#round.start([...this.#queues.values()]);
  }

  /** A round is under way. */
  get isChecking(): boolean {
    return this.#round.isRunning;
  }

  /** Turns a message that is about to be put into a half message, in place. */
  prepare(put: PutMessage, uniqKey: string): void {
    makeHalf(put, uniqKey);
  }

  /** Ended transactions cannot be noted any more: the store has refused it for long. */
  get isFull(): boolean {
    return this.#ops.isFull;
  }

  /**
   * Where the transaction of a half message is to be ended: at the message itself, or at its latest copy when it was checked meanwhile.
   * Null when it has ended before.
   */
  place(half: MessageRecord, state: HalfState): TransactionPlace | null {
    const queue = this.#queue(half.queueId);
    // Of half messages of this run everything is known; the last notes of earlier runs may be lost.
    if (half.queueOffset >= queue.earlierEnd && queue.isOpen(half.queueOffset)) return { queue, halfOffset: half.queueOffset };
    if (!this.#lookup.isAvailable) {
      // Below the progress nothing says whether it ended or was copied: as Apache's broker, rather twice than never.
      const mayBeOpen = half.queueOffset < queue.progress || queue.isOpen(half.queueOffset);
      return mayBeOpen ? { queue, halfOffset: half.queueOffset } : null;
    }
    if (this.#lookup.isCommitted(half, state)) return null;
    const copy = this.#lookup.latestCopy(half, state);
    const latest = copy >= 0 ? copy : half.queueOffset;
    return queue.isOpen(latest) || this.#lookup.isGivenUp(half, state) ? { queue, halfOffset: latest } : null;
  }

  /** The transaction is about to end: nobody else may end it. */
  claim(place: TransactionPlace): void {
    place.queue.resolved.add(place.halfOffset);
  }

  /** It did not end after all. */
  release(place: TransactionPlace): void {
    this.counters.refused++;
    place.queue.resolved.delete(place.halfOffset);
  }

  /** It has ended: what it delivers is stored, or it was rolled back. A crash before this is on the disk is what `HalfLookup` is for. */
  ended(place: TransactionPlace, isCommit: boolean): void {
    this.#ops.add(place.queue, place.halfOffset);
    if (isCommit) this.counters.committed++;
    else this.counters.rolledBack++;
  }

  onCheck(copy: PutMessage, state: HalfState): void {
    const connection = this.#producers.availableConnection(state.group);
    if (connection === undefined) {
      this.counters.checksWithoutProducer++;
      this.#logger.debug(`no producer of group ${state.group} is connected to be asked about the transaction ${state.uniqKey}`);
      return;
    }
    const body = this.#checkBody(copy, state);
    if (body === null) return;
    this.counters.checks++;
    connection.invokeOneway({
      code: RequestCode.CHECK_TRANSACTION_STATE,
      extFields: {
        topic: RMQ_SYS_TRANS_HALF_TOPIC,
        tranStateTableOffset: String(copy.queueOffset),
        commitLogOffset: String(copy.commitLogOffset),
        msgId: state.uniqKey,
        transactionId: state.uniqKey,
        offsetMsgId: encodeOffsetMsgId(copy.storeHost, copy.commitLogOffset),
        bname: this.#settings.brokerName,
      },
      body,
    });
  }

  /** Null when no client could read it: a half message of another broker may name a topic that no record can hold. */
  #checkBody(copy: PutMessage, state: HalfState): Buffer | null {
    try {
      return checkBody(copy, state);
    } catch (error) {
      this.#logger.error(
        `nobody can be asked about the transaction ${state.uniqKey} of group ${state.group} (commit log offset ${copy.commitLogOffset}): ${(error as Error).message}`,
      );
      return null;
    }
  }

  onGiveUp(half: MessageRecord, state: HalfState): void {
    const topic = RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC;
    this.#topics.ensure(topic, () => topicWithQueues(topic, 1));
    this.counters.givenUp++;
    this.#logger.warn(
      `half message ${state.uniqKey} of group ${state.group} for topic ${state.realTopic} (commit log offset ${half.commitLogOffset}) is given up after ${state.checkTimes} checks; it is in ${topic}`,
    );
  }

  onProgress(queue: HalfQueue): void {
    const { queueId, progress, opProgress } = queue;
    this.#unsaved.set(queueId, { progress, opProgress, logEnd: this.#store.commitLogMaxOffset() });
    this.#saveProgress();
  }

  /** A half message below the saved progress is never looked at again: what it became must be on the device before. */
  #saveProgress(): void {
    for (const [queueId, { progress, opProgress, logEnd }] of this.#unsaved) {
      if (this.#store.flushedWhere < logEnd) continue;
      this.#unsaved.delete(queueId);
      this.#saveOffset(RMQ_SYS_TRANS_HALF_TOPIC, queueId, progress);
      this.#saveOffset(RMQ_SYS_TRANS_OP_HALF_TOPIC, queueId, opProgress);
    }
    if (this.#unsaved.size > 0 && this.#isRunning) {
      this.#saveTimer ??= this.#timers.setTimeout(() => {
        this.#saveTimer = null;
        this.#saveProgress();
      }, SAVE_RETRY_MS);
    }
  }

  #saveOffset(topic: string, queueId: number, offset: number): void {
    // No offset is the same as 0: the group is known from the first transaction on, as on Apache's brokers.
    const saved = Math.max(0, this.#offsets.query(TRANS_GROUP, topic, queueId));
    if (saved !== offset) this.#offsets.commit(TRANS_GROUP, topic, queueId, offset);
  }

  #queue(queueId: number): HalfQueue {
    let queue = this.#queues.get(queueId);
    if (queue === undefined) {
      queue = new HalfQueue({
        queueId,
        progress: this.#savedOffset(RMQ_SYS_TRANS_HALF_TOPIC, queueId),
        earlierEnd: this.#isRunning ? 0 : this.#store.maxOffset(RMQ_SYS_TRANS_HALF_TOPIC, queueId),
        opProgress: this.#savedOffset(RMQ_SYS_TRANS_OP_HALF_TOPIC, queueId),
        opEnd: this.#store.maxOffset(RMQ_SYS_TRANS_OP_HALF_TOPIC, queueId),
      });
      this.#queues.set(queueId, queue);
    }
    return queue;
  }

  /** The saved progress, within the queue. */
  #savedOffset(topic: string, queueId: number): number {
    const min = this.#store.minOffset(topic, queueId);
    const max = this.#store.maxOffset(topic, queueId);
    return Math.min(Math.max(this.#offsets.query(TRANS_GROUP, topic, queueId), min, 0), Math.max(0, max));
  }

  #arm(): void {
    if (!this.#isRunning) return;
    const intervalMs = Math.max(MIN_INTERVAL_MS, this.#settings.transactionCheckInterval);
    this.#timer = this.#timers.setTimeout(() => {
      this.check();
      this.#arm();
    }, intervalMs);
  }
}
