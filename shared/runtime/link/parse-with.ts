import type { ProtocolError } from '@switchyard/shared/protocol';
import type { z } from 'zod';

/** What was read, or why not: in the words of the error codes. */
export type Parsed<Value> = { readonly value: Value } | { readonly error: ProtocolError };

/** Longest detail of a refusal. */
const DETAIL_MAX = 200;

/**
 * Reads a message of untrusted shape. Too long or too many is `limit-exceeded`, everything else `invalid-request`; the
 * detail names the first key that is wrong.
 */
export function parseWith<Value>(schema: z.ZodType<Value>, value: unknown): Parsed<Value> {
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data };
  const issue = result.error.issues[0];
  if (issue === undefined) return { error: { code: 'invalid-request' } };
  return { error: { code: codeOf(issue), detail: describe(issue).slice(0, DETAIL_MAX) } };
}

const codeOf = (issue: z.core.$ZodIssue): ProtocolError['code'] =>
  issue.code === 'too_big' && (issue.origin === 'string' || issue.origin === 'array')
    ? 'limit-exceeded'
    : 'invalid-request';

function describe(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys')
    return `unknown key ${[path, issue.keys[0]].filter((part) => part !== '').join('.')}`;
  if (issue.code === 'invalid_union' && (path === '' || path === 'type')) return 'unknown type of message';
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
