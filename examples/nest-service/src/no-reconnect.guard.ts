import {
  type CanActivate,
  type ExecutionContext,
  HttpException,
  HttpStatus,
  Injectable,
} from '@nestjs/common';
import type { Request } from 'express';

/**
 * An `EventSource` connects again whenever a connection ends, that of a whole reply too, and would
 * ask, and pay, for another. It then says what it had last, and 204 tells it to stop:
 * https://html.spec.whatwg.org/multipage/server-sent-events.html.
 */
@Injectable()
export class NoReconnect implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<Request>();
    if (headers['last-event-id'] === undefined) return true;
    throw new HttpException('', HttpStatus.NO_CONTENT);
  }
}
