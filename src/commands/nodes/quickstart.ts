import type { CommonOption, OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { type CommandContext, MqCommand } from '../base.js';
import { quotedAddrs, START_OPTIONS } from './node-texts.js';
import type { ClusterStarted } from './start-cluster.js';

export default class QuickstartCommand extends MqCommand<typeof START_OPTIONS, ClusterStarted> {
  static override summary = 'Start a cluster on this machine, unless it runs already, and say what to try first';
  static override description =
    'The same as startCluster, but for two things: a cluster that runs is no error, and the first commands to type are printed.';
  static override examples = ['mqadmin quickstart', 'mqadmin quickstart --topology 2m -d /data/two-masters'];
  static override options = START_OPTIONS;
  static override commonOptions: readonly CommonOption[] = ['json', 'debug', 'timeout'];
  #lines: ((out: Output) => void) | null = null;

  protected async execute(values: OptionValues<typeof START_OPTIONS>, context: CommandContext): Promise<ClusterStarted> {
    const { showStarted, startCluster } = await import('./start-cluster.js');
    const started = await startCluster(values, context, { mayRun: true });
    this.#lines = (out) => showStarted(started, out);
    return started;
  }

  protected override render(started: ClusterStarted, out: Output, values: OptionValues<typeof START_OPTIONS>): void {
    this.#lines?.(out);
    const { clusterName, namesrvAddr, pids } = started;
    if (pids === null) {
      out.note('nothing was started');
      return;
    }
    for (const command of [
      `export NAMESRV_ADDR=${quotedAddrs(namesrvAddr)}`,
      `mqadmin updateTopic -c ${clusterName} -t FirstTopic`,
      'mqadmin sendMessage -t FirstTopic -p hello',
      'mqadmin consumeMessage -t FirstTopic -c 1',
      `mqadmin stopCluster${values.dir === undefined ? '' : ` -d ${values.dir}`}`,
    ]) {
      out.note(`  ${command}`);
    }
  }
}
