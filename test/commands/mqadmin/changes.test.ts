/* Changes: what --dry-run leaves alone, what is said when only some brokers took a change, and which requests are signed. */
import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { RemotingServer } from '../../../src/remoting/server.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { type CommandRun, runCommand } from './run-command.js';

describe('with --dry-run', () => {
  let sandbox: Sandbox;
  let run: (name: string, ...argv: string[]) => Promise<CommandRun>;

  beforeAll(async () => {
    sandbox = await startSandbox();
    run = (name, ...argv) => runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr, XDG_STATE_HOME: sandbox.dir });
    await run('updateTopic', '-c', 'DefaultCluster', '-t', 'Kept', '-r', '2', '-w', '2');
    await run('updateSubGroup', '-c', 'DefaultCluster', '-g', 'KeptGroup');
  });

  afterAll(() => sandbox.stop());

  it('updateTopic creates nothing', async () => {
    const plan = await run('updateTopic', '-c', 'DefaultCluster', '-t', 'Planned', '-o', 'true', '--dry-run');
    expect(plan.exitCode).toBe(0);
    expect(plan.stdout).toContain(`dry run: would create topic to ${sandbox.brokerAddr}\n`);
    expect(plan.stdout).toContain('orderConf=[broker-a:8]');
    expect((await run('topicRoute', '-t', 'Planned')).exitCode).toBe(4);
  });

  it('deleteTopic deletes nothing', async () => {
    const plan = await run('deleteTopic', '-c', 'DefaultCluster', '-t', 'Kept', '--dry-run');
    expect(plan.stdout.split('\n').filter((line) => line.startsWith('dry run: would delete topic [Kept] from'))).toHaveLength(2);
    expect((await run('topicRoute', '-t', 'Kept')).exitCode).toBe(0);
  });

  it('deleteSubGroup deletes nothing', async () => {
    const plan = await run('deleteSubGroup', '-c', 'DefaultCluster', '-g', 'KeptGroup', '--dry-run');
    expect(plan.stdout).toContain('dry run: would delete subscription group [KeptGroup]');
    expect((await run('deleteSubGroup', '-c', 'DefaultCluster', '-g', 'KeptGroup', '--dry-run')).exitCode).toBe(0);
  });

  it('deleting what is already gone is a success with a line on stderr', async () => {
    const topic = await run('deleteTopic', '-c', 'DefaultCluster', '-t', 'NeverThere');
    expect(topic).toMatchObject({ exitCode: 0, stderr: 'topic NeverThere was not known to any name server\n' });
    const group = await run('deleteSubGroup', '-c', 'DefaultCluster', '-g', 'NeverThere');
    expect(group).toMatchObject({ exitCode: 0, stderr: 'group NeverThere was not known to any of these brokers\n' });
  });

  it('updateSubGroup, updateBrokerConfig and resetOffsetByTime change nothing', async () => {
    await run('updateSubGroup', '-c', 'DefaultCluster', '-g', 'PlannedGroup', '--dry-run');
    expect((await run('deleteSubGroup', '-c', 'DefaultCluster', '-g', 'PlannedGroup', '--dry-run')).stderr).toBe(
      'group PlannedGroup was not known to any of these brokers\n',
    );

    const setting = async (): Promise<string | undefined> =>
      /^fileReservedTime .*$/m.exec((await run('getBrokerConfig', '-b', sandbox.brokerAddr)).stdout)?.[0];
    const before = await setting();
    expect((await run('updateBrokerConfig', '-b', sandbox.brokerAddr, '-k', 'fileReservedTime', '-v', '99', '--dry-run')).stdout).toBe(
      `dry run: would set fileReservedTime=99 on ${sandbox.brokerAddr}\n`,
    );
    expect(await setting()).toBe(before);

    await run('sendMessage', '-t', 'Kept', '-p', 'x');
    const plan = await run('resetOffsetByTime', '-g', 'KeptGroup', '-t', 'Kept', '-s', 'now', '--dry-run');
    expect(plan.stdout).toMatch(/^dry run: would reset consumer offset by specified/);
    expect((await run('consumerProgress', '-g', 'KeptGroup', '-t', 'Kept')).stdout).toContain('Consume Diff Total: 1\n');
    expect((await run('consumerProgress', '-g', 'NeverHeardOf', '-t', 'Kept')).exitCode).toBe(4);
  });

  it('a change that is meant is made, and read back', async () => {
    const made = await run('updateBrokerConfig', '-b', sandbox.brokerAddr, '-k', 'fileReservedTime', '-v', '49');
    expect(made).toMatchObject({ stdout: `update broker config success, ${sandbox.brokerAddr}\n`, exitCode: 0 });
    expect((await run('getBrokerConfig', '-b', sandbox.brokerAddr)).stdout).toMatch(/^fileReservedTime {34}= {2}49$/m);
  });

  it('a change that counts after a restart only, or not at all, is said to', async () => {
    const set = (key: string, value: string) => run('updateBrokerConfig', '-b', sandbox.brokerAddr, '-k', key, '-v', value);
    const note = `note: ${sandbox.brokerAddr}:`;
    expect((await set('listenPort', '20911')).stderr).toMatch(new RegExp(`^${note} after restart: listenPort`, 'm'));
    expect((await set('sendMessageThreadPoolNums', '7')).stderr).toMatch(
      new RegExp(`^${note} without effect here: sendMessageThreadPoolNums`, 'm'),
    );
    expect((await set('autoCreateTopicEnable', 'true')).stderr).not.toMatch(/after restart|without effect/);
  });

  it('a key that the broker does not know is named with what may be meant', async () => {
    const refused = await run('updateBrokerConfig', '-b', sandbox.brokerAddr, '-k', 'fileReservdTime', '-v', '49');
    expect(refused).toMatchObject({ stdout: '', exitCode: 4 });
    expect(refused.stderr).toContain('did you mean fileReservedTime?');
  });
});

describe('a deletion on a terminal', () => {
  let sandbox: Sandbox;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    sandbox = await startSandbox();
    env = { NAMESRV_ADDR: sandbox.namesrvAddr };
  });

  beforeEach(() => runCommand('updateTopic', ['-c', 'DefaultCluster', '-t', 'Asked'], env));

  afterAll(() => sandbox.stop());

  const words = ['-c', 'DefaultCluster', '-t', 'Asked'];

  it.each(['', 'n', 'no', 'yep'])('answered with "%s" is not made', async (answer) => {
    const run = await runCommand('deleteTopic', words, env, answer);
    expect(run.stderr).toContain('delete topic Asked and its messages from cluster DefaultCluster? [y/N] ');
    expect(run).toMatchObject({ stdout: '', exitCode: 2 });
    expect((await runCommand('topicRoute', ['-t', 'Asked'], env)).exitCode).toBe(0);
  });

  it.each(['y', 'YES'])('answered with "%s" is made', async (answer) => {
    const run = await runCommand('deleteTopic', words, env, answer);
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toContain('delete topic [Asked] from cluster [DefaultCluster] success.\n');
  });

  it('is made without a question with --yes', async () => {
    expect(await runCommand('deleteTopic', [...words, '--yes'], env, 'n')).toMatchObject({ stderr: '', exitCode: 0 });
  });

  it('of which only the plan is wanted asks nothing', async () => {
    const group = ['-b', sandbox.brokerAddr, '-g', 'AskedGroup'];
    await runCommand('updateSubGroup', group, env);
    const run = await runCommand('deleteSubGroup', [...group, '--dry-run'], env, 'n');
    expect(run).toMatchObject({ stderr: '', exitCode: 0 });
  });
});

describe('when one of two masters does not take a change', () => {
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await startSandbox({ brokers: 2 });
  });

  afterAll(() => sandbox.stop());

  it('the command says which did and which did not, and ends with 6', async () => {
    const [alive, dead] = sandbox.brokers;
    const deadAddr = dead!.address;
    const env = { NAMESRV_ADDR: await namesrvThatStillKnows(sandbox) };
    await dead!.shutdown();
    const run = await runCommand('updateTopic', ['-c', 'DefaultCluster', '-t', 'Half'], env);
    expect(run.exitCode).toBe(6);
    expect(run.stdout).toContain(`create topic to ${alive!.address} success.\n`);
    expect(run.stdout).not.toContain(deadAddr);
    expect(run.stderr).toMatch(/^updateTopic Half: done on \S+; failed on \S+ \(.*\); .*\n$/);
    expect(run.stderr).toContain(deadAddr);

    const asJson = await runCommand('updateTopic', ['-c', 'DefaultCluster', '-t', 'Half', '--json'], env);
    expect(
      JSON.parse(asJson.stdout)
        .brokers.map((node: { outcome: string }) => node.outcome)
        .sort(),
    ).toEqual(['done', 'failed']);
    expect(JSON.parse(asJson.stderr)).toMatchObject({ error: { category: 'partial', exitCode: 6, context: { failed: [deadAddr] } } });
  });
});

/** Cluster information as it was before a broker went away: a name server notices only when the connection closes. */
async function namesrvThatStillKnows(sandbox: Sandbox): Promise<string> {
  const brokerAddrTable = Object.fromEntries(
    sandbox.brokers.map((broker, i) => [
      `broker-${'ab'[i]}`,
      { brokerAddrs: { 0: broker.address }, brokerName: `broker-${'ab'[i]}`, cluster: 'DefaultCluster' },
    ]),
  );
  const body = Buffer.from(JSON.stringify({ brokerAddrTable, clusterAddrTable: { DefaultCluster: Object.keys(brokerAddrTable) } }));
  const { addr } = await fakeServer((request, answer) => {
    expect(request.code).toBe(RequestCode.GET_BROKER_CLUSTER_INFO);
    answer(ResponseCode.SUCCESS, body);
  });
  return addr;
}

const fakes: RemotingServer[] = [];

afterAll(() => Promise.all(fakes.map((fake) => fake.close())));

async function fakeServer(
  handle: (request: RemotingCommand, answer: (code: number, body?: Buffer) => void) => void,
): Promise<{ addr: string; server: RemotingServer }> {
  const server = new RemotingServer({ bindAddress: '127.0.0.1', listenPort: 0 });
  for (const code of Object.values(RequestCode)) {
    server.register(code, (connection, request) =>
      handle(request, (responseCode, body) => connection.respond(request, responseCode, null, null, body ?? null)),
    );
  }
  const { listenPort } = await server.listen();
  fakes.push(server);
  return { addr: `127.0.0.1:${listenPort}`, server };
}

describe('requests are signed', () => {
  const received: RemotingCommand[] = [];
  let addr = '';
  let home = '';

  beforeAll(async () => {
    ({ addr } = await fakeServer((request, answer) => {
      received.push({ ...request, body: request.body === null ? null : Buffer.from(request.body) });
      answer(ResponseCode.SUCCESS, Buffer.from('{"topicList":[]}'));
    }));
  });

  beforeEach(() => {
    received.length = 0;
    home = mkdtempSync(join(tmpdir(), 'mqkit-home-'));
    mkdirSync(join(home, 'conf'));
  });

  afterEach(() => rmSync(home, { recursive: true, force: true }));

  function writeTools(text: string): void {
    writeFileSync(join(home, 'conf', 'tools.yml'), text);
  }

  function signatureOf(request: RemotingCommand, secretKey: string): string {
    const fields = request.extFields ?? {};
    const values = Object.keys(fields)
      .filter((key) => key !== 'Signature')
      .sort()
      .map((key) => fields[key])
      .join('');
    return createHmac('sha1', secretKey)
      .update(values)
      .update(request.body ?? Buffer.alloc(0))
      .digest('base64');
  }

  async function list(argv: string[], env: NodeJS.ProcessEnv): Promise<CommandRun> {
    return runCommand('topicList', ['-n', addr, ...argv], env);
  }

  it.each([
    ['with keys from options', ['--accessKey', 'k1', '--secretKey', 's1'], {}, 'k1', 's1'],
    ['with keys from the environment', [], { ROCKETMQ_ACCESS_KEY: 'k2', ROCKETMQ_SECRET_KEY: 's2' }, 'k2', 's2'],
  ] as const)('%s', async (_, argv, env, accessKey, secretKey) => {
    expect(await list([...argv], env)).toMatchObject({ exitCode: 0 });
    expect(received[0]?.extFields?.AccessKey).toBe(accessKey);
    expect(received[0]?.extFields?.Signature).toBe(signatureOf(received[0]!, secretKey));
  });

  it('with keys from tools.yml, and options win over them', async () => {
    writeTools('accessKey: k3\nsecretKey: s3\n');
    await list([], { ROCKETMQ_HOME: home });
    expect(received[0]?.extFields?.AccessKey).toBe('k3');
    expect(received[0]?.extFields?.Signature).toBe(signatureOf(received[0]!, 's3'));
    await list(['--accessKey', 'k4', '--secretKey', 's4'], { ROCKETMQ_HOME: home });
    expect(received[1]?.extFields?.AccessKey).toBe('k4');
  });

  it('with a security token where one is given', async () => {
    await list(['--accessKey', 'k', '--secretKey', 's', '--securityToken', 'tok'], {});
    expect(received[0]?.extFields?.SecurityToken).toBe('tok');
    expect(received[0]?.extFields?.Signature).toBe(signatureOf(received[0]!, 's'));
  });

  it('not at all without keys', async () => {
    await list([], { ROCKETMQ_HOME: home });
    expect(received[0]?.extFields?.AccessKey).toBeUndefined();
    expect(received[0]?.extFields?.Signature).toBeUndefined();
  });

  it('never with half a key', async () => {
    expect(await list(['--accessKey', 'k'], {})).toMatchObject({ exitCode: 2 });
    writeTools('accessKey: k\n');
    const half = await list([], { ROCKETMQ_HOME: home });
    expect(half).toMatchObject({ exitCode: 2 });
    expect(half.stderr).toContain('tools.yml has accessKey but no secretKey');
    writeTools('accessKey: [unclosed\n');
    expect(await list([], { ROCKETMQ_HOME: home })).toMatchObject({ exitCode: 2 });
    expect(received).toHaveLength(0);
  });

  it.each([
    'accessKey: "k\nsecretKey: hidden',
    'accessKey: k\nsecretKey: *hidden',
    'accessKey: k\nsecretKey: |hidden',
    'accessKey: k\nsecretKey: "\\hidden"',
  ])('nor is a line of a broken tools.yml shown: %j', async (text) => {
    writeTools(`${text}\n`);
    const { exitCode, stderr } = await list(['--debug'], { ROCKETMQ_HOME: home });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('tools.yml cannot be read: ');
    expect(stderr).not.toMatch(/hidden|\\h/);
  });

  it('nor one of broken contexts', async () => {
    const file = join(home, 'contexts.json');
    writeFileSync(file, '{"contexts":{"a":{"secretKey":hidden"}}}');
    const { exitCode, stderr } = await runCommand('topicList', ['--debug'], { MQKIT_CONTEXTS: file });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('contexts.json cannot be read: it is not JSON');
    expect(stderr).not.toMatch(/hidden|secretKey/);
  });
});

describe('a broker of the old kind, which resets only groups that are online', () => {
  it('gets the offsets committed for an offline group it knows', async () => {
    const committed: Record<string, string>[] = [];
    let addr = '';
    ({ addr } = await fakeServer((request, answer) => {
      const queue = (queueId: number): string => `{"brokerName":"broker-a","queueId":${queueId},"topic":"T"}`;
      const offsets = '{"brokerOffset":9,"consumerOffset":1,"lastTimestamp":0}';
      switch (request.code) {
        case RequestCode.GET_ROUTEINFO_BY_TOPIC:
          return answer(
            ResponseCode.SUCCESS,
            Buffer.from(
              `{"brokerDatas":[{"brokerAddrs":{0:"${addr}"},"brokerName":"broker-a","cluster":"C"}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":2,"topicSysFlag":0,"writeQueueNums":2}]}`,
            ),
          );
        case RequestCode.INVOKE_BROKER_TO_RESET_OFFSET:
          return answer(ResponseCode.CONSUMER_NOT_ONLINE);
        case RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG:
          return answer(ResponseCode.SUCCESS, Buffer.from('{"subscriptionGroupTable":{"Offline":{"groupName":"Offline"}}}'));
        case RequestCode.GET_CONSUME_STATS:
          return answer(
            ResponseCode.SUCCESS,
            Buffer.from(`{"consumeTps":0.0,"offsetTable":{${queue(0)}:${offsets},${queue(1)}:${offsets}}}`),
          );
        case RequestCode.UPDATE_CONSUMER_OFFSET:
          committed.push({ ...request.extFields });
          return answer(ResponseCode.SUCCESS);
        default:
          // Offsets by time are in the header; without one they are 0.
          return answer(ResponseCode.SUCCESS);
      }
    }));
    const reset = await runCommand('resetOffsetByTime', ['-g', 'Offline', '-t', 'T', '-s', '0', '-n', addr]);
    expect(reset).toMatchObject({ stderr: '', exitCode: 0 });
    expect(reset.stdout.split('\n')[0]).toMatch(
      /^reset consumer offset by specified consumerGroup\[Offline\], topic\[T\], force\[true\], /,
    );
    const titles = ['#brokerName', '#queueId', '#brokerOffset', '#consumerOffset', '#timestampOffset', '#resetOffset'];
    expect(reset.stdout.split('\n')[1]).toBe(titles.map((title) => title.padEnd(20)).join('  '));
    expect(committed.map((fields) => [fields.queueId, fields.commitOffset])).toEqual([
      ['0', '0'],
      ['1', '0'],
    ]);
    expect((await runCommand('resetOffsetByTime', ['-g', 'Typo', '-t', 'T', '-s', '0', '-n', addr])).exitCode).toBe(4);
  });
});
