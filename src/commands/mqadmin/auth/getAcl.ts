import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { AclsResult } from '../../../client/admin/auth-acls.js';
import { AdminCommand } from '../admin-command.js';
import { printAcls } from '../auth-text.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: 'get acl for which broker' },
  clusterName: { short: 'c', group: 'target', groupRequired: true, text: 'get acl for specified cluster' },
  subject: { short: 's', default: '', text: 'the subject of acl to get' },
});

/** Shows the rules of a subject. */
export default class GetAcl extends AdminCommand<typeof options, AclsResult> {
  static override summary = 'Get acl from cluster.';
  static override description =
    'With -c a table for each master. A subject that a broker does not know is its error, one without rules is not.';
  static override examples = [
    'mqadmin getAcl -b 127.0.0.1:10911 -s User:bob',
    'mqadmin getAcl -n 127.0.0.1:9876 -c DefaultCluster -s User:bob --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<AclsResult> {
    const { getAcl } = await import('../../../client/admin/auth-acls.js');
    return getAcl(admin, { ...requireTarget(values), subject: values.subject });
  }

  protected override render(result: AclsResult, out: Output): void {
    for (const { acls } of result.brokers) {
      printAcls(acls, out);
    }
  }
}
