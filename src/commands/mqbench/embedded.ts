import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../common/errors.js';
import { SYSTEM_TOPICS } from '../../common/topic-names.js';
import { freePorts } from '../start/ports.js';

/** What the nodes of a run are like. */
export interface EmbeddedOptions {
  readonly brokers: number;
  readonly flush: FlushDiskType;
}

export type FlushDiskType = 'ASYNC_FLUSH' | 'SYNC_FLUSH';

/** Nodes that live as long as a run. */
export interface EmbeddedNodes {
  readonly namesrvAddr: string;
  readonly clusterName: string;
  readonly brokerPids: readonly number[];
  /** Creates a topic with so many queues on each broker. */
  createTopic(topic: string, queues: number): Promise<void>;
  /** Stops the nodes and removes their folder. */
  stop(): Promise<void>;
}

/** Queues of the topic on each broker. */
export const DEFAULT_QUEUES = 8;
/** Stands for a topic of the system, whose queues nobody may choose. */
const BENCHMARK_TOPIC = 'Benchmark';

/** Values of the options of throw-away nodes, as far as a command has them. */
export interface EmbeddedValues {
  readonly embedded?: boolean;
  readonly brokers?: number | undefined;
  readonly flush?: string | undefined;
  readonly slaves?: number | undefined;
  readonly queues?: number | undefined;
  readonly namesrvAddr?: string | undefined;
  readonly topic?: string;
}

/**
 * Runs the work on nodes of its own; its values have their address, and a topic that was created there.
 * @throws UsageError for options that do not go together.
 */
export async function withEmbedded<V extends EmbeddedValues, R>(
  values: V,
  env: NodeJS.ProcessEnv,
  work: (values: V) => Promise<R>,
): Promise<R> {
  const nodes = await startEmbedded({ brokers: values.brokers ?? 1, flush: flushDiskType(values.flush ?? 'ASYNC_FLUSH') }, env);
  try {
    const topic = values.topic === undefined || SYSTEM_TOPICS.has(values.topic) ? BENCHMARK_TOPIC : values.topic;
    await nodes.createTopic(topic, values.queues ?? DEFAULT_QUEUES);
    return await work({ ...values, namesrvAddr: nodes.namesrvAddr, ...(values.topic === undefined ? {} : { topic }) });
  } finally {
    await nodes.stop();
  }
}

/** Says what options of throw-away nodes do not go together. @throws UsageError */
export function checkEmbedded(values: EmbeddedValues, env: NodeJS.ProcessEnv): void {
  if (values.slaves !== undefined && values.slaves > 0) {
    throw new UsageError(`--slaves ${values.slaves}: the bundled broker does not replicate yet; leave --slaves out`);
  }
  const given = (['brokers', 'flush', 'queues'] as const).find((key) => values[key] !== undefined);
  if (!values.embedded && given !== undefined) {
    throw new UsageError(`--${given} ${values[given]} describes throw-away nodes; add --embedded`);
  }
  if (values.embedded && values.namesrvAddr !== undefined && values.namesrvAddr !== env.NAMESRV_ADDR) {
    throw new UsageError(`--embedded starts nodes of its own; leave -n ${values.namesrvAddr} or --embedded out`);
  }
  if (values.flush !== undefined) flushDiskType(values.flush);
}

/** @throws UsageError for anything but the two ways to flush. */
export function flushDiskType(text: string): FlushDiskType {
  const wanted = text.toUpperCase();
  const found = (['ASYNC_FLUSH', 'SYNC_FLUSH'] as const).find((type) => type === wanted || type === `${wanted}_FLUSH`);
  if (found === undefined) throw new UsageError(`--flush ${text}: expected ASYNC_FLUSH or SYNC_FLUSH`);
  return found;
}

/** Starts a name server and brokers on free ports, with everything they keep in a new folder of the temp folder. */
export async function startEmbedded(options: EmbeddedOptions, env: NodeJS.ProcessEnv): Promise<EmbeddedNodes> {
  const { startNodes } = await import('../start/start-nodes.js');
  const dir = mkdtempSync(join(tmpdir(), 'mqbench-'));
  const keeper = new Keeper(dir);
  try {
    const nodes = await startNodes({
      dir,
      brokers: options.brokers,
      namesrvPort: await freePorts([0], (bound) => randomInt(bound)),
      brokerPort: await freePorts([0, -2, 1], (bound) => randomInt(bound)),
      brokerConfig: { flushDiskType: options.flush },
      // Ctrl-C at a terminal goes to the whole process group; it is for the run, which stops the nodes when it has its result.
      detached: true,
      env: { ...env, MQKIT_STATE_DIR: join(dir, 'run') },
      onSpawn: (pid) => keeper.watch(pid),
    });
    const { namesrvAddr, clusterName } = nodes;
    return {
      namesrvAddr,
      clusterName,
      brokerPids: nodes.brokers.map(({ pid }) => pid),
      createTopic: (topic, queues) => createTopic({ namesrvAddr, clusterName, topic, queues }),
      stop: async () => {
        await nodes.stop();
        await keeper.end();
      },
    };
  } catch (error) {
    await keeper.end();
    throw error;
  }
}

/** Sends what a consumer on nodes of its own is to consume. */
export async function fillTopic(namesrvAddr: string, topic: string, quantity: number): Promise<void> {
  const { runProducerBench } = await import('../../bench/producer-bench.js');
  await runProducerBench({ namesrvAddr, topic, producerGroup: 'benchmark_filler', bodyBytes: 128, inFlight: 256, warmupMs: 0, quantity });
}

async function createTopic(options: { namesrvAddr: string; clusterName: string; topic: string; queues: number }): Promise<void> {
  const [{ AdminClient }, { updateTopic }] = await Promise.all([
    import('../../client/admin/admin-client.js'),
    import('../../client/admin/update-topic.js'),
  ]);
  const admin = new AdminClient({ namesrvAddr: options.namesrvAddr });
  try {
    await updateTopic(admin, {
      clusterName: options.clusterName,
      topic: {
        topicName: options.topic,
        readQueueNums: options.queues,
        writeQueueNums: options.queues,
        perm: 6,
        topicFilterType: 'SINGLE_TAG',
        topicSysFlag: 0,
        order: false,
        attributes: {},
      },
    });
  } finally {
    await admin.close();
  }
}

/** What the keeper runs: the ids of processes come in, a line each; when nobody can write any more, it ends them and removes the folder. */
const KEEPER = `
const { rmSync } = require('node:fs');
let text = '';
process.stdin.setEncoding('utf8').on('data', (part) => { text += part; }).on('end', () => {
  for (const line of text.split('\\n')) {
    try { if (Number(line) > 0 && !text.includes('stopped')) process.kill(Number(line), 'SIGKILL'); } catch {}
  }
  rmSync(process.argv[1], { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
`;

/** A process that outlives this one, however it ends, and leaves nothing of its nodes. */
class Keeper {
  readonly #dir: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(dir: string) {
    this.#dir = dir;
    this.#child = spawn(process.execPath, ['-e', KEEPER, dir], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, windowsHide: true });
    // Without a keeper the nodes still end with the run.
    this.#child.stdin?.on('error', () => undefined);
    this.#ended = new Promise((resolve) => this.#child.once('exit', () => resolve()).once('error', () => resolve()));
    this.#child.unref();
  }

  watch(pid: number): void {
    this.#child.stdin?.write(`${pid}\n`);
  }

  /** The nodes have ended: only the folder is left. */
  async end(): Promise<void> {
    this.#child.ref();
    this.#child.stdin?.end('stopped\n');
    await this.#ended;
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
