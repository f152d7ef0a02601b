import { systemClock } from '../../../common/clock.js';
import { UsageError } from '../../../common/errors.js';
import { suggest } from '../../../common/suggest.js';
import type { AdminClient } from '../admin-client.js';
import { type CheckResult, judge, type Readings } from './check.js';
import { CHECKS, type CheckKind, type CheckMetric, type CheckObject } from './kinds.js';
import { parseRange } from './range.js';

export interface CheckRequest extends CheckObject {
  readonly check: CheckKind;
  /** One of the check's metrics; its first one when absent. */
  readonly metric?: string | undefined;
  /** Ranges; those of the metric when absent. */
  readonly warning?: string | undefined;
  readonly critical?: string | undefined;
}

/**
 * Reads one figure and holds it against limits. Only `send` changes something: it stores a message.
 * @throws MQError when it cannot be read at all
 */
export async function runCheck(admin: AdminClient, request: CheckRequest): Promise<CheckResult> {
  const { check } = request;
  const metrics: Readonly<Record<string, CheckMetric>> = CHECKS[check];
  const metric = request.metric ?? Object.keys(metrics)[0] ?? '';
  const its = Object.hasOwn(metrics, metric) ? metrics[metric] : undefined;
  if (its === undefined) {
    const near = suggest(metric, Object.keys(metrics))[0];
    throw new UsageError(`--metric ${metric}: check ${check} knows ${Object.keys(metrics).join(', ')}`, {
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    });
  }
  const range = (text: string | null, label: string) => (text === null ? null : parseRange(text, label));
  const limits = {
    warning: range(request.warning ?? its.warning, '--warning'),
    critical: range(request.critical ?? its.critical, '--critical'),
  };
  return judge({ check, metric, unit: its.unit }, await read(admin, { ...request, metric }), limits);
}

function needed(value: string | undefined, option: string, check: CheckKind): string {
  if (value === undefined || value === '') {
    throw new UsageError(`check ${check} needs ${option}`);
  }
  return value;
}

async function read(admin: AdminClient, request: CheckRequest & { metric: string }): Promise<Readings> {
  const { check, metric, topic, broker, clusterName } = request;
  switch (check) {
    case 'lag': {
      const consumerGroup = needed(request.group, '-g', check);
      return (await import('./read-lag.js')).readLag(admin, { consumerGroup, topic, metric });
    }
    case 'topic':
      return (await import('./read-topic.js')).readTopic(admin, { topic: needed(topic, '-t', check), metric }, systemClock.nowMs());
    case 'send':
      return (await import('./read-topic.js')).readSend(admin, needed(topic, '-t', check));
    case 'broker':
      return (await import('./read-brokers.js')).readBrokers(admin, { broker, clusterName, metric });
    case 'cluster':
      return (await import('./read-brokers.js')).readCluster(admin, { clusterName, metric });
    case 'disk':
      return (await import('./read-brokers.js')).readDisks(admin, { broker, clusterName });
    case 'slave':
      return (await import('./read-brokers.js')).readSlaves(admin, { broker, clusterName });
  }
}
