/*
 * The recorded runs by Apache's own tools against the bundled brokers: 5.3.3 prints what it printed on Apache's brokers, and 4.9.7 prints the
 * same on both clusters. Less what the bundled brokers do not have (LACKING), which the tools are told with a response code.
 */
import { beforeAll, expect, it } from 'vitest';
import { type ApacheVersion, javaClient } from '../peers/index.js';
import { masked, NOT_COMPARED, SHARES, TITLES_ONLY } from './mqadmin-recorded-rules.js';
import { FIRST_AFTER_SEED, learnOffsetIds, ours, type RecordedRun, type Replayed, recordedRuns, replay } from './mqadmin-replay.js';
import { seed, startTwoBrokers } from './mqadmin-seeded.js';
import { interop } from './support.js';

/** Commands for what the bundled brokers lack: access control, controllers, static topics, containers, RocksDB, cold data. */
const LACKING =
  /^(\w*(User|Acl|StaticTopic|ColdData\w*)|getBrokerEpoch|getSyncStateSet|\w*Controller\w*|electMaster|cleanBrokerMetadata|addBroker|removeBroker|checkRocksdb\w*|\w*RocksDB\w*|rocksDB\w*|setCommitLogReadAheadMode|exportPopRecord)$/i;

/** Not run in a JVM that is to go on. */
function endsTheJvm({ exit, command }: RecordedRun): boolean {
  return exit !== 0 || command.includes('-h') || command.includes('--help');
}

/** What the tools show that is no matter of the broker, or that the bundled one does on purpose in another way. */
const CHANCE = [
  { why: 'which name server of a list a tool asks is chance, and it does not ask another', seqs: [197, 358, 359] },
  { why: 'the name server of the process is asked, not that of the words behind --', seqs: [441] },
  { why: 'the static topic was not made', seqs: [303, 305] },
  { why: 'an index beyond the queue is answered with the limits of the queue, not with an empty body', seqs: [123] },
  { why: 'filters are tried on every unit, not only on those with an extension', seqs: [122] },
];

/** Of the tool of 4.9.7 alone. */
const CHANCE_OF_4_9 = [
  { why: 'it fails at a rate that Apache’s 5.3.3 does not send, and the bundled brokers do', seqs: [41, 137] },
  { why: 'a permission that cannot be is refused by the bundled brokers; later tools refuse it themselves', seqs: [187] },
];

/** What says more on the bundled brokers: figures and settings of the recorded runs are all there. */
const SAYS_MORE = /^(brokerStatus|getBrokerConfig)$/;

/** What Apache's broker computes, and keys that only the set-up of the recorded runs gave. */
const NO_SETTINGS =
  /^(authenticationMetadataProvider|authorizationMetadataProvider|bitMapLengthConsumeQueueExt|isBrokerContainer|isInBrokerContainer|storePathCommitLog) /;

const skipped = new Set([...NOT_COMPARED, ...CHANCE].flatMap(({ seqs }) => seqs));
const skippedOf49 = new Set(CHANCE_OF_4_9.flatMap(({ seqs }) => seqs));
const titlesOnly = new Set(TITLES_ONLY.flatMap(({ seqs }) => seqs));
const runs = recordedRuns().filter(
  (run) => run.seq >= FIRST_AFTER_SEED && !skipped.has(run.seq) && !endsTheJvm(run) && run.env === undefined && run.command.includes('-n'),
);

interop("recorded runs by Apache's tool of 5.3.3 on the bundled brokers", 'java', () => {
  let now: Map<number, Replayed>;

  beforeAll(async () => {
    now = await runAll('bundled', '5.3.3');
  }, 3_600_000);

  it.each(titled())('%s is as on Apache’s', (_, run) => expectSame(run, now.get(run.seq), run));
});

interop("recorded runs by Apache's tool of 4.9.7", 'java', () => {
  let now: Map<number, Replayed>;
  let theirs: Map<number, Replayed>;

  beforeAll(async () => {
    // Both end, so that neither leaves its processes when the other fails.
    const [first, second] = await Promise.allSettled([runAll('bundled', '4.9.7'), runAll('apache', '4.9.7')]);
    if (first.status === 'rejected') throw first.reason;
    if (second.status === 'rejected') throw second.reason;
    [now, theirs] = [first.value, second.value];
  }, 3_600_000);

  it.each(titled().filter(([, { seq }]) => !skippedOf49.has(seq)))('%s is on the bundled brokers as on Apache’s of 5.3.3', (_, run) => {
    expectSame(run, now.get(run.seq), theirs.get(run.seq));
  });
});

function titled(): [string, RecordedRun][] {
  return runs.map((run) => [`${run.seq} ${run.command.join(' ')}`, run]);
}

/** Fills a cluster and runs all with Apache's tool. */
async function runAll(kind: 'apache' | 'bundled', version: ApacheVersion): Promise<Map<number, Replayed>> {
  const cleanups: (() => Promise<unknown>)[] = [];
  const outcomes = new Map<number, Replayed>();
  try {
    const cluster = await startTwoBrokers(kind);
    cleanups.push(() => cluster.stop());
    for (const run of recordedRuns().filter(({ seq }) => seq < FIRST_AFTER_SEED)) {
      await replay(run, cluster, ours({ endless: new Set(), seq: run.seq }));
    }
    const clients = await seed(cluster);
    cleanups.push(() => clients.close());
    await learnOffsetIds(cluster);
    const tools = await javaClient(version);
    cleanups.push(() => tools.close());
    for (const run of runs) {
      const outcome = await replay(run, cluster, async (words) => {
        const { stdout, stderr } = await tools.mqadmin(cluster.namesrvAddr, words);
        return { stdout, stderr, exitCode: null };
      });
      outcomes.set(run.seq, outcome);
    }
    return outcomes;
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

type Printed = Pick<Replayed, 'stdout' | 'stderr'>;

function expectSame({ seq, command }: RecordedRun, now: Printed = NOTHING, then: Printed = NOTHING): void {
  const [name = ''] = command;
  expect(now).not.toBe(NOTHING);
  expect(then).not.toBe(NOTHING);
  if (LACKING.test(name)) {
    // Where the feature is missing the tool is told so.
    if (masked(name, now.stdout).join() !== masked(name, then.stdout).join()) expect(failureOf(now.stderr)).not.toBeNull();
    return;
  }
  const [here, there] = [linesOf(name, now.stdout), linesOf(name, then.stdout)];
  expect(failureOf(now.stderr)).toBe(failureOf(then.stderr));
  if (SHARES.has(seq)) expect(here).toHaveLength(there.length);
  else if (titlesOnly.has(seq)) expect(here.filter(isTitle)).toEqual(there.filter(isTitle));
  else if (SAYS_MORE.test(name)) expect(there.filter((line) => !here.includes(line) && !NO_SETTINGS.test(line))).toEqual([]);
  else expect(here).toEqual(there);
}

/** Without the rows in which request 300 of Apache's brokers says the name of the topic for a group. */
function linesOf(name: string, stdout: string): string[] {
  const lines = masked(name, stdout.replace(/\b(queueId=\d+|brokerName=broker-[ab])(?=[^[]*\], queueOffset)/g, ''));
  return lines.filter(
    (line) => !/\b(\w+Topic) +\1\b|DlqSrcTopic( N N N {2}NO_CONSUMER)?$|MessageTrack \[consumerGroup=\w+Topic,/.test(line),
  );
}

function isTitle(line: string): boolean {
  return line.startsWith('#');
}

const NOTHING: Printed = { stdout: '', stderr: '' };

/** The response code, or the name of the last exception; null where nothing failed. */
function failureOf(stderr: string): string | null {
  // What a tool logs on its way is no failure.
  if (/^\d\d:\d\d:\d\d\.\d+ (ERROR|WARN)/m.test(stderr) && !/command(?: execute)? ?failed/.test(stderr)) return null;
  const code = /CODE: (\d+)/.exec(stderr)?.[0];
  return code ?? [...stderr.matchAll(/\b(\w+(?:Exception|Error)):/g)].at(-1)?.[1] ?? null;
}
