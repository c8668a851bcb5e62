/** The credentials in an address. */
const CREDENTIALS = /\/\/[^\s/?#]*@/g;
/** The messages of `fetch` for an invalid header, in undici and Firefox, Bun, Deno and workerd. */
const REFUSED_HEADER = /header[\s\S]*(invalid|not valid)|(invalid|not valid)[\s\S]*header/i;
const QUOTED = /(["'`])[\s\S]*\1/;

/**
 * The message of a platform error without secrets: `fetch` may quote an address with its password, or an
 * invalid header with the API key.
 */
export function withoutSecrets(message: string): string {
  const address = message.replace(CREDENTIALS, '//…@');
  return REFUSED_HEADER.test(address) ? address.replace(QUOTED, '"…"') : address;
}
