/* Commands that move offsets: what they show before, what they read back, and that it can be undone. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AdminClient } from '../../../src/client/admin/admin-client.js';
import { PushConsumer } from '../../../src/client/consumer/push-consumer.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { RemotingServer } from '../../../src/remoting/server.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { type CommandRun, runCommand } from './run-command.js';

const TOPIC = 'Moved';
const QUEUES = 2;
const SENT = 5;

let sandbox: Sandbox;
let admin: AdminClient;
let number = 0;
/** A group of its own for each test. */
let group = '';

beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { longPollingEnable: false } });
  admin = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
  await run('updateTopic', '-c', 'DefaultCluster', '-t', TOPIC, '-r', String(QUEUES), '-w', String(QUEUES));
  for (let i = 0; i < SENT * QUEUES; i++) {
    await run('sendMessage', '-t', TOPIC, '-p', `m${i}`, '-b', 'broker-a', '-i', String(i % QUEUES));
  }
});

beforeEach(async () => {
  group = `Mover${++number}`;
  await run('updateSubGroup', '-c', 'DefaultCluster', '-g', group);
});

afterAll(async () => {
  await admin.close();
  await sandbox.stop();
});

function run(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr, XDG_STATE_HOME: sandbox.dir });
}

async function commit(offsets: readonly number[], consumerGroup = group): Promise<void> {
  for (const [queueId, offset] of offsets.entries()) {
    await admin.ask(sandbox.brokerAddr, {
      code: RequestCode.UPDATE_CONSUMER_OFFSET,
      extFields: { consumerGroup, topic: TOPIC, queueId: String(queueId), commitOffset: String(offset) },
    });
  }
}

async function offsets(consumerGroup = group): Promise<(number | null)[]> {
  const found: (number | null)[] = [];
  for (let queueId = 0; queueId < QUEUES; queueId++) {
    const response = await admin.ask(
      sandbox.brokerAddr,
      {
        code: RequestCode.QUERY_CONSUMER_OFFSET,
        extFields: { consumerGroup, topic: TOPIC, queueId: String(queueId), setZeroIfNotFound: 'false' },
      },
      [ResponseCode.QUERY_NOT_FOUND],
    );
    found.push(response.code === ResponseCode.SUCCESS ? Number(response.extFields?.offset) : null);
  }
  return found;
}

function undoPlace(stderr: string): string {
  return /^note: to undo this: mqadmin undoOffsets -f (\S+)$/m.exec(stderr)?.[1] ?? '';
}

describe('--dry-run shows where each queue is and would go, and moves nothing', () => {
  it.each([
    ['resetOffsetByTime', ['-s', '0'], [0, 0], ['-2', '-4'], 'Total: 2 queues, 6 messages are delivered again, 0 are skipped'],
    ['skipAccumulatedMessage', [], [5, 5], ['+3', '+1'], 'Total: 2 queues, 0 messages are delivered again, 4 are skipped'],
  ] as const)('%s', async (name, argv, targets, differences, total) => {
    await commit([2, 4]);
    const plan = await run(name, '-g', group, '-t', TOPIC, ...argv, '--dry-run');
    expect(plan).toMatchObject({ stderr: '', exitCode: 0 });
    const lines = plan.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^dry run: would /);
    expect(lines[1]).toMatch(/^#Topic +#Broker Name +#QID +#Current Offset +#New Offset +#Difference$/);
    const row = (queueId: number): RegExp =>
      new RegExp(`^${TOPIC} +broker-a +${queueId} +${[2, 4][queueId]} +${targets[queueId]} +\\${differences[queueId]}$`);
    expect(lines[2]).toMatch(row(0));
    expect(lines[3]).toMatch(row(1));
    expect(lines[4]).toBe(total);
    expect(await offsets()).toEqual([2, 4]);
  });

  it('says unknown, and null in JSON, where the group has no offset', async () => {
    const plan = await run('resetOffsetByTime', '-g', group, '-t', TOPIC, '-s', 'now', '--dry-run');
    expect(plan.stdout).toContain('unknown (no offset committed)');
    const { queues } = JSON.parse((await run('resetOffsetByTime', '-g', group, '-t', TOPIC, '-s', 'now', '--dry-run', '--json')).stdout);
    expect(queues).toMatchObject([
      { before: null, difference: null, offset: SENT, state: 'planned' },
      { before: null, difference: null, offset: SENT, state: 'planned' },
    ]);
  });
});

describe('a move is read back and can be undone', () => {
  it('of all queues by time', async () => {
    await commit([2, 4]);
    const moved = await run('resetOffsetByTime', '-g', group, '-t', TOPIC, '-s', '0');
    expect(moved.exitCode).toBe(0);
    expect(await offsets()).toEqual([0, 0]);
    const place = undoPlace(moved.stderr);
    expect(place.startsWith(join(sandbox.dir, 'mqkit', 'offset-undo', group))).toBe(true);
    expect(JSON.parse(readFileSync(place, 'utf8'))).toMatchObject({
      format: 'mqkit-offset-undo',
      group,
      queues: [
        { topic: TOPIC, brokerName: 'broker-a', queueId: 0, before: 2, offset: 0 },
        { topic: TOPIC, brokerName: 'broker-a', queueId: 1, before: 4, offset: 0 },
      ],
    });
    expect((await run('undoOffsets', '-f', place, '--dry-run')).stdout).toContain(
      'Total: 2 queues, 0 messages are delivered again, 6 are skipped',
    );
    expect(await offsets()).toEqual([0, 0]);
    const undone = await run('undoOffsets', '-f', place);
    expect(undone).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(`put back offsets of group[${group}]`) });
    expect(await offsets()).toEqual([2, 4]);
    await run('undoOffsets', '-f', undoPlace(undone.stderr));
    expect(await offsets()).toEqual([0, 0]);
  });

  it('of one queue, also to 0, with the undo file where it is wanted', async () => {
    await commit([3, 3]);
    const undoFile = join(sandbox.dir, `${group}.json`);
    const words = ['-g', group, '-t', TOPIC, '-s', '0', '-b', sandbox.brokerAddr, '-q', '1'];
    const moved = JSON.parse((await run('resetOffsetByTime', ...words, '-o', '0', '--undo-file', undoFile, '--json')).stdout);
    expect(moved).toMatchObject({ undoFile, offset: 0, queues: [{ before: 3, offset: 0, after: 0, difference: -3, state: 'done' }] });
    expect(await offsets()).toEqual([3, 0]);
    const again = await run('resetOffsetByTime', ...words, '-o', '2', '--undo-file', undoFile);
    expect(again).toMatchObject({ stdout: '', exitCode: 2, stderr: expect.stringContaining('exists already') });
    expect(await offsets()).toEqual([3, 0]);
    await run('undoOffsets', '-f', undoFile);
    expect(await offsets()).toEqual([3, 3]);
  });

  it('with the preview on stderr of a terminal', async () => {
    await commit([2, 4]);
    const words = ['-g', group, '-t', TOPIC, '-s', '0'];
    const moved = await runCommand('resetOffsetByTime', words, { NAMESRV_ADDR: sandbox.namesrvAddr, XDG_STATE_HOME: sandbox.dir }, 'y');
    expect(moved.stderr).toMatch(
      /^#Topic .*\n(Moved .*\n){2}Total: 2 queues, 6 messages are delivered again, 0 are skipped\nmove the offsets of group \w+ so\? \[y\/N\] note: to undo/,
    );
    expect(moved.exitCode).toBe(0);
  });

  it('also where the folder of undo files cannot be written, with a remark', async () => {
    await commit([2, 4]);
    const notFolder = join(sandbox.dir, 'not-a-folder');
    writeFileSync(notFolder, '');
    const env = { NAMESRV_ADDR: sandbox.namesrvAddr, XDG_STATE_HOME: notFolder };
    const moved = await runCommand('resetOffsetByTime', ['-g', group, '-t', TOPIC, '-s', '0'], env);
    expect(moved.stderr).toMatch(/^note: no undo file: \S+ cannot be written \(\w+\); give another place with --undo-file\n$/);
    expect(moved.exitCode).toBe(0);
    expect(await offsets()).toEqual([0, 0]);
  });

  it('with -f false no queue goes forward', async () => {
    await commit([2, 4]);
    expect(await run('resetOffsetByTime', '-g', group, '-t', TOPIC, '-s', '-1', '-f', 'false')).toMatchObject({ stderr: '', exitCode: 0 });
    expect(await offsets()).toEqual([2, 4]);
  });

  it('of a clone, over a reset that hides what is committed', async () => {
    const source = `${group}Source`;
    await run('updateSubGroup', '-c', 'DefaultCluster', '-g', source);
    await commit([1, 2], source);
    await commit([5, 5]);
    await run('resetOffsetByTime', '-g', group, '-t', TOPIC, '-s', '0');
    const cloned = await run('cloneGroupOffset', '-s', source, '-d', group, '-t', TOPIC);
    expect(cloned).toMatchObject({
      stdout: `clone group offset success. srcGroup[${source}], destGroup=[${group}], topic[${TOPIC}]\n`,
      exitCode: 0,
    });
    expect(await offsets()).toEqual([1, 2]);
    await run('undoOffsets', '-f', undoPlace(cloned.stderr));
    expect(await offsets()).toEqual([0, 0]);
  });

  it('of a group whose consumers are online and go on from there', async () => {
    const consumer = new PushConsumer({
      namesrvAddr: sandbox.namesrvAddr,
      consumerGroup: group,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      heartbeatBrokerIntervalMs: 300,
      persistConsumerOffsetIntervalMs: 100,
    });
    let consumed = 0;
    consumer.subscribe(TOPIC, '*');
    consumer.onMessage((messages) => {
      consumed += messages.length;
      return 'CONSUME_SUCCESS';
    });
    await consumer.start();
    try {
      await until(async () => consumed === SENT * QUEUES && (await offsets()).every((offset) => offset === SENT), 10_000);
      const moved = await run('resetOffsetByTime', '-g', group, '-t', TOPIC, '-s', '0', '--json');
      expect(moved.exitCode).toBe(0);
      for (const { state } of JSON.parse(moved.stdout).queues) {
        expect(['done', 'passed']).toContain(state);
      }
      await until(() => consumed === 2 * SENT * QUEUES, 10_000);
    } finally {
      await consumer.shutdown();
    }
  });

  it('of a queue without an offset before it stays, and is named', async () => {
    await commit([2]);
    const moved = await run('skipAccumulatedMessage', '-g', group, '-t', TOPIC);
    const undone = await run('undoOffsets', '-f', undoPlace(moved.stderr));
    expect(undone.stderr).toContain(`note: ${TOPIC}@broker-a@1 stays where it is: the group had no offset there\n`);
    expect(await offsets()).toEqual([2, SENT]);
  });
});

describe('what cannot be done is said, and nothing is changed', () => {
  it('an offset that the queue does not have', async () => {
    await commit([2, 2]);
    const words = ['-g', group, '-t', TOPIC, '-s', '0', '-b', sandbox.brokerAddr, '-q', '0', '-o', '99'];
    expect(await run('resetOffsetByTime', ...words)).toMatchObject({ stdout: '', exitCode: 1, stderr: expect.stringContaining('99') });
    expect(await offsets()).toEqual([2, 2]);
  });

  it.each([
    ['resetOffsetByTime', ['-g', 'NoSuchGroup', '-t', TOPIC, '-s', '0']],
    ['skipAccumulatedMessage', ['-g', 'NoSuchGroup', '-t', TOPIC]],
    ['cloneGroupOffset', ['-s', 'NoSuchGroup', '-d', 'Any', '-t', TOPIC]],
  ])('an unknown group of %s, also with --dry-run', async (name, argv) => {
    for (const more of [[], ['--dry-run']]) {
      const refused = await run(name, ...argv, ...more);
      expect(refused).toMatchObject({ stdout: '', exitCode: 4 });
      expect(refused.stderr).toMatch(/^[^\n]*NoSuchGroup[^\n]*\n$/);
    }
    expect(existsSync(join(sandbox.dir, 'mqkit', 'offset-undo', 'NoSuchGroup'))).toBe(false);
  });

  it.each([
    ['no JSON', 'hello'],
    ['no undo file', '{"format":"other"}'],
    ['damaged', '{"format":"mqkit-offset-undo","version":1,"group":"G","queues":[{"topic":"T"}]}'],
  ])('an undo file that is %s', async (what, text) => {
    const file = join(sandbox.dir, 'bad-undo.json');
    writeFileSync(file, text);
    expect(await run('undoOffsets', '-f', file)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(what) });
  });
});

describe('a broker that takes a request and does not do it', () => {
  let server: RemotingServer;
  let addr = '';
  /** A further broker of the route. */
  let orphan = '';

  beforeEach(async () => {
    server = new RemotingServer({ bindAddress: '127.0.0.1', listenPort: 0 });
    const answers: Record<number, () => { code?: number; fields?: Record<string, string>; body?: string }> = {
      [RequestCode.GET_ROUTEINFO_BY_TOPIC]: () => ({
        body: `{"brokerDatas":[{"brokerAddrs":{0:"${addr}"},"brokerName":"broker-a","cluster":"C"}${orphan}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":2,"topicSysFlag":0,"writeQueueNums":2}]}`,
      }),
      [RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG]: () => ({ body: '{"subscriptionGroupTable":{"Stuck":{"groupName":"Stuck"}}}' }),
      [RequestCode.QUERY_CONSUMER_OFFSET]: () => ({ fields: { offset: '7' } }),
      [RequestCode.GET_MAX_OFFSET]: () => ({ fields: { offset: '9' } }),
      [RequestCode.GET_BROKER_CONFIG]: () => ({ body: 'useServerSideResetOffset=true\nbrokerName=broker-a\n' }),
      [RequestCode.GET_CONSUMER_CONNECTION_LIST]: () => ({ code: ResponseCode.CONSUMER_NOT_ONLINE }),
      [RequestCode.INVOKE_BROKER_TO_RESET_OFFSET]: () => ({ body: '{"offsetTable":{}}' }),
    };
    for (const [code, answer] of Object.entries(answers)) {
      server.register(Number(code), (connection, request) => {
        const { code: answered = ResponseCode.SUCCESS, fields = null, body } = answer();
        connection.respond(request, answered, null, fields, body === undefined ? null : Buffer.from(body));
      });
    }
    addr = `127.0.0.1:${(await server.listen()).listenPort}`;
  });

  afterEach(() => server.close());

  it('is found out: the command ends with 1 and says what was read back', async () => {
    const moved = await run('skipAccumulatedMessage', '-g', 'Stuck', '-t', 'T', '-n', addr);
    expect(moved.exitCode).toBe(1);
    expect(moved.stderr).toContain('2 of 2 queues are not where they were to go: T@broker-a@0: offset 7 was read back');
    const asJson = await run('skipAccumulatedMessage', '-g', 'Stuck', '-t', 'T', '-n', addr, '--json');
    expect(JSON.parse(asJson.stdout).queues).toMatchObject([
      { before: 7, offset: 9, after: 7, state: 'unchanged' },
      { state: 'unchanged' },
    ]);
  });

  it('and one that does half of it, and says why not more, ends with 6', async () => {
    const committed = new Map([
      ['0', 7],
      ['1', 7],
    ]);
    server.register(RequestCode.QUERY_CONSUMER_OFFSET, (connection, request) =>
      connection.respond(request, ResponseCode.SUCCESS, null, { offset: String(committed.get(request.extFields?.queueId ?? '')) }),
    );
    server.register(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, (connection, request) => {
      const { queueId = '', offset } = request.extFields ?? {};
      if (queueId === '0') {
        committed.set(queueId, Number(offset));
        connection.respond(request, ResponseCode.SUCCESS, null, null, Buffer.from('{"offsetTable":{}}'));
      } else {
        connection.respond(request, ResponseCode.SYSTEM_ERROR, 'no more today');
      }
    });
    const undo = {
      format: 'mqkit-offset-undo',
      version: 1,
      group: 'Half',
      queues: [0, 1].map((queueId) => ({ topic: 'T', brokerName: 'broker-a', brokerAddr: addr, queueId, before: 3, offset: 7 })),
    };
    const file = join(sandbox.dir, 'half.json');
    writeFileSync(file, JSON.stringify(undo));
    const half = await runCommand('undoOffsets', ['-f', file], { XDG_STATE_HOME: sandbox.dir });
    expect(half.exitCode).toBe(6);
    expect(half.stderr).toContain('1 of 2 queues are not where they were to go: T@broker-a@1: ');
    expect(half.stderr).toContain('no more today');
    expect(half.stdout).toMatch(/^T +broker-a +0 +7 +3 +-4\nTotal: 1 queue, /m);
  });

  it('and queues of a broker without a master are named', async () => {
    orphan = ',{"brokerAddrs":{1:"127.0.0.1:1"},"brokerName":"broker-b","cluster":"C"}';
    try {
      const plan = await run('skipAccumulatedMessage', '-g', 'Stuck', '-t', 'T', '-n', addr, '--dry-run');
      expect(plan).toMatchObject({
        exitCode: 6,
        stdout: expect.stringContaining('Total: 2 queues, 0 messages are delivered again, 4 are skipped'),
      });
      expect(plan.stderr).toMatch(/^queues of broker-b stay where they are: no master is registered; [^\n]+\n$/);
    } finally {
      orphan = '';
    }
  });
});

describe('the page about offsets', () => {
  it('has commands that work, in their order', async () => {
    const page = readFileSync(new URL('../../../docs/offsets.md', import.meta.url), 'utf8');
    const lines = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap((match) => (match[1] ?? '').trim().split('\n'));
    expect(lines.length).toBeGreaterThan(5);
    for (const name of ['OrderPaidGroup', 'OrderAuditGroup']) {
      await run('updateSubGroup', '-c', 'DefaultCluster', '-g', name);
    }
    await run('updateTopic', '-c', 'DefaultCluster', '-t', 'OrderPaid', '-r', '2', '-w', '2');
    for (let i = 0; i < 4; i++) {
      await run('sendMessage', '-t', 'OrderPaid', '-p', 'x', '-b', 'broker-a', '-i', '0');
    }
    for (const queueId of ['0', '1']) {
      await admin.ask(sandbox.brokerAddr, {
        code: RequestCode.UPDATE_CONSUMER_OFFSET,
        extFields: { consumerGroup: 'OrderPaidGroup', topic: 'OrderPaid', queueId, commitOffset: queueId === '0' ? '2' : '0' },
      });
    }
    for (const line of lines) {
      const [bin, name = '', ...argv] = line
        .replace(/(?<= )[a-z-]+\.json/, (file) => join(sandbox.dir, file))
        .replace('127.0.0.1:10911', sandbox.brokerAddr)
        .split(' ');
      expect(bin).toBe('mqadmin');
      expect({ line, ...(await run(name, ...argv)) }).toMatchObject({ line, exitCode: 0 });
    }
  });
});
