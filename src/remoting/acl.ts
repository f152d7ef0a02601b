import { createHmac } from 'node:crypto';
import type { RequestInit } from './command.js';

/** Keys of a user, as brokers with ACL or authentication know them. */
export interface Credentials {
  accessKey: string;
  secretKey: string;
  securityToken?: string;
}

const ACCESS_KEY = 'AccessKey';
export const SIGNATURE = 'Signature';
const SECURITY_TOKEN = 'SecurityToken';

function compareUtf16(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Signature of a request: HMAC-SHA1 over the values of all fields but `Signature`, in the order of their keys, followed by the
 * body; base64. Mirrors AclUtils.calSignature.
 */
export function signature(extFields: Readonly<Record<string, string>>, body: Buffer | null, secretKey: string): string {
  const hmac = createHmac('sha1', secretKey);
  let text = '';
  for (const key of Object.keys(extFields).sort(compareUtf16)) {
    if (key !== SIGNATURE) {
      text += extFields[key];
    }
  }
  hmac.update(text, 'utf8');
  if (body !== null) {
    hmac.update(body);
  }
  return hmac.digest('base64');
}

/** The request with the fields that sign it. All other fields must be there already: what is added later is not covered. */
export function signRequest(request: RequestInit, credentials: Credentials): RequestInit {
  const extFields: Record<string, string> = { ...request.extFields, [ACCESS_KEY]: credentials.accessKey };
  if (credentials.securityToken !== undefined && credentials.securityToken !== '') {
    extFields[SECURITY_TOKEN] = credentials.securityToken;
  }
  extFields[SIGNATURE] = signature(extFields, request.body ?? null, credentials.secretKey);
  return { ...request, extFields };
}
