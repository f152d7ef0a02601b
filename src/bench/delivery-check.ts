import { LaneLog, type LaneState, type PageBudget } from './delivery-lane.js';
import { readSequenceStamp, type SequenceStamp } from './stamp.js';

/** What the check looks at in a message. */
export interface CheckedMessage {
  readonly body: Buffer;
  readonly brokerName?: string;
  readonly queueId: number;
}

/** Memory of a check: pages of half a kilobyte, lanes, and runs whose messages arrive. */
const MAX_PAGES = 131_072;
const MAX_LANES = 131_072;
const MAX_RUNS = 1024;

/** First and highest number of the unordered lane that came from one queue. */
export interface QueueTrack {
  readonly brokerName: string;
  readonly queueId: number;
  first: number;
  highest: number;
  /** Arrived behind a later one of the queue, for the first time. */
  reordered: number;
}

/** What was seen of one producer of a run. */
export class ProducerLog {
  readonly lanes = new Map<number, LaneLog>();
  readonly queues: QueueTrack[] = [];
  #lastQueue: QueueTrack | undefined;

  queue(brokerName: string, queueId: number): QueueTrack {
    const last = this.#lastQueue;
    if (last !== undefined && last.queueId === queueId && last.brokerName === brokerName) {
      return last;
    }
    let track = this.queues.find((one) => one.queueId === queueId && one.brokerName === brokerName);
    if (track === undefined) {
      track = { brokerName, queueId, first: Number.POSITIVE_INFINITY, highest: -1, reordered: 0 };
      this.queues.push(track);
    }
    this.#lastQueue = track;
    return track;
  }
}

/** What one consumer saw, as JSON: workers send it to the process that judges. */
export interface DeliveryState {
  readonly unstamped: number;
  readonly unwatched: number;
  readonly producers: readonly {
    readonly runId: number;
    readonly producer: number;
    readonly lanes: readonly LaneState[];
    readonly queues: readonly QueueTrack[];
  }[];
}

/**
 * Notes which sequence numbers arrive. A message costs about a tenth of a microsecond, and memory is bounded.
 *
 * @example
 * ```ts
 * const check = new DeliveryCheck();
 * consumer.onMessage((messages) => {
 *   for (const message of messages) check.receive(message);
 *   return 'CONSUME_SUCCESS';
 * });
 * // … when nothing is on its way any more
 * const report = judgeDelivery(check, { expected: ledger.sent() });
 * ```
 */
export class DeliveryCheck {
  readonly #budget: PageBudget = { left: MAX_PAGES };
  readonly #runs = new Map<number, Map<number, ProducerLog>>();
  readonly #stamp: SequenceStamp = { runId: 0, producer: 0, lane: 0, sequence: 0 };
  #laneCount = 0;
  #unstamped = 0;
  #unwatched = 0;
  /** Different messages of each run. */
  readonly #received = new Map<number, { count: number }>();
  #lastReceived = { count: 0 };
  #lastRunId = -1;
  #lastProducer = -1;
  #lastLog: ProducerLog | undefined;

  /** Notes a message that was consumed; one that the listener gives back is noted when it comes again. */
  receive(message: CheckedMessage): void {
    const stamp = this.#stamp;
    if (!readSequenceStamp(message.body, stamp)) {
      this.#unstamped++;
      return;
    }
    const log =
      stamp.runId === this.#lastRunId && stamp.producer === this.#lastProducer ? this.#lastLog : this.#log(stamp.runId, stamp.producer);
    const lane = log === undefined ? undefined : (log.lanes.get(stamp.lane) ?? this.#newLane(log, stamp.lane));
    if (log === undefined || lane === undefined) {
      this.#unwatched++;
      return;
    }
    if (!lane.add(stamp.sequence)) {
      return;
    }
    this.#lastReceived.count++;
    if (stamp.lane === 0) {
      const track = log.queue(message.brokerName ?? '', message.queueId);
      if (stamp.sequence > track.highest) {
        track.highest = stamp.sequence;
      } else {
        track.reordered++;
      }
      if (stamp.sequence < track.first) {
        track.first = stamp.sequence;
      }
    }
  }

  /** Different messages with a sequence number so far, of all runs. */
  get received(): number {
    let received = 0;
    for (const { count } of this.#received.values()) {
      received += count;
    }
    return received;
  }

  /** Different messages of one run so far. */
  receivedOf(runId: number): number {
    return this.#received.get(runId)?.count ?? 0;
  }

  /** Messages without a sequence number. */
  get unstamped(): number {
    return this.#unstamped;
  }

  /** Messages of more runs or lanes than a check watches. */
  get unwatched(): number {
    return this.#unwatched;
  }

  /** Runs whose messages arrived, and what of each producer. */
  get runs(): ReadonlyMap<number, ReadonlyMap<number, ProducerLog>> {
    return this.#runs;
  }

  state(): DeliveryState {
    const producers = [...this.#runs].flatMap(([runId, logs]) =>
      [...logs].map(([producer, log]) => ({
        runId,
        producer,
        lanes: [...log.lanes].map(([lane, lines]) => lines.state(lane)),
        queues: log.queues,
      })),
    );
    return { unstamped: this.#unstamped, unwatched: this.#unwatched, producers };
  }

  /** Adds what another consumer of the same group saw. */
  merge(state: DeliveryState): void {
    this.#unstamped += state.unstamped;
    this.#unwatched += state.unwatched;
    for (const { runId, producer, lanes, queues } of state.producers) {
      const log = this.#log(runId, producer);
      for (const laneState of lanes) {
        const lane = log === undefined ? undefined : (log.lanes.get(laneState.lane) ?? this.#newLane(log, laneState.lane));
        const before = lane?.received ?? 0;
        lane?.merge(laneState);
        this.#lastReceived.count += (lane?.received ?? 0) - before;
      }
      for (const queue of queues) {
        const track = log?.queue(queue.brokerName, queue.queueId);
        if (track !== undefined) {
          track.first = Math.min(track.first, queue.first);
          track.highest = Math.max(track.highest, queue.highest);
          track.reordered += queue.reordered;
        }
      }
    }
  }

  #log(runId: number, producer: number): ProducerLog | undefined {
    let run = this.#runs.get(runId);
    if (run === undefined) {
      if (this.#runs.size >= MAX_RUNS) {
        return undefined;
      }
      run = new Map();
      this.#runs.set(runId, run);
      this.#received.set(runId, { count: 0 });
    }
    let log = run.get(producer);
    if (log === undefined) {
      log = new ProducerLog();
      run.set(producer, log);
    }
    this.#lastRunId = runId;
    this.#lastProducer = producer;
    this.#lastLog = log;
    this.#lastReceived = this.#received.get(runId) ?? { count: 0 };
    return log;
  }

  #newLane(log: ProducerLog, lane: number): LaneLog | undefined {
    if (this.#laneCount >= MAX_LANES) {
      return undefined;
    }
    this.#laneCount++;
    const created = new LaneLog(this.#budget);
    log.lanes.set(lane, created);
    return created;
  }
}
