import type Anthropic from '@anthropic-ai/sdk';
import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import * as otel from '@opentelemetry/api';
import {
  continueFrom,
  fromMessages,
  MessageStreamError,
  messageTimeout,
  type StreamEvent,
  type Valve,
} from 'claude-rx';
import { traceMessage } from 'claude-rx/telemetry';
import { catchError, type Observable, Subject, takeUntil, tap } from 'rxjs';
import type { ChatRequest } from './chat-request.js';
import { Claude } from './claude.js';
import { Metrics } from './metrics.js';
import { SETTINGS, type Settings } from './settings.js';
import { tools } from './tools.js';

/** What is asked of the model. */
interface ReplyRequest extends Pick<ChatRequest, 'partial' | 'fault'> {
  messages: Anthropic.MessageParam[];
  tools: Anthropic.ToolUnion[];
}

/** What the API says of the request as this service makes it, and no reader can do anything about. */
const OURS: ReadonlySet<number | undefined> = new Set([401, 402, 403, 404]);

/**
 * The replies. Nothing of them is kept here: not the conversation, which the reader has, nor what
 * has been sent, so that a reply takes the same memory however long it is. When one breaks, on
 * either side, the reader asks for the rest of it, with what it has.
 */
@Injectable()
export class ChatService implements BeforeApplicationShutdown {
  private readonly logger = new Logger(ChatService.name);
  private readonly leaving = new Subject<never>();

  constructor(
    @Inject(Claude) private readonly claude: Claude,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** The reply, or the rest of it. Each subscription is a request; leaving it aborts the request. */
  reply({ messages, partial, fault }: ChatRequest, valve: Valve): Observable<StreamEvent> {
    return this.request({ messages, tools, partial, fault }, valve);
  }

  /** The same with other tools. */
  request(
    { messages, tools, partial, fault }: ReplyRequest,
    valve: Valve,
  ): Observable<StreamEvent> {
    const { MODEL, MAX_TOKENS, LIVENESS_MS, PROGRESS_MS, FAULTS } = this.settings;
    const params: Anthropic.MessageCreateParamsNonStreaming = {
      model: MODEL,
      max_tokens: MAX_TOKENS,
      thinking: { type: 'adaptive', display: 'summarized' },
      tools,
      messages,
    };
    const request = partial ? continueFrom(params, partial) : params;
    const headers = FAULTS && fault ? { 'x-demo-fault': fault } : {};
    const options = { valve, keepContent: false, request: { headers } };
    return fromMessages(this.claude.client, request, options).pipe(
      messageTimeout({ liveness: LIVENESS_MS, progress: PROGRESS_MS, valve, keepContent: false }),
      takeUntil(this.leaving),
      traceMessage(otel, { model: MODEL }),
      this.metrics.measure(),
      tap({ error: (error: unknown) => this.logger.warn(JSON.stringify(error)) }),
      catchError((error: unknown) => {
        throw forReader(error);
      }),
    );
  }

  /** Ends the replies with an error that is worth another try: the next instance carries them on. */
  beforeApplicationShutdown(): void {
    this.leaving.error(
      new MessageStreamError('The service is being restarted', { code: 'overloaded' }),
    );
  }
}

/** The error as a reader may know it. */
function forReader(error: unknown): unknown {
  if (!(error instanceof MessageStreamError) || !OURS.has(error.status)) return error;
  const { requestId } = error;
  return new MessageStreamError('The service may not use the model', {
    code: 'api',
    retryable: false,
    ...(requestId && { requestId }),
  });
}
