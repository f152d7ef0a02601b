/* Offsets of groups written to files and set from them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AdminClient } from '../../../src/client/admin/admin-client.js';
import { commitMoves } from '../../../src/client/admin/offset-moves.js';
import { Producer } from '../../../src/client/producer/producer.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { type CommandRun, runCommand } from './run-command.js';

let sandbox: Sandbox;
let admin: AdminClient;

interface Row {
  readonly group: string;
  readonly topic: string;
  readonly brokerName: string;
  readonly queueId: number;
  readonly offset: number;
  readonly timestamp?: number;
}

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 2 });
  admin = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
  await run('updateTopic -c DefaultCluster -t Orders -r 2 -w 2');
  const producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'Offsets' });
  await producer.start(['Orders']);
  for (let i = 0; i < 4; i++) {
    for (const brokerName of ['broker-a', 'broker-b']) {
      for (const queueId of [0, 1]) {
        await producer.send({ topic: 'Orders', body: Buffer.from(`m${i}`) }, { queue: { topic: 'Orders', brokerName, queueId } });
      }
    }
    const sentMs = Date.now();
    await until(() => Date.now() > sentMs);
  }
  await producer.shutdown();
  for (const group of ['G1', 'G2']) {
    await run(`updateSubGroup -c DefaultCluster -g ${group}`);
  }
});
afterAll(async () => {
  await admin.close();
  await sandbox.stop();
});

/** Where G1 and G2 are before each test. */
const PLACES: readonly Row[] = ['G1', 'G2'].flatMap((group, g) =>
  ['broker-a', 'broker-b'].flatMap((brokerName, b) =>
    [0, 1].map((queueId) => ({ group, topic: 'Orders', brokerName, queueId, offset: g + b + queueId })),
  ),
);

beforeEach(() => commit(PLACES));

/** Also where a former undo hides what consumers commit. */
async function commit(rows: readonly Row[]): Promise<void> {
  const { brokerAddrTable } = await admin.clusterInfo();
  for (const [brokerName, { brokerAddrs }] of brokerAddrTable) {
    for (const group of ['G1', 'G2']) {
      const own = rows.filter((row) => row.group === group && row.brokerName === brokerName);
      await commitMoves(
        admin,
        group,
        own.map((row) => ({ ...row, brokerAddr: brokerAddrs.get(0) ?? '', before: null })),
      );
    }
  }
}

function run(line: string): Promise<CommandRun> {
  const [name = '', ...argv] = line.split(' ');
  return runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr, XDG_STATE_HOME: sandbox.dir });
}

async function exported(options = ''): Promise<Row[]> {
  const { stdout, stderr } = await run(`offsets export --json${options}`);
  expect(stderr).toBe('');
  return (JSON.parse(stdout) as { offsets: Row[] }).offsets;
}

/** A file with these rows, as JSON. */
function fileOf(rows: readonly Partial<Row>[], name = 'made.json'): string {
  const file = join(sandbox.dir, name);
  writeFileSync(file, JSON.stringify({ format: 'mqkit-offsets', version: 1, offsets: rows }));
  return file;
}

const AT_START = PLACES.map((row) => ({ ...row, offset: 0 }));

describe('offsets of groups', () => {
  it('are exported for all groups, one group or one topic', async () => {
    expect(await exported()).toEqual(PLACES);
    expect(await exported(' -g G2 -t Orders -c DefaultCluster')).toEqual(PLACES.slice(4));
    expect((await run('offsets export -g G1')).stdout).toMatch(
      /^#Group +#Topic +#Broker Name +#QID +#Offset\nG1 +Orders +broker-a +0 +0\n/,
    );
    expect(await run('offsets export -g Nobody')).toMatchObject({ exitCode: 4, stdout: '' });
    expect(await run('offsets export -c Nowhere')).toMatchObject({ exitCode: 4, stdout: '' });
  });

  it.each(['json', 'yaml', 'csv'])('come back from a %s file, and the import can be undone', async (ending) => {
    const file = join(sandbox.dir, `offsets.${ending}`);
    expect((await run(`offsets export -f ${file}`)).stdout).toBe(`exported 8 offsets to ${file}\n`);
    expect(readFileSync(file, 'utf8')).toMatch(
      { json: /^\{/, yaml: /^format: mqkit-offsets\n/, csv: /^group,topic,brokerName,queueId,offset\n/ }[ending]!,
    );
    await commit(AT_START);
    const planned = await run(`offsets import -f ${file} --dry-run`);
    expect(planned.stdout).toMatch(
      /dry run: would set offsets of group\[G1\] by offset\n#Topic[\s\S]+Total: 4 queues, 0 messages are delivered again, 4 are skipped\n/,
    );
    expect((await exported()).map(({ offset }) => offset)).toEqual(AT_START.map(() => 0));
    const done = await run(`offsets import -f ${file} --json --yes`);
    expect(done.exitCode).toBe(0);
    expect(await exported()).toEqual(PLACES);
    const { undoFiles } = JSON.parse(done.stdout) as { undoFiles: string[] };
    expect(undoFiles).toHaveLength(2);
    for (const undo of undoFiles) {
      await run(`undoOffsets -f ${undo}`);
    }
    expect((await exported()).map(({ offset }) => offset)).toEqual(AT_START.map(() => 0));
  });

  it('are exported with their times, which find the same messages again', async () => {
    const rows = await exported(' -g G1 --by time');
    expect(rows.map(({ offset }) => offset)).toEqual([0, 1, 1, 2]);
    expect(rows.every(({ timestamp }) => (timestamp ?? 0) > 0)).toBe(true);
    const file = fileOf(rows.map(({ offset: _, ...row }) => row));
    await commit(AT_START);
    expect((await run(`offsets import -f ${file} --yes`)).stdout).toContain('set offsets of group[G1] by time');
    expect((await exported(' -g G1')).map(({ offset }) => offset)).toEqual([0, 1, 1, 2]);
    // Behind the last message is behind it again.
    await commit([{ ...PLACES[0]!, offset: 4 }]);
    const [end] = await exported(' -g G1 --by time');
    await commit(AT_START);
    await run(`offsets import -f ${fileOf([end!, ...rows.slice(1)])} --yes`);
    expect((await exported(' -g G1')).map(({ offset }) => offset)).toEqual([4, 1, 1, 2]);
  });

  it('go to the earliest of their times where the topic has other queues', async () => {
    const rows = await exported(' -g G2 --by time');
    expect(rows.map(({ offset }) => offset)).toEqual([1, 2, 2, 3]);
    const file = fileOf(rows.map((row) => ({ ...row, brokerName: `${row.brokerName}-elsewhere` })));
    await commit(PLACES.map((row) => ({ ...row, offset: 4 })));
    expect((await run(`offsets import -f ${file} --yes`)).exitCode).toBe(0);
    expect((await exported(' -g G2')).map(({ offset }) => offset)).toEqual([1, 1, 1, 1]);
  });

  it('are refused as a whole for one that cannot be set, unless that is allowed', async () => {
    const [good] = PLACES.map((row) => ({ ...row, offset: 3 }));
    const bad: readonly [Partial<Row>, RegExp][] = [
      [{ queueId: 7 }, /queue 7 of topic Orders on broker-a is not there/],
      [{ brokerName: 'broker-z' }, /queue 0 of topic Orders on broker-z is not there/],
      [{ topic: 'Gone' }, /topic Gone \(of group G1\) is not there/],
      [{ group: 'Nobody' }, /group Nobody is not known to broker-a/],
    ];
    for (const [change, text] of bad) {
      const file = fileOf([good!, { ...good, ...change }]);
      const refused = await run(`offsets import -f ${file} --yes`);
      expect(refused).toMatchObject({ exitCode: 4, stdout: '', stderr: expect.stringMatching(text) });
      expect(refused.stderr).toContain('--skip-unknown');
      expect(await exported()).toEqual(PLACES);
    }
    const outside = fileOf([good!, { ...good, queueId: 1, offset: 9 }]);
    const refused = await run(`offsets import -f ${outside} --yes`);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toContain(
      'nothing was changed: offset 9 of group G1 is outside queue 1 of topic Orders on broker-a, which holds 0 to 4; ',
    );
    const clamped = await run(`offsets import -f ${outside} --clamp --yes`);
    expect(clamped).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('its nearest end is taken') });
    expect((await exported(' -g G1')).map(({ offset }) => offset)).toEqual([3, 4, 1, 2]);
    const skipped = await run(
      `offsets import -f ${fileOf([
        { ...good, topic: 'Gone' },
        { ...good, offset: 2 },
      ])} --skip-unknown --yes`,
    );
    expect(skipped).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('topic Gone (of group G1) is not there: left out') });
    expect((await exported(' -g G1'))[0]?.offset).toBe(2);
    expect(await run(`offsets import -f ${fileOf([{ ...good }])}`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('give --yes'),
    });
    expect((await exported(' -g G1'))[0]?.offset).toBe(2);
  });

  it('are not read from what is no file of offsets', async () => {
    const row = PLACES[0]!;
    const bad: readonly [string, RegExp][] = [
      ['{', /is no JSON/],
      ['{"format":"other"}', /its format is not mqkit-offsets of version 1/],
      ['hello', /its format is not mqkit-offsets/],
      ['a: [', /is no YAML/],
      ['group,topic,brokerName,queueId,offset\nG1,Orders', /line 2 has 2 columns instead of 5/],
      ['group,topic,brokerName,queueId,offset\nG1,Orders,broker-a,x,1', /queueId null is no queue's/],
      [JSON.stringify({ format: 'mqkit-offsets', version: 1, offsets: [row, row] }), /group G1 has two offsets for queue 0/],
      [JSON.stringify({ format: 'mqkit-offsets', version: 1, offsets: [{ ...row, offset: -1 }] }), /offset -1 is no whole number/],
      [JSON.stringify({ format: 'mqkit-offsets', version: 1, offsets: [] }), /has no offsets/],
      [JSON.stringify({ format: 'mqkit-offsets', version: 1, offsets: [{ ...row, group: '' }] }), /offset 1 has no group/],
    ];
    for (const [text, problem] of bad) {
      const file = join(sandbox.dir, 'bad');
      writeFileSync(file, text);
      expect(await run(`offsets import -f ${file} --yes`), text).toMatchObject({
        exitCode: 2,
        stdout: '',
        stderr: expect.stringMatching(problem),
      });
    }
    expect(await run('offsets import -f nowhere.json')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('(ENOENT)') });
    expect(await run('offsets import')).toMatchObject({ exitCode: 2 });
    expect(await run(`offsets import -f ${fileOf([row])} --by time`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('have no timestamp'),
    });
    expect(await run(`offsets import -f ${fileOf(PLACES)} --undo-file x`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('-g'),
    });
    expect(await run(`offsets import -f ${fileOf([row])} -g G2`)).toMatchObject({ exitCode: 4 });
  });
});
