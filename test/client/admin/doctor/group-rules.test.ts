import { describe, expect, it } from 'vitest';
import type { MemberAnswer } from '../../../../src/client/admin/doctor/facts.js';
import { clientRules } from '../../../../src/client/admin/doctor/rules-client.js';
import { groupRules } from '../../../../src/client/admin/doctor/rules-group.js';
import { lagRules } from '../../../../src/client/admin/doctor/rules-lag.js';
import { broker, connection, contextWith, facts, group, groupTable, member, NOW_MS, row, short, topicTable, unknown } from './made-up.js';

const context = contextWith();

describe('a group', () => {
  const found = (table: Parameters<typeof groupTable>[0], fact = group()): string[] =>
    short(groupRules(facts({ brokers: [broker('a', { groups: groupTable(table), topics: topicTable('T') })], groups: [fact] }), context));

  it.each([
    ['warning group-disabled G', { consumeEnable: false }],
    ['warning group-no-retries G', { retryMaxTimes: 0 }],
    ['critical group-no-retry-queues G', { retryQueueNums: 0 }],
  ])('has %s', (expected, change) => {
    expect(found({ groupName: 'G', ...change })).toEqual([expected]);
  });

  it('gets the command that changes one of its settings and keeps the others', () => {
    const groups = groupTable({
      groupName: 'G',
      consumeEnable: false,
      consumeBroadcastEnable: true,
      consumeMessageOrderly: true,
      retryMaxTimes: 3,
    });
    const [finding] = groupRules(facts({ brokers: [broker('a', { groups })], groups: [group()] }), context);
    expect(finding?.fix).toBe('mqadmin updateSubGroup -b 10.0.1.1:10911 -g G -s true -m true -d true -o true -r 3');
  });

  it('that broadcasts where it may not, and one that is disabled with members online', () => {
    const online = [connection(['x'], { messageModel: 'BROADCASTING' })];
    expect(found({ groupName: 'G', consumeBroadcastEnable: false }, group({ online }))).toEqual(['critical group-broadcast-disabled G']);
    expect(found({ groupName: 'G', consumeEnable: false }, group({ online }))).toEqual(['critical group-disabled G']);
  });

  it('whose settings are others elsewhere, or missing where its topic is', () => {
    const brokers = [
      broker('a', { groups: groupTable({ groupName: 'G' }) }),
      broker('bb', { groups: groupTable({ groupName: 'G', retryMaxTimes: 3 }) }),
      broker('ccc', { groups: groupTable(), topics: topicTable('T'), config: { value: { autoCreateSubscriptionGroup: 'false' } } }),
    ];
    const its = groupRules(facts({ brokers, groups: [group({ online: [connection(['x'])] })] }), context);
    expect(short(its)).toEqual(['warning group-settings-differ G', 'critical group-unknown-to-broker G']);
  });

  it('whose members subscribe differently, as the broker says or as they say themselves', () => {
    const told = [
      {
        topic: 'T',
        subscribers: [
          { expression: '*', clientIds: ['x'] },
          { expression: 'A', clientIds: ['y'] },
        ],
      },
    ];
    const byBroker = group({ online: [connection(['x', 'y'], { subscriptionDifferences: told })] });
    expect(found({ groupName: 'G' }, byBroker)).toEqual(['critical subscription-mismatch G']);
    const running = new Map([
      ['x', member([{ queueId: 0 }], '*')],
      ['y', member([{ queueId: 1 }], 'A')],
    ]);
    expect(found({ groupName: 'G' }, group({ online: [connection(['x', 'y'])], running }))).toEqual(['critical subscription-mismatch G']);
  });

  it('with more members than queues, and with dead letters', () => {
    const running = new Map([
      ['x', member([{ queueId: 0 }])],
      ['y', member([])],
    ]);
    const fact = group({ online: [connection(['x', 'y'])], running, deadLetters: { value: 2 } });
    expect(found({ groupName: 'G' }, fact)).toEqual(['info group-idle-members G', 'warning dead-letters G']);
  });
});

describe('lag', () => {
  const found = (rows: ReturnType<typeof row>[], fact = group(), limits = {}): ReturnType<typeof lagRules> =>
    lagRules(facts({ brokers: [broker('a', { progress: { value: { atMs: 1_000, rows } } })], groups: [fact] }), contextWith(limits));
  const online = [connection(['x', 'y'])];

  it('without a consumer is as bad as it is much', () => {
    expect(short(found([row({ brokerOffset: 10 })]))).toEqual(['info lag-no-consumer G']);
    expect(short(found([row({ brokerOffset: 1_000 })]))).toEqual(['warning lag-no-consumer G']);
    expect(short(found([row({ brokerOffset: 100_000 })]))).toEqual(['critical lag-no-consumer G']);
    expect(found([row({ brokerOffset: 0 })])).toEqual([]);
  });

  it('of queues that nobody has, though members are online', () => {
    const running = new Map([
      ['x', member([{ queueId: 0 }])],
      ['y', member([])],
    ]);
    const its = found([row(), row({ queueId: 1 })], group({ online, running }));
    expect(short(its)).toEqual(['warning lag-unassigned-queues G']);
    expect(its[0]?.evidence).toMatchObject({ lag: 5_000, queues: ['T@a@1 (5000)'], consumers: ['x', 'y'] });
  });

  it('is not laid to queues without a member while a member does not answer', () => {
    const running = new Map<string, MemberAnswer>([
      ['x', member([{ queueId: 0 }])],
      ['y', { ...unknown('timeout'), atMs: NOW_MS }],
    ]);
    expect(short(found([row(), row({ queueId: 1 })], group({ online, running })))).toEqual(['warning lag-slow G']);
  });

  it('is not laid to queues without a member where not all members were asked, nor are members called idle', () => {
    const running = new Map([
      ['x', member([{ queueId: 0 }])],
      ['y', member([])],
    ]);
    const fact = group({ online: [connection(['x', 'y', 'z'])], running });
    expect(short(found([row(), row({ queueId: 1 })], fact))).toEqual(['warning lag-slow G']);
    expect(groupRules(facts({ groups: [fact] }), context)).toEqual([]);
  });

  it('of a queue that stands still while another moves', () => {
    const later = [{ atMs: 7_000, rows: [row(), row({ queueId: 1, consumerOffset: 600 })] }];
    const its = found([row(), row({ queueId: 1 })], group({ online, later }));
    expect(short(its)).toEqual(['warning lag-stuck-queue G']);
    expect(its[0]?.evidence).toMatchObject({ lag: 5_000, queues: ['T@a@0 (5000)'] });
  });

  it('of a queue that was not read again is not laid to it, and speed is measured from the reading of its own brokers', () => {
    const late = broker('bb', { progress: { value: { atMs: 6_000, rows: [row({ consumerGroup: 'Other', brokerName: 'bb' })] } } });
    const rows = [row(), row({ brokerName: 'c' })];
    const its = broker('a', { progress: { value: { atMs: 1_000, rows } } });
    const later = [{ atMs: 11_000, rows: [row({ consumerOffset: 500 })] }];
    const [slow, ...others] = lagRules(facts({ brokers: [its, late], groups: [group({ online, later })] }), context);
    expect(slow).toMatchObject({ id: 'lag-slow', evidence: { consumedPerSecond: 50, measuredSeconds: 10 } });
    expect(others).toEqual([]);
  });

  it.each([
    ['lag-blocked-listener', { cachedMsgCount: 5, lastConsumeTimestamp: NOW_MS - 90_000 }],
    ['lag-flow-control', { cachedMsgCount: 1_200 }],
    ['lag-not-pulling', { lastPullTimestamp: NOW_MS - 180_000 }],
  ])('has its cause in what a member says: %s', (id, state) => {
    const running = new Map([['x', member([{ queueId: 0, ...state }])]]);
    expect(short(found([row()], group({ online, running })))).toEqual([`warning ${id} G`]);
  });

  it('has speeds of which each broker was read at its own times', () => {
    const [fast, slow] = [row(), row({ brokerName: 'bb' })];
    const brokers = [
      broker('a', { progress: { value: { atMs: 1_000, rows: [fast] } } }),
      broker('bb', { progress: { value: { atMs: 25_000, rows: [slow] } } }),
    ];
    const later = [
      { atMs: 31_000, rows: [{ ...fast, consumerOffset: 300, brokerOffset: 5_600 }] },
      { atMs: 35_000, rows: [{ ...slow, consumerOffset: 200 }] },
    ];
    const [finding] = lagRules(facts({ brokers, groups: [group({ online, later })] }), contextWith());
    const still = [later[0]!, { atMs: 35_000, rows: [slow] }];
    const [stuck] = lagRules(facts({ brokers, groups: [group({ online, later: still })] }), contextWith());
    expect(stuck?.what).toBe('1 of 2 queues of group G stood still for 10 s while others moved');
    expect(finding?.evidence).toMatchObject({ consumedPerSecond: 30, producedPerSecond: 20, measuredSeconds: 30 });
  });

  it.each([
    ['was asked long before the second reading', { cachedMsgCount: 5, lastConsumeTimestamp: NOW_MS - 90_000 }, -60_000],
    ['did not pull since, because it was asked before', { lastPullTimestamp: NOW_MS - 180_000 }, -100_000],
    ['has a clock that is behind', { cachedMsgCount: 5, lastConsumeTimestamp: NOW_MS - 90_000, lastPullTimestamp: NOW_MS - 85_000 }, 0],
    ['does not say when it consumed', { cachedMsgCount: 5, lastConsumeTimestamp: 0 }, 0],
  ])('is not laid to a member that %s', (_, state, askedMs) => {
    const running = new Map([['x', { ...member([{ queueId: 0, ...state }]), atMs: NOW_MS + askedMs }]]);
    expect(short(found([row()], group({ online, running })))).toEqual(['warning lag-slow G']);
  });

  it('that shrinks slowly says until when, one that does not move says so', () => {
    const later = (consumerOffset: number) => [{ atMs: 11_000, rows: [row({ consumerOffset })] }];
    const [slow] = found([row()], group({ online, later: later(500) }));
    expect(slow).toMatchObject({ id: 'lag-slow', evidence: { lag: 5_000, consumers: 2, consumedPerSecond: 50, producedPerSecond: 0 } });
    expect(slow?.what).toBe('group G is 5000 messages behind: it needs about 100 s to catch up');
    expect(short(found([row()], group({ online, later: later(0) })))).toEqual(['warning lag-nothing-consumed G']);
  });

  it('of a group that filters may be of messages that it does not want', () => {
    const subscription = {
      topic: 'T',
      subString: 'A',
      tagsSet: [],
      codeSet: [],
      subVersion: 1,
      expressionType: 'TAG',
      classFilterMode: false,
    };
    const filtering = [connection(['x'], { subscriptionTable: new Map([['T', subscription]]) })];
    expect(short(found([row()], group({ online: filtering })))).toEqual(['info lag-filtered G', 'warning lag-slow G']);
  });

  it('of retries is counted apart, and broadcasting consumers have none', () => {
    const retries = row({ topic: '%RETRY%G', brokerOffset: 150 });
    expect(short(found([retries]))).toEqual(['warning retry-backlog G']);
    const popped = ['%RETRY%G_T', '%RETRY%G+T'].map((topic) => row({ topic, brokerOffset: 60 }));
    expect(found(popped)).toMatchObject([{ id: 'retry-backlog', evidence: { retryBacklog: 120, topic: ['%RETRY%G+T', '%RETRY%G_T'] } }]);
    expect(found([row()], group({ online: [connection(['x'], { messageModel: 'BROADCASTING' })] }))).toEqual([]);
  });
});

describe('clients', () => {
  it('with one id at two addresses take the same queues', () => {
    const twice = connection(['x', 'x']);
    const its = clientRules(facts({ groups: [group({ online: [twice] })] }), context);
    expect(short(its)).toEqual(['critical client-duplicate-id x']);
    expect(its[0]?.evidence.clientAddrs).toEqual(['10.0.2.0:4000', '10.0.2.1:4000']);
  });

  it('that reach two brokers by two connections are one', () => {
    const connections = ['10.0.1.1:1', '10.0.1.2:1'].map((brokerAddr, i) => {
      const its = connection(['x']);
      return {
        brokerAddr,
        connection: { ...its, connectionSet: its.connectionSet.map((client) => ({ ...client, clientAddr: `10.0.2.1:${i}` })) },
      };
    });
    expect(clientRules(facts({ groups: [{ ...group(), connections: { value: connections } }] }), context)).toEqual([]);
  });

  it('of different kinds in one group are named', () => {
    const its = connection(['x', 'y']);
    const mixed = { ...its, connectionSet: its.connectionSet.map((client, i) => ({ ...client, language: i === 0 ? 'JAVA' : 'GO' })) };
    const [finding] = clientRules(facts({ groups: [group({ online: [mixed] })] }), context);
    expect(finding).toMatchObject({ id: 'client-kinds-differ', evidence: { 'GO V5_3_3': ['y'], 'JAVA V5_3_3': ['x'] } });
  });
});
