const TOKEN =
  /(?<space>[ \t\r\n]+)|(?<string>"(?:[^"\\]|\\(?:[^u]|u[\da-f]{4}))*")|(?<number>[-\d][-+.\deE]*)|(?<other>true|false|null|[{}[\],:])/iy;

/** As much of an unfinished string as has no unfinished escape. */
const WHOLE_CHARACTERS = /^"(?:[^"\\]|\\(?:[^u]|u[\da-f]{4}))*/i;

/** The beginning of a JSON text as tokens, and the token at its end that can still go on. */
function tokensOf(text: string, isNumberWhole = false) {
  const tokens: { text: string; isKey: boolean }[] = [];
  const open: ('{' | '[')[] = [];
  const isKeyNext = () => open.at(-1) === '{' && /[{,]/.test(tokens.at(-1)!.text);
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) break;
    const isLastNumber = match.groups!.number && TOKEN.lastIndex === text.length;
    if (isLastNumber && !(isNumberWhole && /\d$/.test(text))) break;
    at = TOKEN.lastIndex;
    if (match.groups!.space) continue;
    const [token] = match;
    tokens.push({ text: token, isKey: token.startsWith('"') && isKeyNext() });
    if (token === '{' || token === '[') open.push(token);
    if (token === '}' || token === ']') open.pop();
  }
  const rest = text.slice(at);
  const closing = open.map((bracket) => (bracket === '{' ? '}' : ']')).toReversed();
  return { tokens, rest, isRestKey: rest.startsWith('"') && isKeyNext(), closing };
}

/**
 * The JSON text of what can be shown of the beginning of a JSON text, or undefined if that is
 * nothing: without numbers, literals, keys and escapes that are not whole, and closed. Whether a number
 * at the end is whole is for the caller to know.
 */
export function shownPart(text: string, isNumberWhole: boolean): string | undefined {
  const { tokens, rest, isRestKey, closing } = tokensOf(text, isNumberWhole);
  if (rest.startsWith('"') && !isRestKey) {
    const string = JSON.parse(`${WHOLE_CHARACTERS.exec(rest)![0]}"`) as string;
    const isHalf = /[\ud800-\udbff]$/.test(string);
    tokens.push({ text: JSON.stringify(isHalf ? string.slice(0, -1) : string), isKey: false });
  }
  if (tokens.at(-1)?.text === ':') tokens.pop();
  if (tokens.at(-1)?.isKey) tokens.pop();
  if (tokens.at(-1)?.text === ',') tokens.pop();
  if (tokens.length === 0) return undefined;
  return [...tokens.map((token) => token.text), ...closing].join(' ');
}

/** One way to go on with the beginning of a JSON text so that it becomes JSON. */
export function finished(text: string): string {
  const { tokens, rest, isRestKey, closing } = tokensOf(text);
  const end = [finishedToken(rest)];
  const last = rest === '' ? tokens.at(-1) : undefined;
  if (isRestKey || last?.isKey) end.push(':0');
  else if (last?.text === ',' && closing[0] === '}') end.push('"":0');
  else if (last?.text === ',' || last?.text === ':') end.push('0');
  else if (tokens.length === 0 && rest === '') end.push('0');
  return text.slice(0, text.length - rest.length) + end.join('') + closing.join('');
}

function finishedToken(token: string): string {
  if (token.startsWith('"')) {
    const whole = WHOLE_CHARACTERS.exec(token)![0];
    const escape = token.slice(whole.length);
    return `${whole}${escape === '\\' ? '\\n' : escape && escape.padEnd(6, '0')}"`;
  }
  if (/^[-\d]/.test(token)) return /\d$/.test(token) ? token : `${token}0`;
  return ['true', 'false', 'null'].find((literal) => token && literal.startsWith(token)) ?? token;
}
