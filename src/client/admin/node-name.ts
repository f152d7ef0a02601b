/** How a broker is called where slaves have the name of their master: a slave with its id. */
export function nodeName({ brokerName, brokerId }: { readonly brokerName: string; readonly brokerId: number }): string {
  return brokerId === 0 ? brokerName : `${brokerName}:${brokerId}`;
}
