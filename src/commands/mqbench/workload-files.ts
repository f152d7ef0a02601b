import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Driver } from '../../bench/omb/driver.js';
import type { Workload } from '../../bench/omb/workload.js';
import { NotFoundError } from '../../common/errors.js';
import { launcher } from '../start/launcher.js';

/** Folder of the workload files that come with the package. */
function shippedFolder(): string {
  return join(dirname(dirname(launcher('mqbench'))), 'dist', 'workloads');
}

/** Names of the workload files that come with the package. */
export function shippedWorkloads(): string[] {
  return readdirSync(shippedFolder())
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/** The path of a workload file, or of the shipped one of that name. @throws NotFoundError */
function findWorkload(name: string): string {
  const shipped = join(shippedFolder(), `${name.replace(/\.yaml$/, '')}.yaml`);
  const found = [name, shipped].find((file) => existsSync(file));
  if (found === undefined) {
    throw new NotFoundError(`no workload file ${name}`, { hint: 'mqbench run --list names those that come with this package' });
  }
  return found;
}

/** What a run does. */
export interface WorkloadPlan {
  readonly file: string;
  readonly workloads: readonly Workload[];
  readonly driver: Driver;
  readonly warnings: readonly string[];
}

/** Reads a workload file and a driver file. @throws ConfigError that names file, line and key */
export async function readWorkloadPlan(workloadName: string, driverFile: string | undefined): Promise<WorkloadPlan> {
  const [{ parseWorkloads }, { DEFAULT_DRIVER, parseDriver }] = await Promise.all([
    import('../../bench/omb/workload.js'),
    import('../../bench/omb/driver.js'),
  ]);
  const file = findWorkload(workloadName);
  const { workloads, warnings } = parseWorkloads(readFileSync(file, 'utf8'), file);
  if (driverFile === undefined) {
    return { file, workloads, driver: DEFAULT_DRIVER, warnings };
  }
  if (!existsSync(driverFile)) {
    throw new NotFoundError(`no driver file ${driverFile}`);
  }
  const { driver, warnings: more } = parseDriver(readFileSync(driverFile, 'utf8'), driverFile);
  return { file, workloads, driver, warnings: [...warnings, ...more] };
}
