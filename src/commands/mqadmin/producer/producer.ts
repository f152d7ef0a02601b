import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ProducersResult } from '../../../client/admin/producers.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  broker: { short: 'b', required: true, text: 'broker address' },
});

/** Lists all producers that a broker knows. */
export default class Producer extends AdminCommand<typeof options, ProducersResult> {
  static override summary = "Query producer's instances, connection, status, etc.";
  static override examples = ['mqadmin producer -b 127.0.0.1:10911', 'mqadmin producer -b 127.0.0.1:10911 --json'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<ProducersResult> {
    const { producers } = await import('../../../client/admin/producers.js');
    return producers(admin, values.broker);
  }

  protected override render(result: ProducersResult, out: Output): void {
    for (const { producerGroup, instances } of result.groups) {
      if (instances.length === 0) {
        out.line(`producer group (${producerGroup}) instances are empty`);
      }
      for (const { clientId, remoteIP, language, version, lastUpdateTimestamp } of instances) {
        out.line(
          `producer group (${producerGroup}) instance : clientId=${clientId},remoteIP=${remoteIP}, language=${language}, version=${version}, lastUpdateTimestamp=${lastUpdateTimestamp}`,
        );
      }
    }
  }
}
