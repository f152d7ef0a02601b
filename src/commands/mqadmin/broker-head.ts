/** The line above what belongs to one broker: its address, and its place where a cluster was asked for. */
export function brokerHead(entry: { brokerAddr: string; role?: 'master' | 'slave'; masterAddr?: string }): string {
  const line = '============';
  switch (entry.role) {
    case 'master':
      return `${line}Master: ${entry.brokerAddr}${line}`;
    case 'slave':
      return entry.masterAddr === undefined
        ? `${line}NO MASTER: Slave: ${entry.brokerAddr}${line}`
        : `${line}My Master: ${entry.masterAddr}=====Slave: ${entry.brokerAddr}${line}`;
    default:
      return `${line}${entry.brokerAddr}${line}`;
  }
}
