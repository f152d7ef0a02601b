import type { Output } from '../../cli/output.js';
import type { TopicSettings } from '../../client/admin/topic-config.js';
import type { WritePermResult } from '../../client/admin/write-perm.js';
import { permToString } from '../../common/perm-name.js';

/** A map in the form Java prints it: `{a=1, b=2}`. */
export function javaMap(entries: Iterable<readonly [string | number, unknown]>): string {
  return `{${Array.from(entries, ([key, value]) => `${key}=${String(value)}`).join(', ')}}`;
}

/** A topic's settings in the form Apache's tool prints them. */
export function topicConfigText(topic: TopicSettings): string {
  return `TopicConfig [topicName=${topic.topicName}, readQueueNums=${topic.readQueueNums}, writeQueueNums=${topic.writeQueueNums}, perm=${permToString(topic.perm)}, topicFilterType=${topic.topicFilterType}, topicSysFlag=${topic.topicSysFlag}, order=${topic.order}, attributes=${javaMap(Object.entries(topic.attributes))}]`;
}

/** A double in the form Java prints it: `0.0`. */
export function javaDouble(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** One line for each name server that changed a broker's write permission, or would. */
export function printWritePerm(result: WritePermResult, change: 'wipe' | 'add', out: Output): void {
  for (const { addr, outcome, topicCount } of result.namesrvs) {
    const what = `${change} write perm of broker[${result.brokerName}] in name server[${addr}]`;
    if (outcome === 'planned') {
      out.line(`dry run: would ${what}`);
    } else {
      out.line(outcome === 'done' ? `${what} OK, ${topicCount}` : `${what} Failed`);
    }
  }
}
