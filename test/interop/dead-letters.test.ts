import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CommandRun, runCommand } from '../commands/mqadmin/run-command.js';
import { apache, type ClientDriver, javaClient, rawRequest, startBundledCluster } from '../peers/index.js';
import { createGroup, createTopic, interop, startAll, type Target, until } from './support.js';

/** CONSUMER_SEND_MSG_BACK */
const SEND_BACK = 36;
/** What a Java consumer may take on a busy machine until it has its queues. */
const CONSUMED_MS = 90_000;

/** Of a listener whose messages become dead letters at once. */
const DIES = { failTimes: 9, delayLevel: -1 };

interop('mqadmin and what Java consumers could not consume', 'java', () => {
  const targets = new Map<string, Target>();
  let java: ClientDriver;
  let dir: string;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'mqkit-letters-'));
    const [bundled, original] = await startAll(startBundledCluster({}), apache.startCluster({ version: '5.3.3' }));
    targets.set('bundled', bundled).set('Apache 5.3.3', original);
    java = await javaClient('5.3.3');
  });
  afterAll(async () => {
    await java?.close();
    await Promise.all([...targets.values()].map((target) => target.stop()));
    rmSync(dir, { recursive: true, force: true });
  });

  function run(target: Target, line: string): Promise<CommandRun> {
    const [name = '', ...argv] = line.split(' ');
    return runCommand(name, argv, { NAMESRV_ADDR: target.namesrvAddr, XDG_STATE_HOME: dir });
  }

  async function succeeds(target: Target, line: string): Promise<string> {
    const { stdout, stderr, exitCode } = await run(target, line);
    expect({ line, stderr, exitCode }).toMatchObject({ line, exitCode: 0 });
    return stdout;
  }

  const bodies = (name: string): string[] => java.received(name).map(({ body }) => body);

  async function diesAndComesBack(kind: string): Promise<void> {
    const target = targets.get(kind)!;
    const { namesrvAddr } = target;
    const name = (what: string): string => `${what}${kind.charAt(0)}`;
    await createTopic(target, 'Orders', 1);
    await createGroup(target, 'Failing');
    await createGroup(target, 'Other');
    const from = { namesrvAddr, subscriptions: { Orders: '*' }, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' };
    await java.startPush({ ...from, name: name('dies'), group: 'Failing', behaviour: DIES });
    await java.startProducer({ name: name('sends'), namesrvAddr, group: 'Orders' });
    await java.send(name('sends'), { topic: 'Orders', body: 'bad', tags: 'TagA', keys: 'bad-1', properties: { color: 'red' } });
    await until(async () => /\nFailing +1 /.test((await run(target, 'dlq list')).stdout), CONSUMED_MS);
    await java.stopPush(name('dies'));
    const [dead] = java.received(name('dies'));

    // To the group alone, once.
    await until(async () => (await run(target, 'dlq resend -g Failing --to group --dry-run')).stdout.includes('1 planned'), CONSUMED_MS);
    expect(await succeeds(target, 'dlq resend -g Failing --to group')).toContain(': 1 resent (');
    await until(
      async () => (await run(target, 'dlq resend -g Failing --to group --dry-run')).stdout.includes('1 resent before'),
      CONSUMED_MS,
    );
    expect(await succeeds(target, 'dlq resend -g Failing --to group')).toContain(': 1 resent before');
    await Promise.all([
      java.startPush({ ...from, name: name('lives'), group: 'Failing' }),
      java.startPush({ ...from, name: name('others'), group: 'Other' }),
    ]);
    await until(() => bodies(name('lives')).includes('bad') && bodies(name('others')).includes('bad'), CONSUMED_MS);
    const [again] = java.received(name('lives'));
    expect(again?.message).toMatchObject({ topic: 'Orders', msgId: dead?.message.msgId, keys: 'bad-1', tags: 'TagA', reconsumeTimes: 0 });
    expect(again?.message.properties).toMatchObject({
      ORIGIN_MESSAGE_ID: dead?.message.offsetMsgId,
      DLQ_ORIGIN_TOPIC: 'Orders',
      DLQ_ORIGIN_MESSAGE_ID: dead?.message.msgId,
      color: 'red',
    });

    // To every group of the topic, once; groups that are online are no hindrance.
    expect(await succeeds(target, 'dlq resend -g Failing --to origin')).toContain(': 1 resent (');
    await until(
      async () => (await run(target, 'dlq resend -g Failing --to origin --dry-run')).stdout.includes('1 resent before'),
      CONSUMED_MS,
    );
    expect(await succeeds(target, 'dlq resend -g Failing --to origin')).toContain(': 1 resent before');
    await until(() => bodies(name('others')).length >= 2 && bodies(name('lives')).length >= 2, CONSUMED_MS);
    await Promise.all([java.stopPush(name('lives')), java.stopPush(name('others'))]);
    expect(bodies(name('lives'))).toEqual(['bad', 'bad']);
    expect(bodies(name('others'))).toEqual(['bad', 'bad']);

    // One that is given back for later is still with the broker.
    const { commitLogOffset } = dead!.message;
    const later = { offset: String(commitLogOffset), group: 'Other', delayLevel: '18', originTopic: 'Orders', maxReconsumeTimes: '16' };
    expect(await rawRequest(target.broker.address, SEND_BACK, { ...later, originMsgId: '', unitMode: 'false' })).toMatchObject({ code: 0 });
    await until(async () => /\nOther +0 +1 +20/.test((await run(target, 'retry list')).stdout), CONSUMED_MS);
    const { messages: waiting } = JSON.parse(await succeeds(target, 'retry show -g Other --json')) as {
      messages: Record<string, unknown>[];
    };
    expect(waiting).toMatchObject([{ state: 'delayed', originTopic: 'Orders', reconsumeTimes: 1, topic: 'SCHEDULE_TOPIC_XXXX' }]);
    expect(Number(waiting[0]?.dueTimestamp) - Number(waiting[0]?.storeTimestamp)).toBe(2 * 3_600_000);

    // All of it goes, and what dies then is found from the start.
    expect(await succeeds(target, 'dlq purge -g Failing --yes')).toMatch(/^deleted 1 dead letters/);
    await until(async () => (await run(target, 'dlq list')).stdout === 'no dead letters\n', CONSUMED_MS);
    await java.startPush({
      ...from,
      name: name('fails'),
      group: 'Failing',
      behaviour: DIES,
    });
    await java.send(name('sends'), { topic: 'Orders', body: 'worse' });
    await until(async () => /\nFailing +1 /.test((await run(target, 'dlq list')).stdout), CONSUMED_MS);
    await java.stopPush(name('fails'));
    const { messages } = JSON.parse(await succeeds(target, 'dlq show -g Failing --json')) as { messages: Record<string, unknown>[] };
    expect(messages).toMatchObject([{ queueOffset: 0, originTopic: 'Orders', body: Buffer.from('worse').toString('base64') }]);
  }

  it.each(['bundled', 'Apache 5.3.3'])('dead letters on %s are resent once, to the group or to all, and purged', diesAndComesBack, 400_000);

  it('offsets go from Apache 5.3.3 to the bundled nodes and back, by offset and by time', async () => {
    const [bundled, original] = [targets.get('bundled')!, targets.get('Apache 5.3.3')!];
    const offsets = async (target: Target): Promise<number[]> => {
      const rows = JSON.parse(await succeeds(target, 'offsets export -t Orders --json')) as {
        offsets: { group: string; offset: number }[];
      };
      return rows.offsets.map(({ offset }) => offset);
    };
    // The groups are offline, so that nobody moves them.
    const there = await offsets(original);
    expect(there).toHaveLength(2);
    for (const [from, to, ending] of [
      [original, bundled, 'csv'],
      [bundled, original, 'yaml'],
    ] as const) {
      const file = join(dir, `offsets.${ending}`);
      await succeeds(from, `offsets export -t Orders -f ${file}`);
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll(from.brokerName, to.brokerName));
      for (const group of ['Failing', 'Other']) {
        await succeeds(to, `resetOffsetByTime -g ${group} -t Orders -s 0`);
      }
      expect(await offsets(to)).toEqual([0, 0]);
      await succeeds(to, `offsets import -f ${file} --dry-run`);
      await succeeds(to, `offsets import -f ${file} --yes`);
      expect(await offsets(to)).toEqual(there);
      const byTime = join(dir, `times-${ending}.json`);
      await succeeds(to, `offsets export -t Orders --by time -f ${byTime}`);
      await succeeds(to, `resetOffsetByTime -g Failing -t Orders -s 0`);
      await succeeds(to, `offsets import -f ${byTime} --yes`);
      expect(await offsets(to)).toEqual(there);
    }
  });
});
