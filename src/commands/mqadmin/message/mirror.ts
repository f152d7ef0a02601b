import { type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { CopyRequest } from '../../../client/admin/copy-messages.js';
import { UsageError } from '../../../common/errors.js';
import { COPY_HELP, COPY_OPTIONS, CopyCommand } from '../copy-command.js';

const options = defineOptions({
  ...COPY_OPTIONS,
  'offsets-file': { required: true, text: 'Write down which message became which, and go on from there in the next run' },
  'new-only': { kind: 'flag', text: 'Begin the first run where the queues end, instead of where they begin' },
});

/** Copies what a topic has and gets. */
export default class Mirror extends CopyCommand<typeof options> {
  static override summary = 'Copy messages to another topic or cluster as they come.';
  static override description = [
    'Copies what is there, and then what comes, until Ctrl-C (what is on its way is waited for) or --max. Brokers that go away are waited for.',
    'The file of offsets, which mqadmin copy can go on with and the other way round, is what the next run goes on from: see mqadmin help copy.',
    COPY_HELP,
  ].join('\n');
  static override examples = [
    'mqadmin mirror -n 127.0.0.1:9876 -t OrderPaid --to-topic OrderAudit --offsets-file /var/tmp/mirrored.jsonl --max 1',
  ];
  static override options = options;

  protected override its(values: OptionValues<typeof options> & CommonValues): Pick<CopyRequest, 'offsetsFile' | 'follow' | 'fromEnd'> {
    if (values.end !== undefined || values['end-offset'] !== undefined) {
      throw new UsageError('a mirror has no end: --end and --end-offset are options of mqadmin copy');
    }
    return { offsetsFile: values['offsets-file'], follow: true, fromEnd: values['new-only'] };
  }
}
