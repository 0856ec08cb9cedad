import type { Mechanism, PKCS11, Template } from 'pkcs11js';
import { codeOf, loadLibrary, logIn, logOut, reason, type Pkcs11, type Session } from './login.js';
import { DeviceError, type DeviceCall, type DeviceCalls, type DeviceKeyKind, type Pkcs11Settings } from './messages.js';

/**
 * One token of a device, by its library's blocking calls: for a thread of its own. After any failure the session is
 * given up, the next call logs in again, and the call that failed is tried once more.
 */
export class Token {
  readonly #api: Pkcs11;
  readonly #settings: Pkcs11Settings;
  #library: PKCS11 | undefined;
  #session: Session | undefined;
  /** Handles by kind and id; they live as long as the session. */
  readonly #handles = new Map<string, Buffer>();
  #refusal: DeviceError | undefined;

  constructor(api: Pkcs11, settings: Pkcs11Settings) {
    this.#api = api;
    this.#settings = settings;
  }

  /** Throws DeviceError. */
  call<Name extends DeviceCall>(name: Name, args: DeviceCalls[Name]['args']): DeviceCalls[Name]['result'] {
    const call = this.#calls[name] as (
      session: Session,
      args: DeviceCalls[Name]['args'],
    ) => DeviceCalls[Name]['result'];
    const fresh = this.#session === undefined;
    try {
      return call(this.#open(), args);
    } catch (error) {
      this.close();
      if (fresh || this.#refusal) throw this.#explain(error);
    }
    try {
      return call(this.#open(), args);
    } catch (error) {
      this.close();
      throw this.#explain(error);
    }
  }

  close(): void {
    this.#handles.clear();
    if (this.#session) logOut(this.#session);
    this.#session = undefined;
  }

  #open(): Session {
    if (this.#refusal) throw this.#refusal;
    try {
      this.#library ??= loadLibrary(this.#api, this.#settings);
      return (this.#session ??= logIn(this.#api, this.#library, this.#settings));
    } catch (error) {
      if (error instanceof DeviceError && error.problem === 'refused') this.#refusal = error;
      throw error;
    }
  }

  /** The device has just been logged in to, so that what fails now is not its absence, or it says so itself. */
  #explain(error: unknown): DeviceError {
    if (error instanceof DeviceError) return error;
    const code = codeOf(error);
    const gone = code === undefined || this.#absent.has(code);
    return new DeviceError(gone ? 'away' : 'failed', `The PKCS#11 device refused: ${reason(error)}.`);
  }

  get #absent(): ReadonlySet<number> {
    const api = this.#api;
    return new Set([
      ...[api.CKR_DEVICE_ERROR, api.CKR_DEVICE_REMOVED, api.CKR_DEVICE_MEMORY, api.CKR_HOST_MEMORY],
      ...[api.CKR_TOKEN_NOT_PRESENT, api.CKR_TOKEN_NOT_RECOGNIZED, api.CKR_CRYPTOKI_NOT_INITIALIZED],
      ...[api.CKR_SESSION_CLOSED, api.CKR_SESSION_HANDLE_INVALID, api.CKR_SLOT_ID_INVALID, api.CKR_USER_NOT_LOGGED_IN],
    ]);
  }

  readonly #calls: {
    [Name in DeviceCall]: (session: Session, args: DeviceCalls[Name]['args']) => DeviceCalls[Name]['result'];
  } = {
    ping: ({ library, slot, handle, label, serial }) => {
      // A session can outlive its token.
      library.C_GetTokenInfo(slot);
      library.C_GetSessionInfo(handle);
      return { label, serial };
    },
    makeKey: (session, { id, kind }) => this.#make(session, kind, Buffer.from(id)),
    destroyKey: (session, { id, kind }) => {
      const key = this.#find(session, kind, id);
      if (key) session.library.C_DestroyObject(session.handle, key);
      this.#handles.clear();
    },
    hmac: (session, { id, input }) => {
      const { library, handle } = session;
      library.C_SignInit(handle, { mechanism: this.#api.CKM_SHA256_HMAC }, this.#key(session, 'hmac', id));
      return library.C_Sign(handle, Buffer.from(input), Buffer.alloc(32));
    },
    seal: (session, { id, text, ...gcm }) => {
      const { library, handle } = session;
      library.C_EncryptInit(handle, this.#gcm(gcm), this.#key(session, 'aes', id));
      return library.C_Encrypt(handle, Buffer.from(text), Buffer.alloc(text.length + 16));
    },
    open: (session, { id, text, ...gcm }) => {
      const { library, handle } = session;
      library.C_DecryptInit(handle, this.#gcm(gcm), this.#key(session, 'aes', id));
      return library.C_Decrypt(handle, Buffer.from(text), Buffer.alloc(text.length));
    },
  };

  #gcm({ iv, aad }: { iv: Uint8Array; aad: Uint8Array }): Mechanism {
    const parameter = {
      ...{ type: this.#api.CK_PARAMS_AES_GCM, iv: Buffer.from(iv), ivBits: 96 },
      ...{ aad: Buffer.from(aad), tagBits: 128 },
    };
    return { mechanism: this.#api.CKM_AES_GCM, parameter };
  }

  #make(session: Session, kind: DeviceKeyKind, id: Buffer): undefined {
    const api = this.#api;
    const [mechanism, type, label, usage] =
      kind === 'hmac'
        ? ([api.CKM_GENERIC_SECRET_KEY_GEN, api.CKK_GENERIC_SECRET, 'keystead domain key', [api.CKA_SIGN]] as const)
        : ([api.CKM_AES_KEY_GEN, api.CKK_AES, 'keystead root key', [api.CKA_ENCRYPT, api.CKA_DECRYPT]] as const);
    const key = session.library.C_GenerateKey(session.handle, { mechanism }, [
      { type: api.CKA_CLASS, value: api.CKO_SECRET_KEY },
      { type: api.CKA_KEY_TYPE, value: type },
      { type: api.CKA_VALUE_LEN, value: 32 },
      { type: api.CKA_ID, value: id },
      { type: api.CKA_LABEL, value: label },
      ...[api.CKA_TOKEN, api.CKA_PRIVATE, api.CKA_SENSITIVE, ...usage].map((flag) => ({ type: flag, value: true })),
      { type: api.CKA_EXTRACTABLE, value: false },
    ]);
    this.#mustStay(session, key);
    return undefined;
  }

  /** Some devices make a key that can be read out after all, whatever they were asked for. */
  #mustStay({ library, handle }: Session, key: Buffer): void {
    const api = this.#api;
    const wanted = [api.CKA_SENSITIVE, api.CKA_NEVER_EXTRACTABLE];
    const values = library.C_GetAttributeValue(
      handle,
      key,
      wanted.map((type) => ({ type })),
    );
    if (values.every(({ value }) => Buffer.isBuffer(value) && value[0] === 1)) return;
    library.C_DestroyObject(handle, key);
    throw new DeviceError('refused', 'The PKCS#11 device makes only keys that can be read out of it: it is of no use.');
  }

  #key(session: Session, kind: DeviceKeyKind, id: Uint8Array): Buffer {
    const name = `${kind} ${Buffer.from(id).toString('hex')}`;
    const key = this.#handles.get(name) ?? this.#find(session, kind, id);
    if (!key) throw new DeviceError('missing', `Token "${session.label}" (serial ${session.serial}) lacks the key.`);
    this.#handles.set(name, key);
    return key;
  }

  #find(session: Session, kind: DeviceKeyKind, id: Uint8Array): Buffer | undefined {
    const api = this.#api;
    return this.#search(session, [
      { type: api.CKA_CLASS, value: api.CKO_SECRET_KEY },
      { type: api.CKA_KEY_TYPE, value: kind === 'hmac' ? api.CKK_GENERIC_SECRET : api.CKK_AES },
      { type: api.CKA_ID, value: Buffer.from(id) },
    ]);
  }

  #search({ library, handle }: Session, template: Template): Buffer | undefined {
    library.C_FindObjectsInit(handle, template);
    try {
      return library.C_FindObjects(handle, 1)[0];
    } finally {
      library.C_FindObjectsFinal(handle);
    }
  }
}
