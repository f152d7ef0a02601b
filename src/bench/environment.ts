import { readFileSync } from 'node:fs';
import os from 'node:os';
import { type IntervalHistogram, monitorEventLoopDelay, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { mqkitVersion } from './version.js';

/** What a figure depends on beside the broker; part of every result. */
export interface Environment {
  readonly node: string;
  readonly platform: string;
  readonly kernel: string;
  readonly cpuModel: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Of the last minute, when the run began. */
  readonly loadAverage: number;
  readonly startedAt: string;
  readonly generator: GeneratorLoad;
  /** Version of this toolkit. */
  readonly mqkit?: string;
  /** Median of a few writes of 4 KiB and their fdatasync, in the folder for temporary files. */
  readonly fsyncMs?: number;
  /** As the broker says it, where it was asked. */
  readonly brokerVersion?: string;
  /** The broker's process in the measured window, where it runs on this machine. */
  readonly broker?: BrokerLoad;
  /** The processes that made the load together; `generator` is the busiest of them then. */
  readonly workers?: readonly WorkerInfo[];
}

/** One of the processes that made a load together. */
export interface WorkerInfo {
  /** `local 1`, or the address of a worker on another machine. */
  readonly name: string;
  readonly count: number;
  readonly errors: number;
  readonly generator: GeneratorLoad;
  /** Of a worker that was reached by its address. */
  readonly machine?: Pick<Environment, 'node' | 'platform' | 'kernel' | 'cpuModel' | 'cores' | 'memoryBytes' | 'loadAverage'>;
  readonly clock?: ClockOffset;
}

/** How far a worker's clock is ahead of the coordinator's, and by how much that may be wrong: half of the quickest round trip. */
export interface ClockOffset {
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
}

/** What a broker's process used in the measured window. */
export interface BrokerLoad {
  /** How long they were watched: the window, and what was still awaited behind it. */
  readonly seconds?: number;
  readonly cpuSeconds: number;
  /** At the end. */
  readonly rssBytes: number;
  readonly series: readonly BrokerPoint[];
}

export interface BrokerPoint {
  /** From the beginning of the window. */
  readonly atSeconds: number;
  /** Of one core, since the point before. */
  readonly cpuPercent: number;
  readonly rssBytes: number;
}

/** How busy the load generator itself was in the measured window. */
export interface GeneratorLoad {
  readonly cpuSeconds: number;
  /** Of one core. */
  readonly cpuPercent: number;
  /** Share of time the event loop had work, 0 to 1. */
  readonly eventLoopUtilization: number;
  readonly eventLoopLagMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Pauses for garbage collection. */
  readonly gc?: { readonly count: number; readonly totalMs: number; readonly maxMs: number };
}

/** Above this share of one core the generator may be what limits the figure. */
export const BUSY_GENERATOR_PERCENT = 85;

/** Watches this process from `start` on. */
export class GeneratorWatch {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  readonly #collections = new PerformanceObserver((list) => this.#count(list.getEntries()));
  #gc = { count: 0, totalMs: 0, maxMs: 0 };
  #cpu = process.cpuUsage();
  #loop = performance.eventLoopUtilization();
  #startMs = performance.now();

  start(): void {
    this.#collections.disconnect();
    this.#collections.observe({ entryTypes: ['gc'] });
    this.#gc = { count: 0, totalMs: 0, maxMs: 0 };
    this.#cpu = process.cpuUsage();
    this.#loop = performance.eventLoopUtilization();
    this.#startMs = performance.now();
    this.#delay.reset();
    this.#delay.enable();
  }

  stop(): GeneratorLoad {
    const cpu = process.cpuUsage(this.#cpu);
    const seconds = Math.max((performance.now() - this.#startMs) / 1000, 1e-9);
    const cpuSeconds = (cpu.user + cpu.system) / 1e6;
    this.#delay.disable();
    this.#count(this.#collections.takeRecords());
    this.#collections.disconnect();
    const { count, totalMs, maxMs } = this.#gc;
    return {
      cpuSeconds: round(cpuSeconds, 3),
      cpuPercent: round((100 * cpuSeconds) / seconds, 1),
      eventLoopUtilization: round(performance.eventLoopUtilization(this.#loop).utilization, 3),
      eventLoopLagMs: {
        p50: lagMs(this.#delay, this.#delay.percentile(50)),
        p99: lagMs(this.#delay, this.#delay.percentile(99)),
        max: lagMs(this.#delay, this.#delay.max),
      },
      gc: { count, totalMs: round(totalMs, 3), maxMs: round(maxMs, 3) },
    };
  }

  #count(entries: readonly PerformanceEntry[]): void {
    for (const { startTime, duration } of entries) {
      if (startTime >= this.#startMs) {
        this.#gc.count++;
        this.#gc.totalMs += duration;
        this.#gc.maxMs = Math.max(this.#gc.maxMs, duration);
      }
    }
  }
}

const DELAY_RESOLUTION_MS = 10;

/** The histogram holds whole intervals; what exceeds the resolution is lag. */
function lagMs(delay: IntervalHistogram, valueNs: number): number {
  return delay.count === 0 ? 0 : round(Math.max(0, valueNs / 1e6 - DELAY_RESOLUTION_MS), 3);
}

/** This machine and process, with the generator's load of the run. */
export function describeEnvironment(startedAt: Date, loadAverage: number, generator: GeneratorLoad): Environment {
  const cpus = os.cpus();
  return {
    mqkit: mqkitVersion(),
    node: process.version,
    platform: `${os.platform()}-${os.arch()}`,
    kernel: os.release(),
    cpuModel: cpus[0]?.model.trim() || cpuModelFromProc() || 'unknown',
    cores: cpus.length,
    memoryBytes: os.totalmem(),
    loadAverage: round(loadAverage, 2),
    startedAt: startedAt.toISOString(),
    generator,
  };
}

function cpuModelFromProc(): string | undefined {
  try {
    return /^model name\s*:\s*(.+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim();
  } catch {
    return undefined;
  }
}

export function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
