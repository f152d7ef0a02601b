import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MessageStore } from '../../../broker/store/index.js';
import { seededRandom } from '../../../src/common/clock.js';
import { noopLogger } from '../../../src/common/logger.js';
import { decodeRecord } from '../../../src/common/message/record.js';
import { cpuSeconds } from '../../peers/bench/measure.js';
import { peersDir } from '../../peers/paths.js';
import { spawnBroker, until } from '../../sandbox.js';
import { type ScaleReport, scaleConfig, topicName } from './scale-store.js';

const MESSAGES = Number(process.env.MQKIT_SCALE_MESSAGES ?? 50_000_000);
const TOPICS = 1000;
const QUEUES = 8;
/** Of one message in the log, its queue and the index, and of the queues' files and folders. */
const BYTES_A_MESSAGE = 300;
const BYTES_OF_QUEUES = 2 ** 30;
const SEED = Number(process.env.MQKIT_SEED ?? 1);

/** Needs a real disk; MQKIT_SCALE_DIR chooses it. */
const parent = process.env.MQKIT_SCALE_DIR ?? join(peersDir(), 'scale');
let dir: string;
let root: string;

beforeAll(() => {
  mkdirSync(parent, { recursive: true });
  const { bavail, bsize } = statfsSync(parent);
  const wanted = MESSAGES * BYTES_A_MESSAGE + BYTES_OF_QUEUES;
  if (bavail * bsize < wanted) throw new Error(`${parent} has ${bavail * bsize} bytes left, the test needs ${wanted}`);
  dir = mkdtempSync(join(parent, 'run-'));
  root = join(dir, 'store');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A process that fills the store; `onReport` hears of its progress. */
function fill(messages: number | 'forever', onReport: (report: ScaleReport) => void): { child: ChildProcess; ended: Promise<void> } {
  const script = fileURLToPath(new URL('./scale-store.ts', import.meta.url));
  const args = ['--import', 'tsx', script, root, String(TOPICS), String(QUEUES), String(messages)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: child.stdout! }).on('line', (line) => onReport(JSON.parse(line) as ScaleReport));
  const ended = new Promise<void>((resolve, reject) => {
    child.once('close', (code, signal) =>
      code === 0 || signal === 'SIGKILL' ? resolve() : reject(new Error(`filling ended with ${code}`)),
    );
  });
  return { child, ended };
}

/** Starts a broker on the store; returns how long that took, ms, what it said, and its memory. */
async function timedStart(): Promise<{ ms: number; cpuSeconds: number; rssAnonMiB: number; openFiles: number; stop(): Promise<unknown> }> {
  const beganMs = performance.now();
  const settings = {
    storePathRootDir: root,
    mappedFileSizeCommitLog: scaleConfig(root).mappedFileSizeCommitLog,
    cleanFileForciblyEnable: false,
  };
  const broker = await spawnBroker(dir, { settings, bootMs: 300_000 });
  const ms = performance.now() - beganMs;
  const { pid } = broker.process;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const rssAnonMiB = Math.round(Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1024);
  return { ms, cpuSeconds: cpuSeconds(pid!), rssAnonMiB, openFiles: readdirSync(`/proc/${pid}/fd`).length, stop: () => broker.stop() };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

describe(`${TOPICS} topics of ${QUEUES} queues, ${MESSAGES} messages (seed ${SEED})`, () => {
  it('memory and open files stay bounded while the store grows; queue files are sparse', async () => {
    const reports: ScaleReport[] = [];
    const { ended } = fill(MESSAGES, (report) => {
      reports.push(report);
      if (reports.length % 10 === 0) say(JSON.stringify(report));
    });
    await ended;
    const anonAt = (share: number): number => reports[Math.floor((reports.length - 1) * share)]!.rssAnonMiB;
    // Chance moves the collector: the second half is compared with the end of the first.
    expect(anonAt(0.95)).toBeLessThan(anonAt(0.45) * 1.25 + 32);
    expect(Math.max(...reports.map(({ openFiles }) => openFiles))).toBeLessThan(600);
    const { apparent, allocated } = usage(join(root, 'consumequeue'));
    say(`queue files: ${Math.round(apparent / 2 ** 20)} MiB long, ${Math.round(allocated / 2 ** 20)} MiB on disk`);
    expect(allocated).toBeLessThan(MESSAGES * 20 * 1.2 + TOPICS * QUEUES * 8192);
  });

  it('a broker is ready in 3 s after an orderly stop, and stops', async () => {
    const broker = await timedStart();
    say(
      `start after an orderly stop: ${Math.round(broker.ms)} ms, ${broker.cpuSeconds} CPU s, RssAnon ${broker.rssAnonMiB} MiB, ${broker.openFiles} open files`,
    );
    await broker.stop();
    expect(broker.ms).toBeLessThan(3000);
    expect(broker.openFiles).toBeLessThan(700);
  });

  it('messages at random places are what was put there', async () => {
    const store = await MessageStore.open({ config: scaleConfig(root), logger: noopLogger });
    const random = seededRandom(SEED);
    const times: number[] = [];
    for (let i = 0; i < 20_000; i++) {
      const topic = random.nextInt(TOPICS);
      const queueId = random.nextInt(QUEUES);
      const offset = random.nextInt(Math.floor(MESSAGES / (TOPICS * QUEUES)));
      const beganMs = performance.now();
      const result = store.getMessage(topicName(topic), queueId, offset, 1);
      times.push(performance.now() - beganMs);
      const record = decodeRecord(result.buffers[0]!, 0);
      const serial = offset * TOPICS * QUEUES + queueId * TOPICS + topic;
      expect([record.queueOffset, record.properties]).toEqual([offset, expect.stringContaining(serial.toString(16).toUpperCase())]);
    }
    await store.shutdown();
    times.sort((a, b) => a - b);
    say(`random reads: p50 ${Math.round(times[10_000]! * 1000)} us, p99 ${Math.round(times[19_800]! * 1000)} us`);
  });

  it('a broker is ready in 15 s after kill -9 under load', async () => {
    let put = 0;
    const { child, ended } = fill('forever', ({ messages }) => {
      put = messages;
    });
    await until(() => put >= Math.min(10_000_000, MESSAGES / 5), 600_000);
    child.kill('SIGKILL');
    await ended;
    const broker = await timedStart();
    say(
      `start after kill -9 and ${put} more messages: ${Math.round(broker.ms)} ms, ${broker.cpuSeconds} CPU s, RssAnon ${broker.rssAnonMiB} MiB`,
    );
    await broker.stop();
    expect(broker.ms).toBeLessThan(15_000);
  });
});

/** Lengths of the files below a folder, and what they really take. */
function usage(folder: string): { apparent: number; allocated: number } {
  let apparent = 0;
  let allocated = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const stat = statSync(join(folder, name));
    if (stat.isFile()) {
      apparent += stat.size;
      allocated += stat.blocks * 512;
    }
  }
  return { apparent, allocated };
}
