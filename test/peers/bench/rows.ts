import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Producer } from '../../../src/client/producer/producer.js';
import { BENCHMARK_HEAP, mqadmin, startBroker, startNamesrv } from '../apache.js';
import { runLauncher, startBundledBroker, startBundledNamesrv } from '../bundled.js';
import { consume, createTopic, produce } from './load.js';
import { residentMiB, sleep } from './measure.js';
import { APACHE_VERSION, apache, ours, type RunningSide, type Side } from './sides.js';

export interface BenchSettings {
  readonly pairs: number;
  readonly seconds: number;
  readonly warmupMessages: number;
  /** On the disk to measure on. */
  readonly dir: string;
  /** Revision that the row `gate` compares with. */
  readonly base: string;
  readonly say: (text: string) => void;
}

/** One figure of the table, with its value of each pair. */
export interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly target: number;
  /** Which way the ratio goes. */
  readonly ratioOf: 'ours : apache' | 'apache : ours';
  readonly ours: number[];
  readonly apache: number[];
  /** What the two sides are called where they are not the bundled nodes and Apache's. */
  readonly sides?: { readonly ours: string; readonly apache: string };
  /** Shown beside; not judged. */
  readonly note?: () => string;
}

export type Row = (settings: BenchSettings) => Promise<Figure[]>;

const TOPIC = 'PeerBench';
const BACKLOG_MESSAGES = 1_000_000;
const IN_FLIGHT = ['-w', '64'];

export function figure(init: Omit<Figure, 'ours' | 'apache'>): Figure {
  return { ...init, ours: [], apache: [] };
}

/**
 * Runs one measurement on each side in turn, and lets the other side begin every second time. Of `sides` that run all the time the
 * one that is not measured stands still: timers and collectors of an idle node show in the other's latency where a load takes all cores.
 */
export async function inPairs(
  settings: BenchSettings,
  measure: (name: Side['name']) => Promise<void>,
  sides?: Record<Side['name'], RunningSide>,
): Promise<void> {
  for (let pair = 0; pair < settings.pairs; pair++) {
    const order: Side['name'][] = pair % 2 === 0 ? ['ours', 'apache'] : ['apache', 'ours'];
    for (const name of order) {
      const other = sides?.[name === 'ours' ? 'apache' : 'ours'];
      other?.pause();
      try {
        await measure(name);
      } finally {
        other?.resume();
      }
    }
  }
}

/** Both sides up and warm while `work` runs. */
export async function withBoth(
  settings: BenchSettings,
  config: Record<string, string>,
  work: (sides: Record<Side['name'], RunningSide>) => Promise<void>,
): Promise<void> {
  const running: RunningSide[] = [];
  try {
    const started = { ours: await ours.start(settings.dir, config), apache: await apache.start(settings.dir, config) };
    running.push(started.ours, started.apache);
    for (const name of ['ours', 'apache'] as const) {
      await createTopic(started[name], TOPIC);
      settings.say(`  ${name}: ${settings.warmupMessages} messages to warm up`);
      await produce(started[name], settings.dir, ['-t', TOPIC, ...IN_FLIGHT, '-q', String(settings.warmupMessages), '--duration', '120s']);
    }
    await work(started);
  } finally {
    await Promise.all(running.map((side) => side.stop()));
  }
}

/** Sends as fast as answers come, and what they cost the broker. */
export const sends: Row = async (settings) => {
  const rate = figure({ what: 'sends, 128 B, 64 in flight, ASYNC_FLUSH', unit: 'msg/s', target: 2, ratioOf: 'ours : apache' });
  const cpu = figure({ what: 'the same, broker CPU per million messages', unit: 's', target: 2.5, ratioOf: 'apache : ours' });
  await withBoth(settings, {}, async (sides) => {
    await inPairs(
      settings,
      async (name) => {
        const { result, brokerCpuSeconds } = await produce(sides[name], settings.dir, [
          '-t',
          TOPIC,
          ...IN_FLIGHT,
          '--duration',
          `${settings.seconds}s`,
        ]);
        rate[name].push(result.send.rate);
        cpu[name].push((brokerCpuSeconds / result.send.count) * 1e6);
        const generator = result.environment.generator.cpuPercent;
        settings.say(
          `  ${name}: ${Math.round(result.send.rate)} msg/s, broker ${brokerCpuSeconds.toFixed(1)} CPU s, generator ${generator} %`,
        );
      },
      sides,
    );
  });
  return [rate, cpu];
};

/** Latency at a rate that both can serve. */
export const p99: Row = async (settings) => {
  const latency = figure({ what: 'p99 at an open-loop 10,000/s', unit: 'ms', target: 2, ratioOf: 'apache : ours' });
  await withBoth(settings, {}, async (sides) => {
    await inPairs(
      settings,
      async (name) => {
        const args = ['-t', TOPIC, '--rate', '10000', '--warmup', '2s', '--duration', `${settings.seconds}s`];
        const { result } = await produce(sides[name], settings.dir, args);
        latency[name].push(result.send.latencyMs.p99);
        const { p50, p999, max } = result.send.latencyMs;
        settings.say(`  ${name}: p50 ${p50}, p99 ${result.send.latencyMs.p99}, p99.9 ${p999}, max ${max} ms, unsent ${result.send.unsent}`);
      },
      sides,
    );
  });
  return [latency];
};

/** Sends that are on disk before they are answered. */
export const sync: Row = async (settings) => {
  const rate = figure({ what: 'sends, 64 in flight, SYNC_FLUSH', unit: 'msg/s', target: 1.5, ratioOf: 'ours : apache' });
  await withBoth(settings, { flushDiskType: 'SYNC_FLUSH' }, async (sides) => {
    await inPairs(
      settings,
      async (name) => {
        const { result } = await produce(sides[name], settings.dir, ['-t', TOPIC, ...IN_FLIGHT, '--duration', `${settings.seconds}s`]);
        rate[name].push(result.send.rate);
        settings.say(`  ${name}: ${Math.round(result.send.rate)} msg/s, p99 ${result.send.latencyMs.p99} ms, errors ${result.send.errors}`);
      },
      sides,
    );
  });
  return [rate];
};

/** Reading a backlog: a million messages, 32 a pull, 8 queues, no listener. */
export const pull: Row = async (settings) => {
  const rate = figure({ what: 'raw pulls of a backlog of 1 M messages', unit: 'msg/s', target: 1.3, ratioOf: 'ours : apache' });
  const perCpu = figure({ what: 'the same, messages per broker CPU second', unit: 'msg/s', target: 2, ratioOf: 'ours : apache' });
  const topic = 'PeerBacklog';
  await withBoth(settings, {}, async (sides) => {
    for (const name of ['ours', 'apache'] as const) {
      await createTopic(sides[name], topic);
      await produce(sides[name], settings.dir, ['-t', topic, ...IN_FLIGHT, '-q', String(BACKLOG_MESSAGES)]);
      settings.say(`  ${name}: backlog of ${BACKLOG_MESSAGES} messages`);
      await consume(sides[name], settings.dir, ['-t', topic, '--raw', '--duration', '5s']);
    }
    await inPairs(
      settings,
      async (name) => {
        const args = ['-t', topic, '--raw', '--pullBatchSize', '32', '--duration', `${settings.seconds}s`];
        const { result, brokerCpuSeconds } = await consume(sides[name], settings.dir, args);
        rate[name].push(result.receive.rate);
        perCpu[name].push(result.receive.count / brokerCpuSeconds);
        const generator = result.environment.generator.cpuPercent;
        settings.say(
          `  ${name}: ${Math.round(result.receive.rate)} msg/s, broker ${brokerCpuSeconds.toFixed(1)} CPU s, generator ${generator} %`,
        );
      },
      sides,
    );
  });
  return [rate, perCpu];
};

/** From nothing to the first message that was taken: name server, broker, a topic that the send creates. */
export const start: Row = async (settings) => {
  const time = figure({ what: 'start of name server and broker to the first send', unit: 'ms', target: 10, ratioOf: 'apache : ours' });
  await inPairs(settings, async (name) => {
    const ms = await timeToFirstSend(name, settings.dir);
    time[name].push(ms);
    settings.say(`  ${name}: ${Math.round(ms)} ms`);
  });
  return [time];
};

async function timeToFirstSend(name: Side['name'], parent: string): Promise<number> {
  const dir = mkdtempSync(join(parent, 'start-'));
  const beganMs = performance.now();
  const nodes = name === 'ours' ? await startOurs(dir) : await startApaches(dir);
  try {
    await firstSend(nodes.namesrvAddr);
    return performance.now() - beganMs;
  } finally {
    const broker = await nodes.broker;
    await Promise.all([broker.kill(), nodes.killNamesrv()]);
    rmSync(dir, { recursive: true, force: true });
  }
}

interface StartingNodes {
  readonly namesrvAddr: string;
  /** Not awaited before the first send: that is what finds out when it serves. */
  readonly broker: Promise<{ kill(): Promise<void> }>;
  killNamesrv(): Promise<void>;
}

async function startOurs(dir: string): Promise<StartingNodes> {
  const namesrv = await startBundledNamesrv(join(dir, 'namesrv'));
  const broker = startBundledBroker({ namesrvAddr: namesrv.address, dir: join(dir, 'broker'), wait: false });
  return { namesrvAddr: namesrv.address, broker, killNamesrv: () => namesrv.process.kill() };
}

async function startApaches(dir: string): Promise<StartingNodes> {
  const namesrv = await startNamesrv({ version: APACHE_VERSION, dir: join(dir, 'namesrv') });
  const broker = startBroker({ version: APACHE_VERSION, namesrvAddr: namesrv.address, dir: join(dir, 'broker'), heap: BENCHMARK_HEAP });
  broker.catch(() => undefined);
  return { namesrvAddr: namesrv.address, broker, killNamesrv: () => namesrv.process.kill() };
}

/** Tries every 5 ms. */
async function firstSend(namesrvAddr: string): Promise<void> {
  const producer = new Producer({ namesrvAddr, producerGroup: 'PG_first', retryTimesWhenSendFailed: 0, sendMsgTimeoutMs: 1000 });
  await producer.start();
  try {
    for (const endMs = performance.now() + 60_000; ; ) {
      try {
        const { sendStatus } = await producer.send({ topic: 'AutoCreated', body: Buffer.from('first') });
        if (sendStatus === 'SEND_OK') {
          return;
        }
      } catch (error) {
        if (performance.now() > endMs) {
          throw error;
        }
      }
      await sleep(5);
    }
  } finally {
    await producer.shutdown();
  }
}

/** Memory of a fresh broker after a million messages. */
export const rss: Row = async (settings) => {
  const files: Record<Side['name'], number[]> = { ours: [], apache: [] };
  const anon = figure({
    what: 'RssAnon of the broker after 1 M messages (Apache -Xmx1g)',
    unit: 'MiB',
    target: 3,
    ratioOf: 'apache : ours',
    note: () => `RssFile ours ${Math.round(files.ours.at(-1) ?? 0)} MiB, apache ${Math.round(files.apache.at(-1) ?? 0)} MiB`,
  });
  await inPairs(settings, async (name) => {
    const side = await (name === 'ours' ? ours : apache).start(settings.dir);
    try {
      await createTopic(side, TOPIC);
      await produce(side, settings.dir, ['-t', TOPIC, ...IN_FLIGHT, '-q', String(BACKLOG_MESSAGES)]);
      const memory = residentMiB(side.brokerPid);
      anon[name].push(memory.anon);
      files[name].push(memory.file);
      settings.say(`  ${name}: RssAnon ${Math.round(memory.anon)} MiB, RssFile ${Math.round(memory.file)} MiB`);
    } finally {
      await side.stop();
    }
  });
  return [anon];
};

/** `mqadmin topicList` as a process, against one and the same Apache cluster. */
export const topicList: Row = async (settings) => {
  const time = figure({ what: 'mqadmin topicList, wall time of the process', unit: 'ms', target: 10, ratioOf: 'apache : ours' });
  const side = await apache.start(settings.dir);
  try {
    await inPairs(settings, async (name) => {
      const beganMs = performance.now();
      const { exitCode, stdout } =
        name === 'ours'
          ? await runLauncher('mqadmin', ['topicList', '-n', side.namesrvAddr])
          : await mqadmin(['topicList', '-n', side.namesrvAddr], { version: APACHE_VERSION });
      const ms = performance.now() - beganMs;
      if (exitCode !== 0 || !stdout.includes('TBW102')) {
        throw new Error(`topicList (${name}) ended with ${exitCode}: ${stdout}`);
      }
      time[name].push(ms);
      settings.say(`  ${name}: ${Math.round(ms)} ms`);
    });
  } finally {
    await side.stop();
  }
  return [time];
};
