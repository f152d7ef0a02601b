import { CLEAN_UP_OPTIONS, CleanUpCommand } from '../clean-up-command.js';

/** Has brokers delete consume queues whose messages are gone. */
export default class CleanExpiredCQ extends CleanUpCommand {
  static override summary = 'Clean expired ConsumeQueue on broker.';
  static override description = [
    'Without -b and -c on all brokers of all clusters. A queue that goes begins at offset 0 again; the bundled broker keeps it where a group',
    'has an offset. Files of the other queues follow the commit log by themselves.',
  ].join('\n');
  static override examples = [
    'mqadmin cleanExpiredCQ -b 127.0.0.1:10911 --yes',
    'mqadmin cleanExpiredCQ -n 127.0.0.1:9876 -c DefaultCluster --dry-run',
  ];
  static override options = CLEAN_UP_OPTIONS;

  protected override readonly what = 'EXPIRED_CONSUME_QUEUES';
  protected override readonly noun = 'consume queues whose messages are all gone';
}
