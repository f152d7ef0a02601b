import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { SubGroupSettings, UpdateSubGroupResult } from '../../../client/admin/sub-group.js';
import { AdminCommand } from '../admin-command.js';
import { printOutcomes, requireTarget } from '../targets.js';
import { javaMap, retryPolicyText } from '../texts.js';

const POLICY_TEXT =
  'the json string of retry policy ( exp: {"type":"EXPONENTIAL","exponentialRetryPolicy":{"initial":5000,"max":7200000,"multiplier":2}} {"type":"CUSTOMIZED","customizedRetryPolicy":{"next":[1000,5000,10000]}} )';

const options = defineOptions({
  brokerAddr: { short: 'b', text: 'create subscription group to which broker' },
  clusterName: { short: 'c', text: 'create subscription group to which cluster' },
  groupName: { short: 'g', required: true, text: 'consumer group name' },
  consumeEnable: { short: 's', kind: 'boolean', default: true, text: 'consume enable' },
  consumeFromMinEnable: { short: 'm', kind: 'boolean', default: false, text: 'from min offset' },
  consumeBroadcastEnable: { short: 'd', kind: 'boolean', default: false, text: 'broadcast' },
  consumeMessageOrderly: { short: 'o', kind: 'boolean', default: false, text: 'consume message orderly' },
  retryQueueNums: { short: 'q', kind: 'int', default: 1, min: 0, text: 'retry queue nums' },
  retryMaxTimes: { short: 'r', kind: 'int', default: 16, min: -1, text: 'retry max times' },
  groupRetryPolicy: { short: 'p', text: POLICY_TEXT },
  brokerId: { short: 'i', kind: 'int', default: 0, min: 0, text: 'consumer from which broker id' },
  whichBrokerWhenConsumeSlowly: { short: 'w', kind: 'int', default: 1, min: 0, text: 'which broker id when consume slowly' },
  notifyConsumerIdsChanged: { short: 'a', kind: 'boolean', default: true, text: 'notify consumerId changed' },
  attributes: { text: 'attribute(+a=b,+c=d,-e)' },
  ...CHANGE_OPTIONS,
});

const CONSUME_TIMEOUT_MINUTES = 15;

/** Creates a consumer group or replaces its settings. */
export default class UpdateSubGroup extends AdminCommand<typeof options, UpdateSubGroupResult> {
  static override summary = 'Update or create subscription group.';
  static override description = 'Settings are replaced, not merged: what is left out goes back to its default. Only attributes are merged.';
  static override examples = ['mqadmin updateSubGroup -n 127.0.0.1:9876 -c DefaultCluster -g OrderPaidGroup -r 5'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<UpdateSubGroupResult> {
    const target = requireTarget(values);
    const [{ updateSubGroup, parseRetryPolicy }, { parseAttributes }] = await Promise.all([
      import('../../../client/admin/sub-group.js'),
      import('../../../client/admin/attributes.js'),
    ]);
    const settings: SubGroupSettings = {
      groupName: values.groupName,
      consumeEnable: values.consumeEnable,
      consumeFromMinEnable: values.consumeFromMinEnable,
      consumeBroadcastEnable: values.consumeBroadcastEnable,
      consumeMessageOrderly: values.consumeMessageOrderly,
      retryQueueNums: values.retryQueueNums,
      retryMaxTimes: values.retryMaxTimes,
      groupRetryPolicy: parseRetryPolicy(values.groupRetryPolicy),
      brokerId: values.brokerId,
      whichBrokerWhenConsumeSlowly: values.whichBrokerWhenConsumeSlowly,
      notifyConsumerIdsChangedEnable: values.notifyConsumerIdsChanged,
      groupSysFlag: 0,
      consumeTimeoutMinute: CONSUME_TIMEOUT_MINUTES,
      attributes: parseAttributes(values.attributes),
    };
    return updateSubGroup(admin, settings, { ...target, dryRun: values.dryRun });
  }

  protected override render(result: UpdateSubGroupResult, out: Output): void {
    printOutcomes(out, result.brokers, {
      done: (addr) => `create subscription group to ${addr} success.`,
      planned: (addr) => `would create subscription group to ${addr}`,
    });
    out.line(subGroupText(result.subscriptionGroupConfig));
  }
}

function subGroupText(group: SubGroupSettings): string {
  return [
    `SubscriptionGroupConfig{groupName=${group.groupName}`,
    `consumeEnable=${group.consumeEnable}`,
    `consumeFromMinEnable=${group.consumeFromMinEnable}`,
    `consumeBroadcastEnable=${group.consumeBroadcastEnable}`,
    `consumeMessageOrderly=${group.consumeMessageOrderly}`,
    `retryQueueNums=${group.retryQueueNums}`,
    `retryMaxTimes=${group.retryMaxTimes}`,
    `groupRetryPolicy=${retryPolicyText(group.groupRetryPolicy)}`,
    `brokerId=${group.brokerId}`,
    `whichBrokerWhenConsumeSlowly=${group.whichBrokerWhenConsumeSlowly}`,
    `notifyConsumerIdsChangedEnable=${group.notifyConsumerIdsChangedEnable}`,
    `groupSysFlag=${group.groupSysFlag}`,
    `consumeTimeoutMinute=${group.consumeTimeoutMinute}`,
    'subscriptionDataSet=null',
    `attributes=${javaMap(Object.entries(group.attributes))}}`,
  ].join(', ');
}
