import { LatencyHistogram } from '../latency-histogram.js';
import { Recorder } from '../recorder.js';
import { readStamp, wallClockUs } from '../stamp.js';
import type { LatencyKind, LatencySet, OmbSample } from './omb-result.js';
import type { PublishSink } from './publisher.js';

/** What is looked at in a message that came. */
interface Received {
  readonly body: Buffer;
  readonly bornTimestamp: number;
  readonly storeTimestamp: number;
}

const KINDS: readonly LatencyKind[] = ['publishLatency', 'publishDelayLatency', 'endToEndLatency'];

/** Counts what is sent and received, for samples and for the whole. */
export class OmbCounters implements PublishSink {
  /** From the planned time to the answer. */
  readonly send = new Recorder();
  readonly receive = new Recorder();
  readonly totals: LatencySet = newSet();
  readonly #sample: LatencySet = newSet();
  /** Since the beginning, warm-up included. */
  published = 0;
  received = 0;
  #failed = 0;
  #sampleStart = { ms: 0, published: 0, received: 0, failed: 0 };

  sent(publishUs: number, delayUs: number, bodyBytes: number): void {
    this.published++;
    this.#sample.publishLatency.record(publishUs);
    this.#sample.publishDelayLatency.record(delayUs);
    this.send.success(publishUs + delayUs, bodyBytes);
  }

  failed(code: string): void {
    this.#failed++;
    this.send.error(code);
  }

  /** Messages that a listener got; end to end counts from the send that the body carries. */
  take(messages: readonly Received[]): void {
    const nowUs = wallClockUs();
    for (const { body, bornTimestamp, storeTimestamp } of messages) {
      const endToEndUs = nowUs - (readStamp(body) ?? bornTimestamp * 1000);
      this.received++;
      this.#sample.endToEndLatency.record(endToEndUs);
      this.receive.success(nowUs - storeTimestamp * 1000, body.length);
      this.receive.endToEnd(endToEndUs);
    }
  }

  /** The warm-up is over. */
  reset(nowMs: number): void {
    for (const kind of KINDS) {
      this.totals[kind].reset();
      this.#sample[kind].reset();
    }
    this.send.reset();
    this.receive.reset();
    this.#beginSample(nowMs);
  }

  /** Ends a sample: what it came to, with its latencies, which are valid during the call. */
  endSample(nowMs: number, subscriptions: number, use: (sample: OmbSample, latencies: LatencySet) => void): void {
    const { ms, published, received, failed } = this.#sampleStart;
    const seconds = Math.max((nowMs - ms) / 1000, 1e-6);
    const sample = {
      publishRate: (this.published - published) / seconds,
      publishErrorRate: (this.#failed - failed) / seconds,
      consumeRate: (this.received - received) / seconds,
      backlog: this.backlog(subscriptions),
    };
    use(sample, this.#sample);
    for (const kind of KINDS) {
      this.totals[kind].add(this.#sample[kind]);
      this.#sample[kind].reset();
    }
    this.#beginSample(nowMs);
  }

  /** Messages that subscriptions have not got yet. */
  backlog(subscriptions: number): number {
    return Math.max(0, subscriptions * this.published - this.received);
  }

  get sampleStartMs(): number {
    return this.#sampleStart.ms;
  }

  #beginSample(ms: number): void {
    this.#sampleStart = { ms, published: this.published, received: this.received, failed: this.#failed };
  }
}

function newSet(): LatencySet {
  return {
    publishLatency: new LatencyHistogram(),
    publishDelayLatency: new LatencyHistogram(),
    endToEndLatency: new LatencyHistogram(),
  };
}
