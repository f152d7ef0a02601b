import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ExportedConfigs } from '../../../client/admin/export-configs.js';
import { AdminCommand } from '../admin-command.js';
import { EXPORT_FOLDER, type Exported, printExported, writeExport } from '../export-file.js';

const options = defineOptions({
  clusterName: { short: 'c', required: true, text: 'choose a cluster to export' },
  filePath: { short: 'f', default: EXPORT_FOLDER, text: 'export configs.json path | default /tmp/rocketmq/export' },
});

/** Writes the settings that matter of the masters, and how many nodes the cluster has. */
export default class ExportConfigs extends AdminCommand<typeof options, Exported<ExportedConfigs>> {
  static override summary = 'Export configs.';
  static override description =
    'Writes the settings that matter of the masters, and how many nodes the cluster has, to configs.json in the folder.';
  static override examples = [
    'mqadmin exportConfigs -n 127.0.0.1:9876 -c DefaultCluster -f /var/tmp',
    'mqadmin exportConfigs -n 127.0.0.1:9876 -c DefaultCluster -f /var/tmp --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<Exported<ExportedConfigs>> {
    const { exportConfigs } = await import('../../../client/admin/export-configs.js');
    return writeExport(values.filePath, 'configs.json', await exportConfigs(admin, values.clusterName));
  }

  protected override render(result: Exported<ExportedConfigs>, out: Output): void {
    printExported(result, out);
  }
}
