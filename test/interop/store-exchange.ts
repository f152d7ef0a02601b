import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApacheVersion, apache, registered, startBundledBroker, startBundledNamesrv } from '../peers/index.js';
import type { Target } from './support.js';

export type Side = 'ours' | ApacheVersion;

/** A broker of either side on a folder. */
export interface ExchangeBroker {
  readonly address: string;
  readonly port: number;
  readonly storeDir: string;
  stop(): Promise<unknown>;
  kill(): Promise<void>;
}

export interface ExchangePlace {
  storeDir: string;
  port?: number;
  config: apache.PropertyMap;
  /** Beside those of `config`: only Apache's brokers get them. */
  apacheConfig?: apache.PropertyMap;
}

/** A folder and a name server for tests in which a store that one side wrote is opened by the other. */
export class StoreExchange {
  readonly dir: string;
  readonly namesrvAddr: string;
  readonly #cleanups: (() => unknown)[] = [];

  private constructor(dir: string, namesrvAddr: string) {
    this.dir = dir;
    this.namesrvAddr = namesrvAddr;
  }

  static async start(name: string): Promise<StoreExchange> {
    const dir = mkdtempSync(join(tmpdir(), `mqkit-${name}-`));
    const namesrv = await startBundledNamesrv(join(dir, 'namesrv'));
    const exchange = new StoreExchange(dir, namesrv.address);
    exchange.onEnd(() => namesrv.process.kill());
    return exchange;
  }

  /** Registers what `end` does, the last one first. */
  onEnd(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  /** Starts a broker on the store and waits until the name server knows it. Its own files lie beside the store. */
  async open(side: Side, place: ExchangePlace): Promise<ExchangeBroker> {
    const { apacheConfig, ...at } = place;
    const options = { namesrvAddr: this.namesrvAddr, dir: join(at.storeDir, '..', `node-${side}`), ...at };
    mkdirSync(options.dir, { recursive: true });
    const broker =
      side === 'ours'
        ? await startBundledBroker(options)
        : await apache.startBroker({ ...options, version: side, config: { ...at.config, ...apacheConfig } });
    this.onEnd(() => broker.kill());
    await registered(this.namesrvAddr, broker.address);
    return broker;
  }

  targetOf(broker: Target['broker'], brokerName = 'broker-a'): Target {
    const none = (): Promise<void> => Promise.reject(new Error('not of this test'));
    return { namesrvAddr: this.namesrvAddr, clusterName: 'DefaultCluster', brokerName, broker, restartBroker: none, stop: none };
  }

  /** Ends all nodes and removes the folder. */
  async end(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
