import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BENCHMARK_HEAP, type PropertyMap, startBroker, startNamesrv } from '../apache.js';
import { startBundledBroker, startBundledNamesrv } from '../bundled.js';
import { registered } from '../wire.js';

export const APACHE_VERSION = '5.3.3';
/** What the nodes of tests have switched off, and users have not. */
const AS_SHIPPED: PropertyMap = { brokerFastFailureEnable: true };

/** A name server and a broker of one side, as processes. */
export interface RunningSide {
  readonly namesrvAddr: string;
  readonly brokerPid: number;
  readonly brokerAddr: string;
  /** Stops both processes where they are (SIGSTOP), so that they take nothing from the side that is measured; `resume` lets them go on. */
  pause(): void;
  resume(): void;
  /** Kills both and removes their files. */
  stop(): Promise<void>;
}

function pausing(pids: readonly number[]): Pick<RunningSide, 'pause' | 'resume'> {
  const signal = (name: NodeJS.Signals): void => {
    for (const pid of pids) process.kill(pid, name);
  };
  return { pause: () => signal('SIGSTOP'), resume: () => signal('SIGCONT') };
}

/** The bundled nodes or Apache's. */
export interface Side {
  readonly name: 'ours' | 'apache';
  start(dir: string, config?: PropertyMap): Promise<RunningSide>;
}

export const ours: Side = {
  name: 'ours',
  async start(parent, config = {}) {
    const dir = mkdtempSync(join(parent, 'ours-'));
    const namesrv = await startBundledNamesrv(join(dir, 'namesrv'));
    const broker = await startBundledBroker({
      namesrvAddr: namesrv.address,
      dir: join(dir, 'broker'),
      config: { ...AS_SHIPPED, ...config },
    });
    return {
      namesrvAddr: namesrv.address,
      brokerPid: broker.process.pid,
      brokerAddr: broker.address,
      ...pausing([namesrv.process.pid, broker.process.pid]),
      stop: async () => {
        await Promise.all([broker.kill(), namesrv.process.kill()]);
        rmSync(dir, { recursive: true, force: true });
      },
    };
  },
};

export const apache: Side = {
  name: 'apache',
  async start(parent, config = {}) {
    const dir = mkdtempSync(join(parent, 'apache-'));
    const namesrv = await startNamesrv({ version: APACHE_VERSION, dir: join(dir, 'namesrv') });
    mkdirSync(join(dir, 'broker'), { recursive: true });
    const broker = await startBroker({
      version: APACHE_VERSION,
      namesrvAddr: namesrv.address,
      dir: join(dir, 'broker'),
      heap: BENCHMARK_HEAP,
      config: { ...AS_SHIPPED, ...config },
    });
    await registered(namesrv.address, broker.address);
    return {
      namesrvAddr: namesrv.address,
      brokerPid: broker.process.pid,
      brokerAddr: broker.address,
      ...pausing([namesrv.process.pid, broker.process.pid]),
      stop: async () => {
        await Promise.all([broker.kill(), namesrv.process.kill()]);
        rmSync(dir, { recursive: true, force: true });
      },
    };
  },
};
