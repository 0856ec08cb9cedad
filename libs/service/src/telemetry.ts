import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  context,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api';
import type { Environment } from './config.js';

// The OpenTelemetry API is one per process by nature; this says whether anyone listens, so that without it no call pays.
let enabled = false;

const endpoints = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];

/**
 * Starts OpenTelemetry when OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, else does nothing.
 * The SDK is loaded only then.
 * Returns what flushes and stops it.
 */
export async function startTelemetry(service: string, env: Environment): Promise<() => Promise<void>> {
  if (!endpoints.some((name) => env[name])) return async () => undefined;
  const loaded = await import('@opentelemetry/sdk-node');
  // It is CommonJS: in a bundle its names are on the default export only.
  const { NodeSDK } = 'NodeSDK' in loaded ? loaded : (loaded as { default: typeof loaded }).default;
  const sdk = new NodeSDK({ serviceName: service });
  sdk.start();
  enabled = true;
  return async () => {
    enabled = false;
    await sdk.shutdown();
  };
}

/** True when spans are recorded in this process. */
export const telemetryEnabled = (): boolean => enabled;

/** A span by hand: automatic instrumentation would see one endless stream. */
export interface CallSpan {
  /** W3C traceparent to send on; empty when telemetry is off. */
  readonly traceParent: string;
  /** Runs `work` as a child of this span. */
  run<T>(work: () => T): T;
  /** Says what became known after the start. Where calls are frequent, ask telemetryEnabled before making attributes. */
  describe(attributes: Attributes, name?: string): void;
  end(errorCode?: string): void;
}

const none: CallSpan = { traceParent: '', run: (work) => work(), describe: () => undefined, end: () => undefined };

/** A span for a call that leaves this process, child of what runs now. */
export function clientSpan(name: string): CallSpan {
  return enabled ? recorded(name, SpanKind.CLIENT, context.active()) : none;
}

/** A span for a call that arrived with `traceParent` (W3C; empty or malformed: a new trace). */
export function serverSpan(name: string, traceParent: string): CallSpan {
  return enabled ? recorded(name, SpanKind.SERVER, remoteContext(traceParent)) : none;
}

/** The W3C traceparent of what runs now; empty when telemetry is off. */
export function currentTraceParent(): string {
  const span = enabled ? trace.getActiveSpan() : undefined;
  return span ? traceParentOf(span) : '';
}

/**
 * `work`, to be run by whoever comes as if it ran now: what waits beside the work of other callers stays in the trace of its
 * own. Without telemetry it is `work` itself.
 */
export function bound<Arguments extends unknown[], Result>(
  work: (...given: Arguments) => Result,
): (...given: Arguments) => Result {
  return enabled ? context.bind(context.active(), work) : work;
}

/** Runs `work` in nobody's trace: what is done for many callers, or goes on for ever, is not part of the call that began it. */
export function unbound<T>(work: () => T): T {
  return enabled ? context.with(ROOT_CONTEXT, work) : work();
}

function recorded(name: string, kind: SpanKind, parent: Context): CallSpan {
  const span = trace.getTracer('keystead').startSpan(name, { kind }, parent);
  const inside = trace.setSpan(parent, span);
  return {
    traceParent: traceParentOf(span),
    run: (work) => context.with(inside, work),
    describe: (attributes, called) => {
      span.setAttributes(attributes);
      if (called !== undefined) span.updateName(called);
    },
    end: (errorCode) => {
      if (errorCode !== undefined)
        span.setAttribute('keystead.error', errorCode).setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

// https://www.w3.org/TR/trace-context/#traceparent-header
const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

function remoteContext(traceParent: string): Context {
  const [, traceId, spanId, flags] = pattern.exec(traceParent) ?? [];
  if (!traceId || !spanId || !flags) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: parseInt(flags, 16) & 1, isRemote: true });
}

function traceParentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-0${traceFlags & 1}`;
}
