import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { read, root } from '../support/examples.ts';
import { type Declaration, moduleOf } from './declarationsOf.ts';

/** A file with what it exports to users. */
interface Page {
  /** The path of the source. */
  file: string;
  /** Where its names can be imported from. */
  entries: Set<string>;
  declarations: Declaration[];
}

/** The folders of the sources and what is in them, in the order of the index. */
const GROUPS: readonly (readonly [folder: string, title: string])[] = [
  ['src/sources', 'Sources'],
  ['operators', 'Operators'],
  ['src/flow', 'Flow'],
  ['src/sinks', 'Sinks'],
  ['src/agent', 'Claude Code'],
  ['src/session', 'Managed Agents'],
  ['src/recovery', 'Recovery'],
  ['src/message', 'Messages and errors'],
  ['src/json', 'JSON'],
  ['src/sse', 'Server-sent events'],
  ['src/text', 'Text'],
];

/** The pages of the API reference: the path below `docs/api` and the Markdown of each. */
export function apiPages(): Map<string, string> {
  const pages = pagesOf(entries());
  const files = new Map<string, string>([['README.md', index(pages)]]);
  for (const page of pages) files.set(pathOf(page), pageText(page));
  const different = new Set([...files.keys()].map((path) => path.toLowerCase()));
  if (different.size !== pages.length + 1) throw new Error('Two files with exports have one name');
  return files;
}

/** The pages that have a function or a class, which is what a user looks for. */
export function valuePages(): string[] {
  const hasValue = ({ declarations }: Page) => declarations.some(({ kind }) => kind !== 'type');
  return pagesOf(entries()).filter(hasValue).map(pathOf);
}

/** Everything that can be imported. */
export function exportedNames(): Declaration[] {
  return pagesOf(entries()).flatMap(({ declarations }) => declarations);
}

/** The entries of the package and the source of each. */
function entries(): [entry: string, file: string][] {
  const { name, exports } = JSON.parse(read('package.json'));
  return Object.entries<{ types?: string }>(exports).flatMap(([path, { types }]) =>
    // All operators are in the main entry too.
    types === undefined || path.startsWith('./operators')
      ? []
      : [[join(name, path), types.replace(/^\.\/dist\/(.*)\.d\.ts$/, '$1.ts')]],
  );
}

function pagesOf(all: readonly [entry: string, file: string][]): Page[] {
  const pages = new Map<string, Page>();
  for (const [entry, file] of all) collect(pages, entry, file, () => true);
  return [...pages.values()].toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
}

/** Adds what `file` exports under a name that is `wanted`, itself or from elsewhere. */
function collect(
  pages: Map<string, Page>,
  entry: string,
  file: string,
  wanted: (name: string) => boolean,
): void {
  const { declarations, reexports } = moduleOf(file);
  const own = declarations.filter(({ name }) => wanted(name));
  if (own.length > 0) {
    const page = pages.get(file) ?? { file, entries: new Set(), declarations: [] };
    page.entries.add(entry);
    page.declarations = declarations.filter(
      (declaration) => own.includes(declaration) || isIn(page.declarations, declaration),
    );
    pages.set(file, page);
  }
  for (const { from, names } of reexports) {
    const target = join(dirname(file), from);
    if (names === undefined) collect(pages, entry, target, wanted);
    else collect(pages, entry, target, (name) => wanted(names.get(name) ?? '') && names.has(name));
  }
}

const isIn = (declarations: readonly Declaration[], { name }: Declaration) =>
  declarations.some((declaration) => declaration.name === name);

/** In a folder for each entry but the main one. */
function pathOf(page: Page): string {
  return `${folderOf(page)}${nameOf(page)}.md`;
}

function folderOf({ entries: all }: Page): string {
  const [entry = ''] = [...all].toSorted();
  return entry.replace(/^[^/]+\/?/, '').replace(/.$/, '$&/');
}

/** That of the file, but for a file of which only one other thing is exported. */
function nameOf({ file, declarations }: Page): string {
  const name = file.replace(/^.*\/|\.ts$/g, '');
  const [first, ...more] = declarations;
  return first && more.length === 0 ? first.name : name;
}

function index(pages: readonly Page[]): string {
  const parts = ['# API reference', '', `Everything that can be imported. ${NOTE}`];
  for (const title of titles(pages)) {
    const rows = pages.filter((page) => titleOf(page) === title).flatMap(indexRows);
    parts.push('', `## ${title}`, '', '| | |', '|---|---|', ...rows);
  }
  return `${parts.join('\n')}\n`;
}

/** A row for each function and class, the first with the types that go with them. */
function indexRows(page: Page): string[] {
  const link = ({ name }: Declaration) => `[\`${name}\`](${pathOf(page)}${anchor(page, name)})`;
  const values = page.declarations.filter(({ kind }) => kind !== 'type');
  const types = page.declarations.filter(({ kind }) => kind === 'type');
  const typeLinks = types.map(link).join(', ');
  if (values.length === 0) return [`| ${typeLinks} | ${firstSentence(types[0]!.doc)} |`];
  const lead = values.find(({ name }) => isLead(page, name)) ?? values[0];
  return values.map((value) => {
    const said = firstSentence(value.doc);
    return `| ${link(value)} | ${said}${value === lead && typeLinks ? ` *With* ${typeLinks}` : ''} |`;
  });
}

const NOTE = '`npm run docs` makes these pages from the doc comments, and the tests compare them.';

function titles(pages: readonly Page[]): string[] {
  const known = GROUPS.map(([, title]) => title);
  const used = [...new Set(pages.map(titleOf))];
  return [
    ...known.filter((title) => used.includes(title)),
    ...used.filter((title) => !known.includes(title)),
  ];
}

function titleOf({ file, entries: [entry = ''] }: Page): string {
  const folder = dirname(file);
  const title = GROUPS.find(([path]) => path === folder)?.[1];
  if (entry.includes('/')) return `\`${entry}\``;
  return title ?? folder.replace(/^src\/(\w)/, (_, letter: string) => letter.toUpperCase());
}

/** The one that the page is named after has the page's own heading. */
function anchor(page: Page, name: string): string {
  if (isLead(page, name)) return '';
  // GitHub numbers headings that differ in nothing but case.
  const isSecond = name.toLowerCase() === nameOf(page).toLowerCase();
  return `#${name.toLowerCase()}${isSecond ? '-1' : ''}`;
}

const isLead = (page: Page, name: string) => nameOf(page) === name;

function pageText(page: Page): string {
  const { file, declarations } = page;
  const top = '../'.repeat(folderOf(page).split('/').length - 1);
  const lead = declarations.find(({ name }) => isLead(page, name));
  const rest = declarations.filter((declaration) => declaration !== lead);
  const values = rest.filter(({ kind }) => kind !== 'type');
  const types = rest.filter(({ kind }) => kind === 'type');
  const parts = [
    `# ${nameOf(page)}`,
    '',
    ...[
      importLine(page),
      `Source: [${file}](${top}../../${file})`,
      `[All of the API](${top}README.md)`,
    ].map((part, place, all) => (place < all.length - 1 ? `${part} ·` : part)),
    ...(lead ? section(lead, pictures(page, lead.name, top)) : []),
    ...[...values, ...types].flatMap((declaration) => [
      '',
      `## ${declaration.name}`,
      ...section(declaration, []),
    ]),
  ];
  return `${parts.join('\n')}\n`;
}

function importLine({ file, entries: all }: Page): string {
  const places = [
    ...all,
    ...(file.startsWith('operators/') ? [`claude-rx/${file.slice(0, -3)}`] : []),
  ];
  return `From ${places.map((place) => `\`${place}\``).join(' or ')}`;
}

/** The marble diagrams that the tests have drawn of it. */
function pictures({ file }: Page, name: string, top: string): string[] {
  const test = `test/${file.replace(/\.ts$/, '.test.ts')}`;
  const drawn = existsSync(root + test) ? read(test).matchAll(/\bdrawn\(\s*'([\w-]+)'/g) : [];
  return [...drawn].flatMap(([, drawing]) => [
    '',
    `![Marble diagram of ${name}](${top}../marbles/${drawing}.svg)`,
  ]);
}

function section({ doc, code, kind }: Declaration, drawings: readonly string[]): string[] {
  const [text = '', ...tags] = doc.split(/^(?=@\w+)/m);
  const [first = '', ...more] = text.trim().split(/\n{2,}/);
  const signature = ['', '```ts', code, '```'];
  return [
    ...(first ? ['', first] : []),
    ...drawings,
    ...(kind === 'type' ? [] : signature),
    ...(more.length > 0 ? ['', more.join('\n\n')] : []),
    ...tags.flatMap(tagText),
    ...(kind === 'type' ? signature : []),
  ];
}

function tagText(tag: string): string[] {
  const [, name = '', text = ''] = /^@(\w+)\s*([^]*)$/.exec(tag.trim()) ?? [];
  if (name === 'example') return ['', '**Example**', '', text];
  if (name === 'throws') return ['', `**Throws** ${text}`];
  throw new Error(`The API reference has no place for @${name}: ${text}`);
}

/** The first sentence of a doc comment, on one line. */
function firstSentence(doc: string): string {
  const [first = ''] = doc.split(/\n\n|^@/m);
  const line = first.replaceAll('\n', ' ').trim();
  return (/^.*?[^.]\.(?=\s|$)/.exec(line)?.[0] ?? line).replaceAll('|', '\\|');
}
