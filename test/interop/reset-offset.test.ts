import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeConsumerStatusBody, decodeResetOffsetBody } from '../../src/remoting/bodies/consume-stats.js';
import { APACHE_VERSIONS, type ClientDriver, javaClient, rawRequest } from '../peers/index.js';
import { createGroup, createTopic, interop, startAll, startTarget, type Target, until } from './support.js';

const UPDATE_OFFSET = 15;
const RESET_OFFSET = 222;
const CONSUMER_STATUS = 223;
/** What Java's clients wait before they go on at a new offset, and the rebalancing of 4.9 behind it, with room for a busy machine. */
const MOVED_MS = 60_000;

/** A group of one Java consumer on a topic of one queue. */
interface Member {
  readonly java: ClientDriver;
  readonly target: Target;
  readonly topic: string;
  readonly group: string;
  readonly name: string;
}

interop('Java consumers whose offsets are reset', 'java', () => {
  const javas: ClientDriver[] = [];
  let target: Target;
  let old: Target;

  beforeAll(async () => {
    [target, old] = await startAll(startTarget(), startTarget({ useServerSideResetOffset: false }));
    for (const version of APACHE_VERSIONS) javas.push(await javaClient(version));
  });
  afterAll(async () => {
    for (const java of javas) await java.close();
    await target?.stop();
    await old?.stop();
  });

  const bodies = ({ java, name }: Member): string[] => java.received(name).map(({ body }) => body);
  const request = (member: Member, code: number, fields: Record<string, string> = {}) =>
    rawRequest(member.target.broker.address, code, { topic: member.topic, group: member.group, ...fields });
  const reset = async (member: Member, fields: Record<string, string> = {}): Promise<number[]> => {
    const answer = await request(member, RESET_OFFSET, { timestamp: '0', isForce: 'true', ...fields });
    expect(answer).toMatchObject({ code: 0 });
    return decodeResetOffsetBody(answer.body).map(([, offset]) => offset);
  };
  const committed = async ({ target: { broker }, topic, group }: Member): Promise<number> =>
    Number((await rawRequest(broker.address, 14, { consumerGroup: group, topic, queueId: '0' })).extFields?.offset ?? -1);

  async function member(on: Target, java: ClientDriver, what: string): Promise<Member> {
    const name = `${what}${javas.indexOf(java)}`;
    const made = { java, target: on, topic: `Reset${name}`, group: `G${name}`, name };
    await createTopic(on, made.topic, 1);
    await createGroup(on, made.group);
    await java.startProducer({ name, namesrvAddr: on.namesrvAddr, group: `P${name}` });
    for (const body of ['a', 'b', 'c']) await java.send(name, { topic: made.topic, body });
    return made;
  }

  const start = ({ java, name, target: { namesrvAddr }, topic, group }: Member): Promise<void> =>
    java.startPush({ name, namesrvAddr, group, subscriptions: { [topic]: '*' }, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });

  /** Consumes all, then is sent back to the beginning while it is online. */
  async function goesBack(online: Member): Promise<void> {
    await start(online);
    await until(() => bodies(online).length === 3, MOVED_MS);
    await online.java.call('push.persist', { name: online.name });
    await until(async () => (await committed(online)) === 3);
    const status = await request(online, CONSUMER_STATUS);
    expect([...decodeConsumerStatusBody(status.body).consumerTable.values()].map((table) => table.map(([, offset]) => offset))).toEqual([
      [3],
    ]);
    expect(await reset(online)).toEqual([0]);
    await until(() => bodies(online).length >= 6, MOVED_MS);
    expect(bodies(online).sort()).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
    await online.java.send(online.name, { topic: online.topic, body: 'd' });
    await until(() => bodies(online).at(-1) === 'd', MOVED_MS);
    await online.java.call('push.persist', { name: online.name });
    await until(async () => (await committed(online)) === 4, MOVED_MS);
    await online.java.stopPush(online.name);
  }

  it('checklist 35: online groups begin again, whether the broker moves them or tells them to move', async () => {
    const members: Member[] = [];
    for (const java of javas) members.push(await member(target, java, 'Server'), await member(old, java, 'Client'));
    await Promise.all(members.map(goesBack));
  });

  it('checklist 35: groups that are offline begin where one queue was set, forward and back; without the broker keeping it they are refused', async () => {
    for (const java of javas) {
      const offline = await member(target, java, 'Offline');
      const commit = { consumerGroup: offline.group, queueId: '0', commitOffset: '3' };
      expect(await request(offline, UPDATE_OFFSET, commit)).toMatchObject({ code: 0 });
      expect(await reset(offline, { queueId: '0', offset: '1', timestamp: '-1' })).toEqual([1]);
      await start(offline);
      await until(() => bodies(offline).length >= 2, MOVED_MS);
      expect(bodies(offline).sort()).toEqual(['b', 'c']);
      await java.stopPush(offline.name);
    }
    const refused = await member(old, javas[0]!, 'Refused');
    await request(refused, UPDATE_OFFSET, { consumerGroup: refused.group, queueId: '0', commitOffset: '3' });
    expect(await request(refused, RESET_OFFSET, { timestamp: '0', isForce: 'true' })).toMatchObject({ code: 206 });
  });
});
