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
  /** The types of this package that it names, so that a reader may want to import them. */
  refersTo: string[];
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
  const ofPackage = new Set((program.body as Node[]).flatMap(namesIn));
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
    const code = before ? (isHidden ? before.code : `${before.code}\n${shown}`) : shown;
    const own = new Set([id.name, ...basesOf(node, hidden).map((base) => base['id'].name)]);
    const named = typesIn(codeOf(node, source, comments)).filter(
      (name) => ofPackage.has(name) && !own.has(name),
    );
    known.set(id.name, {
      name: id.name,
      kind: kindOf(node),
      doc: before?.doc || doc,
      code,
      refersTo: [...(before?.refersTo ?? []), ...named],
    });
  }
}

/**
 * The names that a statement declares, or imports from another file of the package; but for conditional
 * types that only one file has, such as the parts of `DeepPartial`.
 */
function namesIn(statement: Node): string[] {
  const { type, source, specifiers, declaration, declarations, id } = statement;
  // What a reader sees is what it comes to.
  if (statement['typeAnnotation']?.type === 'TSConditionalType') return [];
  if (type === 'ImportDeclaration') {
    const isOurs = source.value.startsWith('.');
    return isOurs ? specifiers.map(({ local }: Node) => local['name']) : [];
  }
  if (type === 'ExportNamedDeclaration') return declaration ? namesIn(declaration) : [];
  const declared: Node[] = declarations ?? [statement];
  return id || declarations ? declared.map((one) => one['id'].name).filter(Boolean) : [];
}

/** The types that a declaration names, but for its type parameters. */
function typesIn(code: string): string[] {
  const { program, errors } = parseSync('declaration.d.ts', code);
  // Default values are no part of a declaration, and are read all the same.
  if (program.body.length === 0) throw new Error(`${errors[0]?.message}: ${code}`);
  const names = new Set<string>();
  const parameters = new Set<string>();
  const visit = (node: Node): void => {
    const { type, typeName, expression, name } = node;
    if (type === 'TSTypeReference') names.add(typeName.name);
    if (type === 'TSInterfaceHeritage' || type === 'TSClassImplements') names.add(expression.name);
    if (type === 'ClassDeclaration' && node['superClass']) names.add(node['superClass'].name);
    if (type === 'TSTypeParameter') parameters.add(name.name);
    for (const child of Object.values(node).flat()) {
      if (typeof child === 'object' && child !== null) visit(child as Node);
    }
  };
  visit(program as unknown as Node);
  return [...names].filter((name) => name !== undefined && !parameters.has(name));
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
