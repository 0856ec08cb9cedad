/** How Node.js and the C library run the process of a service. */
export interface Runtime {
  /** Of Node.js. */
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Freed memory is overwritten: by V8, and, where it is glibc, by the C library. Its thread caches would not; its lists of
 * small pieces do, and take pieces of up to 160 bytes (ADR 105, 111).
 */
const forgetfulFlags = ['--expose-gc', '--clear-free-memory'];
const forgetful = { GLIBC_TUNABLES: 'glibc.malloc.perturb=85:glibc.malloc.tcache_count=0:glibc.malloc.mxfast=160' };
/**
 * After its first whole collection V8 begins another one for every 8 MiB more, and counts the bytes of buffers, so that
 * a gateway under load collected everything three times a second (MiB; ADR 170).
 */
const roomFlags = ['--initial-old-space-size=64'];
/** Little outlives a young collection: to wake other threads for it costs more than they do of it (ADR 190, 191). */
const aloneFlags = ['--no-parallel-scavenge', '--no-concurrent-array-buffer-sweeping'];
/** In a pause V8 would give memory back, and with it all code that it has optimized: what follows costs a third more (ADR 193). */
const pauseFlags = ['--no-memory-reducer'];
const heapFlags = [...roomFlags, ...aloneFlags, ...pauseFlags];
/** Bodies are held by small objects: young ones are collected often (MiB), or tens of MiB of dead bodies wait with them. */
const bodyFlags = ['--max-semi-space-size=4'];
const hsmFlags = ['--disable-proto=delete', '--disallow-code-generation-from-strings'];
const ownFlags: Readonly<Record<string, readonly string[]>> = {
  'hsm-service': hsmFlags,
  'object-store-gateway': bodyFlags,
};

/** Audit records hold no key and no plaintext: audit-service has nothing to forget, and need not pay for it. */
const seesNoSecrets: ReadonlySet<string> = new Set(['audit-service']);

/** How `service` is run: by the launcher, by benchmarks, and, in its own words, by deploy/keystead in the image. */
export function runtimeOf(service: string): Runtime {
  if (seesNoSecrets.has(service)) return { flags: heapFlags, env: {} };
  return { flags: [...forgetfulFlags, ...heapFlags, ...(ownFlags[service] ?? [])], env: forgetful };
}
