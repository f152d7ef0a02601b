/*
 * Recorded runs of the Java tool (vectors/recorded.jsonl) against the bundled nodes in the same state, compared line by line after
 * what differs from run to run is replaced: times, client ports, commit-log offsets, rates. Line order is free where Java's is.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GROUPS_FILE, TOPICS_FILE } from './arguments.js';
import { type CommandRun, runCommand } from './run-command.js';
import { type SeededCluster, startSeededCluster } from './seed.js';

interface Recorded {
  readonly seq: number;
  readonly command: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
}

const recorded = new Map(
  readFileSync(new URL('./vectors/recorded.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded)
    .map((entry) => [entry.seq, entry]),
);

/** Files that lay in the working directory of the recorded runs. */
const FILES: Readonly<Record<string, string>> = { 'topics.json': TOPICS_FILE, 'groups.json': GROUPS_FILE };

let cluster: SeededCluster;

beforeAll(async () => {
  cluster = await startSeededCluster();
}, 120_000);

afterAll(() => cluster.stop());

/** Runs a recorded command line against the seeded cluster. */
async function replay(seq: number): Promise<CommandRun & { expected: string; error: string }> {
  const { command, stdout, stderr } = recorded.get(seq)!;
  const [name = '', ...argv] = command.map((word) => FILES[word] ?? cluster.toOurs(word));
  const run = await runCommand(name, argv, { XDG_STATE_HOME: cluster.sandbox.dir });
  return { ...run, stdout: cluster.toRecorded(run.stdout), expected: stdout, error: stderr };
}

/** Replaces what differs from run to run by something of the same width. */
function normal(text: string): string {
  return (
    text
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d{3})?/g, (time) => 'T'.repeat(time.length))
      .replace(/127\.0\.0\.1:(?!49876|50911|52911)\d{5}/g, '127.0.0.1:PPPPP')
      .replace(/^(CommitLog Offset: +|OffsetID: +).*$/gm, '$1~')
      .replace(/\b(bornTimestamp|storeTimestamp|commitLogOffset|timestamp\(long\))([=[])\d+/g, '$1$2~')
      .replace(/msgId=[0-9A-F]{32}/g, 'msgId=~')
      .replace(/TPS: \d+\.\d+/g, 'TPS: ~')
      .replace(/orderConf=\[(.*)\]/g, (_, conf: string) => `orderConf=[${conf.split(';').sort().join(';')}]`)
      // The language of our clients.
      .replaceAll('OTHER', 'JAVA ')
      .replace(/^JAVA {2}/gm, 'JAVA')
      .replace(/properties={([^}]*)}/g, (_, map: string) => `properties={${sortedMap(map)}}`)
      .replace(/^(Properties: +){(.*)}$/gm, (_, title: string, map: string) => `${title}{${sortedMap(map)}}`)
  );
}

function sortedMap(text: string): string {
  return text.split(', ').sort().join(', ');
}

/**
 * Lines in any order, without an empty one at the end that the Java tool leaves out now and then. Of the tracks of a message only
 * those of GroupPush are compared: for groups that never connected the Java tool prints an exception.
 */
function lines(text: string): string[] {
  const tracks = /^(WARN|MessageTrack|See https)/;
  const split = normal(text.replaceAll(']MessageTrack', ']\nMessageTrack')).replace(/\n+$/, '').split('\n');
  return split.filter((line) => !tracks.test(line) || line.includes('=GroupPush,')).sort();
}

async function expectSame(seq: number): Promise<void> {
  const run = await replay(seq);
  expect(run.stderr).toBe('');
  expect(lines(run.stdout)).toEqual(lines(run.expected));
  expect(run.exitCode).toBe(0);
}

function titled(seqs: readonly number[]): [string, number][] {
  return seqs.map((seq) => [`${seq} ${recorded.get(seq)?.command.join(' ')}`, seq]);
}

describe('commands that create topics and groups print what the Java tool prints', () => {
  it.each(titled([1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 19, 22]))('%s', async (_, seq) => {
    await expectSame(seq);
  });

  it.each(titled([10, 11, 20, 21]))('%s, without the usage text behind a success', async (_, seq) => {
    const run = await replay(seq);
    expect(lines(run.stdout)).toEqual(lines(run.expected.replace(/^usage: [\s\S]*/m, '')));
    expect(run).toMatchObject({ stderr: '', exitCode: 0 });
  });
});

describe('on the seeded cluster', () => {
  beforeAll(() => cluster.fill());

  describe('commands print what the Java tool prints', () => {
    const same = [
      25, 26, 27, 28, 29, 30, 31, 32, 33, 36, 52, 54, 62, 68, 69, 71, 73, 74, 77, 78, 84, 85, 86, 87, 88, 90, 91, 92, 101, 102, 103, 105,
      115, 116, 118,
    ];

    it.each(titled(same))('%s', async (_, seq) => {
      await expectSame(seq);
    });
  });

  it('a list of all groups has the rows of the Java tool, but for the group that the tool itself left behind', async () => {
    const run = await replay(99);
    const rates = (text: string): string[] => lines(text.replace(/\d+( +\d+)$/gm, '~$1').replace(/~ +/g, '~ '));
    expect(rates(run.stdout)).toEqual(rates(run.expected).filter((line) => !line.startsWith('TOOLS_CONSUMER')));
  });

  it.each(titled([292, 295, 298, 304, 307, 310, 313]))('%s', async (_, seq) => {
    const run = await replay(seq);
    // The Java tool leaves out the end of the line.
    expect(run).toMatchObject({ stdout: `${run.expected}\n`, stderr: '', exitCode: 0 });
  });

  it.each(titled([120]))('%s lists the same client', async (_, seq) => {
    const run = await replay(seq);
    const seeded = (text: string): string[] =>
      normal(text.replace(/lastUpdateTimestamp=\d+/g, 'lastUpdateTimestamp=~').replaceAll('language=OTHER', 'language=JAVA'))
        .split('\n')
        .filter((line) => line.includes('(PG_SEED)'));
    expect(seeded(run.stdout)).toEqual(seeded(run.expected));
    expect(run).toMatchObject({ stderr: '', exitCode: 0 });
  });

  it.each(titled([107]))('%s has the parts and columns of the Java tool', async (_, seq) => {
    const run = await replay(seq);
    expect(run).toMatchObject({ stderr: '', exitCode: 0 });
    const parts = (text: string): string[] =>
      normal(text)
        .split('\n')
        // Settings of a client are its own; what is locked too: our client says so of ordered queues only.
        .filter((line) => !/^\w+ *: /.test(line))
        .map((line) =>
          line
            .replace(/Timestamp=\d+/g, 'Timestamp=~')
            .replace(/locked=\w+/, 'locked=~')
            .replace(/ +\d+\.\d\d/g, ' 0.00'),
        );
    expect(parts(run.stdout)).toEqual(parts(run.expected));
    expect(run.stdout).toMatch(/^PROP_CONSUME_TYPE {23}: CONSUME_PASSIVELY$/m);
  });

  it.each(titled([106]))('%s lists the client and its file', async (_, seq) => {
    const { sandbox } = cluster;
    const { command, stdout } = recorded.get(seq)!;
    const [name = '', ...argv] = command.map((word) => cluster.toOurs(word));
    const run = await runCommand(name, [...argv, '--dir', sandbox.dir]);
    const file = /\S+@seed-push$/m.exec(run.stdout)?.[0] ?? '';
    expect(readFileSync(file, 'utf8')).toMatch(/^#Consumer Properties#\n[\s\S]+\n#User Consume Info#\n$/);
    const anyFile = (text: string): string => text.replace(/\S+\/127/, '~/127').replace(/V\d_\d_\d/, 'V');
    expect(anyFile(run.stdout)).toBe(anyFile(stdout));
    expect(run).toMatchObject({ stderr: '', exitCode: 0 });
  });

  it.each(titled([121, 122]))('%s shows the units of a queue in the form of the Java tool', async (_, seq) => {
    const run = await replay(seq);
    // Which broker Apache's tool asks without -b is chance; its broker tries filters on units with an extension only.
    const form = (text: string): string => text.replace(/(physicOffset|physicSize|tagsCode|subVersion"?|eval)([=:])\w+/g, '$1$2~');
    expect(form(run.stdout)).toBe(form(run.expected));
    expect(run.stderr).toMatch(seq === 121 ? /^note: queue 0 of \S+; others have one too, see it with -b: \S+\n$/ : /^$/);
    expect(run.exitCode).toBe(0);
  });

  it.each(titled([400]))('%s, but for the end of the queue', async (_, seq) => {
    const run = await replay(seq);
    const anyEnd = (text: string): string[] => lines(text.replace(/MAX_OFFSET=\d+/g, 'MAX_OFFSET=~'));
    expect(anyEnd(run.stdout)).toEqual(anyEnd(run.expected));
    expect(run).toMatchObject({ stderr: '', exitCode: 0 });
  });

  it.each(titled([76]))('%s, but for the time it took and a remark', async (_, seq) => {
    const run = await replay(seq);
    const result =
      /^ConsumeMessageDirectlyResult \[order=false, autoCommit=true, consumeResult=CR_SUCCESS, remark=\w+, spentTimeMills=\d+\]\n?$/;
    expect(run.stdout).toMatch(result);
    expect(run.expected).toMatch(result);
  });

  it.each(titled([35]))('%s shares the same queues in parts of the same size', async (_, seq) => {
    const run = await replay(seq);
    const shares = (text: string): { sizes: [string, number][]; queues: string[] } => {
      const { result } = JSON.parse(text) as { result: Record<string, unknown[]> };
      const sizes = Object.entries(result).map(([ip, queues]): [string, number] => [ip, queues.length]);
      return {
        sizes: sizes.sort(),
        queues: Object.values(result)
          .flatMap((queues) => queues.map((queue) => JSON.stringify(queue)))
          .sort(),
      };
    };
    expect(shares(run.stdout)).toEqual(shares(run.expected));
  });

  it('a dead-letter message is shown with where it came from', async () => {
    const run = await replay(80);
    const anyId = (text: string): string[] => lines(text.replace(/[0-9A-F]{32}/g, '~'));
    expect(anyId(run.stdout)).toEqual(anyId(run.expected));
  });

  it.each(titled([41, 42, 43]))('%s has the titles and columns of the Java tool', async (_, seq) => {
    const run = await replay(seq);
    const shape = (text: string): string[] =>
      text.split('\n').map((line, i) =>
        i === 0
          ? line
          : line
              .replace(/\d+\.\d+/g, '0.0')
              .replace(/(?<=\s)\d+(?=\s|$)/g, '0')
              .replace(/ +/g, ' '),
      );
    // The progress of timers is a figure that the bundled broker does not have yet.
    expect(shape(run.stdout).map((line) => line.replace(/\d-\d\(/, '0-0('))).toEqual(
      shape(run.expected).map((line) => line.replace(/\d-\d\(/, '0-0(')),
    );
    expect(run.stdout.split('\n').map((line) => line.length)).toEqual(run.expected.split('\n').map((line) => line.length));
  });

  it.each(titled([46, 47]))('%s prints sorted figures in the form of the Java tool', async (_, seq) => {
    const run = await replay(seq);
    const form = /^(127\.0\.0\.1:5[02]911 {10})?(.{32}|\S{33,}): .+$/;
    for (const line of run.stdout.trimEnd().split('\n')) {
      expect(line).toMatch(form);
    }
    const keys = (text: string): string[] => [
      ...new Set(
        text
          .trimEnd()
          .split('\n')
          .map((line) => line.replace(/^127\S+ +/, '').split(/ *: /)[0] ?? ''),
      ),
    ];
    // Figures of parts that the bundled broker has: what the cluster list and dashboards read.
    for (const key of [
      'brokerVersionDesc',
      'putTps',
      'getTransferredTps',
      'msgPutTotalTodayNow',
      'commitLogDiskRatio',
      'earliestMessageTimeStamp',
      'runtime',
    ]) {
      expect(keys(run.stdout)).toContain(key);
      expect(keys(run.expected)).toContain(key);
    }
  });

  it.each(titled([49, 50]))('%s prints every broker under its head', async (_, seq) => {
    const run = await replay(seq);
    const heads = (text: string): string[] =>
      text
        .split('\n')
        .filter((line) => line.startsWith('===='))
        .sort();
    expect(heads(run.stdout)).toEqual(heads(run.expected));
    const row = /^(.{50}|\S{51,})= {2}/;
    const rows = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('===='));
    expect(rows(run.stdout).every((line) => row.test(line))).toBe(true);
    expect(rows(run.expected).every((line) => row.test(line))).toBe(true);
  });

  describe('what the Java tool fails at with exit 0 ends with one line and its exit code', () => {
    it.each([
      [79, 4],
      [70, 4],
      [72, 4],
      [75, 4],
      [117, 4],
      [119, 4],
      [94, 2],
      [95, 2],
      [96, 2],
      [248, 4],
      [219, 4],
      [353, 4],
      [113, 4],
      [123, 4],
      [124, 4],
      [265, 2],
      [231, 2],
      [244, 2],
      [329, 4],
      [324, 2],
      [288, 5],
      [300, 4],
      [337, 4],
      [37, 4],
      [218, 4],
      [227, 2],
      [257, 2],
      [262, 2],
      [283, 4],
      [287, 4],
      [293, 5],
      [297, 4],
    ] as const)('%i', async (seq, exitCode) => {
      const run = await replay(seq);
      expect(run.stdout.replace(/^usage: [\s\S]*/, '')).toBe('');
      expect(run.stderr).toMatch(/^[^\n]+\n$/);
      expect(run.exitCode).toBe(exitCode);
    });

    it.each(titled([284]))('%s is no success for what does not exist', async (_, seq) => {
      const run = await replay(seq);
      expect(run).toMatchObject({ stdout: '', exitCode: 4 });
      expect(run.stderr).toMatch(/nothing was changed/);
    });

    it.each(titled([272, 239]))('%s of what is already gone prints what the Java tool prints, and a remark', async (_, seq) => {
      const run = await replay(seq);
      expect(run.stdout.split('\n').sort()).toEqual(run.expected.split('\n').sort());
      expect(run).toMatchObject({ exitCode: 0 });
      expect(run.stderr).toMatch(/^(topic|group) \S+ was not known to any [^\n]+\n$/);
    });
  });

  describe('changes print what the Java tool prints', () => {
    it.each(titled([223, 229, 236, 240, 252, 255, 276, 279, 280, 267, 269, 234]))('%s', async (_, seq) => {
      const run = await replay(seq);
      // Which settings need a restart or have no effect here is ours to say.
      expect(run.stderr).toMatch(/^(note: [^\n]*\n)*$/);
      const sorted = (text: string): string[] => lines(text.replace(/offset to \d+/, 'offset to ~')).filter((line) => line !== '');
      expect(sorted(run.stdout)).toEqual(sorted(run.expected));
      expect(run.exitCode).toBe(0);
    });

    it.each(titled([213, 215, 221, 249, 251, 254, 263, 266, 274, 277, 281, 291]))('%s', async (_, seq) => {
      const run = await replay(seq);
      const anyCount = (text: string): string[] => lines(text.replace(/OK, \d+/, 'OK, ~'));
      expect(anyCount(run.stdout)).toEqual(anyCount(run.expected));
      expect(run.stderr).toMatch(/^(note: [^\n]*\n)*$/);
      expect(run.exitCode).toBe(0);
    });

    it.each(titled([270]))('%s of what is already gone prints what the Java tool prints, and a remark', async (_, seq) => {
      const run = await replay(seq);
      expect(lines(run.stdout)).toEqual(lines(run.expected));
      expect(run).toMatchObject({ exitCode: 0, stderr: 'k1 of namespace NS1 was not known to any name server\n' });
    });

    it.each(titled([354]))('%s, with the end of its line', async (_, seq) => {
      const run = await replay(seq);
      expect(run).toMatchObject({ stdout: `${run.expected}\n`, exitCode: 0 });
    });

    it.each(titled([332]))('%s fails', async (_, seq) => {
      expect(await replay(seq)).toMatchObject({ stdout: '', exitCode: 4 });
    });

    it.each(titled([335, 339, 402]))('%s', async (_, seq) => {
      const run = await replay(seq);
      const shape = (text: string): string[] =>
        text
          .replace(/^rt=\d+ms/gm, 'rt=~ms')
          .replace(/sgId=[0-9A-F]{32,56}/g, 'sgId=~')
          .replace(/queueOffset=\d+/g, 'queueOffset=~')
          .replace(/true( +)\d+$/gm, 'true$1~')
          .replace(/: \d+\.\d\d$/m, ': ~')
          .split('\n');
      expect(shape(run.stdout)).toEqual(shape(run.expected));
      expect(run).toMatchObject({ stderr: '', exitCode: 0 });
    });

    it.each(titled([317, 320, 326]))('%s', async (_, seq) => {
      const run = await replay(seq);
      const [title, row = ''] = run.stdout.split('\n');
      expect(title).toBe(run.expected.split('\n')[0]);
      expect(row).toMatch(/^broker-[ab] {26}[0-3] {5}SEND_OK {17}[0-9A-F]{32,56}$/);
    });
  });
});
