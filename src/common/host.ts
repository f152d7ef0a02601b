import { isIPv4, isIPv6 } from 'node:net';
import { UsageError } from './errors.js';

/** An address in the form records and ids hold it. */
export interface HostAddress {
  /** 4 or 16 bytes. */
  ip: Buffer;
  port: number;
}

/** Parses `1.2.3.4:10911`, `[::1]:10911`, `::1:10911` and Java's `/1.2.3.4:10911`; a host name is refused. */
export function parseHostAddress(text: string): HostAddress {
  const { host, port } = splitHostPort(text);
  const ip = ipToBytes(host);
  if (ip === null) {
    throw new UsageError(`${text} is not an ip:port address`, { hint: 'write it like 10.0.0.7:10911' });
  }
  return { ip, port };
}

/** Splits `host:port` at the last colon; brackets around an IPv6 address and a leading slash are dropped. */
export function splitHostPort(text: string): { host: string; port: number } {
  const trimmed = text.trim();
  const start = trimmed.startsWith('/') ? 1 : 0;
  const colon = trimmed.lastIndexOf(':');
  const portText = colon < 0 ? '' : trimmed.slice(colon + 1);
  const port = Number(portText);
  let host = trimmed.slice(start, Math.max(colon, start));
  if (host.startsWith('[') && host.endsWith(']')) {
    host = host.slice(1, -1);
  }
  if (host === '' || !/^\d{1,5}$/.test(portText) || port > 65535) {
    throw new UsageError(`${JSON.stringify(text)} is not a host:port address`, { hint: 'write it like 10.0.0.7:9876' });
  }
  return { host, port };
}

/** `1.2.3.4:10911`, or `[::1]:10911` for IPv6. */
export function formatHostAddress(address: HostAddress): string {
  return formatHostPort(formatIp(address.ip), address.port);
}

/** Joins host and port; IPv6 goes in brackets. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** 4 bytes of dotted text or 16 of IPv6 text; an IPv4-mapped IPv6 address gives 4; null when it is neither. */
export function ipToBytes(text: string): Buffer | null {
  if (isIPv4(text)) {
    return Buffer.from(text.split('.').map(Number));
  }
  if (!isIPv6(text)) {
    return null;
  }
  const bare = text.split('%', 1)[0]!;
  const lastColon = bare.lastIndexOf(':');
  const tail = bare.slice(lastColon + 1);
  if (isIPv4(tail)) {
    const v4 = Buffer.from(tail.split('.').map(Number));
    if (bare.slice(0, lastColon + 1).toLowerCase() === '::ffff:') {
      return v4;
    }
    return expandIpv6(`${bare.slice(0, lastColon + 1)}${v4.readUInt16BE(0).toString(16)}:${v4.readUInt16BE(2).toString(16)}`);
  }
  return expandIpv6(bare);
}

function expandIpv6(text: string): Buffer {
  const [head = '', tail] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const bytes = Buffer.alloc(16);
  left.forEach((group, i) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2);
  });
  right.forEach((group, i) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), (8 - right.length + i) * 2);
  });
  return bytes;
}

/** Text of 4 or 16 address bytes; IPv6 in the short form. */
export function formatIp(ip: Uint8Array): string {
  if (ip.length === 4) {
    return `${ip[0]}.${ip[1]}.${ip[2]}.${ip[3]}`;
  }
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push(((ip[i]! << 8) | ip[i + 1]!).toString(16));
  }
  // The longest run of zero groups becomes `::`.
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === '0') {
      length++;
    }
    if (length > best.length) {
      best = { at: i, length };
    }
  }
  if (best.at < 0) {
    return groups.join(':');
  }
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}

/** `ip:port` of a socket end; an IPv4-mapped IPv6 address is shown as IPv4. */
export function socketHostAddress(address: string | undefined, port: number | undefined): HostAddress {
  return { ip: ipToBytes(address ?? '') ?? Buffer.alloc(4), port: port ?? 0 };
}
