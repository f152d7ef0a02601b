import type { OmbCounters } from './counters.js';
import type { OmbResult } from './omb-result.js';
import { RateSearch, SEARCH_PERIOD_MS } from './rate-search.js';
import type { Workload } from './workload.js';

const TURN_MS = 50;
const GIB = 1024 ** 3;
/** A backlog of so few messages is none. */
const EMPTY_BACKLOG = 1000;
/** A rest of the test that is shorter than this share of a sample is no sample of its own. */
const SHORTEST_SAMPLE = 0.5;

/** The part of a publisher that phases steer. */
interface SteeredPublisher {
  readonly rate: number;
  readonly behind: number;
  start(): void;
  setRate(rate: number): void;
}

export interface PhasesOptions {
  readonly workload: Workload;
  readonly counters: OmbCounters;
  readonly publisher: SteeredPublisher;
  readonly consumers: { pause(): void; resume(): void };
  readonly samples: OmbResult;
  readonly sampleMs: number;
  /** The warm-up is over. */
  readonly onWindow: () => void;
  /** Milliseconds that only grow; tests bring their own, and the wait that goes with it. */
  readonly clock?: { now(): number; wait(ms: number): Promise<void> };
}

/** How the test went. */
export interface PhasesOutcome {
  readonly seconds: number;
  /** Planned and never sent. */
  readonly unsent: number;
  readonly backlog?: { readonly bytes: number; readonly buildSeconds: number; readonly drainSeconds?: number };
  readonly searchedRates: readonly number[];
}

const REAL_CLOCK = { now: () => performance.now(), wait: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)) };

/** Leads a workload through warm-up, backlog and test; a turn looks at what is due. */
export class Phases {
  readonly #options: PhasesOptions;
  readonly #clock: NonNullable<PhasesOptions['clock']>;
  readonly #search: RateSearch | undefined;
  readonly #searchedRates: number[] = [];
  #lastSearchMs = 0;
  #backlog: 'none' | 'building' | 'draining' | 'drained' = 'none';
  #backlogStartMs = 0;
  #buildSeconds = 0;
  #drainSeconds: number | undefined;
  #backlogBytes = 0;
  #endMs = 0;

  constructor(options: PhasesOptions) {
    this.#options = options;
    this.#clock = options.clock ?? REAL_CLOCK;
    this.#search = options.workload.producerRate === 0 ? new RateSearch() : undefined;
  }

  async run(signal: AbortSignal | undefined): Promise<PhasesOutcome> {
    const { workload, publisher, counters, onWindow } = this.#options;
    publisher.start();
    this.#lastSearchMs = this.#clock.now();
    await this.#turns(this.#clock.now() + workload.warmupDurationMs, signal, () => {});
    const startMs = this.#clock.now();
    counters.reset(startMs);
    onWindow();
    this.#endMs = startMs + (workload.testDurationMs > 0 ? workload.testDurationMs : Number.POSITIVE_INFINITY);
    if (workload.consumerBacklogSizeGB > 0) this.#beginBacklog(startMs);
    await this.#turns(
      () => this.#endMs,
      signal,
      (nowMs) => this.#turn(nowMs),
    );
    const nowMs = this.#clock.now();
    counters.send.closeWindow();
    counters.receive.closeWindow();
    this.#lastSample(nowMs);
    return {
      seconds: (nowMs - startMs) / 1000,
      unsent: publisher.behind,
      searchedRates: this.#searchedRates,
      ...(this.#backlog === 'none' ? {} : { backlog: this.#backlogOutcome() }),
    };
  }

  /** Turns until the time has come, or the run is ended. */
  async #turns(endMs: number | (() => number), signal: AbortSignal | undefined, turn: (nowMs: number) => void): Promise<void> {
    const end = typeof endMs === 'number' ? () => endMs : endMs;
    for (let nowMs = this.#clock.now(); nowMs < end() && signal?.aborted !== true; nowMs = this.#clock.now()) {
      this.#adjustRate(nowMs);
      turn(nowMs);
      await this.#clock.wait(Math.max(1, Math.min(TURN_MS, end() - nowMs)));
    }
  }

  #turn(nowMs: number): void {
    const { counters, sampleMs } = this.#options;
    this.#lookAtBacklog(nowMs);
    if (nowMs - counters.sampleStartMs >= sampleMs) this.#sample(nowMs);
  }

  #sample(nowMs: number): void {
    const { counters, workload, samples } = this.#options;
    counters.endSample(nowMs, workload.subscriptionsPerTopic, (sample, latencies) => samples.add(sample, latencies));
  }

  /** The rest of the test; a short one is part of the totals only. */
  #lastSample(nowMs: number): void {
    const { counters, workload, samples, sampleMs } = this.#options;
    if (samples.sampleCount === 0 || nowMs - counters.sampleStartMs >= sampleMs * SHORTEST_SAMPLE) {
      this.#sample(nowMs);
    } else {
      counters.endSample(nowMs, workload.subscriptionsPerTopic, () => {});
    }
  }

  #adjustRate(nowMs: number): void {
    const { publisher, counters, workload } = this.#options;
    if (this.#search === undefined || nowMs - this.#lastSearchMs < SEARCH_PERIOD_MS) return;
    const seconds = (nowMs - this.#lastSearchMs) / 1000;
    this.#lastSearchMs = nowMs;
    const received = counters.received / workload.subscriptionsPerTopic;
    const rate = this.#search.next(publisher.rate, seconds, { published: counters.published, received });
    this.#searchedRates.push(Math.round(rate));
    publisher.setRate(rate);
  }

  #beginBacklog(nowMs: number): void {
    this.#options.consumers.pause();
    this.#backlog = 'building';
    this.#backlogStartMs = nowMs;
    // The test lasts until the backlog is gone, and then as long as it should.
    this.#endMs = Number.POSITIVE_INFINITY;
  }

  #lookAtBacklog(nowMs: number): void {
    const { counters, workload, consumers } = this.#options;
    const { messageSize, subscriptionsPerTopic, consumerBacklogSizeGB, backlogDrainRatio, testDurationMs } = workload;
    const messages = counters.backlog(subscriptionsPerTopic);
    const wantedBytes = consumerBacklogSizeGB * GIB;
    if (this.#backlog === 'building' && messages * messageSize >= wantedBytes) {
      this.#buildSeconds = (nowMs - this.#backlogStartMs) / 1000;
      this.#backlogBytes = messages * messageSize;
      this.#backlog = 'draining';
      this.#backlogStartMs = nowMs;
      consumers.resume();
    } else if (this.#backlog === 'draining' && messages <= Math.max(EMPTY_BACKLOG, ((1 - backlogDrainRatio) * wantedBytes) / messageSize)) {
      this.#drainSeconds = (nowMs - this.#backlogStartMs) / 1000;
      this.#backlog = 'drained';
      this.#endMs = nowMs + testDurationMs;
    }
  }

  #backlogOutcome(): NonNullable<PhasesOutcome['backlog']> {
    return {
      bytes: Math.round(this.#backlogBytes),
      buildSeconds: this.#buildSeconds,
      ...(this.#drainSeconds === undefined ? {} : { drainSeconds: this.#drainSeconds }),
    };
  }
}
