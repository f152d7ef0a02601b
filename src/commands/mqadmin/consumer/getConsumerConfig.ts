import { format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ConsumerConfigResult } from '../../../client/admin/consumer-config.js';
import type { SubscriptionGroupConfig } from '../../../remoting/bodies/subscription-group.js';
import { AdminCommand } from '../admin-command.js';
import { javaMap, retryPolicyText } from '../texts.js';

const options = defineOptions({
  groupName: { short: 'g', required: true, text: 'subscription group name' },
});

/** Shows the settings of a consumer group on every broker. */
export default class GetConsumerConfig extends AdminCommand<typeof options, ConsumerConfigResult> {
  static override summary = 'Get consumer config by subscription group name.';
  static override description = 'All masters are asked. A group that none of them knows is an error; the Java tool prints nothing.';
  static override examples = [
    'mqadmin getConsumerConfig -n 127.0.0.1:9876 -g OrderPaidGroup',
    'mqadmin getConsumerConfig -n 127.0.0.1:9876 -g OrderPaidGroup --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<ConsumerConfigResult> {
    const { consumerConfig } = await import('../../../client/admin/consumer-config.js');
    return consumerConfig(admin, values.groupName);
  }

  protected override render(result: ConsumerConfigResult, out: Output): void {
    const rule = '='.repeat(29);
    for (const { clusterName, brokerName, subscriptionGroupConfig } of result.brokers) {
      out.line(`${rule}${clusterName}:${brokerName}${rule}`);
      for (const [key, text] of rowsOf(subscriptionGroupConfig)) {
        out.line(format('%-40s=  %s', key, text));
      }
    }
  }
}

/** Fields in the order in which Java declares them; null is empty. */
function rowsOf(config: SubscriptionGroupConfig): [string, string | number | boolean][] {
  return [
    ['groupName', config.groupName],
    ['consumeEnable', config.consumeEnable],
    ['consumeFromMinEnable', config.consumeFromMinEnable],
    ['consumeBroadcastEnable', config.consumeBroadcastEnable],
    ['consumeMessageOrderly', config.consumeMessageOrderly],
    ['retryQueueNums', config.retryQueueNums],
    ['retryMaxTimes', config.retryMaxTimes],
    ['groupRetryPolicy', retryPolicyText(config.groupRetryPolicy)],
    ['brokerId', config.brokerId],
    ['whichBrokerWhenConsumeSlowly', config.whichBrokerWhenConsumeSlowly],
    ['notifyConsumerIdsChangedEnable', config.notifyConsumerIdsChangedEnable],
    ['groupSysFlag', config.groupSysFlag],
    ['consumeTimeoutMinute', config.consumeTimeoutMinute],
    ['subscriptionDataSet', subscriptionsText(config.subscriptionDataSet)],
    ['attributes', javaMap(config.attributes)],
  ];
}

function subscriptionsText(subscriptions: SubscriptionGroupConfig['subscriptionDataSet']): string {
  if (subscriptions === undefined) {
    return '';
  }
  const texts = subscriptions.map(({ topic, expressionType, expression, version }) => {
    const fields = [`topic=${topic}`, `expressionType=${expressionType}`, `expression=${expression}`, `version=${version}`];
    return `SimpleSubscriptionData{${fields.join(', ')}}`;
  });
  return `[${texts.join(', ')}]`;
}
