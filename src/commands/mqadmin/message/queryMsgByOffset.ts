import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { TrackedMessage } from '../../../client/admin/message-track.js';
import { AdminCommand } from '../admin-command.js';
import { printMessage, requireCharset } from '../message-output.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'topic name' },
  brokerName: { short: 'b', required: true, text: 'Broker Name' },
  queueId: { short: 'i', kind: 'int', min: 0, required: true, text: 'Queue Id' },
  offset: { short: 'o', kind: 'int', min: 0, required: true, text: 'Queue Offset' },
  bodyFormat: { short: 'f', text: 'print message body by the specified format' },
});

/** Shows the message at one position of a queue. */
export default class QueryMsgByOffset extends AdminCommand<typeof options, TrackedMessage> {
  static override summary = 'Query Message by offset.';
  static override description = '-b is the name of the broker, not its address. The body is written to the file that the output names.';
  static override examples = ['mqadmin queryMsgByOffset -n 127.0.0.1:9876 -t OrderPaid -b broker-a -i 0 -o 0 -f UTF-8'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<TrackedMessage> {
    requireCharset(values.bodyFormat);
    const [{ queryByOffset }, { withTracks }] = await Promise.all([
      import('../../../client/admin/query-message.js'),
      import('../../../client/admin/message-track.js'),
    ]);
    const { topic, brokerName, queueId, offset } = values;
    return withTracks(admin, await queryByOffset(admin, { topic, brokerName, queueId, offset }));
  }

  protected override render(result: TrackedMessage, out: Output, values: OptionValues<typeof options>): void {
    printMessage(out, result, { offsetId: true, bodyFormat: values.bodyFormat });
  }
}
