import { format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ProducerConnectionResult } from '../../../client/admin/connections.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  producerGroup: { short: 'g', required: true, text: 'producer group name' },
  topic: { short: 't', required: true, text: 'topic name' },
});

/** Shows the clients of a producer group. */
export default class ProducerConnection extends AdminCommand<typeof options, ProducerConnectionResult> {
  static override summary = "Query producer's socket connection and client version.";
  static override description = 'All brokers of the topic are asked; the Java tool asks one of them at random.';
  static override examples = ['mqadmin producerConnection -n 127.0.0.1:9876 -g OrderPaidProducer -t OrderPaid'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<ProducerConnectionResult> {
    const { producerConnection } = await import('../../../client/admin/connections.js');
    return producerConnection(admin, values.producerGroup, values.topic);
  }

  protected override render(result: ProducerConnectionResult, out: Output): void {
    for (const [i, client] of result.connections.entries()) {
      out.line(format('%04d  %-32s %-22s %-8s %s', i + 1, client.clientId, client.clientAddr, client.language, client.versionDesc));
    }
  }
}
