import { type CommonOption, defineOptions } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';

/** Options of both nodes; a node has no request of its own to sign and no result to print as JSON. */
export const NODE_OPTIONS = defineOptions({
  configFile: { short: 'c', text: 'Properties file with the configuration' },
  printConfigItem: { short: 'p', kind: 'flag', text: 'Print all configuration items and exit' },
  printConfig: { long: 'print-config', kind: 'flag', own: true, text: 'Print all configuration items, where each came from, and exit' },
  logDir: { long: 'log-dir', own: true, text: 'Folder of the log file' },
});
export const NODE_COMMON_OPTIONS: readonly CommonOption[] = ['debug'];

/** What a node command ends with: the text it was asked to print, or why it stopped. */
export type NodeResult = { readonly text: string } | { readonly stoppedBy: string };

export function renderNodeResult(result: NodeResult, out: Output): void {
  if ('text' in result) out.text(result.text);
}
