import { DEFAULT_LIMITS, USUAL_SETTINGS } from '../doctor/limits.js';
import type { CheckUnit } from './check.js';

/** A value that a check can look at, and its limits where none are given. */
export interface CheckMetric {
  readonly unit: CheckUnit;
  readonly warning: string | null;
  readonly critical: string | null;
  readonly text: string;
}

/** At the critical one a broker turns messages away. */
function queueLimits(limitMs: number): { warning: string; critical: string } {
  return { warning: String(limitMs * DEFAULT_LIMITS.queueWaitPart), critical: String(limitMs) };
}

/** What can be checked; the first metric of each is the one that is meant without --metric. */
export const CHECKS = {
  lag: {
    messages: {
      unit: '',
      warning: String(DEFAULT_LIMITS.lagWarning),
      critical: String(DEFAULT_LIMITS.lagCritical),
      text: 'messages of a group (-g, of one topic with -t) that are not consumed',
    },
    seconds: { unit: 's', warning: '300', critical: '3600', text: 'age of the first of them; retries count in neither' },
    retry: {
      unit: '',
      warning: String(DEFAULT_LIMITS.retryWarning),
      critical: '10000',
      text: 'messages that wait for another try (of all topics)',
    },
    dlq: {
      unit: '',
      // The doctor's limit is the first value that is bad, that of a check the last one that is well.
      warning: String(DEFAULT_LIMITS.deadLetterWarning - 1),
      critical: '1000',
      text: 'dead letters (of all topics)',
    },
  },
  broker: {
    rt: { unit: 'ms', warning: '500', critical: '2000', text: 'time in which a broker (-b, of a cluster with -c) answers' },
    sendQueueWait: { unit: 'ms', ...queueLimits(USUAL_SETTINGS.waitTimeMillsInSendQueue), text: 'how long the first send request waits' },
    pullQueueWait: { unit: 'ms', ...queueLimits(USUAL_SETTINGS.waitTimeMillsInPullQueue), text: 'how long the first pull request waits' },
    pageCache: { unit: 'ms', ...queueLimits(USUAL_SETTINGS.osPageCacheBusyTimeOutMills), text: 'how long a write has held the page cache' },
  },
  cluster: {
    unreachable: { unit: '', warning: null, critical: '0', text: 'brokers that do not answer or have no master' },
    masters: { unit: '', warning: null, critical: '1:', text: 'masters that answer' },
  },
  topic: {
    writableQueues: { unit: '', warning: null, critical: '1:', text: 'queues of a topic (-t) that can be written' },
    readableQueues: { unit: '', warning: null, critical: '1:', text: 'queues that can be read' },
    age: { unit: 's', warning: '3600', critical: '86400', text: 'time since its last message' },
  },
  disk: {
    percent: {
      unit: '%',
      warning: String(USUAL_SETTINGS.diskMaxUsedSpaceRatio),
      critical: String(USUAL_SETTINGS.diskSpaceCleanForciblyRatio),
      text: 'how full the disks of brokers are (-b, -c)',
    },
  },
  slave: {
    bytes: {
      unit: 'B',
      warning: String(DEFAULT_LIMITS.slaveLagWarning),
      critical: String(USUAL_SETTINGS.haMaxGapNotInSync),
      text: 'how far slaves are behind (-b, -c)',
    },
  },
  send: {
    rt: { unit: 'ms', warning: '100', critical: '1000', text: 'time in which a message is stored: it is really sent to the topic (-t)' },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, CheckMetric>>>>;

export type CheckKind = keyof typeof CHECKS;

/** What is checked: the values of -g, -t, -b and -c. */
export interface CheckObject {
  readonly group?: string | undefined;
  readonly topic?: string | undefined;
  /** Name or address. */
  readonly broker?: string | undefined;
  readonly clusterName?: string | undefined;
}

/** How it is called, `group Billing`: the same whether it can be read or not. Empty where it is not named. */
export function targetOf(check: CheckKind, { group, topic, broker, clusterName }: CheckObject): string {
  switch (check) {
    case 'lag':
      return group === undefined ? '' : `group ${group}${topic === undefined ? '' : ` on ${topic}`}`;
    case 'topic':
    case 'send':
      return topic === undefined ? '' : `topic ${topic}`;
    default:
      if (broker !== undefined && check !== 'cluster') {
        return `broker ${broker}`;
      }
      return clusterName === undefined ? 'all brokers' : `cluster ${clusterName}`;
  }
}
