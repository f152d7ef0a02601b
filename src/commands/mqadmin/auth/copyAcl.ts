import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { CopyAclsResult } from '../../../client/admin/auth-acls.js';
import { AdminCommand } from '../admin-command.js';
import { wordList } from '../word-list.js';

const options = defineOptions({
  fromBroker: { short: 'f', required: true, text: 'the source broker that the acls copy from' },
  toBroker: { short: 't', required: true, text: 'the target broker that the acls copy to' },
  subjects: { short: 's', text: 'the subject list of acl to copy.' },
  ...CHANGE_OPTIONS,
});

/** Copies rules from one broker to another. */
export default class CopyAcl extends AdminCommand<typeof options, CopyAclsResult> {
  static override summary = 'Copy acl to cluster.';
  static override description = 'The rules of all subjects without -s. The target must have the users: copy them first with copyUser.';
  static override examples = [
    'mqadmin copyAcl -f 127.0.0.1:10911 -t 127.0.0.1:20911',
    'mqadmin copyAcl -f 127.0.0.1:10911 -t 127.0.0.1:20911 -s User:bob --dry-run',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<CopyAclsResult> {
    const { fromBroker, toBroker, dryRun } = values;
    const { copyAcls } = await import('../../../client/admin/auth-acls.js');
    const subjects = values.subjects === undefined ? undefined : wordList(values.subjects);
    return copyAcls(admin, { fromBroker, toBroker, subjects, dryRun });
  }

  protected override render({ subjects, fromBroker, toBroker, dryRun }: CopyAclsResult, out: Output): void {
    for (const { subject, change } of subjects) {
      out.line(
        dryRun
          ? `dry run: would ${change} rules of ${subject} of ${fromBroker} on ${toBroker}`
          : `copy acl of ${subject} from ${fromBroker} to ${toBroker} success.`,
      );
    }
  }
}
