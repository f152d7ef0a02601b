import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AdminClient } from '../../../../src/client/admin/admin-client.js';
import { diagnose, findingsOf } from '../../../../src/client/admin/doctor/diagnose.js';
import { answerOf, type Unknown } from '../../../../src/client/admin/doctor/facts.js';
import { countFindings, shellWord, sortFindings } from '../../../../src/client/admin/doctor/finding.js';
import { brokerRules, freshStarts } from '../../../../src/client/admin/doctor/rules-broker.js';
import { clusterRules, skewOf } from '../../../../src/client/admin/doctor/rules-cluster.js';
import { gapRules } from '../../../../src/client/admin/doctor/rules-gaps.js';
import { isUserTopic, ownNamesOf, topicRules } from '../../../../src/client/admin/doctor/rules-topic.js';
import { BrokerError, ConnectError, DeniedError } from '../../../../src/common/errors.js';
import { encodeClusterInfo } from '../../../../src/remoting/bodies/route.js';
import { encodeTopicList, newTopicConfig } from '../../../../src/remoting/bodies/topic.js';
import { RequestCode, ResponseCode } from '../../../../src/remoting/codes.js';
import type { RequestInit } from '../../../../src/remoting/command.js';
import { broker, contextWith, facts, NOW_MS, namesrv, route, short, topicTable, unknown } from './made-up.js';

const context = contextWith();
const a = broker('a');
const b = broker('bb');

describe('a cluster', () => {
  it('that is well has no findings', () => {
    const brokers = [{ ...a, topics: topicTable('T') }];
    const well = facts({
      brokers,
      namesrvs: [namesrv('10.0.0.1:9876', brokers)],
      topics: [{ topic: 'T', route: { value: route([{ brokerName: 'a' }]) } }],
    });
    expect([...clusterRules(well, context), ...brokerRules(well, context), ...gapRules(well, context)]).toEqual([]);
    expect(topicRules(well, context, { isNamed: true })).toEqual([]);
  });

  it('whose name servers disagree about a broker names both, and the list to give it', () => {
    const namesrvs = [namesrv('10.0.0.1:9876', [a, b]), namesrv('10.0.0.2:9876', [a])];
    const found = clusterRules(facts({ brokers: [a, b], namesrvs }), contextWith({}, ['10.0.0.1:9876', '10.0.0.2:9876']));
    expect(short(found)).toEqual(['critical namesrv-disagree bb']);
    expect(found[0]).toMatchObject({
      evidence: { registeredAt: ['10.0.0.1:9876'], missingAt: ['10.0.0.2:9876'] },
      fix: 'mqadmin updateBrokerConfig -b 10.0.1.2:10911 -k namesrvAddr -v 10.0.0.1:9876;10.0.0.2:9876',
    });
  });

  it('whose name servers have other topics, or do not answer, or know no broker', () => {
    const gone = { addr: '10.0.0.3:9876', clusterInfo: unknown('connect'), topics: unknown('connect') };
    const namesrvs = [namesrv('10.0.0.1:9876', [a], ['T', 'U']), namesrv('10.0.0.2:9876', [a], ['T']), gone];
    expect(short(clusterRules(facts({ brokers: [a], namesrvs }), context))).toEqual([
      'warning namesrv-unreachable 10.0.0.3:9876',
      'warning namesrv-topics-differ 10.0.0.2:9876',
    ]);
    expect(short(clusterRules(facts({ namesrvs: [namesrv('10.0.0.1:9876', [])] }), context))).toEqual(['critical no-broker 10.0.0.1:9876']);
  });

  it('with a name server that refuses is not called unreachable, and one that all refuse is refused', async () => {
    const refusing = { addr: '10.0.0.2:9876', clusterInfo: unknown('denied'), topics: unknown('denied') };
    const its = facts({ brokers: [a], namesrvs: [namesrv('10.0.0.1:9876', [a]), refusing] });
    expect(clusterRules(its, context)).toEqual([]);
    expect(gapRules(its, context)).toMatchObject([{ id: 'not-checked', evidence: { names: ['10.0.0.2:9876'] }, fix: null }]);
    const ask = (addr: string): Promise<never> => Promise.reject(new DeniedError(`${addr} refuses`));
    const admin = { ask, namesrv: { addresses: ['h:1', 'h:2'] } } as unknown as AdminClient;
    await expect(diagnose(admin)).rejects.toThrow(DeniedError);
  });

  it('with brokers of two versions, and one without a master', () => {
    const old = broker('ccc', { brokerId: 1, info: { brokerVersionDesc: 'V4_9_7' } });
    const found = clusterRules(facts({ brokers: [a, old] }), context);
    expect(short(found)).toEqual(['critical broker-no-master ccc', 'warning broker-versions-differ C']);
    expect(found[1]?.evidence).toEqual({ V4_9_7: ['ccc:1'], V5_3_3: ['a'] });
  });
});

it('a broker that is in one table of a name server only is half registered', () => {
  const its = namesrv('10.0.0.1:9876', [a]);
  const { brokerAddrTable } = its.clusterInfo.value!;
  const half = { ...its, clusterInfo: { value: { brokerAddrTable, clusterAddrTable: new Map([['C', ['gone']]]) } } };
  expect(short(clusterRules(facts({ brokers: [a], namesrvs: [half] }), context))).toEqual([
    'warning broker-half-registered a',
    'warning broker-half-registered gone',
  ]);
});

it('every check is explained in the documentation', () => {
  const folder = new URL('../../../../src/client/admin/doctor/', import.meta.url);
  const ids = readdirSync(folder).flatMap((file) =>
    Array.from(readFileSync(new URL(file, folder), 'utf8').matchAll(/\bid: '([a-z-]+)'/g), (match) => match[1]),
  );
  const page = readFileSync(new URL('../../../../docs/health.md', import.meta.url), 'utf8');
  expect(ids.length).toBeGreaterThan(30);
  expect(ids.filter((id) => !page.includes(`\`${id}\``))).toEqual([]);
});

describe('a clock', () => {
  it('is compared over half a round trip and the second to which brokers cut their time', () => {
    expect(skewOf(a)).toEqual({ atLeast: -110, atMost: 900 });
    expect(skewOf({ ...a, askTime: null })).toBeNull();
  });

  it('that is wrong is the one of the broker, or ours when all brokers agree', () => {
    const ahead = { info: { bootTimestamp: String(NOW_MS - 7_200_000 + 10_000) } };
    const found = clusterRules(facts({ brokers: [a, broker('bb', ahead)] }), context);
    expect(short(found)).toEqual(['warning clock-skew bb']);
    expect(found[0]?.what).toBe('clock of bb is 10.4 s ahead of this machine');
    const [ours] = clusterRules(facts({ brokers: [broker('a', ahead), broker('bb', ahead)] }), context);
    expect(ours?.what).toBe('clock of this machine is 10.4 s behind the brokers');
    const far = broker('bb', { info: { bootTimestamp: String(NOW_MS - 7_200_000 - 100_000) } });
    expect(short(clusterRules(facts({ brokers: [a, far] }), context))).toEqual(['critical clock-skew bb']);
  });
});

describe('a broker', () => {
  const found = (change: Parameters<typeof broker>[1], limits = {}): string[] =>
    short(brokerRules(facts({ brokers: [broker('a', change)] }), contextWith(limits)));

  it('that does not answer is told apart by its address', () => {
    expect(found({ runtime: unknown('connect') })).toEqual(['critical broker-unreachable a']);
    expect(found({ runtime: unknown('timeout'), brokerId: 1 })).toEqual(['warning broker-unreachable a:1']);
    expect(found({ runtime: unknown('connect'), brokerAddr: '172.17.0.3:10911' })).toEqual(['critical broker-address a']);
    expect(found({ runtime: unknown('connect'), brokerAddr: '127.0.0.1:10911' })).toEqual(['critical broker-address a']);
    const silent = broker('a', { runtime: unknown('connect'), brokerAddr: '172.31.5.9:10911' });
    const well = broker('bb', { brokerAddr: '172.31.5.8:10911' });
    expect(short(brokerRules(facts({ brokers: [silent, well] }), context))).toEqual(['critical broker-unreachable a']);
    const inside = contextWith({}, ['172.31.5.7:9876']);
    expect(short(brokerRules(facts({ brokers: [silent] }), inside))).toEqual(['critical broker-unreachable a']);
    // Refused by rights: it is there.
    expect(found({ runtime: unknown('denied') })).toEqual([]);
  });

  it('that answers on a loopback address is not reached by others, unless the name server is here too', () => {
    const local = broker('a', { brokerAddr: '127.0.0.1:10911' });
    expect(short(brokerRules(facts({ brokers: [local] }), context))).toEqual(['critical broker-address a']);
    expect(brokerRules(facts({ brokers: [local] }), contextWith({}, ['127.0.0.1:9876']))).toEqual([]);
  });

  it.each([
    ['critical broker-not-active a', { info: { brokerActive: 'false' } }],
    ['warning broker-permission a', { config: { value: { brokerPermission: '4' } } }],
    ['warning broker-not-yet-open a', { info: { startAcceptSendRequestTimeStamp: String(NOW_MS + 1000) } }],
    ['info broker-put-failed a', { info: { putMessageFailedTimes: '3' } }],
    ['warning disk-commit-log a', { info: { commitLogDiskRatio: '0.76' } }],
    ['critical disk-commit-log a', { info: { commitLogDiskRatio: '0.86' } }],
    ['critical disk-consume-queue a', { info: { consumeQueueDiskRatio: '0.6' }, config: { value: { diskSpaceCleanForciblyRatio: '55' } } }],
    ['warning page-cache-busy a', { info: { pageCacheLockTimeMills: '600' } }],
    ['critical page-cache-busy a', { info: { pageCacheLockTimeMills: '1000' } }],
    ['warning send-queue-busy a', { info: { sendThreadPoolQueueHeadWaitTimeMills: '120' } }],
    ['critical send-queue-busy a', { info: { sendThreadPoolQueueHeadWaitTimeMills: '200' } }],
    ['warning send-queue-busy a', { info: { sendThreadPoolQueueSize: '8000' } }],
    ['warning pull-queue-busy a', { info: { pullThreadPoolQueueHeadWaitTimeMills: '2500' } }],
    ['warning dispatch-behind a', { info: { dispatchBehindBytes: '99000000' } }],
  ])('has %s', (expected, change) => {
    expect(found(change)).toEqual([expected]);
  });

  it('follows limits that are given, and says nothing where a disk is unknown', () => {
    expect(found({}, { diskWarning: 30, diskCritical: 90 })).toEqual(['warning disk-commit-log a', 'warning disk-consume-queue a']);
    expect(found({ info: { commitLogDiskRatio: '-1' } })).toEqual([]);
    expect(found({ info: { brokerActive: 'false' }, brokerId: 1 })).toEqual([]);
  });

  it('that was started while others ran is worth a word', () => {
    // Its clock is an hour behind ours, and the time it runs is its own.
    const info = { bootTimestamp: String(NOW_MS - 3_660_000), runtime: '[ 0 days, 0 hours, 1 minutes, 0 seconds ]' };
    const fresh = broker('bb', { info });
    const [finding, ...others] = freshStarts(facts({ brokers: [a, fresh] }), context);
    expect(finding).toMatchObject({ id: 'broker-restarted', name: 'bb', what: 'bb was started 60 s ago, others run longer' });
    expect(others).toEqual([]);
    expect(freshStarts(facts({ brokers: [fresh] }), context)).toEqual([]);
    expect(freshStarts(facts({ brokers: [a, { ...fresh, clusterName: 'D' }] }), context)).toEqual([]);
  });

  it('tells of slaves that are behind or do not copy', () => {
    const slave = {
      addr: '10.0.1.9:4',
      slaveAckOffset: 1,
      diff: 20_000_000,
      inSync: false,
      transferredByteInSecond: 5,
      transferFromWhere: 0,
    };
    const haClientRuntimeInfo = {
      masterAddr: null,
      transferredByteInSecond: 0,
      maxOffset: 0,
      lastReadTimestamp: 0,
      lastWriteTimestamp: 0,
      masterFlushOffset: 0,
      activated: false,
    };
    const state = { master: true, masterCommitLogMaxOffset: 9, inSyncSlaveNums: 0, haConnectionInfo: [slave], haClientRuntimeInfo };
    const master = broker('a', { replication: { value: state } });
    const slaves = [1, 2].map((brokerId) => broker('a', { brokerId, brokerAddr: `10.0.1.${brokerId}:10911` }));
    const its = brokerRules(facts({ brokers: [master, ...slaves] }), context);
    expect(short(its)).toEqual(['critical slave-not-connected a', 'warning slave-behind a']);
    const far = { ...state, haConnectionInfo: [{ ...slave, diff: 300_000_000 }] };
    expect(short(brokerRules(facts({ brokers: [broker('a', { replication: { value: far } }), slaves[0]!] }), context))).toEqual([
      'critical slave-behind a',
    ]);
  });
});

describe('a topic', () => {
  const rules = (value: ReturnType<typeof route> | null, more: Partial<Parameters<typeof facts>[0]> = {}, isNamed = false): string[] =>
    short(
      topicRules(facts({ brokers: [{ ...a, topics: topicTable('T') }], topics: [{ topic: 'T', route: { value } }], ...more }), context, {
        isNamed,
      }),
    );

  it.each([
    ['critical topic-no-route T', null],
    ['critical topic-not-writable T', route([{ brokerName: 'a', perm: 4 }])],
    ['critical topic-not-readable T', route([{ brokerName: 'a', perm: 2 }])],
    ['warning topic-not-writable-partly T', route([{ brokerName: 'a' }, { brokerName: 'x', perm: 4 }])],
    ['critical topic-no-queues T', route([{ brokerName: 'a', read: 0, write: 0 }])],
    ['warning topic-queues-unread T', route([{ brokerName: 'a', read: 2, write: 4 }])],
  ])('has %s', (expected, value) => {
    expect(rules(value)).toEqual([expected]);
  });

  it('whose write permission is gone at the name servers only gets the command that gives it back there', () => {
    const brokers = [{ ...a, topics: topicTable('T') }];
    const [finding] = topicRules(
      facts({ brokers, topics: [{ topic: 'T', route: { value: route([{ brokerName: 'a', perm: 4 }]) } }] }),
      context,
      { isNamed: false },
    );
    expect(finding?.fix).toBe('mqadmin addWritePerm -b a');
  });

  it('gets the command that changes its queues where they are wrong and keeps all else', () => {
    const table = (change: Parameters<typeof newTopicConfig>[1]) => ({ value: new Map([['T', newTopicConfig('T', change)]]) });
    const fixes = (brokers: (typeof a)[], value: ReturnType<typeof route>): (string | null)[] =>
      topicRules(facts({ brokers, topics: [{ topic: 'T', route: { value } }] }), context, { isNamed: true }).map(({ fix }) => fix);
    const ordered = { readQueueNums: 8, writeQueueNums: 16, order: true, perm: 4 };
    const fine = { ...b, topics: table({ readQueueNums: 4, writeQueueNums: 4, attributes: new Map([['message.type', 'FIFO']]) }) };
    const one = [{ brokerName: 'a', read: 8, write: 16 }];
    expect(fixes([{ ...a, topics: table(ordered) }, fine], route([...one, { brokerName: 'bb' }]))).toEqual([
      'mqadmin updateTopic -b 10.0.1.1:10911 -t T -r 16 -w 16 -p 4 -o true',
    ]);
    expect(fixes([{ ...a, topics: table(ordered) }], route(one))).toEqual(['mqadmin updateTopic -c C -t T -r 16 -w 16 -p 4 -o true']);
    expect(fixes([a], route(one))).toEqual(['mqadmin topicRoute -l -t T']);
    expect(fixes([{ ...a, topics: table({ topicSysFlag: 3 }) }], route([{ brokerName: 'a', read: 0, write: 0 }]))).toEqual([
      'mqadmin updateTopic -c C -t T -r 8 -w 8 -u true -s true',
    ]);
    // Where it is new, with its attributes.
    const asThere = 'mqadmin updateTopic -b 10.0.1.1:10911 -t T -r 4 -w 4 -a +message.type=FIFO';
    expect(fixes([{ ...a, topics: topicTable() }, fine], route([{ brokerName: 'a' }, { brokerName: 'bb' }]))).toEqual([asThere]);
    expect(fixes([{ ...a, topics: topicTable() }, fine], route([{ brokerName: 'bb' }]))).toEqual([asThere]);
    const [unused] = topicRules(facts({ brokers: [{ ...a, topics: topicTable() }, fine] }), context, { isNamed: false });
    expect(unused).toMatchObject({ id: 'broker-without-topics', fix: asThere });
  });

  it('that a broker of its route does not have is lost there', () => {
    expect(rules(route([{ brokerName: 'a' }]), { brokers: [{ ...a, topics: topicTable('U') }] })).toEqual([
      'critical topic-lost-by-broker T',
    ]);
  });

  it('whose order configuration is another than its queues', () => {
    const orderConfs = (conf: string) => ({ orderConfs: { value: new Map([['T', conf]]) } });
    expect(rules(route([{ brokerName: 'a' }]), orderConfs('a:4'))).toEqual([]);
    expect(rules(route([{ brokerName: 'a' }]), orderConfs('a:8'))).toEqual(['warning order-conf-mismatch T']);
    const fixOf = (conf: string): string | null | undefined => {
      const topics = [{ topic: 'T', route: { value: route([{ brokerName: 'a' }]) } }];
      const brokers = [{ ...a, topics: topicTable('T') }];
      return topicRules(facts({ brokers, topics, ...orderConfs(conf) }), context, { isNamed: false })[0]?.fix;
    };
    expect(fixOf('a:8')).toBe('mqadmin updateOrderConf -m put -t T -v a:4');
    // A broker that is down is not taken out.
    expect(fixOf('a:4;bb:4')).toBe('mqadmin updateOrderConf -m get -t T');
  });

  it('that is named tells of brokers that are gone, and of those without it', () => {
    const dead = broker('bb', { runtime: unknown('connect') });
    const brokers = [{ ...a, topics: topicTable('T') }, dead, broker('ccc')];
    expect(rules(route([{ brokerName: 'a' }, { brokerName: 'bb' }]), { brokers }, true)).toEqual([
      'warning topic-broker-unreachable T',
      'info topic-not-on-all-brokers T',
    ]);
  });

  it('is one of users but for those that clusters and brokers make', () => {
    const topics = ['T', 'ORDER_REPLY_TOPIC', 'C_REPLY_TOPIC', 'C', 'bb', 'TBW102', '%RETRY%G', '%DLQ%G'];
    expect(topics.filter((topic) => isUserTopic(topic, ownNamesOf([a, b])))).toEqual(['T', 'ORDER_REPLY_TOPIC']);
  });

  it('of which a new broker has none', () => {
    const brokers = [
      { ...a, topics: topicTable('T', 'TBW102') },
      { ...b, topics: topicTable('TBW102', 'bb', '%RETRY%G') },
    ];
    expect(rules(route([{ brokerName: 'a' }]), { brokers })).toEqual(['warning broker-without-topics bb']);
    const elsewhere = brokers.map((its, i) => ({ ...its, clusterName: `C${i}` }));
    expect(rules(route([{ brokerName: 'a' }]), { brokers: elsewhere })).toEqual([]);
  });
});

describe('a broker that is named', () => {
  const slave = { ...b, brokerId: 1, brokerAddr: 'h:2' };

  it('has no master', () => {
    const found = findingsOf(facts({ brokers: [slave] }), context, { scope: 'broker', name: 'bb' });
    expect(short(found)).toEqual(['critical broker-no-master bb']);
  });

  it.each(['h:1', 'h:2'])('by the address %s of one of its nodes is looked at with all of them', async (name) => {
    const brokerAddrs = new Map([
      [0, 'h:1'],
      [1, 'h:2'],
    ]);
    const brokerAddrTable = new Map([['bb', { cluster: 'C', brokerName: 'bb', brokerAddrs, enableActingMaster: false }]]);
    const body = encodeClusterInfo({ brokerAddrTable, clusterAddrTable: new Map([['C', ['bb']]]) });
    const ask = async (_addr: string, { code }: RequestInit): Promise<unknown> => {
      if (code === RequestCode.GET_BROKER_CLUSTER_INFO) {
        return { code: ResponseCode.SUCCESS, body };
      }
      throw new ConnectError('nobody is there');
    };
    const admin = { ask, namesrv: { addresses: ['h:9876'] } } as unknown as AdminClient;
    const { findings } = await diagnose(admin, { scope: 'broker', name });
    expect(short(findings).filter((line) => line.includes('unreachable'))).toEqual([
      'critical broker-unreachable bb',
      'warning broker-unreachable bb:1',
    ]);
  });
});

it('a cluster that is named has no findings of others, which name servers may disagree about', async () => {
  const table = (names: readonly string[]): Parameters<typeof encodeClusterInfo>[0] => ({
    brokerAddrTable: new Map(
      names.map((name) => [
        name,
        { cluster: name.slice(0, 1), brokerName: name, brokerAddrs: new Map([[0, `${name}:1`]]), enableActingMaster: false },
      ]),
    ),
    clusterAddrTable: new Map([
      ['A', ['A1']],
      ['B', ['B1', 'B9']],
    ]),
  });
  const said: Readonly<Record<string, { names: string[]; topicList: string[] }>> = {
    'h:1': { names: ['A1', 'B1'], topicList: ['T', 'U'] },
    'h:2': { names: ['A1'], topicList: ['T'] },
  };
  const ask = async (addr: string, { code }: RequestInit): Promise<unknown> => {
    const its = said[addr];
    if (its === undefined) {
      throw new ConnectError('nobody is there');
    }
    const isInfo = code === RequestCode.GET_BROKER_CLUSTER_INFO;
    return {
      code: ResponseCode.SUCCESS,
      body: isInfo ? encodeClusterInfo(table(its.names)) : encodeTopicList({ topicList: its.topicList }),
    };
  };
  const admin = { ask, namesrv: { addresses: Object.keys(said) } } as unknown as AdminClient;
  const ids = async (name?: string): Promise<string[]> =>
    (await diagnose(admin, { scope: 'cluster', name })).findings.map((finding) => `${finding.id} ${finding.name}`);
  expect(await ids('A')).toEqual(['broker-unreachable A1']);
  expect(await ids('B')).toEqual(expect.arrayContaining(['broker-unreachable B1', 'namesrv-disagree B1', 'broker-half-registered B9']));
  expect(await ids()).toContain('namesrv-topics-differ h:2');
});

describe('what could not be found out', () => {
  it('is a remark where a broker replicates in another way', async () => {
    const replication = await answerOf(() =>
      Promise.reject(new BrokerError('Can not get HARuntimeInfo, may be duplicationEnable is true', { responseCode: 1 })),
    );
    const brokers = [broker('a', { replication: replication as { error: Unknown } })];
    expect(short(gapRules(facts({ brokers }), context))).toEqual(['info not-checked replication of brokers']);
  });

  it('is a finding, one for all nodes with the same reason', () => {
    const silent = ['a', 'bb'].map((name) => broker(name, { topics: unknown('timeout'), groups: unknown('denied') }));
    const found = gapRules(
      facts({ brokers: silent, leftOut: [{ what: 'consumers were not asked what they do', count: 7, option: '--clients' }] }),
      context,
    );
    expect(short(found)).toEqual([
      'warning not-checked topics of brokers',
      'warning not-checked groups of brokers',
      'info left-out consumers were not asked what they do',
    ]);
    expect(found[0]?.evidence.names).toEqual(['a', 'bb']);
  });
});

it('findings are worst first, counted, and their commands can be copied', () => {
  const all = ['info', 'critical', 'warning', 'critical'].map((severity, i) => ({
    severity: severity as 'info',
    id: `id${i}`,
    kind: 'topic' as const,
    name: 'T',
    what: '',
    evidence: {},
    advice: '',
    fix: null,
  }));
  expect(sortFindings(all).map(({ id }) => id)).toEqual(['id1', 'id3', 'id2', 'id0']);
  expect(countFindings(all)).toEqual({ critical: 2, warning: 1, info: 1 });
  expect(['%DLQ%G-1', 'a;b', "it's"].map(shellWord)).toEqual(['%DLQ%G-1', "'a;b'", `'it'\\''s'`]);
});
