/*
 * Every recorded run of Apache's mqadmin 5.3.3 (test/commands/mqadmin/vectors, test/cli/vectors), by our mqadmin on Apache's brokers in the
 * same state: the same titles, columns and values, except for what mqadmin-recorded-rules.ts lists with its reason.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientDriver } from '../peers/index.js';
import { ANSWERED, ENDLESS, EXIT_CODES, masked, NOT_COMPARED, PRINTED_FIRST, SHARES, TITLES_ONLY } from './mqadmin-recorded-rules.js';
import { FIRST_AFTER_SEED, learnOffsetIds, ours, type RecordedRun, type Replayed, recordedRuns, replay } from './mqadmin-replay.js';
import { seed, startTwoBrokers, type TwoBrokers } from './mqadmin-seeded.js';
import { interop } from './support.js';

const runs = recordedRuns();
const seqsOf = (lists: readonly { readonly seqs: readonly number[] }[]): Set<number> => new Set(lists.flatMap(({ seqs }) => seqs));
const notCompared = seqsOf(NOT_COMPARED);
const answered = seqsOf(ANSWERED);
const titlesOnly = seqsOf(TITLES_ONLY);
const exitCodes = new Map(Object.entries(EXIT_CODES).flatMap(([code, seqs]) => seqs.map((seq): [number, number] => [seq, Number(code)])));
const compared = runs.filter(({ seq }) => !notCompared.has(seq));

describe('the lists of exceptions', () => {
  it('name recorded runs alone, and each once', () => {
    const known = new Set(runs.map(({ seq }) => seq));
    const listed = [
      ...[...NOT_COMPARED, ...ANSWERED, ...TITLES_ONLY].flatMap(({ seqs }) => seqs),
      ...exitCodes.keys(),
      ...ENDLESS,
      ...SHARES,
    ];
    expect(listed.filter((seq) => !known.has(seq))).toEqual([]);
    expect(listed.filter((seq, i) => listed.indexOf(seq) !== i)).toEqual([]);
    expect(runs).toHaveLength(433);
  });
});

it('messages per second of a group are masked, and its lag is not', () => {
  const group = (tps: number, lag: number): string[] =>
    masked(
      'consumerProgress',
      `GroupPush                 1       V5_3_3                   PUSH   CLUSTERING      ${String(tps).padEnd(8)} ${lag}\n`,
    );
  expect(group(0, 4)).toEqual(group(12, 4));
  expect(group(0, 4)).not.toEqual(group(0, 5));
  const offline = (tps: number): string[] =>
    masked('consumerProgress', `GroupDlq     0       OFFLINE                                 ${tps}   7\n`);
  expect(offline(0)).toEqual(offline(3));
});

interop("recorded runs of Apache's mqadmin, by ours on Apache's 5.3.3", 'java', () => {
  let cluster: TwoBrokers;
  let java: ClientDriver | undefined;
  /** What came of each run, or why it could not be made, which is the fault of that one alone. */
  const outcomes = new Map<number, Replayed | { readonly failure: unknown }>();

  beforeAll(async () => {
    cluster = await startTwoBrokers('apache');
    for (const run of compared) {
      if (run.seq >= FIRST_AFTER_SEED && java === undefined) {
        java = await seed(cluster);
        await learnOffsetIds(cluster);
      }
      const tool = ours({ endless: ENDLESS, seq: run.seq });
      outcomes.set(run.seq, await replay(run, cluster, tool).catch((failure: unknown) => ({ failure })));
    }
  }, 1_200_000);
  afterAll(async () => {
    await java?.close();
    await cluster?.stop();
  });

  it.each(compared.map((run) => [`${run.seq} ${run.command.join(' ')}`, run] as const))('%s', (_, run) => {
    const outcome = outcomes.get(run.seq);
    if (outcome === undefined || 'failure' in outcome) throw outcome?.failure ?? new Error('it was not run');
    expectAsRecorded(run, outcome);
  });
});

function expectAsRecorded(run: RecordedRun, now: Replayed): void {
  const [name = ''] = run.command;
  const [then, here] = [masked(name, run.stdout), masked(name, now.stdout)];
  const exitCode = exitCodes.get(run.seq);
  if (exitCode !== undefined) {
    expect(now.exitCode).toBe(exitCode);
    // The line itself, and notes before it.
    expect(now.stderr).toMatch(/^(note: [^\n]+\n)*[^\n]+\n$/);
    if (PRINTED_FIRST.has(run.seq)) expect(here).toEqual(then);
    else if (exitCode !== 6) expect(masked(name, now.stdout.replace(/^usage: [\s\S]*/, ''))).toEqual([]);
    return;
  }
  if (ENDLESS.has(run.seq)) {
    expect(now.exitCode).toBe(3);
    const kinds = (lines: string[]): Set<string> => new Set(lines.map((line) => line.replace(/\|\d+$/, '|N')));
    if (then.length > 0) expect(kinds(here)).toEqual(kinds(then));
    return;
  }
  expect(now.exitCode).toBe(0);
  expect(now.stderr).toMatch(/^((note: |.* was not known to )[^\n]+\n)*$/);
  if (answered.has(run.seq)) {
    expect(here).not.toEqual([]);
    return;
  }
  if (SHARES.has(run.seq)) expect(shares(now.stdout)).toEqual(shares(run.stdout));
  else if (titlesOnly.has(run.seq)) expect(here.filter(isTitle)).toEqual(then.filter(isTitle));
  else expect(here).toEqual(then);
  expect(Object.keys(now.files).map(plainName).sort()).toEqual(
    Object.keys(run.outputFiles ?? {})
      .map(plainName)
      .sort(),
  );
}

function isTitle(line: string): boolean {
  return line.startsWith('#');
}

function plainName(name: string): string {
  return name.replace(/\d{13}/, 'MS');
}

/** Queues, and how many each address has. */
function shares(text: string): { sizes: [string, number][]; queues: string[] } {
  const { result } = JSON.parse(text) as { result: Record<string, unknown[]> };
  const sizes = Object.entries(result).map(([ip, queues]): [string, number] => [ip, queues.length]);
  const queues = Object.values(result).flatMap((list) => list.map((queue) => JSON.stringify(queue)));
  return { sizes: sizes.sort(), queues: queues.sort() };
}
