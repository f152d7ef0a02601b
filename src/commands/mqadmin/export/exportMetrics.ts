import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { JsonObject } from '../../../common/fastjson.js';
import { AdminCommand } from '../admin-command.js';
import { EXPORT_FOLDER, type Exported, printExported, writeExport } from '../export-file.js';

const options = defineOptions({
  clusterName: { short: 'c', required: true, text: 'choose a cluster to export' },
  filePath: { short: 'f', default: EXPORT_FOLDER, text: 'export metrics.json path | default /tmp/rocketmq/export' },
});

/** The file of Apache's tool. */
interface Metrics {
  /** By broker name. */
  readonly evaluateReport: Readonly<Record<string, JsonObject>>;
  readonly totalData: {
    readonly totalOneDayNum: Readonly<Record<string, number>>;
    readonly totalTps: Readonly<Record<string, number>>;
  };
}

/** Writes figures of the masters: traffic, disks, topics, groups and the versions of clients. */
export default class ExportMetrics extends AdminCommand<typeof options, Exported<Metrics>> {
  static override summary = 'Export metrics.';
  static override description =
    'Writes figures of the masters: traffic, disks, topics, groups and the versions of clients, to metrics.json in the folder.';
  static override examples = [
    'mqadmin exportMetrics -n 127.0.0.1:9876 -c DefaultCluster -f /var/tmp',
    'mqadmin exportMetrics -n 127.0.0.1:9876 -c DefaultCluster -f /var/tmp --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<Exported<Metrics>> {
    const { exportMetrics } = await import('../../../client/admin/export-metrics.js');
    return writeExport(values.filePath, 'metrics.json', await exportMetrics(admin, values.clusterName));
  }

  protected override render(result: Exported<Metrics>, out: Output): void {
    printExported(result, out);
  }
}
