import { CLEAN_UP_OPTIONS, CleanUpCommand } from '../clean-up-command.js';

/** Has brokers delete the queues of topics that are gone. */
export default class CleanUnusedTopic extends CleanUpCommand {
  static override summary = 'Clean unused topic on broker.';
  static override description =
    'Without -b and -c on all brokers of all clusters. The messages themselves stay in the commit log until they are too old.';
  static override examples = [
    'mqadmin cleanUnusedTopic -b 127.0.0.1:10911 --yes',
    'mqadmin cleanUnusedTopic -n 127.0.0.1:9876 -c DefaultCluster --dry-run',
  ];
  static override options = { ...CLEAN_UP_OPTIONS, cluster: { ...CLEAN_UP_OPTIONS.cluster, text: 'cluster name' } };

  protected override readonly what = 'UNUSED_TOPICS';
  protected override readonly noun = 'consume queues of topics that no longer exist';
}
