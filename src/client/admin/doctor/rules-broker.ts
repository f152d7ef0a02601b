import { PERM_READ, PERM_READ_WRITE, PERM_WRITE } from '../../../common/perm-name.js';
import { nodeName } from '../node-name.js';
import type { RuntimeInfo } from '../runtime-info.js';
import { type BrokerFact, type DoctorFacts, isSilent } from './facts.js';
import type { Finding, Severity } from './finding.js';
import { type RuleContext, USUAL_SETTINGS } from './limits.js';
import { uptimeOf } from './rules-cluster.js';

/** Shorter than this since its start is worth a word, ms. */
const FRESH_START_MS = 10 * 60_000;
/** and others of the cluster run for longer than this, ms. */
const OLD_START_MS = 3_600_000;
/** Bytes that are stored but not in the consume queues yet. */
const DISPATCH_BEHIND_BYTES = 64 * 1024 * 1024;
/** Share of a thread pool's queue that counts as full. */
const QUEUE_FILLED_PART = 0.8;

/** Each broker by itself. */
export function brokerRules(facts: DoctorFacts, context: RuleContext): Finding[] {
  return facts.brokers.flatMap((broker) => {
    const info = broker.runtime.value;
    if (info === undefined) {
      return unreachable(broker, facts, context);
    }
    return [
      ...advertised(broker, context),
      ...stateOf(broker, info, { context, nowMs: facts.nowMs }),
      ...disks(broker, info, context),
      ...pageCache(broker, info, context),
      ...threadPools(broker, info, context),
      ...dispatch(broker, info, context),
      ...replication(broker, facts.brokers, context),
    ];
  });
}

function setting(broker: BrokerFact, key: keyof typeof USUAL_SETTINGS): number {
  const value = Number(broker.config?.value?.[key] ?? Number.NaN);
  return Number.isFinite(value) ? value : USUAL_SETTINGS[key];
}

/** Host of `host:port`. */
function hostOf(addr: string): string {
  return addr.slice(0, addr.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

function isLoopback(addr: string): boolean {
  return /^(127\.|localhost$|::1$|0\.0\.0\.0$)/.test(hostOf(addr));
}

/** The networks that Docker gives to containers unless it is told others. */
function isOfContainer(addr: string): boolean {
  return /^172\.(1[7-9]|2\d|3[01])\./.test(hostOf(addr));
}

/** Name servers and brokers that answer there say that the network is one of machines: some clouds give the same addresses. */
function isContainerNetwork({ brokers, namesrvs }: DoctorFacts, context: RuleContext): boolean {
  const answering = brokers.filter(({ runtime }) => runtime.value !== undefined).map(({ brokerAddr }) => brokerAddr);
  return ![...context.namesrvAddrs, ...namesrvs.map(({ addr }) => addr), ...answering].some(isOfContainer);
}

function unreachable(broker: BrokerFact, facts: DoctorFacts, context: RuleContext): Finding[] {
  const { brokerAddr, brokerId, runtime } = broker;
  const name = nodeName(broker);
  const error = runtime.error;
  const evidence = { brokerAddr, clusterName: broker.clusterName, error: error?.message ?? '' };
  if (!isSilent(error)) {
    return [];
  }
  const base = { severity: brokerId === 0 ? 'critical' : 'warning', kind: 'broker', name, evidence } as const;
  const isElsewhere = isLoopback(brokerAddr) && context.namesrvAddrs.some((addr) => !isLoopback(addr));
  if (isElsewhere || (isOfContainer(brokerAddr) && isContainerNetwork(facts, context))) {
    const kind = isElsewhere ? 'its own loopback address' : 'an address of a container network';
    return [
      {
        ...base,
        id: 'broker-address',
        what: `${name} advertises ${brokerAddr}, ${kind}, which is not reached from here`,
        advice:
          'set brokerIP1 in its broker.conf to an address that clients reach and start it again; for this tool alone, map the address to one that is reached',
        fix: context.mqadmin(
          'context',
          'add',
          'mapped',
          '-n',
          context.namesrvAddrs.join(';'),
          '--map',
          `${brokerAddr}=${hostOf(context.namesrvAddrs[0] ?? '')}:${brokerAddr.slice(brokerAddr.lastIndexOf(':') + 1)}`,
        ),
      },
    ];
  }
  return [
    {
      ...base,
      id: 'broker-unreachable',
      what: `${name} (${brokerAddr}) is registered but does not answer`,
      advice: 'start it, or open the way to it; name servers forget a broker that is gone after 2 minutes',
      fix: context.mqadmin('brokerStatus', '-b', brokerAddr),
    },
  ];
}

function advertised(broker: BrokerFact, context: RuleContext): Finding[] {
  const { brokerAddr } = broker;
  if (!isLoopback(brokerAddr) || context.namesrvAddrs.every(isLoopback)) {
    return [];
  }
  const name = nodeName(broker);
  return [
    {
      severity: 'critical',
      id: 'broker-address',
      kind: 'broker',
      name,
      what: `${name} advertises the loopback address ${brokerAddr}: clients on other machines do not reach it`,
      evidence: { brokerAddr, nameServers: [...context.namesrvAddrs] },
      advice: 'set brokerIP1 in its broker.conf to an address that clients reach and start it again',
      fix: context.mqadmin('getBrokerConfig', '-b', brokerAddr),
    },
  ];
}

function stateOf(broker: BrokerFact, info: RuntimeInfo, { context, nowMs }: { context: RuleContext; nowMs: number }): Finding[] {
  const { brokerAddr, brokerId } = broker;
  const name = nodeName(broker);
  const about = { kind: 'broker', name } as const;
  const findings: Finding[] = [];
  // A slave runs no services of a master, and says so with the same key.
  if (info.brokerActive === 'false' && brokerId === 0) {
    findings.push({
      ...about,
      severity: 'critical',
      id: 'broker-not-active',
      what: `${name} is not active: it takes no messages`,
      evidence: { brokerAddr, brokerActive: false },
      advice: 'its log says why: a full disk, a damaged store, or an election that is not over',
      fix: context.mqadmin('brokerStatus', '-b', brokerAddr),
    });
  }
  const perm = Number(broker.config?.value?.brokerPermission ?? PERM_READ_WRITE);
  if ((perm & PERM_READ_WRITE) !== PERM_READ_WRITE) {
    const lost = [(perm & PERM_READ) === 0 ? 'read' : '', (perm & PERM_WRITE) === 0 ? 'written' : ''].filter((word) => word !== '');
    findings.push({
      ...about,
      severity: 'warning',
      id: 'broker-permission',
      what: `${name} may not be ${lost.join(' or ')}`,
      evidence: { brokerAddr, brokerPermission: perm },
      advice: 'give the permission back when its maintenance is over',
      fix: context.mqadmin('updateBrokerConfig', '-b', brokerAddr, '-k', 'brokerPermission', '-v', '6'),
    });
  }
  const from = Number(info.startAcceptSendRequestTimeStamp ?? 0);
  if (from > nowMs) {
    findings.push({
      ...about,
      severity: 'warning',
      id: 'broker-not-yet-open',
      what: `${name} refuses sends until ${new Date(from).toISOString()}`,
      evidence: { brokerAddr, startAcceptSendRequestTimeStamp: from },
      advice: 'wait, or open it now',
      fix: context.mqadmin('updateBrokerConfig', '-b', brokerAddr, '-k', 'startAcceptSendRequestTimeStamp', '-v', '0'),
    });
  }
  const uptimeMs = uptimeOf(broker);
  const failed = Number(info.putMessageFailedTimes ?? 0);
  if (failed > 0) {
    findings.push({
      ...about,
      severity: 'info',
      id: 'broker-put-failed',
      what: `${name} could not store ${failed} messages since it started`,
      evidence: { brokerAddr, putMessageFailedTimes: failed, uptimeMs },
      advice: 'its log says why; clients were told',
      fix: context.mqadmin('brokerStatus', '-b', brokerAddr),
    });
  }
  return findings;
}

/** Whether brokers of a cluster started a short while ago while others did not: one that restarts on its own is worth a look. */
export function freshStarts(facts: DoctorFacts, context: RuleContext): Finding[] {
  const started = facts.brokers.flatMap((broker) => {
    const uptimeMs = uptimeOf(broker);
    return uptimeMs === null ? [] : [{ broker, uptimeMs }];
  });
  const withOld = new Set(started.filter(({ uptimeMs }) => uptimeMs > OLD_START_MS).map(({ broker }) => broker.clusterName));
  return started
    .filter(({ broker, uptimeMs }) => uptimeMs < FRESH_START_MS && withOld.has(broker.clusterName))
    .map(({ broker, uptimeMs }) => ({
      severity: 'info',
      id: 'broker-restarted',
      kind: 'broker',
      name: nodeName(broker),
      what: `${nodeName(broker)} was started ${uptimeMs / 1000} s ago, others run longer`,
      evidence: { brokerAddr: broker.brokerAddr, uptimeMs },
      advice: 'look into its log if nobody restarted it',
      fix: context.mqadmin('brokerStatus', '-b', broker.brokerAddr),
    }));
}

function disks(broker: BrokerFact, info: RuntimeInfo, context: RuleContext): Finding[] {
  const warning = context.limits.diskWarning ?? setting(broker, 'diskMaxUsedSpaceRatio');
  const critical = context.limits.diskCritical ?? setting(broker, 'diskSpaceCleanForciblyRatio');
  const refusedAt = setting(broker, 'diskSpaceWarningLevelRatio');
  const keys = [
    ['commitLogDiskRatio', 'disk-commit-log', 'commit log'],
    ['consumeQueueDiskRatio', 'disk-consume-queue', 'consume queues'],
  ] as const;
  return keys.flatMap(([key, id, title]): Finding[] => {
    const percent = Number(info[key] ?? Number.NaN) * 100;
    // Where there is no such disk, brokers say -1.
    if (!(percent >= Math.min(warning, critical))) {
      return [];
    }
    const name = nodeName(broker);
    const paths = Object.entries(info).flatMap(([entry, value]) =>
      entry.startsWith(`${key}_`) ? [`${entry.slice(key.length + 1)}: ${value}`] : [],
    );
    return [
      {
        severity: percent >= critical ? 'critical' : 'warning',
        id,
        kind: 'broker',
        name,
        what: `disk of the ${title} of ${name} is ${percent.toFixed(0)} % full`,
        evidence: {
          brokerAddr: broker.brokerAddr,
          percent: Math.round(percent * 10) / 10,
          warning,
          critical,
          sendsRefusedAt: refusedAt,
          ...(paths.length === 0 ? {} : { paths }),
          ...(info.commitLogDirCapacity === undefined ? {} : { commitLogDirCapacity: info.commitLogDirCapacity.trim() }),
        },
        advice: 'delete what has expired, keep messages for a shorter time (fileReservedTime), or give it a larger disk',
        fix: context.mqadmin('deleteExpiredCommitLog', '-b', broker.brokerAddr),
      },
    ];
  });
}

function pageCache(broker: BrokerFact, info: RuntimeInfo, context: RuleContext): Finding[] {
  const value = Number(info.pageCacheLockTimeMills ?? 0);
  const limit = setting(broker, 'osPageCacheBusyTimeOutMills');
  const name = nodeName(broker);
  return value < limit * context.limits.queueWaitPart
    ? []
    : [
        {
          severity: value >= limit ? 'critical' : 'warning',
          id: 'page-cache-busy',
          kind: 'broker',
          name,
          what: `page cache of ${name} is busy: a write has waited ${value} ms`,
          evidence: { brokerAddr: broker.brokerAddr, pageCacheLockTimeMills: value, osPageCacheBusyTimeOutMills: limit },
          advice: `at ${limit} ms sends are refused: its disk or memory is too slow for the load`,
          fix: context.mqadmin('brokerStatus', '-b', broker.brokerAddr),
        },
      ];
}

const POOLS = [
  ['send', 'waitTimeMillsInSendQueue'],
  ['pull', 'waitTimeMillsInPullQueue'],
  ['ack', 'waitTimeMillsInAckQueue'],
] as const;

function threadPools(broker: BrokerFact, info: RuntimeInfo, context: RuleContext): Finding[] {
  const name = nodeName(broker);
  return POOLS.flatMap(([pool, key]): Finding[] => {
    const waitMs = Number(info[`${pool}ThreadPoolQueueHeadWaitTimeMills`] ?? 0);
    const size = Number(info[`${pool}ThreadPoolQueueSize`] ?? 0);
    const capacity = Number(info[`${pool}ThreadPoolQueueCapacity`] ?? Number.NaN);
    const limitMs = setting(broker, key);
    const isSlow = waitMs >= limitMs * context.limits.queueWaitPart;
    if (!isSlow && !(size >= capacity * QUEUE_FILLED_PART)) {
      return [];
    }
    const severity: Severity = waitMs >= limitMs || size >= capacity ? 'critical' : 'warning';
    return [
      {
        severity,
        id: `${pool}-queue-busy`,
        kind: 'broker',
        name,
        what: `${pool} requests wait at ${name}: ${size} of them, the first for ${waitMs} ms`,
        evidence: { brokerAddr: broker.brokerAddr, waitMs, [key]: limitMs, size, ...(Number.isFinite(capacity) ? { capacity } : {}) },
        advice: `at ${limitMs} ms they are refused as busy: spread the load, or see what slows the broker down`,
        fix: context.mqadmin('brokerStatus', '-b', broker.brokerAddr),
      },
    ];
  });
}

function dispatch(broker: BrokerFact, info: RuntimeInfo, context: RuleContext): Finding[] {
  const behindBytes = Number(info.dispatchBehindBytes ?? 0);
  const name = nodeName(broker);
  return behindBytes < DISPATCH_BEHIND_BYTES
    ? []
    : [
        {
          severity: 'warning',
          id: 'dispatch-behind',
          kind: 'broker',
          name,
          what: `consume queues of ${name} are ${(behindBytes / 1024 / 1024).toFixed(0)} MiB behind its commit log`,
          evidence: { brokerAddr: broker.brokerAddr, dispatchBehindBytes: behindBytes },
          advice: 'stored messages are not seen by consumers yet; it goes by itself when the broker has less to do',
          fix: context.mqadmin('brokerStatus', '-b', broker.brokerAddr),
        },
      ];
}

function replication(broker: BrokerFact, brokers: readonly BrokerFact[], context: RuleContext): Finding[] {
  const state = broker.replication?.value;
  if (state === undefined || broker.brokerId !== 0) {
    return [];
  }
  const slaves = brokers.filter((other) => other.brokerName === broker.brokerName && other.brokerId !== 0);
  const name = broker.brokerName;
  const fix = context.mqadmin('haStatus', '-b', broker.brokerAddr);
  const findings: Finding[] = [];
  if (state.haConnectionInfo.length < slaves.length) {
    findings.push({
      severity: 'critical',
      id: 'slave-not-connected',
      kind: 'broker',
      name,
      what: `${slaves.length - state.haConnectionInfo.length} of ${slaves.length} slaves of ${name} do not copy from it`,
      evidence: { registered: slaves.map((slave) => slave.brokerAddr), connected: state.haConnectionInfo.map(({ addr }) => addr) },
      advice: 'what the master loses now is lost: see whether the slave reaches brokerIP2:haListenPort of the master',
      fix,
    });
  }
  const gap = setting(broker, 'haMaxGapNotInSync');
  for (const slave of state.haConnectionInfo) {
    if (slave.diff >= context.limits.slaveLagWarning) {
      findings.push({
        severity: slave.diff >= gap ? 'critical' : 'warning',
        id: 'slave-behind',
        kind: 'broker',
        name,
        what: `slave ${slave.addr} of ${name} is ${(slave.diff / 1024 / 1024).toFixed(1)} MiB behind`,
        evidence: {
          slaveAddr: slave.addr,
          diff: slave.diff,
          inSync: slave.inSync,
          haMaxGapNotInSync: gap,
          bytesPerSecond: slave.transferredByteInSecond,
        },
        advice: `from ${(gap / 1024 / 1024).toFixed(0)} MiB on the master no longer counts it: its network or disk is too slow`,
        fix,
      });
    }
  }
  return findings;
}
