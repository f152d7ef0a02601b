/* Messages as streams: what is sent from lines and files, read again, and taken to other topics. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Producer } from '../../../src/client/producer/producer.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
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
    const lines = (await mqadmin('tail', '-t', 'Streams', '--json')).stdout.trimEnd().split('\n');
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
