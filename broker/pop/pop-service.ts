import type { Clock, Timers } from '../../src/common/clock.js';
import { retryFlagOf } from '../../src/common/pop.js';
import type { BrokerStats } from '../stats/index.js';
import type { OrderedPop } from './ordered-pop.js';
import type { PopOffsets } from './pop-offsets.js';
import type { PopMoment, PopQuery, PopRun, PopSelector } from './pop-selector.js';
import type { ReviveLog, Written } from './revive-log.js';
import { type Ack, type CheckPoint, encodeAck, encodeCheckPoint } from './revive-records.js';

/** What a pop hands out. */
export interface PopResult extends PopMoment {
  /** Their check points are stored. */
  runs: PopRun[];
  restNum: number;
  /** Messages were passed that do not match, and there are more: popping again finds others. */
  hasSkipped: boolean;
  /** Popped in order: how often the messages were popped before. */
  orderCountInfo?: string;
}

/** Keys of BrokerConfig that are read at the start. */
interface PopServiceConfig {
  readonly brokerName: string;
  readonly reviveQueueNum: number;
}

/** Hands out messages under check points, and takes acknowledgements. */
export class PopService {
  /** What is popped in order. */
  readonly ordered: OrderedPop;
  readonly #selector: PopSelector;
  readonly #offsets: PopOffsets;
  readonly #log: ReviveLog;
  readonly #clock: Clock;
  readonly #stats: BrokerStats;
  readonly #config: PopServiceConfig;
  readonly #timers: Timers;
  readonly #flush: () => void;
  #popCount = 0;
  #flushScheduled = false;

  /** @param options.flush writes and acknowledges what was put */
  constructor(options: {
    ordered: OrderedPop;
    selector: PopSelector;
    offsets: PopOffsets;
    log: ReviveLog;
    clock: Clock;
    timers: Timers;
    flush: () => void;
    stats: BrokerStats;
    config: PopServiceConfig;
  }) {
    this.ordered = options.ordered;
    this.#selector = options.selector;
    this.#offsets = options.offsets;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#flush = options.flush;
    this.#stats = options.stats;
    this.#config = options.config;
  }

  retryTopics(topic: string, group: string): string[] {
    return this.#selector.retryTopics(topic, group);
  }

  /** What a pop would get first; nothing is taken. */
  peek(query: Pick<PopQuery, 'topic' | 'group' | 'queueId' | 'maxMsgNums'>): { runs: PopRun[]; restNum: number } {
    return this.#selector.peek(query);
  }

  /** Whether a pop would find messages, whatever its filter is. */
  hasMessages(query: PopQuery): boolean {
    const { topic, group, order } = query;
    return this.#selector.hasMessages(
      query,
      (from, queueId) => order !== null && from === topic && this.ordered.isBlocked({ topic, group, queueId }, order.attemptId),
    );
  }

  /** Whether check points and acknowledgements may go to this queue of the revive topic. */
  isReviveQueue(reviveQid: number): boolean {
    return reviveQid >= 0 && reviveQid < this.#config.reviveQueueNum;
  }

  /**
   * Chooses messages and stores a check point for each queue they are of; `done` is called when all are stored, so that what the consumer
   * never acknowledges comes back whatever happens here.
   */
  pop(query: PopQuery, done: (result: PopResult) => void): void {
    if (query.order !== null) {
      done(this.ordered.pop(query, query.order.attemptId));
      return;
    }
    const moment: PopMoment = { popTime: this.#clock.nowMs(), reviveQid: this.#popCount++ % this.#config.reviveQueueNum };
    const { runs, restNum, hasSkipped } = this.#selector.select(query, moment);
    const result: PopResult = { ...moment, runs: [], restNum, hasSkipped };
    if (runs.length === 0) {
      done(result);
      return;
    }
    let waiting = runs.length;
    for (const run of runs) {
      this.#stats.countCheckPoint(run.topic, query.group);
      this.#log.put(encodeCheckPoint(this.#checkPoint(query, run, moment)), moment.reviveQid, ({ isStored }) => {
        if (isStored) {
          this.#offsets.written(run.taken!);
          result.runs.push(run);
        } else {
          this.#offsets.failed(run.taken!);
          result.restNum += run.messageCount;
        }
        waiting--;
        if (waiting === 0) done(result);
      });
    }
  }

  /** Stores an acknowledgement. */
  ack(ack: Ack, options: { invisibleTime: number; reviveQid: number; kind: 'single' | 'batch' }, done: (written: Written) => void): void {
    this.#stats.countAcks(ack.topic, ack.group, ack.offsets.length);
    this.#log.put(encodeAck(ack, options.invisibleTime, options.kind), options.reviveQid, done);
  }

  /**
   * Makes one message invisible for a time from now on: a check point of its own, and, once that is stored, the acknowledgement in its old one.
   */
  changeInvisibleTime(
    ack: Ack,
    options: { oldInvisibleTime: number; invisibleTime: number; reviveQid: number },
    done: (written: Written, popTime: number) => void,
  ): void {
    // Never the pop time of the old check point: the two would be one.
    const popTime = Math.max(this.#clock.nowMs(), ack.popTime + 1);
    const { topic, group, queueId, brokerName, offsets } = ack;
    const point: CheckPoint = {
      ...{ topic, group, queueId, brokerName, offsets: [offsets[0]!], popTime },
      ...{ startOffset: offsets[0]!, invisibleTime: options.invisibleTime, acked: 0 },
    };
    this.#stats.countCheckPoint(topic, group);
    this.#log.put(encodeCheckPoint(point), options.reviveQid, (written) => {
      if (!written.isStored) {
        done(written, popTime);
        return;
      }
      // Where it is not stored the message comes back twice, at its old time and at the new one.
      this.ack(ack, { invisibleTime: options.oldInvisibleTime, reviveQid: options.reviveQid, kind: 'single' }, () =>
        done(written, popTime),
      );
      this.#flushSoon();
    });
  }

  /** What is put while others are acknowledged is not of their turn: nobody else may write it soon. */
  #flushSoon(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#timers.setImmediate(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #checkPoint({ group, invisibleTime }: PopQuery, { topic, queueId, startOffset, offsets }: PopRun, { popTime }: PopMoment): CheckPoint {
    return { topic, group, queueId, startOffset, popTime, invisibleTime, brokerName: this.#config.brokerName, offsets, acked: 0 };
  }
}

/** `startOffsetInfo` and `msgOffsetInfo` of an answer. */
export function offsetInfos(runs: readonly PopRun[]): { startOffsetInfo: string; msgOffsetInfo: string } {
  return {
    startOffsetInfo: runs.map(({ topic, queueId, startOffset }) => `${retryFlagOf(topic)} ${queueId} ${startOffset}`).join(';'),
    msgOffsetInfo: runs.map(({ topic, queueId, offsets }) => `${retryFlagOf(topic)} ${queueId} ${offsets.join(',')}`).join(';'),
  };
}
