import { afterAll, beforeAll, expect, it } from 'vitest';
import { RawConnection, rawRequest } from '../peers/index.js';
import { createGroup, createTopic, interop, startTarget, type Target, TOLD_MS, until } from './support.js';

/** What only hand-written requests show: MQKIT_INTEROP_TARGET=5.3.3 runs the same against Apache's broker. */
interop('the broker towards hand-written clients', 'node', () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target?.stop());

  const beat = (clientID: string, group: string, topic: string, options: { tags?: string; subVersion?: number } = {}): string =>
    JSON.stringify({
      clientID,
      producerDataSet: [],
      consumerDataSet: [
        {
          groupName: group,
          consumeType: 'CONSUME_PASSIVELY',
          messageModel: 'CLUSTERING',
          consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
          unitMode: false,
          subscriptionDataSet: [
            {
              classFilterMode: false,
              topic,
              subString: options.tags ?? '*',
              tagsSet: options.tags ? [options.tags] : [],
              codeSet: options.tags ? [hashOf(options.tags)] : [],
              subVersion: options.subVersion ?? 1000,
              expressionType: 'TAG',
            },
          ],
        },
      ],
    });
  const pull = (group: string, topic: string, more: Record<string, string> = {}) => ({
    consumerGroup: group,
    topic,
    queueId: '0',
    queueOffset: '0',
    maxMsgNums: '32',
    sysFlag: '0',
    commitOffset: '0',
    suspendTimeoutMillis: '15000',
    subVersion: '1000',
    expressionType: 'TAG',
    ...more,
  });
  const send = (topic: string, tags: string) =>
    rawRequest(
      target.broker.address,
      310,
      {
        a: 'P',
        b: topic,
        c: 'TBW102',
        d: '4',
        e: '0',
        f: '0',
        g: '1700000000000',
        h: '0',
        i: `TAGS\u0001${tags}\u0002`,
        j: '0',
        k: 'false',
        m: 'false',
      },
      tags,
    );

  it('checklist 16: a fresh group with LAST_OFFSET starts at 0 on a small topic, and nowhere on an empty queue', async () => {
    await createTopic(target, 'Small', 2);
    await send('Small', 'A');
    const query = (queueId: number) =>
      rawRequest(target.broker.address, 14, { consumerGroup: 'FreshGroup', topic: 'Small', queueId: String(queueId) });
    expect(await query(0)).toMatchObject({ code: 0, extFields: { offset: '0' } });
    expect(await query(1)).toMatchObject({ code: 22 });
  });

  it('checklist 21: topics of one group flip with each heartbeat; of one topic the higher subVersion filters for all', async () => {
    for (const topic of ['FlipA', 'FlipB']) await createTopic(target, topic, 1);
    await createGroup(target, 'FlipGroup');
    await createGroup(target, 'TagGroup');
    const one = new RawConnection(target.broker.address);
    const two = new RawConnection(target.broker.address);
    try {
      await one.request(34, {}, beat('one', 'FlipGroup', 'FlipA'));
      expect(await one.request(11, pull('FlipGroup', 'FlipA'))).toMatchObject({ code: 19 });
      await two.request(34, {}, beat('two', 'FlipGroup', 'FlipB'));
      expect(await one.request(11, pull('FlipGroup', 'FlipA'))).toMatchObject({ code: 24 });
      await one.request(34, {}, beat('one', 'FlipGroup', 'FlipA'));
      expect(await two.request(11, pull('FlipGroup', 'FlipB'))).toMatchObject({ code: 24 });

      for (const tags of ['X', 'Y', 'X']) await send('FlipA', tags);
      await one.request(34, {}, beat('one', 'TagGroup', 'FlipA', { tags: 'X', subVersion: 1000 }));
      await two.request(34, {}, beat('two', 'TagGroup', 'FlipA', { tags: 'Y', subVersion: 2000 }));
      await one.request(34, {}, beat('one', 'TagGroup', 'FlipA', { tags: 'X', subVersion: 1000 }));
      const filtered = await one.request(11, pull('TagGroup', 'FlipA'));
      expect(filtered.body.toString('latin1').match(/TAGS./g)).toHaveLength(1);
    } finally {
      one.close();
      two.close();
    }
  });

  it('checklist 19: members are told at once when another joins or its connection closes', async () => {
    await createTopic(target, 'Told', 1);
    await createGroup(target, 'ToldGroup');
    const one = new RawConnection(target.broker.address);
    const two = new RawConnection(target.broker.address);
    try {
      await one.request(34, {}, beat('one', 'ToldGroup', 'Told'));
      // Told of itself first.
      await until(() => one.pushed.length === 1);
      const before = one.pushed.length;
      await two.request(34, {}, beat('two', 'ToldGroup', 'Told'));
      await until(() => one.pushed.length > before, TOLD_MS);
      expect(one.pushed.at(-1)).toMatchObject({ code: 40, extFields: { consumerGroup: 'ToldGroup' } });
      const joined = one.pushed.length;
      two.close();
      await until(() => one.pushed.length > joined, TOLD_MS);
      const members = await one.request(38, { consumerGroup: 'ToldGroup' });
      expect(JSON.parse(members.body.toString())).toEqual({ consumerIdList: ['one'] });
    } finally {
      one.close();
      two.close();
    }
  });

  it('checklist 22: an idle pull is held for 15 to 20 s; a send completes a held one at once', async () => {
    await createTopic(target, 'Held', 2);
    await createGroup(target, 'HeldGroup');
    const idle = new RawConnection(target.broker.address);
    const woken = new RawConnection(target.broker.address);
    try {
      await idle.request(34, {}, beat('idle', 'HeldGroup', 'Held'));
      const startedAt = performance.now();
      const held = idle.request(11, pull('HeldGroup', 'Held', { queueId: '1', sysFlag: '2' }));
      const waiting = woken.request(11, pull('HeldGroup', 'Held', { sysFlag: '2' }));
      // Answered, so the pulls before it on the other connections have been parked.
      await until(async () => (await woken.request(38, { consumerGroup: 'HeldGroup' })).code === 0);
      const sentAt = performance.now();
      await send('Held', 'A');
      expect(await waiting).toMatchObject({ code: 0, extFields: { nextBeginOffset: '1' } });
      // Long before the broker looks again by itself (5 s); how fast it is, benchmarks show.
      expect(performance.now() - sentAt).toBeLessThan(4_000);
      expect(await held).toMatchObject({ code: 19 });
      expect(performance.now() - startedAt).toBeGreaterThan(14_900);
      expect(performance.now() - startedAt).toBeLessThan(25_000);
    } finally {
      idle.close();
      woken.close();
    }
  });
});

/** Java's String.hashCode. */
function hashOf(text: string): number {
  let hash = 0;
  for (const char of text) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) | 0;
  return hash;
}
