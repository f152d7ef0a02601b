/**
 * `npm start`: shows on one machine what the project does, with the commands that a user would type. Starts a name server and a
 * broker as processes in a folder of their own, creates a topic, sends and consumes, measures, and stops everything.
 */
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import chalk from 'chalk';
import type { ConsumerResult, ProducerResult } from '../bench/result.js';
import { byteCount, milliseconds, wholeNumber } from '../bench/text.js';
import { exit } from '../cli/exit.js';
import { Child, run } from './start/children.js';
import { freePorts, portsFree } from './start/ports.js';
import { waitForBroker } from './start/readiness.js';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const NAMESRV_PORT = 9876;
const BROKER_PORT = 10911;
const TOPIC = 'FirstTopic';
const BENCH_TOPIC = 'StartBench';
const PACED_TOPIC = 'StartPaced';
/** MQKIT_START_SECONDS makes a short run of it, for tests. */
const BENCH_SECONDS = Number(process.env.MQKIT_START_SECONDS ?? 10);
/** No command of the tour takes so long; one that does is an error, not a wait. */
const COMMAND_LIMIT_MS = (BENCH_SECONDS + 50) * 1000;
/** Share of the rate just measured at which end-to-end latency is looked at; a saturated broker shows only its queues. */
const PACED_SHARE = 0.2;

class Tour {
  readonly #dir: string;
  readonly #nodes: Child[] = [];
  readonly #beganMs = performance.now();
  #namesrvAddr = '';

  constructor(dir: string) {
    this.#dir = dir;
  }

  get env(): NodeJS.ProcessEnv {
    return { ...process.env, MQKIT_STATE_DIR: path.join(this.#dir, 'run'), NAMESRV_ADDR: '' };
  }

  async walk(): Promise<void> {
    await this.#startNodes();
    await this.#firstMessages();
    const send = await this.#measureSending();
    const drain = await this.#measureConsuming(send);
    const paced = await this.#measureEndToEnd(send);
    await this.stop();
    this.#summary(send, drain, paced);
  }

  async #startNodes(): Promise<void> {
    this.#heading('A name server and a broker');
    say(chalk.dim(`in ${path.relative(process.cwd(), this.#dir)}, removed at the end`));
    const namesrvPort = await this.#choosePort('name server', NAMESRV_PORT, [0]);
    const brokerPort = await this.#choosePort('broker', BROKER_PORT, [0, -2, 1]);
    this.#namesrvAddr = `127.0.0.1:${namesrvPort}`;
    const namesrvConf = this.#write('namesrv.properties', { listenPort: namesrvPort, bindAddress: '127.0.0.1', rocketmqHome: this.#dir });
    const brokerConf = this.#write('broker.properties', {
      brokerClusterName: 'DefaultCluster',
      brokerName: 'broker-a',
      brokerId: 0,
      brokerIP1: '127.0.0.1',
      bindAddress: '127.0.0.1',
      listenPort: brokerPort,
      namesrvAddr: this.#namesrvAddr,
      storePathRootDir: path.join(this.#dir, 'store'),
    });
    const begunMs = performance.now();
    this.#nodes.push(new Child('mqnamesrv', ['-c', namesrvConf], this.#context));
    this.#nodes.push(new Child('mqbroker', ['-c', brokerConf], this.#context));
    await waitForBroker(this.#namesrvAddr, { name: 'broker-a', address: `127.0.0.1:${brokerPort}` }, this.#nodes);
    say(
      `${chalk.green('✔')} name server 127.0.0.1:${namesrvPort} and broker 127.0.0.1:${brokerPort} serve after ${Math.round(performance.now() - begunMs)} ms`,
    );
  }

  async #firstMessages(): Promise<void> {
    this.#heading('A topic, a message, and the message again');
    await this.#run('mqadmin', ['updateTopic', '-n', this.#namesrvAddr, '-c', 'DefaultCluster', '-t', TOPIC]);
    await this.#run('mqadmin', ['sendMessage', '-n', this.#namesrvAddr, '-t', TOPIC, '-p', 'hello', '-c', 'tag1']);
    await this.#run('mqadmin', ['consumeMessage', '-n', this.#namesrvAddr, '-t', TOPIC, '-c', '1']);
  }

  async #measureSending(): Promise<ProducerResult> {
    this.#heading('How fast it takes messages');
    const file = path.join(this.#dir, 'producer.json');
    await this.#run('mqadmin', ['updateTopic', '-n', this.#namesrvAddr, '-c', 'DefaultCluster', '-t', BENCH_TOPIC]);
    const duration = ['--duration', `${BENCH_SECONDS}s`, '--warmup', '2s'];
    await this.#run('mqbench', [
      'producer',
      '-n',
      this.#namesrvAddr,
      '-t',
      BENCH_TOPIC,
      '-w',
      '64',
      '-s',
      '128',
      ...duration,
      '--json',
      file,
    ]);
    return readJson<ProducerResult>(file);
  }

  async #measureConsuming(sent: ProducerResult): Promise<ConsumerResult> {
    this.#heading('How fast a consumer gets what is stored');
    const file = path.join(this.#dir, 'drain.json');
    const args = ['consumer', '-n', this.#namesrvAddr, '-t', BENCH_TOPIC, '--from', 'first', '-q', String(sent.send.count), '--json', file];
    await this.#run('mqbench', args);
    return readJson<ConsumerResult>(file);
  }

  async #measureEndToEnd(sent: ProducerResult): Promise<ConsumerResult> {
    this.#heading('How long a message takes from the producer to the consumer');
    const rate = Math.max(100, Math.round((sent.send.rate * PACED_SHARE) / 100) * 100);
    await this.#run('mqadmin', ['updateTopic', '-n', this.#namesrvAddr, '-c', 'DefaultCluster', '-t', PACED_TOPIC]);
    const file = path.join(this.#dir, 'paced.json');
    const producerArgs = [
      'producer',
      '-n',
      this.#namesrvAddr,
      '-t',
      PACED_TOPIC,
      '--rate',
      String(rate),
      '--duration',
      `${BENCH_SECONDS + 20}s`,
    ];
    this.#showCommand('mqbench', [...producerArgs, '&']);
    const producer = new Child('mqbench', producerArgs, this.#context);
    try {
      const args = [
        'consumer',
        '-n',
        this.#namesrvAddr,
        '-t',
        PACED_TOPIC,
        '--duration',
        `${BENCH_SECONDS}s`,
        '--warmup',
        '2s',
        '--json',
        file,
      ];
      await this.#run('mqbench', args);
    } finally {
      await producer.stop();
    }
    return readJson<ConsumerResult>(file);
  }

  /** Stops what runs, broker first; used at the end and after a failure. */
  async stop(): Promise<void> {
    const nodes = this.#nodes.splice(0).reverse();
    if (nodes.length === 0) {
      return;
    }
    this.#heading('A clean stop');
    for (const node of nodes) {
      await node.stop();
      say(`${chalk.green('✔')} ${node.bin} stopped${node.exitCode === 0 ? '' : ` (exit code ${node.exitCode})`}`);
    }
  }

  #summary({ send }: ProducerResult, drain: ConsumerResult, paced: ConsumerResult): void {
    this.#heading('Measured');
    const row = (label: string, text: string): void => say(`${label.padEnd(20)} ${text}`);
    row(
      'send',
      `${chalk.bold(`${wholeNumber(send.rate)} msg/s`)}  ${byteCount(send.bytesPerSecond)}/s of bodies, 128 B each, 64 in flight`,
    );
    row('  latency', latencyText(send.latencyMs));
    row('consume', `${chalk.bold(`${wholeNumber(drain.receive.rate)} msg/s`)}  from a backlog`);
    row('end to end', `at ${wholeNumber(paced.receive.rate)} msg/s`);
    if (paced.receive.endToEndMs !== undefined) row('  latency', latencyText(paced.receive.endToEndMs));
    say('');
    say(chalk.dim(`done in ${Math.round((performance.now() - this.#beganMs) / 1000)} s; see README.md for the cluster by hand`));
  }

  /** The default port where it and its neighbours are free, else others; says so. */
  async #choosePort(what: string, port: number, neighbours: readonly number[]): Promise<number> {
    if (await portsFree(port, neighbours)) {
      return port;
    }
    const chosen = await freePorts(neighbours, (bound) => randomInt(bound));
    say(`port ${port} is taken: the ${what} listens on ${chosen}`);
    return chosen;
  }

  #write(name: string, entries: Readonly<Record<string, string | number>>): string {
    const file = path.join(this.#dir, name);
    const escaped = (value: string | number): string => String(value).replaceAll('\\', '\\\\');
    writeFileSync(
      file,
      `${Object.entries(entries)
        .map(([key, value]) => `${key}=${escaped(value)}\n`)
        .join('')}`,
    );
    return file;
  }

  get #context(): { root: string; dir: string; env: NodeJS.ProcessEnv } {
    return { root: ROOT, dir: this.#dir, env: this.env };
  }

  async #run(bin: string, args: readonly string[]): Promise<void> {
    this.#showCommand(bin, args);
    await run(bin, args, this.#context, COMMAND_LIMIT_MS);
  }

  #showCommand(bin: string, args: readonly string[]): void {
    say(chalk.dim(`$ ${[bin, ...args.map((arg) => arg.replace(`${this.#dir}${path.sep}`, ''))].join(' ')}`));
  }

  #heading(text: string): void {
    say(`\n${chalk.bold.cyan(text)}`);
  }
}

function latencyText(latency: { p50: number; p99: number; p999: number; max: number }): string {
  return `p50 ${milliseconds(latency.p50)} ms   p99 ${milliseconds(latency.p99)} ms   p99.9 ${milliseconds(latency.p999)} ms   max ${milliseconds(latency.max)} ms`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

/** A new folder below the project, on the disk that a user's cluster would be on. */
function makeDir(): string {
  const base = path.join(ROOT, '.mqkit');
  mkdirSync(base, { recursive: true });
  return mkdtempSync(path.join(base, 'start-'));
}

async function main(): Promise<number> {
  const dir = makeDir();
  const tour = new Tour(dir);
  let interrupted = false;
  const onSignal = (): void => {
    interrupted = true;
    void tour.stop().then(() => exit(130));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal);
  try {
    await tour.walk();
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    return 0;
  } catch (error) {
    if (interrupted) {
      return 130;
    }
    await tour.stop();
    process.stderr.write(`${chalk.red('npm start failed')}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.stderr.write(`what the nodes said is in ${dir}\n`);
    return 1;
  }
}

if (!existsSync(path.join(ROOT, 'bin'))) {
  throw new Error(`${ROOT} has no bin folder`);
}
await exit(await main());
