import { Counter, Gauge, Registry, type Metric } from 'prom-client';

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

/** Counts what adds up, one sum for each label; adding costs an addition. The labels come from us, never from a caller. */
export function counter(
  registry: Metrics,
  name: string,
  help: string,
  label: string,
): (of: string, amount: number) => void {
  const sums = new Map<string, number>();
  new Counter({
    ...{ name, help, labelNames: [label], registers: [registry] },
    collect() {
      this.reset();
      for (const [of, sum] of sums) this.labels(of).inc(sum);
    },
  });
  return (of, amount) => sums.set(of, (sums.get(of) ?? 0) + amount);
}

/** Counts and times calls of one kind; what is read is made when someone asks, a call costs some additions. */
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
  const tallies = new Map<string, { readonly labels: readonly [string, string]; count: number }>();
  new Counter({
    ...{ name: `${prefix}_total`, help, labelNames: ['operation', 'code'], registers: [registry] },
    collect() {
      this.reset();
      for (const { labels, count } of tallies.values()) this.labels(...labels).inc(count);
    },
  });
  const durations = new Durations(`${prefix}_seconds`, `${help} Duration.`);
  registry.registerMetric(durations as unknown as Metric);
  return {
    done(operation, code, seconds) {
      const key = code === '' ? operation : `${operation} ${code}`;
      (tallies.get(key) ?? remember(tallies, key, { labels: [operation, code], count: 0 })).count++;
      durations.observe(operation, seconds);
    },
  };
}

const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

interface Observed {
  /** How many durations lie within each bound and above the one before; the last are above all. */
  readonly within: number[];
  sum: number;
  count: number;
}

/** A histogram by operation. prom-client's own makes a text of its labels for each observation, which costs half a µs. */
class Durations {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #observed = new Map<string, Observed>();

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  observe(operation: string, seconds: number): void {
    const observed =
      this.#observed.get(operation) ??
      remember(this.#observed, operation, { within: new Array<number>(bounds.length + 1).fill(0), sum: 0, count: 0 });
    let at = 0;
    while (at < bounds.length && seconds > (bounds[at] ?? Infinity)) at++;
    observed.within[at] = (observed.within[at] ?? 0) + 1;
    observed.sum += seconds;
    observed.count++;
  }

  /** What a registry asks of its metrics. */
  get(): object {
    const { name, help, type, aggregator } = this;
    const values = [...this.#observed].flatMap(([operation, { within, sum, count }]) => {
      let below = 0;
      const buckets = [...bounds, '+Inf'].map((le, at) => {
        below += within[at] ?? 0;
        return { metricName: `${name}_bucket`, labels: { le, operation }, value: below };
      });
      const [labels, total] = [{ operation }, { sum, count }];
      return [
        ...buckets,
        ...Object.entries(total).map(([of, value]) => ({ metricName: `${name}_${of}`, labels, value })),
      ];
    });
    return { name, help, type, aggregator, values };
  }

  reset(): void {
    this.#observed.clear();
  }
}

function remember<V>(map: Map<string, V>, key: string, value: V): V {
  map.set(key, value);
  return value;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
