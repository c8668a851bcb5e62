import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
} from '@nestjs/common';
import type { Response } from 'express';

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
};

/** Answers before a reply has begun with an error as the API writes it, which `fromResponse` reads. */
@Catch()
export class ApiErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger(ApiErrorFilter.name);

  catch(exception: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    if (response.headersSent) return;
    const status = statusOf(exception);
    if (status >= 500) this.logger.error(exception);
    response.status(status);
    if (status === 204) return void response.end();
    const type = TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
    const message = status < 500 ? messageOf(exception) : 'The service failed';
    response.json({ type: 'error', error: { type, message } });
  }
}

/** Nest's own exceptions have it, and so have those of the parser of bodies. */
function statusOf(exception: unknown): number {
  if (exception instanceof HttpException) return exception.getStatus();
  const { status } = (exception ?? {}) as { status?: unknown };
  return typeof status === 'number' && status >= 400 ? status : 500;
}

function messageOf(exception: unknown): string {
  const answer = exception instanceof HttpException ? exception.getResponse() : exception;
  const { message } = (answer ?? {}) as { message?: string | string[] };
  return message === undefined ? String(answer) : [message].flat().join('; ');
}
