import type {
  BetaToolUnion,
  BetaToolUseBlock,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  Tool as ToolParam,
  ToolResultBlockParam,
  ToolUnion,
  ToolUseBlock,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { Observable, ObservableInput } from 'rxjs';
import type { DeepPartial } from '../json/DeepPartial.ts';
import type { InputOf, OutputOf, StandardSchema } from '../json/StandardSchema.ts';
import type { ResumedSubagent } from './ToolAnswer.ts';

/** A tool call: a block of a reply, as the model wrote it. */
export type ToolUse = ToolUseBlock | BetaToolUseBlock;

/** The context of a running call, which a tool gets beside its input. */
export interface ToolContext<Input = unknown> {
  /**
   * Aborts when the result is no longer needed: the Observable of `runTools` was unsubscribed or failed,
   * the call timed out, or the reply withdrew the call.
   */
  readonly signal: AbortSignal;
  /** The `id` of the call. */
  readonly toolUseId: string;
  /** The number of the turn, from 1; 0 for a call that the option `answers` has approved. */
  readonly turn: number;
  /**
   * The input while the model writes it, as immutable snapshots that share unchanged parts. Late
   * subscribers start with the latest snapshot. It completes when the call is complete or withdrawn: in
   * `preview` it is live, in `run` it emits the complete input.
   */
  readonly partial$: Observable<DeepPartial<Input>>;
}

/** A tool that `defineTool` has returned. */
export interface DefinedTool<Schema extends StandardSchema = StandardSchema> {
  readonly name: string;
  /** The description for the model: an entry of `tools` in the request. */
  readonly definition: ToolParam;
  readonly input: Schema;
  readonly timeout?: number | undefined;
  readonly eager?: boolean | undefined;
  // Methods, so that a tool of any schema is a `DefinedTool`.
  run?(input: OutputOf<Schema>, context: ToolContext<InputOf<Schema>>): unknown;
  resume?(
    input: OutputOf<Schema>,
    resumed: ResumedSubagent,
    context: ToolContext<InputOf<Schema>>,
  ): unknown;
  preview?(context: ToolContext<InputOf<Schema>>): Observable<unknown>;
  /** Converts the result of `run` for the model. Default: text and blocks as they are, else JSON. */
  toContent?(value: unknown): ToolResultBlockParam['content'];
}

/** A runnable tool of the SDK, by shape: from `betaZodTool`, `betaTool`, `betaMemoryTool` or its `mcpTools`. */
export interface SdkTool {
  readonly name: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- as the SDK types it
  run(input: any, context?: any): unknown;
  parse?(input: unknown): unknown;
}

/** A runnable toolset of the SDK, by shape: a call has the name of a member, and of the toolset's family. */
export interface SdkToolset {
  readonly type: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- as the SDK types it
  run(context: any, toolUse: any): unknown;
}

/** A tool for `runTools`: one that runs here, or the plain definition of a server tool. */
export type AnyTool = DefinedTool | SdkTool | SdkToolset | ToolUnion | BetaToolUnion;

/** Returns the tools of a turn; of an Observable, the first value counts. */
export type ToolSource = (context: {
  /** The number of the turn, from 1. */
  readonly turn: number;
}) => ObservableInput<readonly AnyTool[]>;

/** Whether the tool comes from `defineTool`. */
export function isDefined(tool: AnyTool): tool is DefinedTool {
  return 'definition' in tool && 'input' in tool;
}

/** Whether the tool is a runnable tool or toolset of the SDK. */
export function isRunnable(tool: AnyTool): tool is SdkTool | SdkToolset {
  return 'run' in tool && typeof tool.run === 'function';
}
