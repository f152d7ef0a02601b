import { COMMON_OPTIONS } from '../../../cli/options.js';
import { CLEAN_UP_OPTIONS, CleanUpCommand } from '../clean-up-command.js';

/** Has brokers delete commit log files that are too old. */
export default class DeleteExpiredCommitLog extends CleanUpCommand {
  static override summary = 'Delete expired CommitLog files.';
  static override description = [
    'Without -b and -c on all brokers of all clusters. Files older than fileReservedTime go at once instead of at the hour deleteWhen;',
    'a broker answers when it has begun, and never deletes the newest file.',
  ].join('\n');
  static override examples = [
    'mqadmin deleteExpiredCommitLog -b 127.0.0.1:10911 --yes',
    'mqadmin deleteExpiredCommitLog -n 127.0.0.1:9876 -c DefaultCluster --dry-run',
  ];
  static override options = { ...CLEAN_UP_OPTIONS, namesrvAddr: { ...COMMON_OPTIONS.namesrvAddr, text: 'Name server address' } };

  protected override readonly what = 'EXPIRED_COMMIT_LOG';
  protected override readonly noun = 'commit log files older than fileReservedTime';
}
