import { describe, expect, it } from 'vitest';
import { SIGNATURE, signature, signRequest } from '../../src/remoting/acl.js';
import { decodeFrame } from '../../src/remoting/frame.js';
import { allFrames } from './vectors.js';

/** Signed requests that real clients sent. */
function signedFrames() {
  return allFrames()
    .map(({ recording, frame }) => {
      const bytes = Buffer.from(frame.hex, 'hex');
      return { recording, frame, command: decodeFrame(bytes, 0, bytes.length) };
    })
    .filter(({ command }) => command.extFields?.[SIGNATURE] !== undefined);
}

const secretOf = (fields: Record<string, string>): string => ('SecurityToken' in fields ? 'wrongsecret' : '12345678');

describe('request signing', () => {
  it('gives the signature of every recorded request', () => {
    const frames = signedFrames();
    expect(frames.length).toBeGreaterThan(50);
    const failed: string[] = [];
    for (const { recording, frame, command } of frames) {
      const fields = { ...command.extFields! };
      // Version 399 and older add this key after signing.
      if (command.version <= 399) {
        delete fields._UNIQUE_KEY_QUERY;
      }
      if (signature(fields, command.body, secretOf(fields)) !== fields[SIGNATURE]) {
        failed.push(`${recording} line ${frame.n} ${frame.codeName}`);
      }
    }
    expect(failed).toEqual([]);
  });

  it('adds the fields that a real client sends', () => {
    for (const { recording, frame, command } of signedFrames()) {
      const { Signature, AccessKey, SecurityToken, ...own } = command.extFields!;
      const signed = signRequest(
        { code: command.code, extFields: own, body: command.body },
        {
          accessKey: AccessKey!,
          secretKey: secretOf(command.extFields!),
          ...(SecurityToken === undefined ? {} : { securityToken: SecurityToken }),
        },
      );
      expect(signed.extFields, `${recording} line ${frame.n}`).toEqual(command.extFields);
      expect(Signature).toBeDefined();
    }
  });
});
