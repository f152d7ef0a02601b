import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { QueryCqResult } from '../../../client/admin/query-cq.js';
import type { SubscriptionData } from '../../../remoting/bodies/subscription.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'topic name' },
  queue: { short: 'q', kind: 'int', min: 0, required: true, text: 'queue num, ie. 1' },
  index: { short: 'i', kind: 'int', min: 0, required: true, text: 'start queue index.' },
  count: { short: 'c', kind: 'int', min: 1, default: 10, text: 'how many.' },
  broker: { short: 'b', text: 'broker addr.' },
  consumer: { short: 'g', text: 'consumer group.' },
});

const RULE = '='.repeat(38);

/** Shows units of a consume queue. */
export default class QueryCq extends AdminCommand<typeof options, QueryCqResult> {
  static override summary = 'Query cq command.';
  static override description = [
    'Where each message of a queue lies in the commit log, its size and the hash of its tag. Without -b the first broker of the topic, by name, that',
    'has the queue. With -g also what the group subscribes to there and the filter kept for it.',
  ].join('\n');
  static override examples = [
    'mqadmin queryCq -n 127.0.0.1:9876 -t OrderPaid -q 0 -i 0',
    'mqadmin queryCq -b 127.0.0.1:10911 -t OrderPaid -q 0 -i 0 -c 1 -g OrderPaidGroup --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<QueryCqResult> {
    const { queryCq } = await import('../../../client/admin/query-cq.js');
    const { topic, queue, index, count, broker, consumer } = values;
    return queryCq(admin, { topic, queueId: queue, index, count, brokerAddr: broker, consumerGroup: consumer });
  }

  protected override render(result: QueryCqResult, out: Output): void {
    const { subscriptionData, filterData, maxQueueIndex, minQueueIndex, queueData, otherBrokers } = result;
    if (otherBrokers.length > 0) {
      out.note(`note: queue ${result.queueId} of ${result.brokerAddr}; others have one too, see it with -b: ${otherBrokers.join(', ')}`);
    }
    if (subscriptionData !== null) {
      out.line(`Subscription data: \n${subscriptionText(subscriptionData)}\n${RULE}`);
    }
    if (filterData !== null) {
      out.line(`Filter data: \n${filterData}\n${RULE}`);
    }
    out.line(`Queue data: \nmax: ${maxQueueIndex}, min: ${minQueueIndex}\n${RULE}`);
    for (const { index, physicOffset, physicSize, tagsCode, extendDataJson, bitMap, eval: passes, msg } of queueData) {
      const numbers = `physicOffset=${physicOffset}, physicSize=${physicSize}, tagsCode=${tagsCode}`;
      const texts = `extendDataJson='${extendDataJson}', bitMap='${bitMap}', eval=${passes}, msg='${msg}'`;
      out.line(`idx: ${index}\nConsumeQueueData{${numbers}, ${texts}}\n${RULE}`);
    }
  }
}

/** JSON as Apache's tool prints it: sorted keys, tabs, lists on one line. */
function subscriptionText(data: SubscriptionData): string {
  const fields = Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = fields.map(([key, value]) => `\t"${key}":${typeof value === 'bigint' ? String(value) : JSON.stringify(value)}`);
  return `{\n${texts.join(',\n')}\n}`;
}
