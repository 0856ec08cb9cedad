import type { CallContext } from '@keystead/proto/common';
import { type Exchange, sourceIp, tlsDetails } from '../http/exchange.js';
import type { Caller } from '@keystead/service';

const maxUserAgent = 1_024;

/** What the services behind are told about the caller; edge never speaks in the name of another service. */
export function callContext(exchange: Exchange, caller: Caller): CallContext {
  return {
    principal: caller.principal,
    accessKeyId: caller.accessKeyId,
    session: caller.session,
    sourceIp: sourceIp(exchange.request),
    userAgent: (exchange.head.headers.get('user-agent') ?? '').slice(0, maxUserAgent),
    tls: tlsDetails(exchange),
    viaService: '',
    requestId: exchange.id,
  };
}
