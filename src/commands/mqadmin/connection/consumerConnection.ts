import { cut, format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ConsumerConnectionResult } from '../../../client/admin/connections.js';
import { differenceText } from '../../../common/subscription-differences.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  consumerGroup: { short: 'g', required: true, text: 'consumer group name' },
  brokerAddr: { short: 'b', text: 'broker address' },
});

/** Shows the clients of a consumer group and their subscription. */
export default class ConsumerConnection extends AdminCommand<typeof options, ConsumerConnectionResult> {
  static override summary = "Query consumer's socket connection, client version and subscription.";
  static override examples = ['mqadmin consumerConnection -n 127.0.0.1:9876 -g OrderPaidGroup'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<ConsumerConnectionResult> {
    const { consumerConnection } = await import('../../../client/admin/connections.js');
    return consumerConnection(admin, values.consumerGroup, values.brokerAddr);
  }

  protected override render(result: ConsumerConnectionResult, out: Output): void {
    out.line(format('%-36s %-22s %-10s %s', '#ClientId', '#ClientAddr', '#Language', '#Version'));
    for (const client of result.connections) {
      out.line(format('%-36s %-22s %-10s %s', cut(client.clientId, 50), client.clientAddr, client.language, client.versionDesc));
    }
    out.line();
    out.line('Below is subscription:');
    out.line(format('%-20s %s', '#Topic', '#SubExpression'));
    for (const { topic, subString } of result.subscriptions) {
      out.line(format('%-20s %s', topic, subString));
    }
    out.line();
    out.line(`ConsumeType: ${result.consumeType}`);
    out.line(`MessageModel: ${result.messageModel}`);
    out.line(`ConsumeFromWhere: ${result.consumeFromWhere}`);
    if (result.subscriptionDifferences.length > 0) {
      out.line();
      out.line('WARN: Different subscription in the same group of consumer!!!');
      for (const difference of result.subscriptionDifferences) {
        out.line(differenceText(difference));
      }
    }
  }
}
