import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { AllocateQueuesResult } from '../../../client/admin/allocate-queues.js';
import { stringifyFastjson } from '../../../common/fastjson.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'topic name' },
  ipList: { short: 'i', required: true, text: 'ipList' },
});

/** Shows which queues each of some clients would own. */
export default class AllocateMQ extends AdminCommand<typeof options, AllocateQueuesResult> {
  static override summary = 'Allocate MQ.';
  static override description = [
    'The division of the average strategy over the clients of -i, separated by commas. Clients and queues are sorted first, as consumers do it;',
    'the Java tool takes the queues in no order, so that it can show another division than its own clients make.',
  ].join('\n');
  static override examples = ['mqadmin allocateMQ -n 127.0.0.1:9876 -t OrderPaid -i 10.0.0.1,10.0.0.2,10.0.0.3'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<AllocateQueuesResult> {
    const { allocateQueues } = await import('../../../client/admin/allocate-queues.js');
    const ips = values.ipList
      .split(',')
      .map((ip) => ip.trim())
      .filter((ip) => ip !== '');
    return allocateQueues(admin, { topic: values.topic, ips });
  }

  protected override render(result: AllocateQueuesResult, out: Output): void {
    out.line(stringifyFastjson(result));
  }
}
