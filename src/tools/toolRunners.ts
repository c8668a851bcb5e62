import type { Observable, ObservableInput } from 'rxjs';
import { checkWithSchema } from '../json/checkWithSchema.ts';
import { describeIssues } from '../json/StandardSchema.ts';
import { CallFailure } from './CallFailure.ts';
import {
  type AnyTool,
  type DefinedTool,
  isDefined,
  isRunnable,
  type SdkTool,
  type SdkToolset,
  type ToolContext,
  type ToolUse,
} from './Tool.ts';
import type { ResumedSubagent } from './ToolAnswer.ts';
import type { ToolContent } from './toolContent.ts';

/** Runs the calls of a tool, of `defineTool` or of the SDK. */
export interface Runner {
  readonly timeout?: number | undefined;
  readonly eager?: boolean | undefined;
  /** The checked input for `run`. Throws if the input is invalid. */
  inputOf(block: ToolUse): ObservableInput<unknown>;
  /** Without `run`, the call is deferred: the client runs it. */
  run?(input: unknown, block: ToolUse, context: ToolContext): unknown;
  /** Continues the subagent; without `resume`, an interrupted subagent is a failure. */
  resume?(input: unknown, resumed: ResumedSubagent, context: ToolContext): unknown;
  preview?(context: ToolContext): Observable<unknown>;
  /** Converts the value of `run` to the content of the result. */
  toContent?(value: unknown): ToolContent;
}

type UnknownToolHandler = (call: ToolUse, context: ToolContext) => unknown;

/**
 * Returns a function that finds the runner of a call. A tool that does not exist, or is `withdrawn`, has a
 * runner whose call fails with `unknown_tool`.
 */
export function toolRunners(
  tools: readonly AnyTool[],
  onUnknownTool: UnknownToolHandler | undefined,
  withdrawn: ReadonlySet<string>,
): (block: ToolUse) => Runner {
  const runners = new Map<string, Runner>();
  const toolsets = new Map<string, Runner>();
  for (const tool of tools) {
    if (isDefined(tool)) runners.set(tool.name, definedRunner(tool));
    else if (!isRunnable(tool)) continue;
    else if ('name' in tool) runners.set(tool.name, sdkRunner(tool));
    else toolsets.set(familyOf(tool), toolsetRunner(tool));
  }
  const other: Runner = {
    inputOf({ name, input }) {
      if (onUnknownTool) return [input];
      const names = [...runners.keys()].filter((known) => !withdrawn.has(known)).join(', ');
      const known = names === '' ? 'there are none to call' : `there are: ${names}`;
      throw new CallFailure('unknown_tool', new Error(`There is no tool '${name}'; ${known}`));
    },
    run: (_input, block, context) => onUnknownTool?.(block, context),
  };
  return ({ name, toolset_name: family }) =>
    (family ? toolsets.get(family) : withdrawn.has(name) ? undefined : runners.get(name)) ?? other;
}

function definedRunner(tool: DefinedTool): Runner {
  const { timeout, eager, preview, toContent } = tool;
  return {
    timeout,
    eager,
    inputOf: ({ name, input }) =>
      checkWithSchema(tool.input, input, (issues) => {
        return new Error(`The input is not what '${name}' takes: ${describeIssues(issues)}`);
      }),
    ...(tool.run && { run: (input, _block, context) => tool.run!(input, context) }),
    ...(tool.resume && {
      resume: (input, resumed, context) => tool.resume!(input, resumed, context),
    }),
    ...(preview && { preview: (context) => preview(context) }),
    ...(toContent && { toContent }),
  };
}

function sdkRunner(tool: SdkTool): Runner {
  return {
    inputOf: ({ input }) => [tool.parse ? tool.parse(input) : input],
    run: (input, block, context) => tool.run(input, sdkContext(block, context)),
  };
}

function toolsetRunner(toolset: SdkToolset): Runner {
  return {
    inputOf: ({ input }) => [input],
    run: (_input, block, context) => toolset.run(sdkContext(block, context), block),
  };
}

/** The context of an SDK tool: SDK src/lib/tools/BetaRunnableTool.ts `BetaToolRunContext`. */
function sdkContext(block: ToolUse, { signal }: ToolContext): object {
  return { toolUse: block, toolUseBlock: block, signal };
}

/** `toolset_name` in the calls of a toolset, such as `browser` for `browser_toolset_20260801`. */
function familyOf({ type }: SdkToolset): string {
  return type.replace(/_toolset_\d+$/, '');
}
