/* Dead letters and retries of groups, by the commands that find, show, resend, export and purge them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AdminClient } from '../../../src/client/admin/admin-client.js';
import { collect, readLetters } from '../../../src/client/admin/group-letters.js';
import { purgeDeadLetters } from '../../../src/client/admin/purge-dead-letters.js';
import { resendLetters } from '../../../src/client/admin/resend-letters.js';
import { type WaitingRetry, waitingRetries } from '../../../src/client/admin/waiting-retries.js';
import { Producer } from '../../../src/client/producer/producer.js';
import { StoreError } from '../../../src/common/errors.js';
import { formatHostAddress } from '../../../src/common/host.js';
import { decodeOffsetMsgId } from '../../../src/common/message/message-id.js';
import { MessageConst } from '../../../src/common/message/properties.js';
import type { TopicRouteData } from '../../../src/remoting/bodies/route.js';
import { decodeTopicConfig } from '../../../src/remoting/bodies/topic.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { type CommandRun, runCommand } from './run-command.js';

let sandbox: Sandbox;
let admin: AdminClient;
let producer: Producer;

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 2, brokerConfig: { longPollingEnable: false } });
  admin = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
  producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'Letters' });
  await producer.start();
  await run('updateTopic -c DefaultCluster -t Orders -r 2 -w 2');
});
afterAll(async () => {
  await producer.shutdown();
  await admin.close();
  await sandbox.stop();
});

function run(line: string, env: NodeJS.ProcessEnv = {}, answer: string | null = null): Promise<CommandRun> {
  const [name = '', ...argv] = line.split(' ');
  return runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr, ...env }, answer);
}

const topicConfig = { code: RequestCode.GET_TOPIC_CONFIG, extFields: { topic: '%DLQ%FailingGroup' } };

interface Shown {
  readonly msgId: string;
  readonly offsetMsgId: string;
  readonly originTopic: string;
  readonly originMessageId: string;
  readonly tags: string;
  readonly keys: string;
  readonly body: string;
  readonly properties: Record<string, string>;
}

async function messagesOf(line: string): Promise<Shown[]> {
  const { stdout, stderr, exitCode } = await run(`${line} --json`);
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  return (JSON.parse(stdout) as { messages: Shown[] }).messages;
}

async function messagesIn(topic: string): Promise<Shown[]> {
  const { queues } = JSON.parse((await run(`printMsg -t ${topic} --json`)).stdout) as { queues: { messages: Shown[] }[] };
  return queues.flatMap(({ messages }) => messages);
}

/** Sends messages and gives them back on behalf of a group, as its consumers do: at once as dead letters with level -1. */
async function giveBack(group: string, bodies: readonly string[], { delayLevel = -1, topic = 'Orders' } = {}): Promise<void> {
  await run(`updateSubGroup -c DefaultCluster -g ${group}`);
  for (const body of bodies) {
    const properties = new Map([['color', `color of ${body}`]]);
    properties.set(MessageConst.SHARDING_KEY, 'customer-1');
    const message = { topic, body: Buffer.from(body), keys: `${body}-key`, tags: body.startsWith('a') ? 'TagA' : 'TagB', properties };
    const { offsetMsgId } = await producer.send(message);
    const { host, commitLogOffset } = decodeOffsetMsgId(offsetMsgId);
    await admin.ask(formatHostAddress(host), {
      code: RequestCode.CONSUMER_SEND_MSG_BACK,
      extFields: {
        offset: String(commitLogOffset),
        group,
        delayLevel: String(delayLevel),
        originMsgId: offsetMsgId,
        originTopic: topic,
        unitMode: 'false',
        maxReconsumeTimes: '16',
      },
    });
    const storedMs = Date.now();
    // Letters are told apart by their store times.
    await until(() => Date.now() > storedMs);
  }
  if (delayLevel < 0) {
    await until(async () => (await run(`dlq show -g ${group} --last 100`)).stdout.split('\n').length === bodies.length + 2);
  }
}

describe('dead letters', () => {
  it('are listed by group with how many there are and where they came from', async () => {
    await giveBack('ListedGroup', ['a1', 'b1', 'b2']);
    const { stdout } = await run('dlq list --json');
    const { groups } = JSON.parse(stdout) as { groups: Record<string, unknown>[] };
    const listed = groups.find(({ group }) => group === 'ListedGroup');
    expect(listed).toMatchObject({ topic: '%DLQ%ListedGroup', count: 3, originTopics: ['Orders'], hasAllTopics: true });
    expect(Number(listed?.newest)).toBeGreaterThanOrEqual(Number(listed?.oldest));
    expect((await run('dlq')).stdout).toMatch(/^#Group +#Count +#Oldest +#Newest +#Origin Topics\n[\s\S]*ListedGroup +3 +20/);
    expect(await run('dlq list -g NobodyGroup')).toMatchObject({ stdout: 'no dead letters\n', exitCode: 0 });
  });

  it('are shown with their origin, by topic, tag, key, id, time and last N', async () => {
    await giveBack('ShownGroup', ['a1', 'b1', 'b2']);
    const all = await messagesOf('dlq show -g ShownGroup');
    expect(all.map(({ originTopic, tags, keys }) => [originTopic, tags, keys]).sort()).toEqual([
      ['Orders', 'TagA', 'a1-key'],
      ['Orders', 'TagB', 'b1-key'],
      ['Orders', 'TagB', 'b2-key'],
    ]);
    const bodies = async (filter: string): Promise<string[]> =>
      (await messagesOf(`dlq show -g ShownGroup ${filter}`)).map(({ body }) => Buffer.from(body, 'base64').toString()).sort();
    expect(await bodies('--tags TagA')).toEqual(['a1']);
    expect(await bodies('--tags TagA||TagB')).toEqual(['a1', 'b1', 'b2']);
    expect(await bodies('-k b1-key')).toEqual(['b1']);
    expect(await bodies('-t Orders --last 1')).toEqual(['b2']);
    expect(await bodies('-t Others')).toEqual([]);
    expect(await bodies(`-i ${all[0]?.originMessageId}`)).toHaveLength(1);
    expect(await bodies('--end 1000')).toEqual([]);
    expect(await bodies('--begin 1000')).toHaveLength(3);
    expect(await run('dlq show -g NobodyGroup')).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('has no dead letters') });
  });

  it('are resent with what matters, and not again by a second run', async () => {
    await run('updateTopic -c DefaultCluster -t Resends -r 2 -w 2');
    await giveBack('ResentGroup', ['a1', 'b1', 'b2'], { topic: 'Resends' });
    const letters = await messagesOf('dlq show -g ResentGroup');
    const planned = await run('dlq resend -g ResentGroup --to origin --dry-run');
    expect(planned.stdout).toMatch(
      /would resend [0-9A-F]{32} to Resends\n[\s\S]*dry run: 3 messages of group \[ResentGroup\]: 3 planned\n$/,
    );
    expect(await messagesIn('Resends')).toHaveLength(3);
    expect((await run('dlq resend -g ResentGroup --to origin --tags TagA')).stdout).toMatch(
      /1 messages of group \[ResentGroup\]: 1 resent/,
    );
    await until(async () => (await run('dlq resend -g ResentGroup --to origin --dry-run')).stdout.includes('2 planned, 1 resent before'));
    expect((await run('dlq resend -g ResentGroup --to origin --rate 100')).stdout).toMatch(/: 2 resent, 1 resent before \(\d+ ms\)\n$/);
    await until(async () =>
      (await run('dlq resend -g ResentGroup --to origin')).stdout.includes('3 messages of group [ResentGroup]: 3 resent before'),
    );
    const copies = (await messagesIn('Resends')).filter(({ properties }) => properties.MQKIT_RESENT_FROM !== undefined);
    expect(copies).toHaveLength(3);
    for (const letter of letters) {
      const copy = copies.find(({ properties }) => properties.MQKIT_RESENT_FROM === letter.offsetMsgId);
      const { msgId, keys, tags, body } = letter;
      expect(copy).toMatchObject({ msgId, keys, tags, body, reconsumeTimes: 0 });
      expect(copy?.properties).toMatchObject({
        ORIGIN_MESSAGE_ID: letter.originMessageId,
        DLQ_ORIGIN_TOPIC: 'Resends',
        DLQ_ORIGIN_MESSAGE_ID: msgId,
        __SHARDINGKEY: 'customer-1',
        color: letter.properties.color,
      });
      const left = Object.keys(copy?.properties ?? {}).filter((name) => ['DELAY', 'REAL_TOPIC', 'REAL_QID', 'RETRY_TOPIC'].includes(name));
      expect(left).toEqual([]);
    }
    expect((await run('dlq resend -g ResentGroup --to origin -k b2-key --again')).stdout).toMatch(/: 1 resent \(/);
  });

  it('are resent to one group alone by its retry topic, or to a topic', async () => {
    await giveBack('AloneGroup', ['a1']);
    await run('updateTopic -c DefaultCluster -t %RETRY%AloneGroup -r 1 -w 1');
    expect((await run('dlq resend -g AloneGroup --to group')).stdout).toMatch(/resent [0-9A-F]{32} to %RETRY%AloneGroup\n/);
    const [retry] = await messagesIn('%RETRY%AloneGroup');
    expect(retry?.properties.RETRY_TOPIC).toBe('Orders');
    await run('updateTopic -c DefaultCluster -t Quarantine -r 1 -w 1');
    expect((await run('dlq resend -g AloneGroup --to-topic Quarantine')).stdout).toMatch(/resent [0-9A-F]{32} to Quarantine\n/);
    expect(await messagesIn('Quarantine')).toHaveLength(1);
  });

  it('are resent once all in all when a run was broken off in the middle', async () => {
    await run('updateTopic -c DefaultCluster -t Broken -r 2 -w 2');
    await giveBack('BrokenGroup', ['a1', 'a2', 'a3', 'a4'], { topic: 'Broken' });
    const stop = new AbortController();
    const sent: string[] = [];
    const request = { kind: 'dlq', group: 'BrokenGroup', target: { to: 'origin' } } as const;
    const first = await resendLetters(admin, {
      ...request,
      rate: 1000,
      signal: stop.signal,
      onLetter: ({ state }) => {
        if (sent.push(state) === 2) stop.abort();
      },
    });
    expect(first.counts).toMatchObject({ resent: 2, already: 0 });
    await until(async () => (await resendLetters(admin, { ...request, dryRun: true })).counts.already === 2);
    expect((await resendLetters(admin, request)).counts).toMatchObject({ resent: 2, already: 2 });
    await until(async () => (await resendLetters(admin, request)).counts.already === 4);
    const copies = (await messagesIn('Broken')).flatMap(({ properties }) => properties.MQKIT_RESENT_FROM ?? []);
    expect([copies.length, new Set(copies).size]).toEqual([4, 4]);
  });

  it('are not resent without a target, nor to topics that are gone', async () => {
    await giveBack('StuckGroup', ['a1', 'a2']);
    for (const line of ['', ' --to origin --to-topic T', ' --to everybody']) {
      expect(await run(`dlq resend -g StuckGroup${line}`)).toMatchObject({ stdout: '', exitCode: 2 });
    }
    const gone = await run('dlq resend -g StuckGroup --to-topic Gone');
    expect(gone).toMatchObject({
      exitCode: 4,
      stderr: expect.stringMatching(/2 of 2 letters were not sent, the first because topic Gone has no route/),
    });
    expect(gone.stdout).toMatch(/FAILED [0-9A-F]{32} to Gone: [\s\S]*: 2 failed \(/);
  });

  it('are resent all the same when many others cannot be', async () => {
    for (const topic of ['%DLQ%MixedGroup', 'Mixed']) {
      await run(`updateTopic -b ${sandbox.brokerAddr} -t ${topic} -r 1 -w 1`);
    }
    for (let i = 0; i < 25; i++) {
      const properties = new Map([[MessageConst.RETRY_TOPIC, i === 24 ? 'Mixed' : 'Vanished']]);
      await producer.send({ topic: '%DLQ%MixedGroup', body: Buffer.from('x'), properties });
    }
    const { stdout, stderr, exitCode } = await run('dlq resend -g MixedGroup --to origin');
    expect(stdout).toMatch(/25 messages of group \[MixedGroup\]: 1 resent, 24 failed \(/);
    expect({ stderr, exitCode }).toMatchObject({ exitCode: 6, stderr: expect.stringContaining('24 of 25 letters were not sent') });
  });

  it('are read and resent as far as brokers answer', async () => {
    await run('updateTopic -c DefaultCluster -t Halves -r 1 -w 1');
    await until(async () => (await admin.route('Halves')).brokerDatas.length === 2);
    await giveBack('HalfGroup', ['a1', 'a2', 'a3', 'a4'], { topic: 'Halves' });
    const letters = await messagesOf('dlq show -g HalfGroup');
    const heard = letters.filter(({ offsetMsgId }) => formatHostAddress(decodeOffsetMsgId(offsetMsgId).host) !== sandbox.brokerAddr).length;
    expect(heard).toBeGreaterThan(0);
    const deaf = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
    const invoke = deaf.remoting.invoke.bind(deaf.remoting);
    vi.spyOn(deaf.remoting, 'invoke').mockImplementation((addr, request, ...more) =>
      request.code === RequestCode.PULL_MESSAGE && addr === sandbox.brokerAddr
        ? Promise.reject(new StoreError('the broker is deaf'))
        : invoke(addr, request, ...more),
    );
    try {
      for (const filter of [{}, { last: 4 }]) {
        const reading = collect(readLetters(deaf, { group: 'HalfGroup', filter }), (read) => read.length);
        await expect(reading).rejects.toMatchObject({ category: 'partial', context: { result: heard } });
      }
      await run('updateTopic -c DefaultCluster -t %RETRY%HalfGroup -r 1 -w 1');
      await giveBack('HalfGroup', ['b1'], { delayLevel: 18, topic: 'Halves' });
      for (const [body, brokerName] of [
        ['c1', 'broker-b'],
        ['c2', 'broker-a'],
      ] as const) {
        const queue = { topic: '%RETRY%HalfGroup', brokerName, queueId: 0 };
        await producer.send({ topic: queue.topic, body: Buffer.from(body) }, { queue });
      }
      const { pages } = await waitingRetries(deaf, { group: 'HalfGroup', filter: { last: 5 } });
      const bodies = (retries: readonly WaitingRetry[]) => retries.map(({ message }) => String(message.body));
      await expect(collect(pages, bodies)).rejects.toMatchObject({
        message: expect.stringContaining('not all retries of group HalfGroup are known: '),
        context: { result: expect.arrayContaining(['c1']) },
      });
      const resent = resendLetters(deaf, { kind: 'dlq', group: 'HalfGroup', target: { to: 'origin' } });
      await expect(resent).rejects.toMatchObject({ category: 'partial', context: { result: { counts: { resent: heard, failed: 0 } } } });
    } finally {
      await deaf.close();
    }
  });

  it('are exported as lines of JSON', async () => {
    await giveBack('ExportGroup', ['a1', 'b1']);
    const { stdout } = await run('dlq export -g ExportGroup');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as Shown).keys)).toEqual(['a1-key', 'b1-key']);
    const file = join(sandbox.dir, 'letters.jsonl');
    expect((await run(`dlq export -g ExportGroup --tags TagA -f ${file}`)).stdout).toBe(
      `exported 1 dead letters of group [ExportGroup] to ${file}\n`,
    );
    expect(readFileSync(file, 'utf8')).toBe(`${lines[0]}\n`);
  });

  it('are purged with a yes only, and new ones come to the same topic', async () => {
    await giveBack('PurgedGroup', ['a1', 'a2']);
    const refused = await run('dlq purge -g PurgedGroup');
    expect(refused).toMatchObject({
      stdout: '',
      exitCode: 2,
      stderr: expect.stringContaining('delete all 2 dead letters of group PurgedGroup'),
    });
    expect(await run('dlq purge -g PurgedGroup', {}, 'no')).toMatchObject({ exitCode: 2 });
    expect((await run('dlq purge -g PurgedGroup --dry-run')).stdout).toMatch(/^dry run: would delete 2 dead letters/);
    expect(await messagesOf('dlq show -g PurgedGroup')).toHaveLength(2);
    expect((await run('dlq purge -g PurgedGroup --yes')).stdout).toMatch(/^deleted 2 dead letters of group \[PurgedGroup\] on 127/);
    await until(async () => (await run('dlq list -g PurgedGroup')).stdout === 'no dead letters\n');
    expect(await messagesOf('dlq show -g PurgedGroup')).toEqual([]);
    await giveBack('PurgedGroup', ['b9']);
  });

  it('are purged of a topic that keeps its attributes, or comes with the command that makes it again', async () => {
    await run('updateTopic -c DefaultCluster -t %DLQ%FailingGroup -r 2 -w 2 -p 4 -a +message.type=NORMAL');
    await until(async () => (await admin.findRoute('%DLQ%FailingGroup'))?.brokerDatas.length === 2);
    const failing = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
    const invoke = failing.remoting.invoke.bind(failing.remoting);
    vi.spyOn(failing.remoting, 'invoke').mockImplementation((addr, request, ...more) =>
      request.code === RequestCode.UPDATE_AND_CREATE_TOPIC && addr === sandbox.brokerAddr
        ? Promise.reject(new StoreError('the disk is full'))
        : invoke(addr, request, ...more),
    );
    const command = `mqadmin updateTopic -b ${sandbox.brokerAddr} -t %DLQ%FailingGroup -r 2 -w 2 -p 4 -a +message.type=NORMAL`;
    const half = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
    vi.spyOn(half, 'findRoute').mockResolvedValue(await half.route('%DLQ%FailingGroup'));
    const configOn = async (addr: string): Promise<unknown> => {
      const { code, body } = await admin.ask(addr, topicConfig, [ResponseCode.TOPIC_NOT_EXIST]);
      if (code === ResponseCode.TOPIC_NOT_EXIST) {
        return null;
      }
      const { readQueueNums, perm, attributes } = decodeTopicConfig(body);
      return { readQueueNums, perm, attributes: Object.fromEntries(attributes) };
    };
    const [first = '', second = ''] = sandbox.brokers.map(({ address }) => address);
    const kept = { readQueueNums: 2, perm: 4, attributes: { 'message.type': 'NORMAL' } };
    try {
      await expect(purgeDeadLetters(failing, { group: 'FailingGroup' })).rejects.toMatchObject({
        category: 'partial',
        message: expect.stringContaining(`(the disk is full); make it so: ${command}`),
      });
      expect([await configOn(first), await configOn(second)]).toEqual([null, kept]);
      // The name server may still name the broker.
      await purgeDeadLetters(half, { group: 'FailingGroup' });
      expect([await configOn(first), await configOn(second)]).toEqual([{ ...kept, attributes: {} }, kept]);
    } finally {
      await failing.close();
      await half.close();
    }
  });

  it('are not resent while a broker of the target has no master', async () => {
    await run('updateTopic -c DefaultCluster -t Orphans -r 1 -w 1');
    await giveBack('OrphanGroup', ['a1'], { topic: 'Orphans' });
    const other = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
    const route = other.route.bind(other);
    vi.spyOn(other, 'route').mockImplementation(async (topic): Promise<TopicRouteData> => {
      const known = await route(topic);
      const slave = {
        cluster: 'DefaultCluster',
        brokerName: 'broker-c',
        brokerAddrs: new Map([[1, sandbox.brokerAddr]]),
        enableActingMaster: false,
      };
      return topic === 'Orphans' ? { ...known, brokerDatas: [...known.brokerDatas, slave] } : known;
    });
    const request = { kind: 'dlq', group: 'OrphanGroup', target: { to: 'origin' } } as const;
    try {
      await expect(resendLetters(other, request)).rejects.toMatchObject({
        code: 'NO_MASTER',
        message: expect.stringContaining('broker-c of topic Orphans'),
      });
      expect((await resendLetters(other, { ...request, again: true })).counts).toMatchObject({ resent: 1 });
    } finally {
      await other.close();
    }
  });

  it('have actions and options that belong together', async () => {
    expect(await run('dlq fly')).toMatchObject({ exitCode: 2, stderr: 'dlq fly: expected list, show, resend, export or purge\n' });
    expect(await run('dlq list --to group')).toMatchObject({ exitCode: 2, stderr: 'dlq list has no option --to; it belongs to resend\n' });
    expect(await run('dlq show')).toMatchObject({ exitCode: 2, stderr: 'dlq show needs the group: -g, --group\n' });
    expect(await run('dlq show all -g G')).toMatchObject({ exitCode: 2, stderr: 'dlq show: "all" is one word too many\n' });
    expect(await run('dlq show -g G --begin 5 --end 5')).toMatchObject({ exitCode: 2 });
  });
});

describe('retries', () => {
  it('are listed and shown, those that are ready and those that the broker still keeps', async () => {
    await giveBack('WaitingGroup', ['a1', 'b1'], { delayLevel: 18 });
    await producer.send({
      topic: '%RETRY%WaitingGroup',
      body: Buffer.from('c1'),
      keys: 'c1-key',
      properties: new Map([[MessageConst.RETRY_TOPIC, 'Orders']]),
    });
    const { groups, isWhole } = JSON.parse((await run('retry list -g WaitingGroup --json')).stdout) as {
      groups: { nextDue: number }[];
      isWhole: boolean;
    };
    expect(groups).toMatchObject([{ group: 'WaitingGroup', topic: '%RETRY%WaitingGroup', ready: 1, delayed: 2, originTopics: ['Orders'] }]);
    expect(isWhole).toBe(true);
    const messages = await messagesOf('retry show -g WaitingGroup');
    expect(messages).toMatchObject([
      { state: 'ready', keys: 'c1-key', dueTimestamp: null },
      { state: 'delayed', keys: 'a1-key', originTopic: 'Orders' },
      { state: 'delayed', keys: 'b1-key' },
    ]);
    expect(messages[1]).toMatchObject({ dueTimestamp: groups[0]?.nextDue });
    expect((groups[0]?.nextDue ?? 0) - Date.now()).toBeGreaterThan(3_600_000);
    expect((await run('retry show -g WaitingGroup --tags TagB')).stdout).toMatch(/^#Due +#MsgId[^\n]+\n20[^\n]+b1-key[^\n]+\n$/);
    expect((await run('retry list')).stdout).toMatch(/\nWaitingGroup +1 +2 +20[\d: -]+ %RETRY%WaitingGroup\n/);
    expect((await run('retry export -g WaitingGroup --tags TagA')).stdout).toMatch(/^\{[^\n]+"keys":"a1-key"[^\n]+\}\n$/);
    expect(await run('retry show -g NobodyGroup')).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('has no retry topic') });
  });

  it('are the same letters when the broker delivers them: they are resent once', async () => {
    await run('updateTopic -c DefaultCluster -t LateOrders -r 1 -w 1');
    await giveBack('LateGroup', ['a1'], { delayLevel: 1, topic: 'LateOrders' });
    expect((await run('retry resend -g LateGroup --to origin')).stdout).toContain('1 messages of group [LateGroup]: 1 resent');
    const states = async () => (await messagesOf('retry show -g LateGroup')).map((message) => (message as { state?: string }).state);
    await until(async () => (await states())[0] === 'ready');
    await until(async () => (await run('retry resend -g LateGroup --to origin --dry-run')).stdout.includes(': 1 resent before'));
    const copies = (await messagesIn('LateOrders')).flatMap(({ properties }) => properties.MQKIT_RESENT_FROM ?? []);
    expect(copies).toEqual([expect.stringMatching(/^LateGroup:[0-9A-F]{32}:1$/)]);
    // What comes back of the copy is another letter.
    const [retry] = await messagesOf('retry show -g LateGroup');
    await producer.send({
      topic: '%RETRY%LateGroup',
      body: Buffer.from('b'),
      properties: new Map(Object.entries({ ...retry?.properties, MQKIT_RESENT_FROM: copies[0] ?? '' })),
    });
    expect((await run('retry resend -g LateGroup --to origin --dry-run')).stdout).toContain(': 1 planned, 1 resent before');
  });

  it('of a group that does not come back are resent once, and skipped with an undo file', async () => {
    await run('updateTopic -c DefaultCluster -t LeftOrders -r 1 -w 1');
    await giveBack('LeftGroup', ['a1'], { delayLevel: 18, topic: 'LeftOrders' });
    await producer.send({
      topic: '%RETRY%LeftGroup',
      body: Buffer.from('c1'),
      properties: new Map([[MessageConst.RETRY_TOPIC, 'LeftOrders']]),
    });
    expect(await run('retry resend -g LeftGroup --to group')).toMatchObject({ exitCode: 2, stdout: '' });
    expect((await run('retry resend -g LeftGroup --to origin')).stdout).toContain('2 messages of group [LeftGroup]: 2 resent');
    expect(await messagesIn('LeftOrders')).toHaveLength(3);
    await until(async () => (await run('retry resend -g LeftGroup --to origin')).stdout.includes(': 2 resent before'));
    const env = { XDG_STATE_HOME: sandbox.dir };
    expect(await run('retry purge -g LeftGroup', env)).toMatchObject({ exitCode: 2, stdout: '' });
    expect((await run('retry purge -g LeftGroup --dry-run', env)).stdout).toContain(
      'dry run: would skip the ready retries of group [LeftGroup]',
    );
    expect(JSON.parse((await run('retry list -g LeftGroup --json')).stdout)).toMatchObject({ groups: [{ ready: 1, delayed: 1 }] });
    expect((await run('retry purge -g LeftGroup --yes', env)).exitCode).toBe(0);
    expect(JSON.parse((await run('retry list -g LeftGroup --json')).stdout)).toMatchObject({ groups: [{ ready: 0, delayed: 1 }] });
    expect(await run('retry list -g LeftGroup --undo-file x')).toMatchObject({ exitCode: 2 });
  });
});
