import { type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { CopyRequest } from '../../../client/admin/copy-messages.js';
import { COPY_HELP, COPY_OPTIONS, CopyCommand } from '../copy-command.js';

const options = defineOptions({
  ...COPY_OPTIONS,
  'offsets-file': { text: 'Write down which message became which, and go on from there in the next run' },
});

/** Copies what a topic has. */
export default class Copy extends CopyCommand<typeof options> {
  static override summary = 'Copy messages to another topic or cluster.';
  static override description = [
    COPY_HELP,
    '--offsets-file names a file of JSON lines: queueOffset of brokerName:queueId and messageCount - 1 more became targetQueueOffset and so on of',
    'targetBrokerName:targetQueueId. Another run with it copies nothing twice and goes on at the first message that was not copied, also after',
    'kill -9: what the file does not say yet is found in the target by COPY_ORIGIN. Twice comes only what was sent again after a time-out, or still',
    'arrived after the killed process was gone; it has the same msgId.',
  ].join('\n');
  static override examples = [
    'mqadmin copy -n 127.0.0.1:9876 -t OrderPaid --to-topic OrderAudit --dry-run',
    'mqadmin copy -n 127.0.0.1:9876 -t OrderPaid --to-topic OrderAudit --since 1h --rate 1000 --offsets-file /var/tmp/copied.jsonl',
    'mqadmin copy -n 127.0.0.1:9876 -t OrderPaid --to-namesrv 127.0.0.1:9876 --to-topic OrderAudit --key order-1 --json',
  ];
  static override options = options;

  protected override its(values: OptionValues<typeof options> & CommonValues): Pick<CopyRequest, 'offsetsFile'> {
    return { offsetsFile: values['offsets-file'] };
  }
}
