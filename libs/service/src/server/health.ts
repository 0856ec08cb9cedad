import type {
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
  sendUnaryData,
} from '@grpc/grpc-js';

// grpc.health.v1: HealthCheckRequest { string service = 1 }, HealthCheckResponse { ServingStatus status = 1 }.
// https://github.com/grpc/grpc/blob/master/doc/health-checking.md
const serving = Buffer.from([0x08, 1]);
const notServing = Buffer.from([0x08, 2]);
const identity = (bytes: Buffer): Buffer => bytes;

const codec = {
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
};

export const healthDefinition: ServiceDefinition = {
  check: { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false, ...codec },
  watch: { path: '/grpc.health.v1.Health/Watch', requestStream: false, responseStream: true, ...codec },
};

/** The standard health service over one state for the whole process; `isReady` is asked at each check, Watch once a second. */
export function healthService(isReady: () => Promise<boolean>, closing: AbortSignal): UntypedServiceImplementation {
  const state = async (): Promise<Buffer> => ((await isReady()) ? serving : notServing);
  return {
    check: (_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      void state().then((response) => answer(null, response));
    },
    watch: (call: ServerWritableStream<Buffer, Buffer>) => {
      let last: Buffer | undefined;
      const tell = async (): Promise<void> => {
        const now = await state();
        if (now !== last) call.write((last = now));
      };
      const timer = setInterval(() => void tell(), 1_000);
      const end = (): void => {
        clearInterval(timer);
        call.end();
      };
      call.on('cancelled', end);
      closing.addEventListener('abort', end, { once: true });
      void tell();
    },
  };
}
