import type { CommonOption, OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { type CommandContext, MqCommand } from '../base.js';
import { quotedAddrs, START_OPTIONS } from './node-texts.js';
import type { ClusterStarted } from './start-cluster.js';

export default class StartClusterCommand extends MqCommand<typeof START_OPTIONS, ClusterStarted> {
  static override summary = 'Start name servers and brokers of this machine in the background';
  static override description = [
    'They bind and advertise 127.0.0.1 and keep everything in one folder; what is there from an earlier start is used again, names and ports too. Nodes',
    'of it that run are left alone, those that ended are started again. stopCluster ends them, clusterStatus shows them.',
  ].join('\n');
  static override examples = [
    'mqadmin startCluster',
    'mqadmin startCluster --topology 2m -d /data/two-masters',
    'mqadmin startCluster -d /data/cluster --namesrvPort 19876 --brokerPort 20911 --json',
  ];
  static override options = START_OPTIONS;
  static override commonOptions: readonly CommonOption[] = ['json', 'debug', 'timeout'];
  #lines: ((out: Output) => void) | null = null;

  protected async execute(values: OptionValues<typeof START_OPTIONS>, context: CommandContext): Promise<ClusterStarted> {
    const { showStarted, startCluster } = await import('./start-cluster.js');
    const started = await startCluster(values, context);
    this.#lines = (out) => showStarted(started, out);
    return started;
  }

  protected override render(started: ClusterStarted, out: Output): void {
    this.#lines?.(out);
    out.note(started.pids === null ? 'nothing was started' : `next: mqadmin clusterList -n ${quotedAddrs(started.namesrvAddr)}`);
  }
}
