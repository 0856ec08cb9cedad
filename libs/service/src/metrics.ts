import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The metrics of one service; one registry each, because tests run several services in a process. */
export type Metrics = Registry;

/** A registry with what every process has. Values are read when someone asks, nothing ticks in between. */
export function metricsRegistry(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({ name, help, registers: [registry], collect() { this.set(read()); } }); // prettier-ignore
  };
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  gauge('nodejs_heap_used_bytes', 'JavaScript heap in use.', () => process.memoryUsage().heapUsed);
  gauge('process_uptime_seconds', 'Seconds since the process started.', () => process.uptime());
  gauge('process_cpu_seconds_total', 'CPU time, user and system.', () => cpuSeconds());
  return registry;
}

/** A value that is read when someone asks, one for each label. */
export function gauge(
  registry: Metrics,
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [label: string, value: number]>,
): void {
  new Gauge({
    ...{ name, help, labelNames: [label], registers: [registry] },
    collect() {
      this.reset();
      for (const [of, value] of read()) this.labels(of).set(value);
    },
  });
}

/** Counts and times calls of one kind. Children are made once per operation: a call costs two additions. */
export interface CallMetrics {
  /** `errorCode` is a code of libs/errors, or "" for success. */
  done(operation: string, errorCode: string, seconds: number): void;
}

/** The metrics of this prefix in the registry: made once, shared by all streams. */
export function callMetrics(registry: Metrics, prefix: string, help: string): CallMetrics {
  let made = callMetricsOf.get(registry);
  if (!made) callMetricsOf.set(registry, (made = new Map<string, CallMetrics>()));
  return made.get(prefix) ?? remember(made, prefix, makeCallMetrics(registry, prefix, help));
}

const callMetricsOf = new WeakMap<Metrics, Map<string, CallMetrics>>();

function makeCallMetrics(registry: Metrics, prefix: string, help: string): CallMetrics {
  const counter = new Counter({
    name: `${prefix}_total`,
    help,
    labelNames: ['operation', 'code'],
    registers: [registry],
  });
  const histogram = new Histogram({
    name: `${prefix}_seconds`,
    help: `${help} Duration.`,
    labelNames: ['operation'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers: [registry],
  });
  const counters = new Map<string, { inc(): void }>();
  const timers = new Map<string, { observe(seconds: number): void }>();
  return {
    done(operation, code, seconds) {
      const key = code === '' ? operation : `${operation} ${code}`;
      (counters.get(key) ?? remember(counters, key, counter.labels(operation, code))).inc();
      (timers.get(operation) ?? remember(timers, operation, histogram.labels(operation))).observe(seconds);
    },
  };
}

function remember<V>(map: Map<string, V>, key: string, value: V): V {
  map.set(key, value);
  return value;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
