/** The credentials in an address. */
const CREDENTIALS = /\/\/[^\s/?#]*@/g;
/** A refusal of a header, by `fetch`: undici and Firefox, Bun, Deno and workerd each have their words. */
const REFUSED_HEADER = /header[\s\S]*(invalid|not valid)|(invalid|not valid)[\s\S]*header/i;
const QUOTED = /(["'`])[\s\S]*\1/;

/**
 * The message of an error of the platform without the secrets that one may have: `fetch` quotes an
 * address with its password, and a header that it refuses with the key in it.
 */
export function withoutSecrets(message: string): string {
  const address = message.replace(CREDENTIALS, '//…@');
  return REFUSED_HEADER.test(address) ? address.replace(QUOTED, '"…"') : address;
}
