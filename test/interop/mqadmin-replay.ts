/* The recorded runs of Apache's mqadmin, and how they are run again. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { normalizeArgv } from '../../src/cli/front.js';
import { reportError } from '../../src/cli/report.js';
import { GROUPS_FILE, TOPICS_FILE } from '../commands/mqadmin/arguments.js';
import { commandNames, runCommand } from '../commands/mqadmin/run-command.js';
import type { TwoBrokers } from './mqadmin-seeded.js';
import { until } from './support.js';

/** One run of Apache's tool. */
export interface RecordedRun {
  readonly seq: number;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Null when the run would not have ended. */
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly outputFiles?: Readonly<Record<string, string>>;
}

/** The same run now. */
export interface Replayed {
  readonly stdout: string;
  readonly stderr: string;
  /** Null where it is not known. */
  readonly exitCode: number | null;
  /** What the command left in its folder, by name. */
  readonly files: Readonly<Record<string, string>>;
}

type Place = Pick<TwoBrokers, 'dir' | 'toOurs' | 'toRecorded'>;

type ReplayTool = (words: string[], place: { dir: string; env: Record<string, string> }) => Promise<Omit<Replayed, 'files'>>;

const VECTORS = [
  '../commands/mqadmin/vectors/recorded.jsonl',
  '../commands/mqadmin/vectors/auth.jsonl',
  '../cli/vectors/07-help-errors.jsonl',
];

/** The runs in the order in which they were started; before this one the cluster is filled. */
export const FIRST_AFTER_SEED = 23;

export function recordedRuns(): RecordedRun[] {
  return VECTORS.flatMap((name) =>
    readFileSync(new URL(name, import.meta.url), 'utf8')
      .trim()
      .split('\n'),
  )
    .map((line) => JSON.parse(line) as RecordedRun)
    .sort((a, b) => a.seq - b.seq);
}

/** Offset ids in recorded command lines, by the unique ids of their messages. */
const OFFSET_IDS: Readonly<Record<string, string>> = {
  '7F0000010000C6DF0000000000000000': '7F000001000100000000000000000001',
  '7F0000010000CEAF00000000000000F9': '7F000001000100000000000000000004',
  '7F0000010000CEAF00000000000002EB': '7F000001000100000000000000000008',
  '7F0000010000C6DF00000000000003E4': '7F000001000100000000000000000009',
};

/** Waits until what was seeded can be found, by key and by trace, and learns where the messages of recorded offset ids are. */
export async function learnOffsetIds(cluster: TwoBrokers): Promise<void> {
  const ask = async (...argv: string[]): Promise<string> => {
    const [name = '', ...words] = argv;
    return (await runCommand(name, [...words, '-n', cluster.namesrvAddr])).stdout;
  };
  for (const [recorded, uniqKey] of Object.entries(OFFSET_IDS)) {
    let offsetId: string | undefined;
    await until(async () => {
      offsetId = /^OffsetID: +([0-9A-F]{32})$/m.exec(await ask('queryMsgById', '-t', 'PlainTopic', '-i', uniqKey))?.[1];
      return offsetId !== undefined;
    }, 180_000);
    cluster.replace(recorded, offsetId ?? '');
  }
  const traced = OFFSET_IDS['7F0000010000CEAF00000000000002EB'] ?? '';
  await until(async () => /^Pub[\s\S]*^Sub/m.test(await ask('queryMsgTraceById', '-i', traced)), 180_000);
}

/** From this run on the message of delay level 3 has to be there, ten seconds after it was sent. */
const DELAYED_FROM = 395;

/** Runs a recorded command line on this cluster, in an empty folder. */
export async function replay(run: RecordedRun, cluster: Place, tool: ReplayTool): Promise<Replayed> {
  if (run.seq === DELAYED_FROM) await untilDelivered(cluster);
  const dir = join(cluster.dir, 'work');
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const files: Record<string, string> = { 'topics.json': TOPICS_FILE, 'groups.json': GROUPS_FILE, out: join(dir, 'out') };
  const env = Object.fromEntries(Object.entries(run.env ?? {}).map(([key, value]) => [key, cluster.toOurs(value)]));
  const words = run.command.map((word) => files[word] ?? cluster.toOurs(word.replace('localhost:', '127.0.0.1:')));
  const { stdout, stderr, exitCode } = await tool(words, { dir, env });
  const plain = (text: string): string => cluster.toRecorded(text).replaceAll(`${dir}/`, '');
  const left = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return {
    stdout: plain(stdout),
    stderr: plain(stderr),
    exitCode,
    files: Object.fromEntries(
      left.map(({ parentPath, name }) => [
        join(parentPath, name).slice(dir.length + 1),
        plain(readFileSync(join(parentPath, name), 'utf8')),
      ]),
    ),
  };
}

async function untilDelivered(cluster: Place): Promise<void> {
  const argv = ['-t', 'DelayTopic', '-k', 'DELAY-1', '-n', cluster.toOurs('127.0.0.1:49876')];
  await until(async () => (await runCommand('queryMsgByKey', argv)).exitCode === 0, 180_000);
}

/** Our commands, in this process. Those that never end end after a moment. */
export function ours(options: { endless: ReadonlySet<number>; seq: number; env?: Record<string, string> }): ReplayTool {
  return async ([word = '', ...argv], { dir, env }) => {
    const name = commandNames.find((id) => id.toLowerCase() === word.toLowerCase());
    if (name === undefined) return unknownCommand(word);
    // Long enough for a first round on a busy machine.
    const limit = options.endless.has(options.seq) ? ['--timeout', '10s'] : [];
    const place = name === 'consumerStatus' ? ['--dir', dir] : [];
    return runCommand(name, [...argv, ...limit, ...place], { XDG_STATE_HOME: join(dir, '..'), ...env, ...options.env });
  };
}

function unknownCommand(word: string): Omit<Replayed, 'files'> {
  const { text, exitCode } = reportError(
    caught(() => normalizeArgv([word], { bin: 'mqadmin', ids: commandNames })),
    {
      json: false,
      debug: false,
    },
  );
  return { stdout: '', stderr: `${text}\n`, exitCode };
}

function caught(attempt: () => unknown): unknown {
  try {
    return attempt();
  } catch (error) {
    return error;
  }
}
