import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { AclsResult } from '../../../client/admin/auth-acls.js';
import { AdminCommand } from '../admin-command.js';
import { printAcls } from '../auth-text.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: 'list acl for which broker.' },
  clusterName: { short: 'c', group: 'target', groupRequired: true, text: 'list acl for specified cluster.' },
  subject: { short: 's', text: 'the subject of acl to filter.' },
  resource: { short: 'r', text: 'the resource of acl to filter.' },
});

/** Lists rules. */
export default class ListAcl extends AdminCommand<typeof options, AclsResult> {
  static override summary = 'List acl from cluster.';
  static override description = 'The filters are parts of a subject and of a resource. With -c a table for each master.';
  static override examples = [
    'mqadmin listAcl -b 127.0.0.1:10911',
    'mqadmin listAcl -n 127.0.0.1:9876 -c DefaultCluster -s bob -r Topic --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<AclsResult> {
    const { listAcls } = await import('../../../client/admin/auth-acls.js');
    return listAcls(admin, { ...requireTarget(values), subjectFilter: values.subject, resourceFilter: values.resource });
  }

  protected override render(result: AclsResult, out: Output): void {
    for (const { acls } of result.brokers) {
      printAcls(acls, out);
    }
  }
}
