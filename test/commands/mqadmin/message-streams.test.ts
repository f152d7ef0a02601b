/* Messages as streams: what is sent from lines and files, read again, and taken to other topics. */
import { randomInt } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient } from '../../../src/client/admin/admin-client.js';
import type { CopyResult } from '../../../src/client/admin/copy-messages.js';
import type { MessageLine } from '../../../src/client/admin/message-lines.js';
import { produceMessages } from '../../../src/client/admin/produce-messages.js';
import { Producer } from '../../../src/client/producer/producer.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { type CommandRun, runCommand } from './run-command.js';

let sandbox: Sandbox;
let producer: Producer;

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 2, brokerConfig: { enablePropertyFilter: true } });
  await mqadmin('updateTopic', '-c', 'DefaultCluster', '-t', 'Streams', '-r', '2', '-w', '2');
  producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PG_streams' });
  await producer.start(['Streams']);
  for (const [i, body] of ['first', 'second', 'third'].entries()) {
    await producer.send(
      { topic: 'Streams', body: Buffer.from(body), tags: `Tag${i}`, keys: `key-${i}`, properties: new Map([['n', String(i)]]) },
      { queue: { topic: 'Streams', brokerName: 'broker-a', queueId: 0 } },
    );
  }
});

afterAll(async () => {
  await producer?.shutdown();
  await sandbox?.stop();
});

/** The bodies of a topic in the order they were stored. */
async function bodiesOf(topic: string, ...argv: string[]): Promise<string[]> {
  const { stdout } = await mqadmin('tail', '-t', topic, '--format', '%s\\n', ...argv);
  return stdout.split('\n').slice(0, -1);
}

/** With lines on stdin. */
function produce(lines: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand('produce', argv, { NAMESRV_ADDR: sandbox.namesrvAddr }, lines);
}

function mqadmin(command: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(command, argv, { NAMESRV_ADDR: sandbox.namesrvAddr });
}

describe('tail', () => {
  it('prints messages by a format string', async () => {
    const run = await mqadmin('tail', '-t', 'Streams', '--format', '%t %b:%q:%o %g %k %{n} %S %s %x%%\\t|\\n');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout.split('\n')).toEqual([
      'Streams broker-a:0:0 Tag0 key-0 0 5 first Zmlyc3Q=%\t|',
      'Streams broker-a:0:1 Tag1 key-1 1 6 second c2Vjb25k%\t|',
      'Streams broker-a:0:2 Tag2 key-2 2 5 third dGhpcmQ=%\t|',
      '',
    ]);
  });

  it('prints one line a message for readers, and in the formats for programs', async () => {
    const { stdout } = await mqadmin('tail', '-t', 'Streams', '--last', '1');
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} broker-a:0:2 tags=Tag2 keys=key-2 third\n$/);
    const lines = (await mqadmin('tail', '-t', 'Streams', '--output', 'json')).stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).body)).toEqual(['first', 'second', 'third']);
    const csv = (await mqadmin('tail', '-t', 'Streams', '--output', 'csv')).stdout.trimEnd().split('\n');
    expect(csv.length).toBe(4);
    const names = (await mqadmin('tail', '-t', 'Streams', '--output', 'name')).stdout.trimEnd().split('\n');
    expect(names).toEqual(lines.map((line) => JSON.parse(line).msgId));
  });

  it.each([
    [
      ['--tags', 'Tag1 || Tag2'],
      ['second', 'third'],
    ],
    [['--sql', 'n = 1'], ['second']],
    [
      ['--key', 'key-0', '--key', 'key-2'],
      ['first', 'third'],
    ],
    [['--offset', '1', '--end-offset', '2'], ['second']],
    [['-i', 'broker-a:0', '-m', '1'], ['first']],
    [['-i', 'broker-b:0', '-i', '1'], []],
    [
      ['--since', '1h', '--end', 'now', '--last', '2'],
      ['second', 'third'],
    ],
    [['--begin', '2020-01-01T00:00:00Z', '--end', '2020-01-02T00:00:00+08:00'], []],
  ])('with %j reads what is asked for', async (argv, bodies) => {
    const run = await mqadmin('tail', '-t', 'Streams', '--format', '%s\\n', ...argv);
    expect(run).toEqual({ exitCode: 0, stderr: '', stdout: bodies.map((body) => `${body}\n`).join('') });
  });

  it.each([
    [['--format', '%y'], 2, /--format: %y/],
    [['--queue', 'broker-a'], 2, /expects the id of a queue/],
    [['--begin', '2026-02-30T00:00:00'], 2, /expects a time/],
    [['--begin', '20', '--end', '10'], 2, /begin 20 is after the end 10/],
    [['--follow', '--end', 'now'], 2, /--follow waits/],
    [['--format', '%s', '--json'], 2, /exclude one another/],
    [['-i', '7'], 4, /no readable queue 7/],
    [['--sql', 'n >'], 1, /CODE_OF_FILTER|SUBSCRIPTION_PARSE_FAILED/],
  ])('with %j says what is wrong', async (argv, exitCode, message) => {
    const run = await mqadmin('tail', '-t', 'Streams', ...argv);
    expect(run).toMatchObject({ exitCode });
    expect(run.stderr).toMatch(message);
  });
});

describe('produce', () => {
  it('sends each line of stdin, and says how many on stderr', async () => {
    const run = await produce('one\n\ntwo\nthree', '-t', 'Lines', '-i', 'broker-a:0', '-c', 'T', '-k', 'a b', '-p', 'x=1=2');
    expect(run).toMatchObject({ exitCode: 0, stdout: '' });
    expect(run.stderr).toMatch(/^3 sent, 0 failed in [\d.]+ s/);
    const { stdout } = await mqadmin('tail', '-t', 'Lines', '--format', '%q %g %k %{x} %s\\n');
    expect(stdout).toBe('0 T a b 1=2 one\n0 T a b 1=2 two\n0 T a b 1=2 three\n');
  });

  it('sends what tail prints as JSON without loss', async () => {
    const strange = Buffer.from([0, 255, 10, 13, 1, 2, 128]);
    const properties = new Map([
      ['p', 'ü"\\'],
      ['__SHARDINGKEY', 's'],
    ]);
    const messages = [
      { topic: 'Origin', body: strange, tags: 'A', keys: ['k1', 'k2'], flag: 7, properties },
      { topic: 'Origin', body: Buffer.from('ü \n"\\\u2028'), delayTimeLevel: 0 },
      { topic: 'Origin', body: Buffer.alloc(5000, 'x'), keys: 'large' },
    ];
    for (const message of messages) {
      await producer.send(message);
    }
    const { stdout } = await mqadmin('tail', '-t', 'Origin', '--output', 'json');
    const run = await produce(stdout, '-t', 'Again', '--input', 'json', '--json');
    expect(JSON.parse(run.stdout)).toMatchObject({ topic: 'Again', sent: 3, failed: 0 });
    const lasting = ({
      body,
      bodyBase64,
      tags,
      keys,
      flag,
      properties: { p, __SHARDINGKEY },
    }: MessageLine & { properties: Record<string, string> }) => ({ body, bodyBase64, tags, keys, flag, p, __SHARDINGKEY });
    const linesOf = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => lasting(JSON.parse(line)));
    const again = await mqadmin('tail', '-t', 'Again', '--output', 'json');
    const byBody = (a: ReturnType<typeof lasting>, b: ReturnType<typeof lasting>) =>
      `${a.body}${a.bodyBase64}`.localeCompare(`${b.body}${b.bodyBase64}`);
    expect(linesOf(again.stdout).sort(byBody)).toEqual(linesOf(stdout).sort(byBody));
    expect(linesOf(stdout).find((line) => line.flag === 7)).toMatchObject({
      bodyBase64: strange.toString('base64'),
      tags: 'A',
      keys: 'k1 k2',
    });
  });

  it('keeps the order of the messages of a key, which it finds in the line', async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `k${i % 7}:${i}`);
    const run = await produce(lines.join('\n'), '-t', 'Keyed', '--key-delimiter', ':', '--ordered');
    expect(run.stderr).toContain('3000 sent, 0 failed');
    const { stdout } = await mqadmin('tail', '-t', 'Keyed', '--format', '%b:%q %k %s\\n');
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((row) => row.split(' '));
    expect(rows.length).toBe(3000);
    for (let key = 0; key < 7; key++) {
      const its = rows.filter((row) => row[1] === `k${key}`);
      expect(new Set(its.map((row) => row[0])).size).toBe(1);
      expect(its.map((row) => Number(row[2]))).toEqual(lines.map((_, i) => i).filter((i) => i % 7 === key));
    }
  });

  it('reads other delimiters, and files as they are', async () => {
    const path = join(sandbox.dir, 'body.bin');
    writeFileSync(path, 'a\nb\n');
    expect((await produce('1;;2\n3;;', '-t', 'Files', '-i', 'broker-a:0', '--delimiter', ';;')).stderr).toContain('3 sent');
    expect((await mqadmin('produce', '-t', 'Files', '-i', 'broker-a:0', '--file', path, '--file', path)).stderr).toContain('2 sent');
    const lines = (await mqadmin('tail', '-t', 'Files', '--output', 'json')).stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).body)).toEqual(['1', '2\n3', '\n', 'a\nb\n', 'a\nb\n']);
  });

  it('gives messages delays, which a line may have of its own', async () => {
    const lines = ['{"body":"later"}', '{"body":"soon","delayTimeMs":1}'].join('\n');
    const run = await produce(lines, '-t', 'Delayed', '--input', 'json', '--delay', '1h');
    expect(run.stderr).toContain('2 sent');
    await until(async () => (await bodiesOf('Delayed')).length > 0, 20_000);
    expect(await bodiesOf('Delayed')).toEqual(['soon']);
  });

  it('stops at the first line that is no message, says where, and what was stored', async () => {
    const lines = ['{"body":"a"}', '{"body":"b"}', '{"body":', '{"body":"d"}'].join('\n');
    const run = await produce(lines, '-t', 'Broken', '--input', 'json');
    expect(run).toMatchObject({ exitCode: 2 });
    expect(run.stderr).toMatch(/line 3: not JSON.*; 2 messages were stored before it/);
    expect((await bodiesOf('Broken')).sort()).toEqual(['a', 'b']);
    const skipping = await produce(lines, '-t', 'Broken', '--input', 'json', '--skip-invalid');
    expect(skipping).toMatchObject({ exitCode: 0 });
    expect(skipping.stderr).toMatch(/^3 sent, 0 failed, 1 were no messages/);
  });

  it('sends nothing in a dry run', async () => {
    const run = await produce('a\nb', '-t', 'Streams', '--dry-run');
    expect(run).toMatchObject({ exitCode: 0, stderr: 'dry run: would send 2 messages to Streams\n' });
    expect(await bodiesOf('Streams')).toEqual(['first', 'second', 'third']);
  });

  it.each([
    [['--input', 'xml'], 2, /expected lines or json/],
    [['--delay', '1s', '--delay-level', '3'], 2, /already been selected/],
    [['--property', 'x'], 2, /expects name=value/],
    [['--delimiter', '\\q'], 2, /--delimiter: \\q/],
    [['--queue', 'broker-c:0'], 4, /no queue broker-c:0/],
    [['--from', '/nothing/there'], 2, /\/nothing\/there cannot be read \(ENOENT\)/],
  ])('with %j says what is wrong', async (argv, exitCode, message) => {
    const run = await produce('x', '-t', 'Streams', ...argv);
    expect(run).toMatchObject({ exitCode });
    expect(run.stderr).toMatch(message);
  });
});

describe('copy', () => {
  const offsetsFile = () => join(sandbox.dir, `offsets-${randomInt(1e9)}.jsonl`);
  const createTopic = (topic: string, queues: number) =>
    mqadmin('updateTopic', '-c', 'DefaultCluster', '-t', topic, '-r', String(queues), '-w', String(queues));
  const copied = async (...argv: string[]): Promise<CopyResult> => {
    const run = await mqadmin('copy', ...argv, '--output', 'json');
    expect(run).toMatchObject({ exitCode: 0 });
    return JSON.parse(run.stdout) as CopyResult;
  };

  beforeAll(async () => {
    await createTopic('Source', 2);
    const lines = Array.from({ length: 500 }, (_, i) =>
      JSON.stringify({ body: `m${i}`, tags: i % 2 === 0 ? 'even' : 'odd', keys: `k${i % 9}`, flag: i }),
    );
    expect((await produce(lines.join('\n'), '-t', 'Source', '--input', 'json', '--ordered')).stderr).toContain('500 sent');
  });

  it('takes messages from queue to queue, in order, with what they are copies of', async () => {
    await createTopic('Target', 2);
    const plan = await mqadmin('copy', '-t', 'Source', '--to-topic', 'Target', '--dry-run');
    expect(plan.stdout.match(/^broker-[ab]:[01] +broker-[ab]:[01] /gm)?.length).toBe(4);
    expect(await bodiesOf('Target')).toEqual([]);
    expect(await copied('-t', 'Source', '--to-topic', 'Target')).toMatchObject({ copied: 500, failed: 0, dryRun: false });
    const rows = async (topic: string, origin: string) =>
      (await mqadmin('tail', '-t', topic, '--format', `%b:%q:%o ${origin} %g %k %i %s\\n`)).stdout.trimEnd().split('\n').sort();
    const source = await rows('Source', 'Source@%b:%q:%o');
    expect(await rows('Target', '%{COPY_ORIGIN}')).toEqual(source);
  });

  it('goes on where the last run with its file ended, and copies nothing twice', async () => {
    await createTopic('Resumed', 3);
    const argv = ['-t', 'Source', '--to-topic', 'Resumed', '--offsets-file', offsetsFile()];
    expect(await copied(...argv, '--max', '100')).toMatchObject({ copied: 100 });
    expect(await copied(...argv, '--max', '150')).toMatchObject({ copied: 150 });
    expect(await copied(...argv)).toMatchObject({ copied: 250 });
    expect(await copied(...argv)).toMatchObject({ copied: 0, alreadyThere: 0 });
    expect((await bodiesOf('Resumed')).sort()).toEqual((await bodiesOf('Source')).sort());
    for (let key = 0; key < 9; key++) {
      expect(await bodiesOf('Resumed', '--key', `k${key}`)).toEqual(await bodiesOf('Source', '--key', `k${key}`));
    }
  });

  it('finds in the target what the file does not say', async () => {
    await createTopic('Found', 2);
    const path = offsetsFile();
    const argv = ['-t', 'Source', '--to-topic', 'Found', '--offsets-file', path];
    await copied(...argv, '--max', '300');
    // As if the process had been killed between storing and writing down; the last line is cut, too.
    const lines = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, `${lines.slice(0, 5).join('\n')}\n{"brokerNa`);
    expect(await copied(...argv)).toMatchObject({ copied: 200, alreadyThere: 300 });
    expect((await bodiesOf('Found')).length).toBe(500);
    expect(await copied(...argv)).toMatchObject({ copied: 0, alreadyThere: 0 });
  });

  it('takes what is asked for to the queues that are asked for', async () => {
    await createTopic('Chosen', 1);
    const argv = ['-t', 'Source', '--to-topic', 'Chosen', '--tags', 'odd', '--key', 'k3'];
    const pairs = ['broker-a:0', 'broker-a:1', 'broker-b:0', 'broker-b:1'].flatMap((name) => ['--queue-mapping', `${name}=broker-b:0`]);
    await copied(...argv, ...pairs);
    expect(await bodiesOf('Chosen', '-i', 'broker-b:0')).toEqual(await bodiesOf('Source', '--key', 'k3', '--tags', 'odd'));
  });

  it.each([
    [['--to-topic', 'Nowhere'], 4, /topic Nowhere has no route/],
    [[], 2, /would be copied onto itself/],
    [['--to-topic', 'Streams', '--queue-mapping', 'broker-a:0=broker-c:0'], 4, /no queue broker-c:0 in the target/],
    [['--to-topic', 'Streams', '--queue-mapping', 'x'], 2, /expects broker:id=broker:id/],
    [['--to-topic', 'Streams', '--to-context', 'none'], 4, /there is no context none/],
    [['--to-topic', 'Streams', '--offsets-file', '/nothing/there'], 2, /cannot be opened \(ENOENT\)/],
  ])('with %j says what is wrong', async (argv, exitCode, message) => {
    const run = await mqadmin('copy', '-t', 'Source', ...argv);
    expect(run).toMatchObject({ exitCode });
    expect(run.stderr).toMatch(message);
  });

  it('looks into the file of offsets in a dry run, and leaves it as it is', async () => {
    await createTopic('Planned', 2);
    const path = offsetsFile();
    const argv = ['-t', 'Source', '--to-topic', 'Planned', '--offsets-file', path];
    await copied(...argv, '--queue', 'broker-a:0', '--max', '3');
    // A run that writes at the moment has half a line there.
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"brokerNa`);
    const before = readFileSync(path, 'utf8');
    const plan = await copied(...argv, '--dry-run');
    expect(plan.queues.map(({ fromOffset }) => fromOffset).sort()).toEqual([0, 0, 0, 3]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it('copies nothing twice where a copy that is not written down lies before one that is', async () => {
    await createTopic('Crossed', 1);
    const path = offsetsFile();
    const argv = ['-t', 'Source', '--to-topic', 'Crossed', '--offsets-file', path, '-i', 'broker-a:0', '-i', 'broker-a:1'];
    await copied(...argv);
    const all = await bodiesOf('Crossed');
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => !line.includes('"isAhead"') && line !== '');
    expect(lines.length).toBeGreaterThan(2);
    // Found again by the first of these runs, which copies little more; the next one knows it from the file alone.
    writeFileSync(path, `${lines.slice(0, 3).join('\n')}\n`);
    await copied(...argv, '--max', '5');
    expect(await copied(...argv)).toMatchObject({ copied: 0 });
    expect(await bodiesOf('Crossed')).toEqual(all);
  });

  it('refuses a file of offsets of other topics, and what is none', async () => {
    const path = offsetsFile();
    await createTopic('Other', 1);
    await copied('-t', 'Source', '--to-topic', 'Other', '--offsets-file', path, '--max', '1');
    const other = await mqadmin('copy', '-t', 'Source', '--to-topic', 'Streams', '--offsets-file', path);
    expect(other).toMatchObject({ exitCode: 2 });
    expect(other.stderr).toContain('is about messages from Source to Other');
    writeFileSync(path, `${readFileSync(path, 'utf8')}what\n`);
    const broken = await mqadmin('copy', '-t', 'Source', '--to-topic', 'Other', '--offsets-file', path);
    expect(broken.stderr).toMatch(/line \d+: not a line of offsets/);
  });

  it('mirrors what comes, until it is interrupted, and waits for what is on its way', async () => {
    await createTopic('Mirrored', 2);
    const argv = ['-t', 'Source', '--to-topic', 'Mirrored', '--new-only', '--offsets-file', offsetsFile()];
    let interrupt: (signal: 'SIGINT') => void = () => undefined;
    const running = runCommand('mirror', argv, { NAMESRV_ADDR: sandbox.namesrvAddr }, null, (listener) => {
      interrupt = listener;
      return () => undefined;
    });
    const path = argv.at(-1) as string;
    // Each queue of both brokers was begun: what is sent now is new.
    await until(() => existsSync(path) && readFileSync(path, 'utf8').trimEnd().split('\n').length === 5, 20_000);
    await produce('new 1\nnew 2\nnew 3', '-t', 'Source');
    await until(async () => (await bodiesOf('Mirrored')).length === 3, 20_000);
    interrupt('SIGINT');
    const run = await running;
    expect(run).toMatchObject({ exitCode: 130 });
    expect(run.stderr).toContain('3 messages were copied, none is on its way');
    expect((await bodiesOf('Mirrored')).sort()).toEqual(['new 1', 'new 2', 'new 3']);
  });
});

describe('a broker that cannot be reached', () => {
  /** A context in which the second broker is nowhere, and one that changes nothing. */
  const contexts = () => join(sandbox.dir, 'contexts.json');
  const inContext = (name: string, command: string, argv: readonly string[], stdin: string | null = null) =>
    runCommand(command, ['--context', name, ...argv], { MQKIT_CONTEXTS: contexts() }, stdin);
  const lines = Array.from({ length: 60 }, (_, i) => `k${i % 6}:${i}`).join('\n');

  beforeAll(async () => {
    const { namesrvAddr } = sandbox;
    const half = { namesrvAddr, addresses: { [sandbox.brokers[1]!.address]: '127.0.0.1:1' } };
    writeFileSync(
      contexts(),
      JSON.stringify({ current: null, previous: null, contexts: { half, fixed: { namesrvAddr, readOnly: true } } }),
    );
    await mqadmin('updateTopic', '-c', 'DefaultCluster', '-t', 'Half', '-r', '2', '-w', '2');
    for (const name of ['broker-a:0', 'broker-b:1']) {
      await produce(`in ${name}`, '-t', 'Half', '-i', name);
    }
  });

  it('ends tail with exit code 6, after what the others have', async () => {
    const run = await inContext('half', 'tail', ['-t', 'Half', '--format', '%s\\n']);
    expect(run).toMatchObject({ exitCode: 6, stdout: 'in broker-a:0\n' });
    expect(run.stderr).toMatch(/2 of 4 queues were not read to their end \(broker-b:0, broker-b:1\)/);
  });

  it('gets no messages whose queue is of no matter, and ends the sending of others with what was stored', async () => {
    const free = await inContext('half', 'produce', ['-t', 'Half', '-c', 'free'], lines);
    expect(free).toMatchObject({ exitCode: 0 });
    expect(free.stderr).toContain('60 sent, 0 failed');
    expect((await bodiesOf('Half', '-i', 'broker-b:0', '--tags', 'free')).length).toBe(0);
    const keyed = await inContext('half', 'produce', ['-t', 'Half', '-c', 'keyed', '--key-delimiter', ':', '--ordered', '--json'], lines);
    expect(keyed).toMatchObject({ exitCode: 6 });
    const { sent, failed } = JSON.parse(keyed.stdout);
    expect([sent + failed, (await bodiesOf('Half', '--tags', 'keyed')).length]).toEqual([60, sent]);
    expect(keyed.stderr).toMatch(/messages were stored, \d+ were not; the first is line \d/);
    const one = await inContext('half', 'produce', ['-t', 'Half', '-i', 'broker-b:0'], lines);
    expect(one).toMatchObject({ exitCode: 3 });
  });

  it('ends a copy with what was copied, and another run goes on', async () => {
    await mqadmin('updateTopic', '-c', 'DefaultCluster', '-t', 'HalfCopy', '-r', '1', '-w', '1');
    const argv = ['-t', 'Half', '--to-topic', 'HalfCopy', '--offsets-file', join(sandbox.dir, 'half.jsonl'), '--output', 'json'];
    const count = (await bodiesOf('Half')).length;
    const half = await inContext('half', 'copy', [...argv, '--to-namesrv', sandbox.namesrvAddr]);
    expect(half).toMatchObject({ exitCode: 6 });
    const whole = await mqadmin('copy', ...argv);
    expect(whole).toMatchObject({ exitCode: 0 });
    const [first, second] = [half, whole].map((run) => JSON.parse(run.stdout) as CopyResult);
    expect(first!.copied + second!.copied).toBe(count);
    expect((await bodiesOf('HalfCopy')).length).toBe(count);
  });

  it('is no matter where nothing may be changed', async () => {
    expect(await inContext('fixed', 'produce', ['-t', 'Half'], 'x')).toMatchObject({ exitCode: 5 });
    expect(await inContext('fixed', 'copy', ['-t', 'Half', '--to-topic', 'HalfCopy'])).toMatchObject({ exitCode: 5 });
    expect(await inContext('fixed', 'tail', ['-t', 'Half'])).toMatchObject({ exitCode: 0 });
    const there = ['--to-context', 'fixed', '--to-topic', 'HalfCopy'];
    const run = await runCommand('copy', ['-t', 'Half', ...there], { NAMESRV_ADDR: sandbox.namesrvAddr, MQKIT_CONTEXTS: contexts() });
    expect(run).toMatchObject({ exitCode: 5 });
  });
});

it('a message that is not stored ends produce, although nothing more comes from its pipe', async () => {
  const admin = new AdminClient({ namesrvAddr: sandbox.namesrvAddr, addresses: { [sandbox.brokers[1]!.address]: '127.0.0.1:1' } });
  async function* source() {
    yield { origin: 'line 1', message: { topic: 'Streams', body: Buffer.from('lost') } };
    await new Promise(() => undefined);
  }
  const request = { topic: 'Streams', queue: { brokerName: 'broker-b' } };
  await expect(produceMessages(admin, source(), request)).rejects.toMatchObject({ category: 'connect' });
  await admin.close();
});

it('a copy that is refused for good ends a mirror, although nothing more comes', async () => {
  const large = await startSandbox();
  const env = { NAMESRV_ADDR: large.namesrvAddr };
  for (const topic of ['Quiet', 'QuietCopy']) {
    await runCommand('updateTopic', ['-c', 'DefaultCluster', '-t', topic, '-r', '1', '-w', '1'], env);
  }
  // What a copy says of its origin makes its properties longer than a broker takes.
  await runCommand('produce', ['-t', 'Quiet', '-p', `x=${'x'.repeat(32_600)}`], env, 'a');
  const run = await runCommand('mirror', ['-t', 'Quiet', '--to-topic', 'QuietCopy', '--offsets-file', join(large.dir, 'quiet.jsonl')], env);
  expect(run.exitCode).toBe(6);
  expect(run.stderr).toContain('0 messages were copied, then it ended: broker-a:0:0: ');
  expect(existsSync(join(large.dir, 'quiet.jsonl.lock'))).toBe(false);
  await large.stop();
});

it('produce says how many messages were stored when its time is over', async () => {
  const lines = Array.from({ length: 5000 }, (_, i) => String(i)).join('\n');
  const run = await produce(lines, '-t', 'Late', '--rate', '100', '--timeout', '500ms');
  expect(run).toMatchObject({ exitCode: 3 });
  expect(run.stderr).toMatch(/did not finish within 500 ms: \d+ messages were stored/);
});

it('produce waits for what is on its way when it is interrupted, and says how many were stored', async () => {
  await mqadmin('updateTopic', '-c', 'DefaultCluster', '-t', 'Interrupted', '-r', '1', '-w', '1');
  const lines = Array.from({ length: 5000 }, (_, i) => String(i)).join('\n');
  let interrupt: (signal: 'SIGINT') => void = () => undefined;
  const env = { NAMESRV_ADDR: sandbox.namesrvAddr };
  const running = runCommand('produce', ['-t', 'Interrupted', '--rate', '100'], env, lines, (listener) => {
    interrupt = listener;
    return () => undefined;
  });
  await until(async () => (await bodiesOf('Interrupted')).length > 2, 20_000);
  interrupt('SIGINT');
  const run = await running;
  expect(run).toMatchObject({ exitCode: 130 });
  const stored = (await bodiesOf('Interrupted')).length;
  expect(run.stderr).toContain(`${stored} sent, 0 failed`);
  expect(run.stderr).toContain(`ended by SIGINT: ${stored} messages were stored, none is on its way`);
});

it.each([
  ['-c', 'tag'],
  ['-k', 'key'],
])('sendMessage and produce refuse a separator of properties after %s in one line', async (option, what) => {
  const text = 'a\u0002DELAY\u000118';
  for (const run of [
    await mqadmin('sendMessage', '-t', 'Streams', '-p', 'x', option, text),
    await produce('x\n', '-t', 'Streams', option, text),
  ]) {
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toMatch(new RegExp(`^[^\\n]*the ${what} "[^\\n]* contains the character U\\+0001 or U\\+0002`, 'm'));
  }
});
