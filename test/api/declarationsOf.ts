import { type Comment, parseSync, type Statement } from 'oxc-parser';
import { read } from '../examples.ts';

/** Something that a file exports, as a reader of the documentation is shown it. */
export interface Declaration {
  name: string;
  kind: 'function' | 'class' | 'constant' | 'type';
  /** The text of its doc comment. */
  doc: string;
  /** Its declaration without what is inside of functions, an overload after the other. */
  code: string;
}

/** Where an export leads: `names` maps what it is called there to what it is called here. */
interface Reexport {
  from: string;
  /** `undefined` for all of them. */
  names: ReadonlyMap<string, string> | undefined;
}

interface Module {
  declarations: readonly Declaration[];
  reexports: readonly Reexport[];
}

type Node = { type: string; start: number; end: number } & Record<string, any>;

/** What a TypeScript file exports: what it declares, and what it passes on from others. */
export function moduleOf(file: string): Module {
  const source = read(file);
  const { program, comments, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}`);
  const declarations = new Map<string, Declaration>();
  const reexports: Reexport[] = [];
  for (const statement of program.body) {
    if (statement.type === 'ExportAllDeclaration') {
      reexports.push({ from: statement.source.value, names: undefined });
    } else if (statement.type === 'ExportNamedDeclaration') {
      if (statement.source) {
        reexports.push({ from: statement.source.value, names: namesOf(statement) });
      } else if (statement.declaration) {
        add(declarations, statement.declaration as Node, docBefore(statement, comments, source));
      }
    }
  }
  return { declarations: [...declarations.values()], reexports };

  function add(known: Map<string, Declaration>, node: Node, doc: string): void {
    const { id } = node['declarations']?.[0] ?? node;
    const before = known.get(id.name);
    const shown = codeOf(node, source, comments);
    // The implementation behind overloads is nothing that one can call.
    const isHidden = before !== undefined && node.type === 'FunctionDeclaration';
    known.set(id.name, {
      name: id.name,
      kind: kindOf(node),
      doc: before?.doc || doc,
      code: before ? (isHidden ? before.code : `${before.code}\n${shown}`) : shown,
    });
  }
}

function namesOf({ specifiers }: Extract<Statement, { type: 'ExportNamedDeclaration' }>) {
  const nameOf = (node: Node): string => node['name'] ?? node['value'];
  return new Map(specifiers.map(({ local, exported }) => [nameOf(local), nameOf(exported)]));
}

function kindOf({ type }: Node): Declaration['kind'] {
  if (/Function/.test(type)) return 'function';
  if (type === 'ClassDeclaration') return 'class';
  return type === 'VariableDeclaration' ? 'constant' : 'type';
}

/** The text of the doc comment in front of a node. */
function docBefore(node: { start: number }, comments: readonly Comment[], source: string): string {
  const comment = comments.findLast(({ end }) => end <= node.start);
  if (!comment?.value.startsWith('*')) return '';
  if (source.slice(comment.end, node.start).trim() !== '') return '';
  return comment.value
    .slice(1)
    .replace(/^\s*\* ?/gm, '')
    .trim();
}

function codeOf(node: Node, source: string, comments: readonly Comment[]): string {
  const text = (from: number, to: number) => source.slice(from, to).trimEnd();
  if (/Function/.test(node.type)) {
    return `${text(node.start, node['body']?.start ?? node.end).replace(/;$/, '')};`;
  }
  if (node.type === 'ClassDeclaration') return classCode(node, source, comments);
  if (node.type !== 'VariableDeclaration') return text(node.start, node.end);
  const { id } = node['declarations'][0];
  return `${node['kind']} ${text(id.start, id.end)};`;
}

/** A class with its public members, and without what they do. */
function classCode(node: Node, source: string, comments: readonly Comment[]): string {
  const members = (node['body'].body as Node[]).filter(isPublic).map((member) => {
    const comment = comments.findLast(({ end }) => end <= member.start);
    const isOwn = comment && source.slice(comment.end, member.start).trim() === '';
    const code = source.slice(member.start, endOfSignature(member)).trimEnd().replace(/;$/, '');
    return `  ${isOwn ? `${source.slice(comment.start, comment.end)}\n  ` : ''}${code};`;
  });
  return `${source.slice(node.start, node['body'].start)}{\n${members.join('\n')}\n}`;
}

function isPublic({ accessibility, key, override }: Node): boolean {
  return accessibility !== 'private' && key?.type !== 'PrivateIdentifier' && !override;
}

function endOfSignature(member: Node): number {
  if (member.type === 'PropertyDefinition') {
    return member['typeAnnotation']?.end ?? member['key'].end;
  }
  return member['value']?.body?.start ?? member.end;
}
