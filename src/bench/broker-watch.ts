import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { type BrokerLoad, type BrokerPoint, round } from './environment.js';

const SAMPLE_MS = 1000;
/** Of the times in /proc, on every Linux. */
const TICKS_A_SECOND = 100;
const LISTENING = '0A';
const KIB = 1024;
/** So many samples at most; then every second one is dropped, and the rest come half as often. */
const MOST_SAMPLES = 7200;

interface Usage {
  readonly ticks: number;
  readonly rssBytes: number;
}

/** Watches the processes of brokers that run on this machine; Linux alone says enough about them. */
export class BrokerWatch {
  readonly #pids: readonly number[];
  readonly #series: BrokerPoint[] = [];
  #timer: NodeJS.Timeout | undefined;
  #startMs = 0;
  #startTicks = 0;
  #lastMs = 0;
  #lastTicks = 0;
  #sampleMs = SAMPLE_MS;

  private constructor(pids: readonly number[]) {
    this.#pids = pids;
  }

  /** @returns undefined when none of the brokers is a process of this machine that this user can see. */
  static of(brokerAddrs: readonly string[]): BrokerWatch | undefined {
    const pids = [...new Set(brokerAddrs.map(localPidOf))].filter((pid) => pid !== undefined && pid !== process.pid) as number[];
    return pids.length === 0 ? undefined : new BrokerWatch(pids);
  }

  /** The window begins. */
  start(): void {
    this.stop();
    this.#series.length = 0;
    this.#startMs = this.#lastMs = performance.now();
    this.#startTicks = this.#lastTicks = this.#usage().ticks;
    this.#sampleMs = SAMPLE_MS;
    this.#timer = setInterval(() => this.#sample(), this.#sampleMs).unref();
  }

  /** The window is over; undefined when it never began, or the processes are gone. */
  end(): BrokerLoad | undefined {
    if (this.#timer === undefined) {
      return undefined;
    }
    this.stop();
    if (performance.now() - this.#lastMs > SAMPLE_MS / 2) {
      this.#sample();
    }
    const { ticks, rssBytes } = this.#usage();
    if (rssBytes === 0) {
      return undefined;
    }
    const cpuSeconds = round((ticks - this.#startTicks) / TICKS_A_SECOND, 2);
    return { seconds: round((performance.now() - this.#startMs) / 1000, 3), cpuSeconds, rssBytes, series: this.#series };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sample(): void {
    const { ticks, rssBytes } = this.#usage();
    const nowMs = performance.now();
    const busySeconds = (ticks - this.#lastTicks) / TICKS_A_SECOND;
    const cpuPercent = round((100 * busySeconds) / Math.max((nowMs - this.#lastMs) / 1000, 1e-3), 1);
    this.#series.push({ atSeconds: round((nowMs - this.#startMs) / 1000, 3), cpuPercent: Math.max(0, cpuPercent), rssBytes });
    [this.#lastMs, this.#lastTicks] = [nowMs, ticks];
    if (this.#series.length >= MOST_SAMPLES && this.#timer !== undefined) {
      this.#series.splice(0, this.#series.length, ...this.#series.filter((_, i) => i % 2 === 1));
      this.#sampleMs *= 2;
      clearInterval(this.#timer);
      this.#timer = setInterval(() => this.#sample(), this.#sampleMs).unref();
    }
  }

  #usage(): Usage {
    let ticks = 0;
    let rssBytes = 0;
    for (const pid of this.#pids) {
      const usage = usageOf(pid);
      ticks += usage.ticks;
      rssBytes += usage.rssBytes;
    }
    return { ticks, rssBytes };
  }
}

/** Nothing where the process is gone. */
function usageOf(pid: number): Usage {
  try {
    // The name in brackets may hold anything; fields count from behind it: utime is the 14th of all, stime the 15th.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return { ticks: Number(fields[11]) + Number(fields[12]), rssBytes: Number(rss ?? 0) * KIB };
  } catch {
    return { ticks: 0, rssBytes: 0 };
  }
}

/** The process that listens on a port of this machine, as far as this user may know. */
function localPidOf(brokerAddr: string): number | undefined {
  const colon = brokerAddr.lastIndexOf(':');
  const port = Number(brokerAddr.slice(colon + 1));
  if (process.platform !== 'linux' || !isOwnAddress(brokerAddr.slice(0, colon))) {
    return undefined;
  }
  const inodes = listenersOf(port);
  return inodes.size === 0 ? undefined : ownerOf(inodes);
}

function isOwnAddress(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return (
    bare === 'localhost' ||
    bare.startsWith('127.') ||
    Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === bare))
  );
}

/** Inodes of the sockets that listen on a port. */
function listenersOf(port: number): Set<string> {
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readOrEmpty(table).split('\n')) {
      // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === LISTENING && inode !== undefined && Number.parseInt(local?.split(':')[1] ?? '', 16) === port) {
        inodes.add(inode);
      }
    }
  }
  return inodes;
}

function ownerOf(inodes: ReadonlySet<string>): number | undefined {
  for (const name of namesIn('/proc')) {
    const isOwner = /^\d+$/.test(name) && namesIn(`/proc/${name}/fd`).some((fd) => inodes.has(socketInode(`/proc/${name}/fd/${fd}`)));
    if (isOwner) {
      return Number(name);
    }
  }
  return undefined;
}

function socketInode(link: string): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.[1] ?? '';
  } catch {
    return '';
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
