import { dateTime, format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { AclVersionRow } from '../../../client/admin/plain-acl.js';
import { AdminCommand } from '../admin-command.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: 'query acl config version for which broker' },
  clusterName: { short: 'c', group: 'target', groupRequired: true, text: 'query acl config version for specified cluster' },
});

type Values = OptionValues<typeof options>;

interface Result {
  readonly files: readonly AclVersionRow[];
}

const COLUMNS = '%-16s  %-22s  %-22s  %-20s  %-22s  %-22s';

/** Shows which versions of access files brokers have. */
export default class ClusterAclConfigVersion extends AdminCommand<typeof options, Result> {
  static override summary = 'List all of acl config version information in cluster';
  static override description = 'For brokers of 4.x with aclEnable.';
  static override examples = [
    'mqadmin clusterAclConfigVersion -n 127.0.0.1:9876 -c DefaultCluster',
    'mqadmin clusterAclConfigVersion -b 127.0.0.1:10911 --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values): Promise<Result> {
    const { aclVersions } = await import('../../../client/admin/plain-acl.js');
    return aclVersions(admin, requireTarget(values));
  }

  protected override render({ files }: Result, out: Output, values: Values): void {
    if (values.clusterName !== undefined) {
      const titles = ['#Cluster Name', '#Broker Name', '#Broker Addr', '#AclFilePath', '#AclConfigVersionNum', '#AclLastUpdateTime'];
      out.line(format(COLUMNS, ...titles));
    }
    for (const { clusterName, brokerName, brokerAddr, aclFilePath, counter, timestamp } of files) {
      out.line(format(COLUMNS, clusterName, brokerName, brokerAddr, aclFilePath, counter, dateTime(timestamp)));
    }
    out.line(`get ${values.clusterName === undefined ? "broker's" : "cluster's"} plain access config version success.`);
  }
}
