import type { RunFile } from '../../../broker/process/run-file.js';
import { CHANGE_OPTIONS, type CommonOption, defineOptions } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { NotFoundError } from '../../common/errors.js';
import { type CommandContext, MqCommand } from '../base.js';
import { CLUSTER_DIR_OPTION, describeNode, type StoppedNode } from './node-texts.js';

const options = defineOptions({
  ...CHANGE_OPTIONS,
  ...CLUSTER_DIR_OPTION,
  wait: { kind: 'int', own: true, default: 60, min: 1, text: 'Seconds to wait for a clean stop of each node' },
});

export default class StopClusterCommand extends MqCommand<typeof options, { stopped: StoppedNode[] }> {
  static override summary = 'Stop the name server and the broker that startCluster started';
  static override description = 'The broker goes first, so that it can unregister. Its messages stay in the folder.';
  static override examples = ['mqadmin stopCluster', 'mqadmin stopCluster -d /data/cluster --json'];
  static override options = options;
  static override commonOptions: readonly CommonOption[] = ['json', 'debug', 'timeout'];

  protected async execute(
    values: Parameters<MqCommand<typeof options>['execute']>[0],
    context: CommandContext,
  ): Promise<{ stopped: StoppedNode[] }> {
    const { env } = context.io;
    const [{ clusterDir, nodesBelow }, { stopAll }, { stateDir }] = await Promise.all([
      import('./cluster-nodes.js'),
      import('./stop-nodes.js'),
      import('../../../broker/process/run-file.js'),
    ]);
    const dir = clusterDir(values.dir, env);
    const nodes = await nodesBelow(dir, env);
    if (nodes.length === 0) throw new NotFoundError(`no cluster of this user is running in ${dir}`, { code: 'NODE_NOT_RUNNING' });
    if (values.dryRun) {
      for (const node of nodes) context.out.note(`would stop ${describeNode(node)}`);
      return { stopped: [] };
    }
    const stopped: StoppedNode[] = [];
    const byKind = (kind: RunFile['kind']): RunFile[] => nodes.filter((node) => node.kind === kind);
    for (const group of [byKind('broker'), byKind('namesrv')]) stopped.push(...(await stopAll(stateDir(env), group, values.wait * 1000)));
    return { stopped };
  }

  protected override render(result: { stopped: StoppedNode[] }, out: Output): void {
    for (const node of result.stopped) out.line(`${describeNode(node)} stopped after ${node.tookMs} ms`);
  }
}
