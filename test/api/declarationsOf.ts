import { type Comment, parseSync, type Statement } from 'oxc-parser';
import { read } from '../support/examples.ts';

/** Something that a file exports, as a reader of the documentation is shown it. */
export interface Declaration {
  name: string;
  kind: 'function' | 'class' | 'constant' | 'type';
  /** The text of its doc comment. */
  doc: string;
  /**
   * Its declaration without what is inside of functions, an overload after the other; behind an
   * interface those of the same file that it extends and that are not exported.
   */
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

interface Span {
  start: number;
  end: number;
}

type Node = Span & { type: string } & Record<string, any>;

/** What a TypeScript file exports: what it declares, and what it passes on from others. */
export function moduleOf(file: string): Module {
  const source = read(file);
  const { program, comments, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}`);
  const declarations = new Map<string, Declaration>();
  const reexports: Reexport[] = [];
  const hidden = new Map<string, Node>(
    (program.body as Node[])
      .filter(({ type }) => /^TS(Interface|TypeAlias)Declaration$/.test(type))
      .map((node) => [node['id'].name, node]),
  );
  for (const statement of program.body) {
    if (statement.type === 'ExportAllDeclaration') {
      reexports.push({ from: statement.source.value, names: undefined });
    } else if (statement.type === 'ExportNamedDeclaration') {
      if (statement.source) {
        reexports.push({ from: statement.source.value, names: namesOf(statement) });
      } else if (statement.declaration) {
        add(
          declarations,
          statement.declaration as Node,
          textOf(docComment(statement, comments, source)),
        );
      }
    }
  }
  return { declarations: [...declarations.values()], reexports };

  function add(known: Map<string, Declaration>, node: Node, doc: string): void {
    const { id } = node['declarations']?.[0] ?? node;
    const before = known.get(id.name);
    const bases = basesOf(node, hidden).map((base) =>
      [docComment(base, comments, source), codeOf(base, source, comments)].join('\n').trim(),
    );
    const shown = [codeOf(node, source, comments), ...bases].join('\n\n');
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

/** What an interface takes its fields from and is not exported. */
function basesOf({ extends: bases = [] }: Node, hidden: ReadonlyMap<string, Node>): Node[] {
  return (bases as Node[]).flatMap(({ expression }) => {
    const base = hidden.get(expression.name);
    return base ? [base, ...basesOf(base, hidden)] : [];
  });
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

/** The doc comment in front of a node, with its marks. */
function docComment({ start }: Span, comments: readonly Comment[], source: string): string {
  const comment = comments.findLast(({ end }) => end <= start);
  if (!comment?.value.startsWith('*') || source.slice(comment.end, start).trim() !== '') return '';
  return source.slice(comment.start, comment.end);
}

/** The text of a doc comment. */
function textOf(comment: string): string {
  return comment
    .replace(/^\/\*\*|\*\/$/g, '')
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
    const comment = docComment(member, comments, source);
    const code = source
      .slice(member.start, endOfSignature(member))
      .trimEnd()
      .replace(/^declare |;$/g, '');
    return `  ${comment && `${comment}\n  `}${code};`;
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
